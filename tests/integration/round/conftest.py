"""A round of a synthetic region, played through Airflow once for all tests of this folder."""

import csv
import io
import shutil
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from overstap.clock import dutch_time, now
from overstap.review.decisions import read_list
from overstap.review.recording import record_list
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.school import PrimarySchool, SchoolBehaviour
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import Airflow, Played, Players
from .deployment import RegionDeployment, build
from .marks import plant

_KEPT = ("dossier", "dossier_version", "review_decision", "gate_decision", "finding", "application", "delivery")
"""Tables in which a rerun may change nothing at all; of `receipt` and `dossier_event` neither."""


@dataclass
class Chapter:
    """What was so after one run of the DAG."""

    played: Played
    states: Counter[str]
    stored: Counter[str]
    releases: list[tuple]
    rows: dict[str, list[str]] = field(repr=False)
    """Every row of the tables that a rerun must leave alone."""
    actions: Counter[str]
    """Lines of the evidence by what they announce."""
    red: list[tuple]
    """What the ledger tells of red tasks: task, school, code, who must act, whether it is tried again."""


@dataclass
class PlayedRound:
    """A round as it was played: by whom it was refused, bypassed, released, and finished when the last school came."""

    deployment: RegionDeployment
    airflow: Airflow
    empty: Chapter
    """Asked before anything was supplied."""
    refused: Chapter
    bypassed: Chapter
    skipped: Chapter
    """The gate of release was marked as skipped in Airflow."""
    by_stranger: Chapter
    past_delivery_gate: Chapter
    """Released for review; the gate before delivery, which asks about the missing school, was marked a success."""
    undecided: Chapter
    """The coordinator said about delivery: not yet."""
    not_accepted: Chapter
    """The coordinator did not accept yet what did not arrive."""
    past_last_gate: Chapter
    """The task that closes the round, run by itself, as if that gate had been passed."""
    first: Chapter
    """Released by the coordinator, while a school had not supplied yet."""
    complete: Chapter
    """After that school had supplied."""
    again: Chapter


@pytest.fixture(scope="session")
def server(state_folder: Path) -> Iterator[EmbeddedPostgres]:
    """A server of our own: its application login has a password of its own, too."""
    found = EmbeddedPostgres(state_folder / "round" / "postgres", is_durable=False, in_memory=True)
    found.start()
    yield found
    found.destroy()


@pytest.fixture(scope="session")
def players(server: EmbeddedPostgres) -> Iterator[Players]:
    """Where an Airflow for a deployment is had; all of them have one process as their parent."""
    found = Players(server)
    yield found
    found.close()


@pytest.fixture(scope="session")
def played_round(
    server: EmbeddedPostgres, players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PlayedRound]:
    region = make_region(7, 40, 5, 2, today=dutch_time(now()).date(), name="alfa")
    deployment = build(tmp_path_factory.mktemp("round"), server, region, review=timedelta(minutes=20), las=True)
    plant(deployment)
    deployment.receive_all()
    airflow = players.open(deployment)
    schools = Schools(deployment)
    try:
        airflow.play(only=["open_round"])
        empty = _chapter(deployment, airflow.play(only=["questions"]))
        refused = _chapter(deployment, airflow.play(answer={"release": "Nog niet"}))
        bypassed = _chapter(deployment, airflow.play(mark_success="release"))
        skipped = _chapter(deployment, airflow.play(skip="release"))
        by_stranger = _chapter(deployment, airflow.play(account="stranger"))
        schools.start()
        past_delivery_gate = _chapter(deployment, airflow.play(mark_success="release_for_delivery"))
        undecided = _chapter(deployment, airflow.play(answer={"release_for_delivery": "Nog niet"}))
        not_accepted = _chapter(deployment, airflow.play(answer={"accept_undeliverable": "Nog niet"}))
        past_last_gate = _chapter(deployment, airflow.play(only=["close", "complete"]))
        first = _chapter(deployment, airflow.play())
        for school in region.primary:
            if school.behaviour is SchoolBehaviour.LATE:
                home = deployment.drop / region.name / school.id
                shutil.copytree(
                    deployment.folder / "region" / "late" / region.name / school.id, home, dirs_exist_ok=True
                )
        complete = _chapter(deployment, airflow.play())
        schools.over.set()
        again = _chapter(deployment, airflow.play())
        before = (empty, refused, bypassed, skipped, by_stranger)
        held = (past_delivery_gate, undecided, not_accepted, past_last_gate)
        yield PlayedRound(deployment, airflow, *before, *held, first, complete, again)
    finally:
        schools.over.set()
        airflow.close()
        deployment.close()


class Schools(threading.Thread):
    """The administrations of all schools: each records what parents decided as soon as its dossiers are released.

    With that the time of who was not heard is over, however long a busy machine took to get here: what became of each
    dossier is not a matter of seconds.
    """

    def __init__(self, deployment: RegionDeployment) -> None:
        super().__init__(daemon=True)
        self.deployment = deployment
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            query = (
                "select distinct primary_school from overstap.dossier "
                "where state = 'in_review' and review_closes_at > clock_timestamp()"
            )
            waiting = {school for (school,) in self.deployment.rows(query)}
            for school in self.deployment.region.primary:
                if school.id in waiting:
                    self.record(school)
                    self.end_window(school)
            time.sleep(0.5)

    def end_window(self, school: PrimarySchool) -> None:
        with psycopg.connect(self.deployment.owner_dsn) as connection:
            connection.execute(
                "update overstap.dossier set review_closes_at = clock_timestamp() "
                "where state = 'in_review' and primary_school = %s",
                [school.id],
            )

    def record(self, school: PrimarySchool) -> None:
        region = self.deployment.region.name
        data = (self.deployment.folder / "region" / "reviews" / region / f"review-{school.id}.csv").read_bytes()
        with self.deployment.ledger() as ledger:
            record_list(
                ledger,
                region=region,
                round_id=self.deployment.round_id,
                school=school.id,
                actor=f"administratie {school.id}",
                listed=read_list(data, today=dutch_time(now()).date()),
                ground="school_list",
            )


def listed_keys(deployment: RegionDeployment, school: PrimarySchool) -> set[str]:
    """Return the LAS keys of the pupils whose parents a school says have seen the dossier."""
    path = deployment.folder / "region" / "reviews" / deployment.region.name / f"review-{school.id}.csv"
    lines = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter=";")
    return {line["leerlingid"] for line in lines}


def _chapter(deployment: RegionDeployment, played: Played) -> Chapter:
    tables = (*_KEPT, "receipt", "dossier_event")
    return Chapter(
        played,
        deployment.states(),
        deployment.stored(),
        deployment.rows(
            "select approved, decided_by, reason, dossiers from overstap.gate_decision "
            "where gate = 'release_for_review' order by decided_at"
        ),
        {name: deployment.dump(name) for name in tables},
        Counter(
            dict(deployment.rows("select payload::jsonb ->> 'action', count(*) from overstap.audit_line group by 1"))
        ),
        deployment.rows(
            "select task, school, code, who, will_retry from overstap.task_failure where ended_at is null "
            "order by task, school"
        ),
    )
