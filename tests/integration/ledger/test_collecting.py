"""Which rounds the daily collection is about: open, and not yet due."""

from datetime import UTC, datetime, timedelta

import pytest
from test_walk import REGION, agreement

from overstap.agreements import Agreement, RoundKind
from overstap.ledger import Ledger, rounds


def due_in(hours: float) -> Agreement:
    """An agreement whose data are due in some hours, or were due some hours ago."""
    moments = ("opens", "data_due", "review_opens", "review_closes", "delivers", "receipts_due")
    due = datetime.now(UTC) + timedelta(hours=hours)
    content = agreement().model_dump(mode="json")
    content["rounds"]["advice"]["milestones"] = {
        name: (due + timedelta(hours=place - 1)).isoformat() for place, name in enumerate(moments)
    }
    return Agreement.model_validate(content)


@pytest.mark.parametrize(("hours", "is_collecting"), [(1, True), (-1, False)])
def test_a_round_is_collected_daily_until_its_data_are_due(ledger: Ledger, hours: float, is_collecting: bool) -> None:
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, due_in(hours), RoundKind.ADVICE)
        assert bool(rounds.collecting(unit, "2026-2027")) is is_collecting
        assert rounds.collecting(unit, "2025-2026") == []


def test_a_closed_round_is_not_collected(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        rounds.open_round(unit, due_in(1), RoundKind.ADVICE)
        rounds.close_round(unit, due_in(1).round_id("advice"))
        assert rounds.collecting(unit, "2026-2027") == []


def test_a_round_that_was_not_opened_is_not_collected(ledger: Ledger) -> None:
    with ledger.unit(REGION, "test") as unit:
        assert rounds.collecting(unit, "2026-2027") == []
