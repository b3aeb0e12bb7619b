"""A round whose questions are all answered on the board, in Airflow's own application and with Airflow's own tasks."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest

from overstap.clock import dutch_time, now
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import Played, open_airflow
from .deployment import RegionDeployment, build


@dataclass
class AnsweredRound:
    """The round as it was played."""

    deployment: RegionDeployment
    not_yet: Played
    """The coordinator said about release: not yet."""
    to_the_end: Played


@pytest.fixture(scope="module")
def answered(server: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AnsweredRound]:
    sizes = {"late": 1, "faulty": 0, "littered": 0, "database": 0}
    region = make_region(5, 12, 3, 1, today=dutch_time(now()).date(), name="alfa", **sizes)
    deployment = build(tmp_path_factory.mktemp("board"), server, region, review=timedelta(seconds=5), las=False)
    deployment.receive_all()
    airflow = open_airflow(deployment)
    try:
        not_yet = airflow.play(answer={"release": "Nog niet"}, on_board=True, reason="Eerst bellen")
        yield AnsweredRound(deployment, not_yet, airflow.play(on_board=True))
    finally:
        airflow.close()
        deployment.close()


def test_not_yet_stops_the_round_with_the_coordinators_name(answered: AnsweredRound) -> None:
    assert answered.not_yet.tasks["release[0]"] == "failed"
    assert "GATE-001" in answered.not_yet.log
    assert f"Beantwoord op het bord door {answered.deployment.coordinator}" in answered.not_yet.log


def test_every_gate_is_passed_by_its_answer_on_the_board(answered: AnsweredRound) -> None:
    tasks = answered.to_the_end.tasks
    for gate in ("release[0]", "release_for_delivery[0]", "accept_undeliverable[0]", "close"):
        assert tasks[gate] == "success", (gate, answered.to_the_end.log[-3000:])


def test_each_asking_has_one_decision_with_its_line(answered: AnsweredRound) -> None:
    decided = answered.deployment.rows(
        "select gate, approved, decided_by, reason, answer_key like 'asked %' from overstap.gate_decision "
        "order by decided_at"
    )
    by = answered.deployment.coordinator
    assert decided == [
        ("release_for_review", False, by, "Eerst bellen", True),
        ("release_for_review", True, by, "Afgesproken", True),
        ("release_for_delivery", True, by, "Afgesproken", True),
        ("accept_undeliverable", True, by, "Afgesproken", True),
    ]
    lines = answered.deployment.rows(
        "select payload::jsonb ->> 'actor' from overstap.audit_line where payload::jsonb ->> 'action' like 'gate.%' "
        "and payload::jsonb ->> 'action' not like 'gate.hold%'"
    )
    assert lines == [(by,)] * len(decided)
