"""Tests of the recorded end of a school's collection, also without files, but not when the source failed."""

from pathlib import Path

import pytest
from test_walk import PO, REGION, ROUND, agreement

from overstap.agreements import RoundId, RoundKind
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rounds import collection_times, rounds
from overstap.rounds import collection
from overstap.rounds.context import Context, RoundContext
from overstap.settings import Settings


@pytest.fixture
def context(ledger: Ledger, tmp_path: Path) -> RoundContext:
    with ledger.unit(REGION, "open_round") as unit:
        assert rounds.open_round(unit, agreement(), RoundKind.ADVICE)
    (tmp_path / "drop" / REGION / PO).mkdir(parents=True)
    settings = Settings(regions=tmp_path, drop=tmp_path / "drop")
    return Context(settings, ledger).of_round(RoundId(ROUND), agreement())


def ended(context: RoundContext) -> set[str]:
    with context.unit("test") as unit:
        return set(collection_times.last_ended(unit, ROUND))


def test_an_empty_folder_was_looked_at(context: RoundContext) -> None:
    assert ended(context) == set()
    for _ in range(2):
        with pytest.raises(OverstapError, match="INTAKE-050"):
            collection.collect(context, PO)
        assert ended(context) == {PO}


def test_a_database_that_does_not_answer_says_nothing_of_the_school(context: RoundContext) -> None:
    stated = agreement().model_dump(mode="json")
    stated["schools"][0]["supplies"] = {"way": "las_database", "connection": "las"}
    changed = type(context.agreement).model_validate(stated)
    with pytest.raises(OverstapError, match="INTAKE-060"):
        collection.collect(Context(context.settings, context.ledger).of_round(context.round_id, changed), PO)
    assert ended(context) == set()
