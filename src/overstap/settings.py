"""Settings of a process, read from environment variables `OVERSTAP_...` (docs/settings.md)."""

import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator
from pydantic_settings import BaseSettings, SettingsConfigDict

from overstap.errors import OverstapError
from overstap.resources import INCLUDE

Location = Annotated[str, BeforeValidator(os.fspath)]
"""A folder, or a place in an object store (see `overstap.storage`)."""


class Settings(BaseSettings):
    """The settings of one process; each field is the environment variable of its name with the prefix `OVERSTAP_`."""

    model_config = SettingsConfigDict(env_prefix="OVERSTAP_", env_ignore_empty=True, frozen=True)

    production: bool = False
    """Refuses development certificates and everything else made for demonstrations and tests."""
    trial: bool = False
    """A deployment for fictitious pupils: every page and mail says so. Refused together with `production`."""
    regions: Path = INCLUDE / "regions"
    """Folder with `<region>/<school year>.yaml`."""
    standards: Path | None = None
    """Folder with the versions of the OSO standard that were added, `<version>/`; when empty, `standards` in the folder
    of the regions."""
    ledger: str | None = None
    """libpq connection string of the ledger for the application's login, which can only set the role of a region."""
    drafts: str | None = None
    """libpq connection string of the ledger for drafts of agreements, login overstap_drafts; set at the board only."""
    ledger_owner: str | None = None
    """libpq connection string of the ledger for its owner, for migrations and roles. Not set where rounds run."""
    rehearsal: str | None = None
    """libpq connection string of a login that may create databases and roles, on a server without a ledger, for
    `overstap agreement rehearse`. Without it, the database server of the tools, where those are installed."""
    keys: Path | None = None
    """Folder with the regions' content keys, `<region>/<key id>.key`, mode 0600."""
    key_service: Path | None = None
    """Socket of the key service, for a process that faces the public and has no keys itself; instead of `keys`."""
    key_sockets: Path | None = None
    """Folder with the sockets of the key services, `<client>/keys.sock`, which `overstap doctor` looks at; optional."""
    board_keys: Path | None = None
    """Folder with the keys that the board has of each region, for contact with schools; set at the board and where keys
    are made. Without it coordinators keep no contacts there."""
    trust: Path | None = None
    """Folder with certificates and private keys (see overstap.pki)."""
    drop: Location | None = None
    """Folder, or `s3://` place, in which schools put dossier files: `<region>/<school>/`."""
    outbox: Location | None = None
    """Folder, or `s3://` place, from which schools collect envelopes: `<region>/<school>/`."""
    traffic_centre: str | None = None
    """A supplier's adapter to the OSO Traffic Centre, `module:function` or `module:function=argument`; optional."""
    reports: Location | None = None
    """Folder, or `s3://` place, for round and school reports: `<region>/<round>/`."""
    review: str | None = None
    """libpq connection string of the ledger for the parents' pages, login overstap_review; set there only."""
    review_address: str = "http://127.0.0.1:8090"
    """URL of the parents' pages, for letters and mails; with https, cookies are sent over HTTPS only."""
    school_address: str | None = None
    """URL of the schools' pages, for mails to schools and for passkeys, which are bound to it; optional."""
    second_factor: Literal["required", "offered"] | None = None
    """Whether schools' accounts need a second factor; without it: required in production, else offered."""
    security_contact: str | None = None
    """Contact for vulnerability reports in `security.txt` (RFC 9116): `mailto:...` or `https://...`."""
    checkpoints: Location | None = None
    """Folder, or `s3://` place, for each day's signed checkpoint, such as write-once storage; optional."""
    checkpoint_mail: str = ""
    """E-mail addresses to which each day's checkpoint is sent, separated by commas."""
    timestamps: str | None = None
    """URL of a time stamping authority (RFC 3161) for each day's checkpoint; optional."""
    alarm_mail: str | None = None
    """E-mail address of the administrator for alarms; without it alarms are log lines only."""
    review_proxy: str | None = None
    """IP address of the proxy in front of the parents' pages, whose forwarded client address is trusted; optional."""
    official: Path | None = None
    """Folder with the official OSO files per version (`2019.1/OSO_gegevensset.xsd`, `examples/`); optional."""
    official_sheets: bool = False
    """Runs the official validation sheets that are at hand beside our own rules at intake (extra `official`)."""
    virus_scanner: str | None = None
    """A clamd that scans every attachment before intake: path of its socket, or `host:port`; optional."""
    registers: Path | None = None
    """Folder with DUO's lists of schools and partnerships as CSV; optional."""

    oidc_issuer: str | None = None
    """URL of the OpenID Connect issuer for sign-in to Airflow; without it people sign in with a password."""
    oidc_client: str | None = None
    """Client id of this Airflow at the identity provider."""
    oidc_secret: str | None = None
    """Client secret of this Airflow at the identity provider."""
    oidc_account_claim: str = "preferred_username"
    """The claim with the account name that the agreements use."""
    oidc_acr: str = ""
    """Values of the claim `acr` that mean a second factor, separated by commas; when empty, the claim `amr` decides."""
    school_oidc_issuer: str | None = None
    """URL of the OpenID Connect issuer at which staff of schools may sign in, such as the sector's federation; without
    it they sign in with a password."""
    school_oidc_client: str | None = None
    """Client id of the schools' pages at that provider."""
    school_oidc_secret: str | None = None
    """Client secret of the schools' pages at that provider."""
    school_oidc_name: str = "uw schoolaccount"
    """What that provider is called on the sign-in page, after "Inloggen met"."""
    school_oidc_account_claim: str = "uid"
    """The claim with the account, which is the account's name on the schools' pages."""
    school_oidc_organisation_claim: str = "nlEduPersonHomeOrganizationId"
    """The claim with the BRIN of the school where somebody works; the account has to be of that school."""
    school_oidc_role_claim: str = "eduPersonAffiliation"
    """The claim that tells staff from pupils."""
    school_oidc_role: str = "employee"
    """The value of that claim that may sign in."""
    school_oidc_acr: str = ""
    """Values of the claim `acr` that mean a second factor there, separated by commas; when empty, `amr` decides."""
    administrators: str = ""
    """Accounts that administer all regions, separated by commas."""
    log_format: Literal["text", "json"] = "text"
    """Form of the log of pages, desk and endpoints: lines of text, or JSON in the Elastic Common Schema."""
    mail: str | None = None
    """Name of the Airflow connection to the mail server; without it, mails wait in the outbox."""

    @property
    def checkpoint_addresses(self) -> tuple[str, ...]:
        """The addresses of `checkpoint_mail`."""
        return tuple(filter(None, (address.strip() for address in self.checkpoint_mail.split(","))))

    @property
    def acr_values(self) -> tuple[str, ...]:
        """The values of `oidc_acr`."""
        return tuple(self.oidc_acr.replace(",", " ").split())

    @property
    def needs_second_factor(self) -> bool:
        """Whether sign-in at the identity provider requires a second factor."""
        return self.production or bool(self.acr_values)

    @property
    def schools_need_second_factor(self) -> bool:
        """Whether every account of a school needs a second factor; an agreement may require one for its region."""
        return self.second_factor == "required" if self.second_factor else self.production

    @property
    def administrator_accounts(self) -> tuple[str, ...]:
        """The accounts of `administrators`."""
        return tuple(filter(None, (account.strip() for account in self.administrators.split(","))))

    def need_path(self, name: str) -> Path:
        """Return a required path setting.

        Args:
            name: name of the field.

        Raises:
            OverstapError: SETTING-001 when it is not set.
        """
        return Path(self.need(name))

    def need(self, name: str) -> str:
        """Return a required text setting.

        Args:
            name: name of the field.

        Raises:
            OverstapError: SETTING-001 when it is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise OverstapError("SETTING-001", setting=f"OVERSTAP_{name.upper()}")
        return str(value)
