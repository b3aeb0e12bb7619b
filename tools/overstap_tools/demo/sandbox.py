"""Folders of the demonstration, and the environments of its processes."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from overstap.simulation.sandbox import Sandbox
from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.project import PROJECT

REGION = "demo"
ROUND = "advice"
LEDGER = "overstap_ledger"
LAS = "las_demo"
LAS_READER = "las_reader"
MAIL = "mail"


@dataclass(frozen=True)
class DemoSandbox:
    """The folders of one demonstration.

    Args:
        folder: the state folder; `.demo` in the project as a rule.
    """

    folder: Path

    @property
    def made(self) -> Path:
        """What the generator wrote: agreement, drop folders, late files, answers."""
        return self.folder / "region"

    @property
    def drop(self) -> Path:
        """Where schools drop their files."""
        return self.made / "drop"

    @property
    def reports(self) -> Path:
        """Where reports on rounds are written."""
        return self.folder / "reports"

    def store(self, school: str) -> Path:
        """Where a secondary school's endpoint keeps what it received."""
        return self.folder / "received" / school

    @property
    def mails(self) -> Path:
        """Where the mail server keeps what was mailed, a folder per address."""
        return self.folder / "mails"

    @property
    def mail_port(self) -> Path:
        """The file that says on which port the mail server listens."""
        return self.folder / "mail-port"

    @property
    def review_port(self) -> int:
        """The port of the parents' pages: chosen once, since letters and mails name it."""
        return self._port("review-port")

    @property
    def review_address(self) -> str:
        """Where a browser finds the parents' pages."""
        return f"http://{ports.LOOPBACK}:{self.review_port}"

    @property
    def school_port(self) -> int:
        """The port of the schools' pages: chosen once, since passkeys are bound to their address."""
        return self._port("school-port")

    @property
    def school_address(self) -> str:
        """Where a browser finds the schools' pages."""
        return f"http://localhost:{self.school_port}"  # a name, since passkeys are bound to one

    def _port(self, name: str) -> int:
        record = self.folder / name
        if not record.exists():
            record.write_text(str(ports.any_free()), encoding="utf-8")
        return int(record.read_text(encoding="utf-8"))

    def postgres(self) -> EmbeddedPostgres:
        """The server for Airflow, the ledger and the schools' administration system."""
        return EmbeddedPostgres(self.folder / "postgres")

    def sandbox(self, postgres: EmbeddedPostgres) -> Sandbox:
        """The ledger, keys, certificates and folders.

        Args:
            postgres: the running server.
        """
        return Sandbox(self.folder, postgres.superuser_dsn(LEDGER), postgres.dsn("overstap_app", LEDGER))

    def settings(self, postgres: EmbeddedPostgres) -> dict[str, str]:
        """Return the environment of everything that runs rounds: the application's login, never the owner's.

        Args:
            postgres: the running server.
        """
        return self.sandbox(postgres).variables | {
            "OVERSTAP_REVIEW_ADDRESS": self.review_address,
            "OVERSTAP_DRAFTS": postgres.dsn("overstap_drafts", LEDGER),
            f"AIRFLOW_CONN_{LAS.upper()}": _for_airflow(postgres.dsn(LAS_READER, LAS)),
            **_mail_server(self.mail_port),
        }

    def command_env(self, postgres: EmbeddedPostgres) -> dict[str, str]:
        """Return the environment of an `overstap` command beside the running demonstration."""
        return {**os.environ, **self.settings(postgres)}

    def airflow(self, postgres: EmbeddedPostgres, *, port: int | None = None) -> AirflowStack:
        """The four components of Airflow, with the project's own DAGs and plugins."""
        return AirflowStack(
            self.folder / "airflow",
            postgres,
            PROJECT / "dags",
            PROJECT / "plugins",
            port=port,
            extra_env=self.settings(postgres),
            parallelism=4,
        )


def _mail_server(port: Path) -> dict[str, str]:
    """Return the mail server as a connection of Airflow; nothing before it was started."""
    if not port.exists():
        return {}
    extra = {"from_email": "overstap@demoregio.example", "disable_ssl": True, "disable_tls": True}
    where = {"host": ports.LOOPBACK, "port": int(port.read_text(encoding="utf-8"))}
    connection = json.dumps({"conn_type": "smtp", **where, "extra": extra})
    return {"OVERSTAP_MAIL": MAIL, f"AIRFLOW_CONN_{MAIL.upper()}": connection}


def _for_airflow(dsn: str) -> str:
    """Return a connection string in the form of Airflow's connections, whose type is `postgres`."""
    return urlunsplit(urlsplit(dsn)._replace(scheme="postgres"))
