"""Test that the last parent who answers on the pages wakes the wait of the round, and no parent before."""

from collections.abc import Iterator

import psycopg
import pytest
from families import Home, ReviewRound, home, open_review_round
from served import Parent, Served

from overstap.clock import dutch_time, now
from overstap.ledger.review import decisions
from overstap.ledger.review.decisions import ReviewDecision
from overstap.ledger.rounds.wakes import CHANNEL
from overstap.review.inviting import invite
from overstap_tools.local.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def at_home(
    postgres: EmbeddedPostgres, ledger_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Home]:
    with home(postgres, tmp_path_factory.mktemp("wakes"), ledger_template) as found:
        yield found


@pytest.fixture
def served(at_home: Home, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    found = Served(at_home.review_dsn, tmp_path_factory.mktemp("served") / "review.log").start()
    yield found
    found.kill()


def told(connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
    """Return what was told since the last call."""
    connection.execute("select pg_notify(%s, 'end')", [CHANNEL])
    found = [notice.payload for notice in connection.notifies(timeout=0)]
    while "end" not in found:
        found += [notice.payload for notice in connection.notifies(timeout=60, stop_after=1)]
    return found[:-1]


def test_the_last_parent_who_answers_wakes_the_round(at_home: Home, served: Served) -> None:
    review_round: ReviewRound = open_review_round(at_home.ledger, 24)
    invite(at_home.ledger, region="alfa", round_id=review_round.round_id, actor="invite", address="https://x.example")
    family = review_round.take(2)
    others = [one for one in review_round.families() if one.dossier != family.dossier]
    with psycopg.connect(at_home.review_dsn, autocommit=True) as listens:
        listens.execute(f"listen {CHANNEL}")
        with review_round.unit("school") as unit:
            listed = [ReviewDecision(one.pupil_number, dutch_time(now()).date(), "Ja", None) for one in others]
            decisions.record(unit, review_round.round_id, review_round.school, listed, ground="meeting")
        first, second = Parent(served.address), Parent(served.address)
        first.enter(family)
        first.decide("eens")
        first.decide("oneens")
        assert told(listens) == []
        second.enter(family, 1)
        assert told(listens) == []
        second.decide("eens")
        assert told(listens) == [review_round.round_id]
