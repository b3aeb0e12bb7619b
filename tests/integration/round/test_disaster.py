"""A round in which nobody inspects and a school is missing: it asks before delivery and before closing, and stays open.

Issue 15: such a round was green throughout and closed by itself with nothing delivered. Two of its runs are answered on
the board, and two in Airflow.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from overstap.clock import dutch_time, now
from overstap.simulation.synthetic.region import make_region
from overstap_tools.local.postgres import EmbeddedPostgres

from .airflow_home import Played, Players
from .deployment import RegionDeployment, build


@dataclass
class Act:
    """What was so after one run."""

    played: Played
    is_closed: bool
    held: dict[str, set[str]] = field(default_factory=dict)
    """Reasons of open holds, by gate."""


@dataclass
class Disaster:
    """The round as it was played, run after run."""

    deployment: RegionDeployment
    not_yet: Act
    """The coordinator said about delivery: not yet."""
    past_window_and_end: Act
    """The coordinator let delivery go on; the last gate was marked a success."""
    not_accepted: Act
    accepted: Act


@pytest.fixture(scope="module")
def disaster(
    server: EmbeddedPostgres, players: Players, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Disaster]:
    sizes = {"late": 1, "faulty": 0, "littered": 0, "database": 0}
    region = make_region(5, 12, 3, 1, today=dutch_time(now()).date(), name="alfa", **sizes)
    deployment = build(tmp_path_factory.mktemp("disaster"), server, region, review=timedelta(seconds=5), las=False)
    deployment.receive_all()
    airflow = players.open(deployment)

    def act(**told: object) -> Act:
        played = airflow.play(**told)  # type: ignore[arg-type]
        [(closed,)] = deployment.rows("select closed_at is not null from overstap.round")
        held: dict[str, set[str]] = {}
        query = "select gate, reason from overstap.gate_hold where settled_by is null and withdrawn_at is null"
        for gate, reason in deployment.rows(query):
            held.setdefault(gate, set()).add(reason)
        return Act(played, closed, held)

    try:
        yield Disaster(
            deployment,
            not_yet=act(answer={"release_for_delivery": "Nog niet"}, on_board=True),
            past_window_and_end=act(mark_success="accept_undeliverable"),
            not_accepted=act(answer={"accept_undeliverable": "Nog niet"}),
            accepted=act(on_board=True),
        )
    finally:
        airflow.close()
        deployment.close()


def test_before_delivery_the_coordinator_is_asked(disaster: Disaster) -> None:
    first = disaster.not_yet
    assert first.played.tasks["release_for_delivery[0]"] == "failed"
    assert first.held == {"release_for_delivery": {"school_missing", "many_not_inspected", "nothing_to_deliver"}}
    assert not first.is_closed


def test_what_was_answered_on_the_board_is_carried_out_by_airflows_tasks(disaster: Disaster) -> None:
    by = disaster.deployment.coordinator
    first, last = disaster.not_yet.played, disaster.accepted.played
    assert first.tasks["release[0]"] == "success"
    for played, choice in ((first, "approve"), (first, "reject"), (last, "approve")):
        assert f"Beantwoord op het bord door {by} ({choice})" in played.log
    assert "GATE-007" in first.log
    # Each asking has one decision with its line, wherever it was answered
    decided = disaster.deployment.rows(
        "select gate, approved, reason, answer_key like 'asked %' from overstap.gate_decision order by decided_at"
    )
    assert decided == [
        ("release_for_review", True, "Afgesproken", True),
        ("release_for_delivery", False, "Afgesproken", True),
        ("release_for_delivery", True, "Afgesproken", True),
        ("accept_undeliverable", False, "Afgesproken", True),
        ("accept_undeliverable", True, "Afgesproken", True),
    ]
    lines = disaster.deployment.rows(
        "select payload::jsonb ->> 'actor' from overstap.audit_line where payload::jsonb ->> 'action' like 'gate.%' "
        "and payload::jsonb ->> 'action' not like 'gate.hold%'"
    )
    assert lines == [(by,)] * len(decided)


def test_the_last_gate_marked_a_success_closes_nothing(disaster: Disaster) -> None:
    past = disaster.past_window_and_end
    assert past.played.tasks["accept_undeliverable[0]"] == "success"
    assert past.played.tasks["close"] == "failed"
    assert "GATE-009" in past.played.log
    assert past.held == {"accept_undeliverable": {"school_missing", "nothing_arrived"}}
    assert not past.is_closed


def test_a_round_stays_open_until_the_coordinator_accepts(disaster: Disaster) -> None:
    assert disaster.not_accepted.played.tasks["close"] == "upstream_failed"
    assert not disaster.not_accepted.is_closed
    assert disaster.accepted.played.tasks["close"] == "success"
    assert disaster.accepted.is_closed
    assert disaster.accepted.held == {}
    decided = disaster.deployment.rows(
        "select approved, decided_by from overstap.gate_decision where gate like 'accept%'"
    )
    assert sorted(decided) == [(False, disaster.deployment.coordinator), (True, disaster.deployment.coordinator)]
