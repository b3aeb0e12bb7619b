"""Tests of a rehearsed school year under a simulated clock, with the real ledger and steps."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from overstap.agreements import Agreement, RoundKind, load_agreement
from overstap.agreements.due_reminders import reminders
from overstap.agreements.national import national_year
from overstap.agreements.rehearsal import RehearsalAssumptions
from overstap.simulation.rehearsal.play import RehearsalEvent
from overstap.simulation.rehearsal.year import rehearse_year
from overstap_tools.local.temporary import temporary_server
from overstap_tools.project import PROJECT

PUPILS = 12


@pytest.fixture(scope="module")
def year() -> list[RehearsalEvent]:
    """Rounds of which a part of the schools is late."""
    assumptions = RehearsalAssumptions(late=0.5, silent=0.1)
    played = agreement()
    with temporary_server() as server:
        who = {"seed": 4, "pupils": PUPILS, "schools": 2, "assumptions": assumptions}
        seen = list(rehearse_year(played, national_year("2026-2027"), server=server, **who))
    assert {one.round for one in seen} == set(played.rounds)
    return seen


def agreement() -> Agreement:
    """Two rounds of a region, and another's round to its partnership."""
    regions = PROJECT / "include" / "regions"
    utrecht, demo = (load_agreement(regions / name / "2026-2027.yaml") for name in ("utrecht", "demo"))
    kinds = (RoundKind.PRE_REGISTRATION, RoundKind.ADVICE)
    rounds = {kind: utrecht.round(kind) for kind in kinds} | {RoundKind.SUPPORT: demo.round("support")}
    return utrecht.model_copy(update={"rounds": rounds})


def of(year: list[RehearsalEvent], what: str) -> list[RehearsalEvent]:
    return [one for one in year if one.what == what]


def test_every_round_ends_with_a_ledger_that_holds(year: list[RehearsalEvent]) -> None:
    closed = of(year, "closed")
    assert len(closed) == 3
    for one in closed:
        assert one.facts["breaches"] == 0
        assert one.facts["confirmed"] + one.facts["left"] == (
            PUPILS if one.round.is_inspected else to_partnership(year)
        )
        assert one.facts["confirmed"] > 0
    support = [one.what for one in year if one.round is RoundKind.SUPPORT]
    assert "released_to_partnership" in support
    assert not {"released", "answered", "review_ended", "red"} & set(support)


def to_partnership(year: list[RehearsalEvent]) -> int:
    [opened] = [one for one in of(year, "opened") if one.round is RoundKind.SUPPORT]
    return int(opened.facts["pupils"])


def test_each_thing_happens_at_its_agreed_moment_and_once(year: list[RehearsalEvent]) -> None:
    assert [one.at for one in year] == sorted(one.at for one in year)
    for kind in {one.round for one in year}:
        stones = agreement().round(kind).milestones
        mine = [one for one in year if one.round is kind]
        assert [one.at for one in of(mine, "opened")] == [stones.opens]
        assert {str(one.facts["milestone"]): one.at.astimezone(UTC) for one in of(mine, "passed")} == {
            name: getattr(stones, name).astimezone(UTC) for name in kind.milestones if name != "opens"
        }
        assert Counter(str(one.facts["milestone"]) for one in of(mine, "passed")).most_common(1)[0][1] == 1
        assert min(one.at for one in of(mine, "delivered")) >= stones.delivers
        due = [one.at for one in reminders(agreement(), [kind])]
        assert [one.at.astimezone(UTC) for one in of(mine, "reminded")] == due


def test_a_late_school_is_red_and_comes_in_later(year: list[RehearsalEvent]) -> None:
    red, late = of(year, "red"), of(year, "late")
    assert red
    assert {str(one.facts["code"]) for one in red} == {"INTAKE-050"}
    late = [one for one in late if one.round.is_inspected]
    assert {(one.round, one.facts["school"]) for one in red} == {(one.round, one.facts["school"]) for one in late}
    for one in late:
        released = [each for each in of(year, "released") if each.round is one.round and each.at >= one.at]
        assert released, "what came late was released after all, with a window of its own"


def test_the_clock_of_the_year_is_the_ledgers(year: list[RehearsalEvent]) -> None:
    assert all(one.at > datetime(2027, 1, 1, tzinfo=UTC) for one in year)


def test_a_pupil_placed_twice_waits_for_the_coordinator_in_the_placement_round() -> None:
    utrecht = load_agreement(PROJECT / "include" / "regions" / "utrecht" / "2026-2027.yaml")
    played = utrecht.model_copy(update={"rounds": {RoundKind.PLACEMENT: utrecht.round(RoundKind.PLACEMENT)}})
    with temporary_server() as server:
        who = {"seed": 4, "pupils": 12, "schools": 1, "assumptions": RehearsalAssumptions(late=0, silent=0)}
        seen = list(rehearse_year(played, national_year("2026-2027"), server=server, **who))
    [told], [delivered], [closed] = of(seen, "placed_twice"), of(seen, "delivered"), of(seen, "closed")
    [advice] = of(seen, "advice")
    assert advice.facts["higher"] >= 1
    assert advice.facts["without"] == 0, "of each pupil there is a test advice or a reason"
    assert advice.facts["free"] == sum(range(5)) * 2
    assert told.facts["pupils"] in (1, 2)  # one, or twins
    assert told.at == delivered.at
    assert delivered.facts["envelopes"] == delivered.facts["dossiers"]
    assert (closed.facts["breaches"], closed.facts["confirmed"]) == (0, delivered.facts["dossiers"])
