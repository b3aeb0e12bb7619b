"""Building of the demonstration: databases, keys, certificates, a synthetic region, two schools' endpoints, Airflow."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import psycopg

from overstap.agreements import Agreement, Milestones, RoundKind, load_agreement
from overstap.clock import dutch_time, now
from overstap.envelope.over_https import ENVELOPES as PATH
from overstap.ledger.migrate import set_app_password, set_password, set_review_password
from overstap.simulation.synthetic import rosters
from overstap.simulation.synthetic.las import load_las
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.school import SupplySource
from overstap.simulation.synthetic.writing import write
from overstap_tools.demo import families, mail, schools
from overstap_tools.demo.sandbox import (
    LAS,
    LAS_READER,
    LEDGER,
    REGION,
    ROUND,
    DemoSandbox,
)
from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.preflight import check
from overstap_tools.local.services import Service, stop_all
from overstap_tools.local.waiting import wait_until_listening

Tell = Callable[[str], None]

OPENS_AFTER = timedelta(seconds=25)
"""From writing the agreement to the round's opening: time for Airflow to read it."""
STEPS = {
    "data_due": timedelta(seconds=30),
    "review_opens": timedelta(seconds=60),
    "review_closes": timedelta(seconds=110),
    "delivers": timedelta(seconds=115),
    "receipts_due": timedelta(minutes=20),
}
"""The agreed moments after the opening: what takes weeks in a real region takes minutes here."""
REVIEW_MINIMUM = timedelta(minutes=5)
"""How long parents have: time for a slow machine to record all of them; the round goes on as soon as all were heard."""
WATCHED = timedelta(seconds=40)
"""How long the window stays open at least, for who wants to look as a parent."""
USUAL_START = timedelta(seconds=60)
"""How long Airflow takes to start where these moments fit. A slower or busier machine gets later ones, by as much."""


@dataclass(frozen=True)
class Size:
    """Size of the demonstration."""

    pupils: int = 96
    primary_schools: int = 6
    seed: int = 2027
    further: tuple[tuple[SupplySource, int], ...] = (
        (SupplySource.MAPPED_EXPORT, 4),
        (SupplySource.TYPED, 1),
        (SupplySource.WORKBOOK, 3),
    )
    """Schools beside these that cannot export OSO, each by how it supplies and its number of pupils."""


@dataclass(frozen=True)
class Demonstration:
    """A running demonstration."""

    sandbox: DemoSandbox
    postgres: EmbeddedPostgres
    airflow: AirflowStack
    region: SyntheticRegion
    agreement: Agreement
    pace: float
    """How many times slower than usual this machine started Airflow: waits are as much longer."""

    @property
    def coordinator(self) -> str:
        """The login of the region's coordinator."""
        return self.agreement.coordinators[0].account


def build(sandbox: DemoSandbox, size: Size, *, port: int | None, tell: Tell) -> Demonstration:
    """Build everything from nothing and start it; on a failure nothing is left running.

    Args:
        sandbox: where.
        size: how large.
        port: Airflow's port; None for the usual one, or a free one.
        tell: is given the name of a sentence of include/texts/demo/story.yaml at each step.

    Raises:
        OverstapError: LOCAL-nnn with what stands in the way.
    """
    check(sandbox.folder)
    if sandbox.folder.exists():
        tell("cleared")
        clear(sandbox)
    sandbox.folder.mkdir(mode=0o700, parents=True)
    try:
        tell("postgres")
        postgres = sandbox.postgres()
        postgres.start()
        _make_ledger(sandbox, postgres)
        tell("region")
        region = make_region(
            size.seed,
            size.pupils,
            size.primary_schools,
            2,
            today=dutch_time(now()).date(),
            name=REGION,
            title="Demoregio",
            littered=0,  # most schools are fine: one is late, one has faults
            further=size.further,
        )
        _make_las(postgres, region)
        _make_trust(sandbox, postgres, region)
        mail.start(sandbox)
        families.start(sandbox, postgres)
        schools.start(sandbox, postgres)
        receivers = {school.id: _start_receiver(sandbox, school.id) for school in region.secondary}
        tell("airflow")
        began, pace = now(), 1.0
        airflow = sandbox.airflow(postgres, port=port)
        airflow.migrate()

        def settle(api: AirflowApi) -> None:
            nonlocal pace
            pace = max(1.0, (now() - began) / USUAL_START)
            tell("agreement")
            _write_region(sandbox, region, receivers, pace=pace)
            _give_access(sandbox, airflow, api)

        airflow.start(before_dags=settle)
    except BaseException:
        stop(sandbox)
        raise
    return Demonstration(sandbox, postgres, airflow, region, load_agreement(_agreement_path(sandbox)), pace)


def stop(sandbox: DemoSandbox) -> list[str]:
    """End every process of a demonstration; what it made stays to be looked at. Safe to repeat.

    Returns:
        The names of what was found.
    """
    return stop_all(sandbox.folder)


def clear(sandbox: DemoSandbox) -> None:
    """End every process of a demonstration and remove all that it made."""
    stop(sandbox)
    sandbox.postgres().destroy()
    shutil.rmtree(sandbox.folder, ignore_errors=False)


def overstap(
    sandbox: DemoSandbox, postgres: EmbeddedPostgres, *words: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run an `overstap` command as a user would, beside the running demonstration.

    Args:
        sandbox: the demonstration.
        postgres: its server.
        words: the command.
        typed: what is typed when it asks.
    """
    return subprocess.run(  # noqa: S603
        [sys.executable, "-m", "overstap", *words],
        env=sandbox.command_env(postgres),
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def _make_ledger(sandbox: DemoSandbox, postgres: EmbeddedPostgres) -> None:
    postgres.create_database(LEDGER, "postgres")
    ledger = sandbox.sandbox(postgres)
    ledger.prepare(REGION)
    set_app_password(ledger.owner_dsn, postgres.password("overstap_app"))
    set_review_password(ledger.owner_dsn, postgres.password("overstap_review"))
    set_password(ledger.owner_dsn, "overstap_school", postgres.password("overstap_school"))
    set_password(ledger.owner_dsn, "overstap_drafts", postgres.password("overstap_drafts"))


def _make_las(postgres: EmbeddedPostgres, region: SyntheticRegion) -> None:
    """Make the schools' administration system: a database of its own that Overstap may only read."""
    postgres.create_role(LAS_READER)
    postgres.create_database(LAS, "postgres")
    postgres.grant_connect(LAS, LAS_READER)
    with psycopg.connect(postgres.superuser_dsn(LAS)) as connection:
        load_las(connection, region)
        connection.execute(f"grant usage on schema overstap_las to {LAS_READER}")
        views = ("oso_dossier", "oso_aanmelding", "oso_leerlingenlijst")
        connection.execute(f"grant select on {', '.join(f'overstap_las.{view}' for view in views)} to {LAS_READER}")


def _make_trust(sandbox: DemoSandbox, postgres: EmbeddedPostgres, region: SyntheticRegion) -> None:
    schools = [*(one.id for one in region.primary), *(one.id for one in region.secondary)]
    sandbox.sandbox(postgres).certify([REGION], schools, at=now())


def _start_receiver(sandbox: DemoSandbox, school: str) -> str:
    """Start a secondary school's endpoint as a process of its own; return its address."""
    port = ports.any_free()
    service = Service(sandbox.folder, f"school-{school}")
    service.start(
        [
            *(sys.executable, "-m", "overstap", "receive", "serve", "--school", school, "--port", str(port)),
            *("--store", sandbox.store(school), "--trust", sandbox.folder / "trust"),
        ],
        env=sandbox.command_env(sandbox.postgres()),
    )
    wait_until_listening(service, port)
    return f"https://{ports.LOOPBACK}:{port}{PATH}"


def _write_region(sandbox: DemoSandbox, region: SyntheticRegion, receivers: dict[str, str], *, pace: float) -> None:
    """Write the agreement, its moments as far apart as this machine needs (`pace`: 1 or more)."""

    def paced(span: timedelta) -> timedelta:
        return timedelta(seconds=round(span.total_seconds() * pace))

    opens = (now() + paced(OPENS_AFTER)).replace(microsecond=0)
    milestones = Milestones(opens=opens, **{name: opens + paced(step) for name, step in STEPS.items()})
    written = write(
        region,
        sandbox.made,
        {RoundKind(ROUND): milestones},
        receives_at=receivers.__getitem__,
        las_connection=LAS,
        review_minimum=paced(REVIEW_MINIMUM),
        notices=mail.AT_ANY_HOUR,
    )
    name = load_agreement(written.agreement).registrations.file or ""
    shutil.copy(written.applications, sandbox.drop / REGION / name)
    first = region.primary[0]
    roster = sandbox.drop / REGION / first.id / rosters.EDEXML_FILE
    roster.write_bytes(rosters.edexml_of(region, first))
    made_at = roster.stat().st_mtime - 60  # so that it does not count as still being written
    os.utime(roster, (made_at, made_at))


def _give_access(sandbox: DemoSandbox, airflow: AirflowStack, api: AirflowApi) -> None:
    """Make the region's role as a deployment does, and the coordinator's login."""
    airflow.sync_access()
    agreement = load_agreement(_agreement_path(sandbox))
    for person in agreement.coordinators:
        api.put_user(
            person.account,
            airflow.password(person.account),
            [f"coordinator_{agreement.region}"],
            shown_as=("Coördinator", agreement.name),
        )


def _agreement_path(sandbox: DemoSandbox) -> Path:
    return next((sandbox.made / "regions" / REGION).glob("*.yaml"))
