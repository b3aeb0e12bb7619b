"""A round that the rehearsal plays and one that Airflow runs on the same data leave the same ledger.

But for ids and moments, and for what only one of them has: each exception stands below with its reason.
"""

import contextlib
import json
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

import psycopg
import pytest
from psycopg import sql
from psycopg.rows import dict_row

from overstap.agreements import Milestones, Round
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.clock import dutch_time, now
from overstap.ledger.rounds.milestones import note_passed
from overstap.simulation.rehearsal.families import ActingMoments
from overstap.simulation.rehearsal.moving_clock import MovingClock
from overstap.simulation.rehearsal.play import RoundRehearsal
from overstap.simulation.synthetic.agreement import write_agreement
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.reviews import SyntheticDecision, reviews_of
from overstap.simulation.synthetic.school import PrimarySchool
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import Players
from .conftest import Schools
from .deployment import RegionDeployment, build, copy_ledger

_NOT_COMPARED = {
    "region": "the same before either began",
    "school": "the same before either began",
    "state": "part of the schema",
    "transition": "part of the schema",
    "review_ground": "part of the schema",
    "review_salt": "part of the schema",
    "round_agreement": "the agreement, which differs in its moments",
    "notice": "Airflow's gates mail their questions; a rehearsal's coordinator is there",
    "task_failure": "tells of Airflow's tasks",
    "dossier_event": "one by one in `dossier`; how often a state was entered depends on when schools supply",
}
_VARIES = {"agreement", "agreement_digest", "digest", "html", "csv", "answer_key"}
"""Columns with text that holds moments or ids."""
_TYPED = {"gate_decision": "reason"}
"""Columns with what a coordinator typed."""
_LATER = "receipts_due"
"""The moment that passes before a rehearsed round closes; Airflow's run closes when all is confirmed, before it."""
_SAME_BYTES = {"pupil", "las_key", "content_digest"}
"""Columns of bytes that follow from the data; all others hold ciphertext, signatures or hashes of ids."""


class AtOnce(ActingMoments):
    """Every school supplies shortly before the deadline, and answers with its whole list a day after release."""

    def supplies(self, region: SyntheticRegion, agreed: Round) -> dict[str, tuple[datetime, bool]]:
        return {school.id: (agreed.milestones.data_due - timedelta(hours=2), False) for school in region.primary}

    def answers(
        self, region: SyntheticRegion, school: PrimarySchool, opens: datetime, closes: datetime
    ) -> dict[datetime, list[SyntheticDecision]]:
        return {opens + timedelta(days=1): list(reviews_of(region, school, region.today))}


@pytest.fixture(scope="module")
def ledgers(
    server: EmbeddedPostgres, players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RegionDeployment, RegionDeployment]]:
    """The deployment whose round Airflow ran, and the one whose round was rehearsed."""
    kinds = {"late": 0, "faulty": 1, "littered": 0, "database": 0}
    region = make_region(19, 30, 3, 2, today=dutch_time(now()).date(), name="alfa", **kinds)
    folder = tmp_path_factory.mktemp("same")
    deployment = build(folder / "airflow", server, region, review=timedelta(minutes=20), las=False)
    rehearsed = replace(deployment, folder=folder / "rehearsed", database=copy_ledger(deployment), endpoints={})
    try:
        _rehearse(deployment, rehearsed)
        _run_by_airflow(deployment, players)
        yield deployment, rehearsed
    finally:
        deployment.close()
        rehearsed.close()


class PatientSchools(Schools):
    """Schools that record what parents decided after these were invited, as in life: not in the same second."""

    def record(self, school: PrimarySchool) -> None:
        query = (
            "select count(*) from overstap.dossier d where d.state = 'in_review' and not exists "
            "(select from overstap.entitled e where e.dossier = d.dossier)"
        )
        while self.deployment.rows(query) != [(0,)] and not self.over.is_set():
            time.sleep(0.2)
        super().record(school)


def _run_by_airflow(deployment: RegionDeployment, players: Players) -> None:
    deployment.receive_all()
    airflow, schools = players.open(deployment), PatientSchools(deployment)
    schools.start()
    try:
        assert airflow.play().state == "success"
        with deployment.step() as context, context.unit("watch") as unit:
            note_passed(unit, deployment.round_id)  # the deliveries' DAG does so every few minutes
    finally:
        schools.over.set()
        airflow.close()


def _rehearse(deployment: RegionDeployment, rehearsed: RegionDeployment) -> None:
    sandbox = rehearsed.sandbox
    for part in ("keys", "trust"):
        shutil.copytree(deployment.folder / part, sandbox.folder / part)
    begin = dutch_time(now()).replace(microsecond=0) + timedelta(days=1)
    moments = Milestones(**{name: begin + timedelta(days=7 * at) for at, name in enumerate(Milestones.model_fields)})
    rounds = {deployment.kind: deployment.round.model_copy(update={"milestones": moments})}
    agreement = deployment.agreement.model_copy(update={"rounds": rounds})
    write_agreement(agreement, sandbox.regions)
    days = AtOnce(agreement, national_year(agreement.school_year), Random(1), RehearsalAssumptions())
    with contextlib.closing(sandbox.ledger()) as ledger:
        clock = MovingClock(sandbox, begin - timedelta(hours=1))
        playing = RoundRehearsal(sandbox, ledger, clock, deployment.region, days, deployment.kind)
        while playing.next_at() is not None:
            playing.step()


def _rows(deployment: RegionDeployment, table: str) -> Counter[str]:
    """Return the rows of a table as far as they do not hold ids and moments."""
    with psycopg.connect(deployment.owner_dsn, row_factory=dict_row) as connection:
        found = connection.execute(sql.SQL("select * from {}").format(sql.Identifier("overstap", table))).fetchall()
    return Counter(
        json.dumps(_plain(row, _TYPED.get(table)), sort_keys=True, default=str)
        for row in found
        if row.get("milestone") != _LATER
    )


def _plain(row: dict[str, Any], typed: str | None) -> dict[str, Any]:
    kept = {}
    for name, value in row.items():
        if name in _VARIES or name == typed or type(value).__name__ in ("UUID", "datetime", "date", "timedelta"):
            continue
        if isinstance(value, bytes):
            if name in _SAME_BYTES:
                kept[name] = value.hex()
            continue
        kept[name] = value
    return kept


def _tables(deployment: RegionDeployment) -> list[str]:
    query = "select tablename from pg_tables where schemaname = 'overstap' order by 1"
    return [name for (name,) in deployment.rows(query)]


def test_every_table_says_the_same(ledgers: tuple[RegionDeployment, RegionDeployment]) -> None:
    by_airflow, rehearsed = ledgers
    different = {}
    for table in _tables(by_airflow):
        if table in _NOT_COMPARED or table in ("audit_line", "audit_checkpoint", "mail"):
            continue
        one, other = _rows(by_airflow, table), _rows(rehearsed, table)
        if one != other:
            different[table] = {"airflow alone": one - other, "rehearsal alone": other - one}
    assert different == {}


def test_the_evidence_announces_the_same(ledgers: tuple[RegionDeployment, RegionDeployment]) -> None:
    query = (
        "select j ->> 'action', j ->> 'actor', count(*) "
        "from (select payload::jsonb as j from overstap.audit_line) t group by 1, 2"
    )
    later = f"milestone.{_LATER}"
    one, other = (
        Counter({(action, actor): count for action, actor, count in deployment.rows(query) if action != later})
        for deployment in ledgers
    )
    assert {"airflow alone": one - other, "rehearsal alone": other - one} == {
        "airflow alone": Counter(),
        "rehearsal alone": Counter(),
    }


def test_something_happened(ledgers: tuple[RegionDeployment, RegionDeployment]) -> None:
    for deployment in ledgers:
        assert deployment.states()["confirmed"] > 20
        assert deployment.states()["rejected"] > 0
        assert deployment.count("delivery") > 20
        assert deployment.rows("select closed_at is not null from overstap.round") == [(True,)]
