"""Choices of an administrator for a deployment, validated before files are made from them."""

import ipaddress
import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

from overstap.errors import OverstapError

_PROJECT = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")
_TEXT = re.compile(r"[A-Za-z0-9._@+,:/=~-]*")
"""Pattern of values that go into `.env` and nginx's configuration unquoted: no character with a meaning there."""
_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)+")
_LISTEN = re.compile(r"[0-9.]+:[0-9]{1,5}")
_ACCOUNTS = re.compile(r"[A-Za-z0-9._@+-]+(?:,[A-Za-z0-9._@+-]+)*")

_MOST_WORKERS = 50


def tasks_at_once() -> int:
    """Return how many tasks run at once unless somebody chooses: two per processor, at least 4 and at most 8.

    Each is a worker process that holds memory while it waits (docs/scaling.md); 8 is what the scheduler's limit of
    memory in docker-compose.yaml allows.
    """
    return min(8, max(4, 2 * (os.cpu_count() or 1)))


@dataclass(frozen=True, slots=True)
class MailServer:
    """Outgoing mail server of a deployment.

    Args:
        host: its name or address.
        port: its port, usually 587 or 465.
        sender: address that mails come from.
        login: account at the server; None for no sign-in.
        password: its password; None with no login.
        security: "starttls", "tls" (from the first byte), or "none".
    """

    host: str
    port: int
    sender: str
    login: str | None = None
    password: str | None = None
    security: str = "starttls"


@dataclass(frozen=True, slots=True)
class Choices:
    """Choices for a deployment; everything else is the same in each.

    Args:
        address: URL of Airflow and the board.
        review_address: URL of the parents' pages.
        school_address: URL of the schools' pages.
        administrators: accounts with rights for all regions, separated by commas.
        project: name of the deployment, prefix of containers and volumes.
        secrets: folder with a file per secret.
        regions: folder with the agreements.
        data: folder with keys, certificates, and files of rounds.
        network: first three numbers of an unused IPv4 network (/24).
        board_port: port of Airflow and the board on 127.0.0.1.
        review_port: port of the parents' pages on 127.0.0.1.
        school_port: port of the schools' pages on 127.0.0.1.
        desk_region: region whose desk is served; None for no desk.
        desk_listen: address and port of the desk.
        parallelism: how many tasks run at once.
        database_tls: whether PostgreSQL answers over the network with TLS only; False where its image is built without.
        workers: how many workers of each kind run the tasks (profile `celery`); 0: the scheduler runs them.
        traffic_centre: a supplier's adapter to OSO's Traffic Centre (setting OVERSTAP_TRAFFIC_CENTRE).
        alarm_mail: address that alarms are mailed to (setting OVERSTAP_ALARM_MAIL).
        security_contact: contact for reporting vulnerabilities (setting OVERSTAP_SECURITY_CONTACT).
        second_factor: "required" or "offered" for schools' accounts (setting OVERSTAP_SECOND_FACTOR); None: required,
            but offered in a trial.
        checkpoint_mail: addresses that receive checkpoints of the audit chain (setting OVERSTAP_CHECKPOINT_MAIL).
        timestamps: time-stamping service for checkpoints, RFC 3161 (setting OVERSTAP_TIMESTAMPS).
        virus_scanner: clamd that scans attachments, `host:port` (setting OVERSTAP_VIRUS_SCANNER).
        oidc_issuer: identity provider; None for sign-in by password.
        oidc_client: client id there.
        oidc_acr: levels there that mean a second factor, with commas between them; None: what `amr` says counts.
        oidc_account_claim: claim that holds the account.
        oidc_secret: client secret there.
        school_oidc_issuer: identity provider at which staff of schools may sign in; None: by password alone.
        school_oidc_client: client id of the schools' pages there.
        school_oidc_name: what it is called on the page; None: "uw schoolaccount".
        school_oidc_acr: levels there that mean a second factor; None: what `amr` says counts.
        school_oidc_secret: client secret there.
        mail: the mail server; None when mails stay in the outbox.
        is_trial: whether it is for synthetic pupils with development certificates, as every page then states.
        image: name of the container image.
        postgres_image: image of PostgreSQL, by tag or by digest.
        redis_image: image of Redis, by tag or by digest; for workers.
        prometheus_image: image of Prometheus, by tag or by digest; for `deploy/compose.monitoring.yaml`.
        grafana_image: image of Grafana; as that.
    """

    address: str
    review_address: str
    school_address: str
    administrators: str = ""
    project: str = "overstap"
    secrets: Path = Path("/etc/overstap/secrets")
    regions: Path = Path("/etc/overstap/regions")
    data: Path = Path("/var/lib/overstap")
    network: str = "10.213.77"
    board_port: int = 8080
    review_port: int = 8090
    school_port: int = 8091
    desk_region: str | None = None
    desk_listen: str = "0.0.0.0:8444"
    parallelism: int = field(default_factory=tasks_at_once)
    database_tls: bool = True
    workers: int = 0
    traffic_centre: str | None = None
    alarm_mail: str | None = None
    security_contact: str | None = None
    second_factor: str | None = None
    checkpoint_mail: str | None = None
    timestamps: str | None = None
    virus_scanner: str | None = None
    oidc_issuer: str | None = None
    oidc_client: str | None = None
    oidc_acr: str | None = None
    oidc_account_claim: str = "preferred_username"
    oidc_secret: str | None = None
    school_oidc_issuer: str | None = None
    school_oidc_client: str | None = None
    school_oidc_name: str | None = None
    school_oidc_acr: str | None = None
    school_oidc_secret: str | None = None
    mail: MailServer | None = None
    is_trial: bool = False
    image: str = "overstap:local"
    postgres_image: str = "postgres:18"
    redis_image: str = "redis:8"
    prometheus_image: str = "prom/prometheus:v3.5.0"
    grafana_image: str = "grafana/grafana:12.2.0"

    def __post_init__(self) -> None:
        """Validate each choice.

        Raises:
            OverstapError: DEPLOY-001 with the name of the choice and the fault.
        """
        for name in (one.name for one in fields(self) if one.name not in ("mail", "oidc_secret", "school_oidc_secret")):
            if not _TEXT.fullmatch(str(getattr(self, name) or "")):
                raise OverstapError("DEPLOY-001", choice=name, problem="letters, digits and . _ @ + , : / = ~ - only")
        if not _LISTEN.fullmatch(self.desk_listen):
            raise OverstapError("DEPLOY-001", choice="desk-listen", problem="address and port, such as 0.0.0.0:8444")
        for name in ("address", "review_address", "school_address"):
            check_address(name, getattr(self, name))
        names = [urlsplit(one).netloc for one in (self.address, self.review_address, self.school_address)]
        if len(set(names)) < len(names):
            raise OverstapError("DEPLOY-001", choice="address", problem="two of the three addresses are the same")
        if not _PROJECT.fullmatch(self.project):
            raise OverstapError("DEPLOY-001", choice="project", problem="small letters, digits, - and _ only")
        if self.administrators and not _ACCOUNTS.fullmatch(self.administrators):
            raise OverstapError("DEPLOY-001", choice="administrators", problem="accounts with commas between them")
        try:
            ipaddress.IPv4Network(f"{self.network}.0/24")
        except ValueError as error:
            problem = "three numbers with dots, such as 10.213.77"
            raise OverstapError("DEPLOY-001", choice="network", problem=problem) from error
        for name in ("secrets", "regions", "data"):
            if not getattr(self, name).is_absolute():
                raise OverstapError("DEPLOY-001", choice=name, problem="a whole path, such as /etc/overstap")
        ports = [self.board_port, self.review_port, self.school_port]
        if len(set(ports)) < len(ports) or not all(0 < port < 65536 for port in ports):
            raise OverstapError("DEPLOY-001", choice="port", problem="three different ports")
        if not 0 <= self.workers <= _MOST_WORKERS:
            raise OverstapError("DEPLOY-001", choice="workers", problem=f"0 to {_MOST_WORKERS}")
        for name in ("oidc", "school_oidc"):
            known = getattr(self, f"{name}_secret") or self._has_secret(f"{name}_secret")
            if getattr(self, f"{name}_issuer") and not (getattr(self, f"{name}_client") and known):
                choice = name.replace("_", "-")
                raise OverstapError("DEPLOY-001", choice=choice, problem="an issuer needs a client and a secret")
        if self.second_factor not in (None, "required", "offered"):
            raise OverstapError("DEPLOY-001", choice="second-factor", problem="required or offered")
        if self.desk_region is not None and not _PROJECT.fullmatch(self.desk_region):
            raise OverstapError("DEPLOY-001", choice="desk", problem="the id of a region")

    def _has_secret(self, name: str) -> bool:
        path = self.secrets / name
        return path.is_file() and path.stat().st_size > 0


def check_address(name: str, value: str) -> None:
    """Check one of the three addresses of a deployment.

    Args:
        name: of the choice.
        value: what was given for it.

    Raises:
        OverstapError: DEPLOY-001 when it is not `https://` and a name.
    """
    found = urlsplit(value)
    if (
        found.scheme != "https"
        or not _HOST.fullmatch(found.hostname or "")
        or found.path.strip("/")
        or found.query
        or found.username
    ):
        raise OverstapError(
            "DEPLOY-001", choice=name, problem="https:// and a name, such as https://overstap.example.nl"
        )
