"""Settings, read from the environment when asked for (docs/settings.md)."""

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

from overstap.errors import OverstapError
from overstap.resources import INCLUDE


class Settings(BaseSettings):
    """The settings of one process: each is the environment variable of its name behind `OVERSTAP_`."""

    model_config = SettingsConfigDict(env_prefix="OVERSTAP_", env_ignore_empty=True, frozen=True)

    production: bool = False
    """Refuses development certificates and anything else made for demo and tests."""
    trial: bool = False
    """A deployment for made-up pupils: every page and mail says so. Refused together with `production`."""
    regions: Path = INCLUDE / "regions"
    """Folder with `<region>/<school year>.yaml`."""
    ledger: str | None = None
    """libpq connection string of the ledger for the application's role, which can take on a region's role only."""
    ledger_owner: str | None = None
    """The same for the owner: migrations and roles. Not set where rounds run."""
    rehearsal: str | None = None
    """libpq connection string of a login that may make databases and roles, on a server that holds no ledger: there
    `overstap agreement rehearse` plays. Without it, the server of the tools where those are installed."""
    keys: Path | None = None
    """Folder with the regions' content keys, `<region>/<key id>.key`, mode 0600."""
    trust: Path | None = None
    """Folder with certificates and private keys (see overstap.pki)."""
    drop: Path | None = None
    """Folder in which schools drop files: `<region>/<school>/`."""
    outbox: Path | None = None
    """Folder from which schools collect envelopes by hand: `<region>/<school>/`."""
    traffic_centre: str | None = None
    """A supplier's adapter to OSO's Traffic Centre, `module:function` or `module:function=argument`; optional."""
    reports: Path | None = None
    """Folder in which round and school reports are written: `<region>/<round>/`."""
    review: str | None = None
    """libpq connection string of the ledger for the parents' pages, login overstap_review. Set there alone."""
    review_address: str = "http://127.0.0.1:8090"
    """Where parents find their pages: in letters and mails, and whether cookies are sent by HTTPS only."""
    school_address: str | None = None
    """Where schools find their pages: in mails to them; optional."""
    security_contact: str | None = None
    """Where weaknesses are reported, in `security.txt` of parents' and schools' pages: `mailto:...` or `https://...`."""
    checkpoints: Path | None = None
    """Folder into which each day's signed checkpoint goes, such as storage that is written once; optional."""
    checkpoint_mail: str = ""
    """Addresses to which each day's checkpoint is mailed, with commas between them."""
    timestamps: str | None = None
    """Address of a service for time stamps (RFC 3161) that stamps each day's checkpoint; optional."""
    alarm_mail: str | None = None
    """Address of the administrator, to whom alarms are mailed; without it they are log lines only."""
    review_proxy: str | None = None
    """Address of the proxy in front of the parents' pages, which tells whence a visitor comes; optional."""
    official: Path | None = None
    """Folder with the official OSO files per version (`2019.1/OSO_gegevensset.xsd`, `examples/`); optional."""
    virus_scanner: str | None = None
    """A clamd that looks at every attachment before it is taken in: path of its socket, or `host:port`; optional."""
    registers: Path | None = None
    """Folder with DUO's lists of schools and partnerships as CSV; optional."""

    oidc_issuer: str | None = None
    """Address of the identity provider at which people sign in to Airflow; without it they do by password."""
    oidc_client: str | None = None
    """This Airflow's client id at the identity provider."""
    oidc_secret: str | None = None
    """Its secret there."""
    oidc_account_claim: str = "preferred_username"
    """The claim that holds the account's name as the agreements have it."""
    oidc_acr: str = ""
    """Levels (`acr`) that mean a second factor at the identity provider, with commas between; empty: `amr` counts."""
    administrators: str = ""
    """Accounts that look after all regions, with commas between them."""
    mail: str | None = None
    """Name of the Airflow connection to the mail server; without it, or empty, mails wait in the outbox."""

    @property
    def checkpoint_addresses(self) -> tuple[str, ...]:
        """The addresses of `checkpoint_mail`."""
        return tuple(filter(None, (address.strip() for address in self.checkpoint_mail.split(","))))

    @property
    def acr_values(self) -> tuple[str, ...]:
        """The levels of `oidc_acr`."""
        return tuple(self.oidc_acr.replace(",", " ").split())

    @property
    def needs_second_factor(self) -> bool:
        """Whether who signs in at the identity provider must have done so with a second factor."""
        return self.production or bool(self.acr_values)

    @property
    def administrator_accounts(self) -> tuple[str, ...]:
        """The accounts of `administrators`."""
        return tuple(filter(None, (account.strip() for account in self.administrators.split(","))))

    def need_path(self, name: str) -> Path:
        """Return a path setting that must be there.

        Raises:
            OverstapError: SETTING-001 when it is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise OverstapError("SETTING-001", setting=f"OVERSTAP_{name.upper()}")
        return Path(value)

    def need(self, name: str) -> str:
        """Return a text setting that must be there.

        Raises:
            OverstapError: SETTING-001 when it is not set.
        """
        value = getattr(self, name)
        if value is None:
            raise OverstapError("SETTING-001", setting=f"OVERSTAP_{name.upper()}")
        return str(value)
