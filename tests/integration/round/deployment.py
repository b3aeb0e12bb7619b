"""Everything that a round needs, made from nothing in one folder: ledger, keys, certificates, region, receivers.

The same parts as a deployment's. Only moments are near: all milestones but the last have passed, so that a round runs
from end to end in one go, and parents get seconds.
"""

import contextlib
import json
import os
import secrets
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import psycopg
from forked import Process, popen
from mail_server import MailServer
from psycopg import sql

from overstap.agreements import Agreement, Milestones, Round, RoundId, RoundKind, load_agreement
from overstap.clock import dutch_time, now
from overstap.delivery.stored_evidence import receipt_fault
from overstap.envelope.over_https import ENVELOPES as PATH
from overstap.ledger import Ledger
from overstap.ledger.invariants import Breach, ExternalEvidence, check
from overstap.ledger.migrate import LOGINS, add_region, migrate, set_password
from overstap.ledger.region_keys import create_keys
from overstap.pki import TrustStore, make_development_certificates
from overstap.receiver.folder_store import envelope_digests as stored
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context, RoundContext
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import PARTNERSHIP
from overstap.simulation.synthetic.las import load_las
from overstap.simulation.synthetic.region import SyntheticRegion
from overstap.simulation.synthetic.writing import WrittenRegion, write
from overstap_tools.demo.mail import AT_ANY_HOUR
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres

KIND = RoundKind.ADVICE
_MOMENTS = ("opens", "data_due", "review_opens", "review_closes", "delivers")
_TEMPLATE = "round_ledger_template"


@dataclass
class Endpoint:
    """A secondary school's receiving end as a process of its own."""

    school: str
    port: int
    store: Path
    log: Path
    process: Process

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


@dataclass
class RegionDeployment:
    """A region with all that its round needs."""

    folder: Path
    server: EmbeddedPostgres
    region: SyntheticRegion
    database: str
    ports: dict[str, int]
    """Where each secondary school's endpoint is, or will be."""
    written: WrittenRegion
    agreement: Agreement
    mail: MailServer
    """Not started: the mail of a whole story waits."""
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    las: str | None = None
    kind: RoundKind = KIND

    @property
    def round_id(self) -> RoundId:
        return self.agreement.round_id(self.kind)

    @property
    def round(self) -> Round:
        return self.agreement.round(self.kind)

    @property
    def coordinator(self) -> str:
        return self.agreement.coordinators[0].account

    @property
    def sandbox(self) -> Sandbox:
        """Its ledger, keys, certificates and folders."""
        return Sandbox(self.folder, self.owner_dsn, self.server.dsn("overstap_app", self.database))

    @property
    def drop(self) -> Path:
        return self.sandbox.drop

    @property
    def reports(self) -> Path:
        return self.sandbox.reports

    @property
    def owner_dsn(self) -> str:
        return self.server.superuser_dsn(self.database)

    @property
    def settings(self) -> dict[str, str]:
        """The environment of whatever works on the round: the application's login, never the owner's."""
        found = self.sandbox.variables | {
            "OVERSTAP_MAIL": "mail",
            "AIRFLOW_CONN_MAIL": json.dumps(
                {
                    "conn_type": "smtp",
                    "host": ports.LOOPBACK,
                    "port": self.mail.port,
                    "extra": {"from_email": "overstap@regio.example", "disable_ssl": True, "disable_tls": True},
                }
            ),
        }
        if self.las:
            dsn = self.server.superuser_dsn(self.las)
            found[f"AIRFLOW_CONN_{_connection(self.region).upper()}"] = dsn.replace("postgresql:", "postgres:", 1)
        return found

    def trust(self) -> TrustStore:
        return self.sandbox.trust_store()

    @contextlib.contextmanager
    def ledger(self) -> Iterator[Ledger]:
        with contextlib.closing(self.sandbox.ledger()) as found:
            yield found

    @contextlib.contextmanager
    def step(self, ledger: Ledger | None = None, **other: Any) -> Iterator[RoundContext]:
        """What a step of its round works with, as a task has it; the agreement is the one that the round has now."""
        with contextlib.nullcontext(ledger) if ledger else self.ledger() as known:
            yield round_context(Context(self.sandbox.settings(), known, **other), self.round_id, "test")

    def states(self) -> Counter[str]:
        """Return how many dossiers are in each state."""
        return Counter(dict(self.rows("select state, count(*) from overstap.dossier group by 1")))

    def rows(self, query: str | sql.Composed) -> list[tuple]:
        """Return what the owner sees."""
        with psycopg.connect(self.owner_dsn) as connection:
            return connection.execute(query).fetchall()

    def dump(self, table: str) -> list[str]:
        """Return every row of a table of the ledger as text."""
        query = sql.SQL("select t::text from {} t").format(sql.Identifier("overstap", table))
        return sorted(row for (row,) in self.rows(query))

    def count(self, table: str, **where: str) -> int:
        """Return how many rows of a table of the ledger have these values."""
        conditions = [sql.SQL("{} = {}").format(sql.Identifier(name), value) for name, value in where.items()]
        query = sql.SQL("select count(*) from {} where {}").format(
            sql.Identifier("overstap", table), sql.SQL(" and ").join([sql.SQL("true"), *conditions])
        )
        return int(self.rows(query)[0][0])

    def breaches(self) -> list[Breach]:
        """Return what breaks an invariant, with all stores and every receipt looked at again."""
        stores = {school: stored(self.store(school)) for school in self.endpoints}
        evidence = ExternalEvidence(stores, receipt_fault(self.trust()))
        with self.ledger() as ledger, ledger.unit(self.region.name, "test") as unit:
            return check(unit, evidence)

    def store(self, school: str) -> Path:
        return self.sandbox.store(school)

    def stored(self) -> Counter[str]:
        """Return how many dossiers each secondary school has in its store."""
        return Counter({school: len(stored(self.store(school))) for school in self.endpoints})

    def receive(self, school: str) -> Endpoint:
        """Start a school's endpoint, where it always is."""
        log = self.folder / f"endpoint-{school}.log"
        command = ["-m", "overstap", "receive", "serve", "--school", school]
        command += ["--port", str(self.ports[school]), "--store", str(self.store(school))]
        with log.open("ab") as out:
            process = popen(command, env=os.environ | self.settings, stdout=out, stderr=out)
        self.endpoints[school] = Endpoint(school, self.ports[school], self.store(school), log, process)
        wait_for(lambda: process.poll() is not None or not ports.is_free(self.ports[school]))
        assert process.poll() is None, log.read_text()
        return self.endpoints[school]

    def receive_all(self) -> None:
        for school in self.ports:
            self.receive(school)

    def url(self, school: str) -> str:
        return f"https://{ports.LOOPBACK}:{self.ports[school]}{PATH}"

    def close(self) -> None:
        """End its processes and remove its databases."""
        for endpoint in self.endpoints.values():
            endpoint.kill()
        with psycopg.connect(self.server.superuser_dsn("postgres"), autocommit=True) as connection:
            for name in filter(None, (self.database, self.las)):
                connection.execute(f"drop database if exists {name} with (force)")


def build(
    folder: Path,
    server: EmbeddedPostgres,
    region: SyntheticRegion,
    *,
    review: timedelta,
    las: bool,
    to_partnership: bool = False,
    may_shift: str = "{}",
    kind: RoundKind = KIND,
) -> RegionDeployment:
    """Build a region's deployment.

    Args:
        folder: an empty folder.
        server: a running server.
        region: the region.
        review: the time that parents get.
        las: whether the region has a LAS database.
        to_partnership: whether it has a round to its partnership as well.
        may_shift: what the agreement says about moving moments of the usual round.
        kind: which of the year's rounds.
    """
    receiving = [*(one.id for one in region.secondary), *([PARTNERSHIP] if to_partnership else [])]
    places = {school: ports.any_free() for school in receiving}
    opens = dutch_time(now()).replace(microsecond=0) - timedelta(hours=1)
    moments = dict.fromkeys(_MOMENTS, opens) | {"receipts_due": opens + timedelta(days=1)}
    written = write(
        region,
        folder / "region",
        {one: Milestones(**moments) for one in (kind, *([RoundKind.SUPPORT] if to_partnership else []))},
        receives_at=lambda school: f"https://{ports.LOOPBACK}:{places[school]}{PATH}",
        las_connection=_connection(region),
        review_minimum=review,
        notices=AT_ANY_HOUR,
    )
    text = written.agreement.read_text(encoding="utf-8")
    written.agreement.write_text(text.replace("may_shift: {}", f"may_shift: {may_shift}", 1), encoding="utf-8")
    agreement = load_agreement(written.agreement)
    shutil.copy(written.applications, folder / "region" / "drop" / region.name / str(agreement.registrations.file))
    schools = [*(one.id for one in region.primary), *receiving]
    make_development_certificates(folder / "trust", schools=schools, regions=[region.name], at=now())
    create_keys(folder / "keys", region.name, "1")
    mail = MailServer(folder / "mails")
    deployment = RegionDeployment(
        folder, server, region, _ledger(server, region.name), places, written, agreement, mail, kind=kind
    )
    if las:
        deployment.las = f"las_{secrets.token_hex(6)}"
        server.create_database(deployment.las, "postgres")
        with psycopg.connect(server.superuser_dsn(deployment.las)) as connection:
            load_las(connection, region)
    return deployment


def copy_ledger(deployment: RegionDeployment) -> str:
    """Copy the deployment's ledger database as it stands; return the copy's name."""
    name = f"ledger_{secrets.token_hex(6)}"
    with psycopg.connect(deployment.server.superuser_dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} template {deployment.database}")
        connection.execute(f"grant connect on database {name} to {', '.join(LOGINS)}")
    return name


def wait_for(is_so: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def _connection(region: SyntheticRegion) -> str:
    return f"las_{region.name}"


def _ledger(server: EmbeddedPostgres, region: str) -> str:
    """Make a ledger's database, from a template that is migrated once per server."""
    admin = server.superuser_dsn("postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        known = connection.execute("select 1 from pg_database where datname = %s", [_TEMPLATE]).fetchone()
    if not known:
        server.create_database(_TEMPLATE, "postgres")
        migrate(server.superuser_dsn(_TEMPLATE))
        for login in LOGINS:
            set_password(server.superuser_dsn(_TEMPLATE), login, server.password(login))
    name = f"ledger_{secrets.token_hex(6)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"create database {name} template {_TEMPLATE}")
    add_region(server.superuser_dsn(name), region)
    return name
