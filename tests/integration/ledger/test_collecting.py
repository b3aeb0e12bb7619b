"""Which rounds a collection is about: open, and not yet due; and which files of a school are a round's."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from test_walk import REGION, agreement

from overstap.agreements import Agreement, RoundKind
from overstap.clock import now
from overstap.intake.collect import collect_school
from overstap.intake.sources.drop_folder import from_drop_folder
from overstap.ledger import Ledger
from overstap.ledger.rounds import rounds
from overstap.simulation.synthetic.agreement import agreement_of, past_milestones
from overstap.simulation.synthetic.region import make_region
from overstap.simulation.synthetic.support import write_support
from overstap.simulation.synthetic.writing import write_school


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


def test_each_round_takes_the_files_of_its_own_profile_from_a_schools_one_folder(
    ledger: Ledger, tmp_path: Path
) -> None:
    made_up = make_region(3, 4, 1, 1, today=date(2026, 11, 23), name="alfa", late=0, faulty=0, littered=0, database=0)
    school = made_up.primary[0]
    write_school(made_up, school, tmp_path)
    for_partnership = write_support(made_up, school, tmp_path)
    kinds = (RoundKind.ADVICE, RoundKind.SUPPORT)
    agreement = agreement_of(made_up, {kind: past_milestones(now()) for kind in kinds})
    for kind, expected in ((RoundKind.ADVICE, made_up.size), (RoundKind.SUPPORT, for_partnership)):
        with ledger.unit("alfa", "test") as unit:
            rounds.open_round(unit, agreement, kind)
        collected = collect_school(
            ledger,
            agreement=agreement,
            agreed=agreement.round(kind),
            round_id=agreement.round_id(kind),
            school=agreement.school(school.id),
            source="drop_folder",
            candidates=from_drop_folder(tmp_path / "drop" / "alfa" / school.id, now=now(), label_key=b"k" * 32),
            actor="test",
        )
        assert (collected.stored.new, collected.refused) == (expected, {})
