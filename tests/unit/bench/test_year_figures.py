"""Tests of the figures of a played year, from work of which every second is known."""

from datetime import UTC, date, datetime, timedelta
from typing import cast

import pytest

from overstap.agreements import RoundKind
from overstap.errors import OverstapError
from overstap.simulation.rehearsal.play import RehearsalEvent, RehearsalWork, RoundRehearsal
from overstap_tools.bench import year_figures, year_player
from overstap_tools.bench.year_player import Played, Spent

BEGIN = datetime(2027, 3, 25, 7, tzinfo=UTC)
"""Eight o'clock in the Netherlands."""


def played(
    region: str, days: int, seconds: dict[RehearsalWork, float], kind: RoundKind = RoundKind.ADVICE, **counts: int
) -> Played:
    spent = {work: Spent(each / 2, each / 4, each / 4, 7.0) for work, each in seconds.items()}
    return Played(
        BEGIN + timedelta(days=days), region, kind, spent, {k.replace("_", " "): n for k, n in counts.items()}
    )


def closed(region: str, days: int, seconds: float, confirmed: int, kind: RoundKind = RoundKind.ADVICE) -> list[Played]:
    """Return a round that delivers on a day and closes a day later."""
    delivering = {"delivered": 1, "delivered_dossiers": confirmed, "delivered_confirmed": 2 * confirmed}
    return [
        played(region, days, {RehearsalWork.DELIVER: seconds}, kind, **delivering),
        played(region, days + 1, {RehearsalWork.CLOSE: seconds}, kind, closed_confirmed=confirmed),
    ]


def test_the_last_tenth_is_compared_with_the_first_one_of_the_same_kind() -> None:
    year = [
        *closed("last", 30, 3.0, 100),
        *(one for number in range(8) for one in closed(f"between_{number}", 10 + number, 9.0, 100)),
        *closed("first", 1, 2.0, 100),
        *closed("first", 50, 8.0, 50, RoundKind.PLACEMENT),
        *closed("last", 60, 8.0, 50, RoundKind.PLACEMENT),
        *closed("alone", 60, 8.0, 50, RoundKind.PRE_REGISTRATION),
    ]
    advice, placement = year_figures.growth(year)
    assert (advice.kind, advice.rounds, advice.dossiers) == (RoundKind.ADVICE, (1, 1), 1_000)
    assert (advice.first_ms, advice.last_ms, advice.ratio) == (40.0, 60.0, 1.5)
    assert placement.ratio == 1.0
    # Weighed by dossiers: (1000 * 60 + 100 * 320) / (1000 * 40 + 100 * 320)
    assert year_figures.ratio([advice, placement]) == pytest.approx(92 / 72)
    assert year_figures.ratio([]) is None


def test_a_tenth_takes_as_many_rounds_as_it_needs() -> None:
    year = [one for number in range(40) for one in closed(f"region_{number:02}", number, 1.0 + number, 10)]
    [grown] = year_figures.growth(year)
    assert grown.rounds == (4, 4)
    assert grown.first_ms == 1000 * 2 * (1 + 2 + 3 + 4) / 40
    assert grown.last_ms == 1000 * 2 * (37 + 38 + 39 + 40) / 40


def test_a_round_without_a_confirmed_dossier_has_no_cost_for_each() -> None:
    [grown] = year_figures.growth([*closed("a", 1, 1.0, 10), *closed("b", 0, 9.0, 0), *closed("c", 2, 2.0, 10)])
    assert grown.ratio == 2.0


def test_what_schools_do_is_counted_nowhere() -> None:
    work = {RehearsalWork.HAND_IN: 100.0, RehearsalWork.VERIFY: 50.0, RehearsalWork.COLLECT: 4.0}
    year = [played("a", 0, work, collected_new=8), *closed("a", 1, 2.0, 4)]
    assert year_figures.cost(year) == 8.0
    costs = {one.what: one for one in year_figures.work_costs(year)}
    assert set(costs) == {"collect", "deliver", "close"}
    assert (costs["collect"].overstap, costs["collect"].postgres, costs["collect"].endpoints) == (2.0, 1.0, 1.0)
    assert costs["collect"].ms_per_dossier == 1000.0
    assert (costs["deliver"].peak_day, costs["deliver"].peak_seconds) == (date(2027, 3, 26), 2.0)
    assert next(iter(costs)) == "collect", "the dearest first"


def test_the_busiest_day_tells_its_busiest_hour() -> None:
    early, late = {RehearsalWork.SEAL: 1_800.0}, {RehearsalWork.ANSWER: 600.0}
    noon = played("a", 0, late, answered_families=30)
    year = [
        played("a", 0, early),
        Played(noon.at + timedelta(hours=4), "b", RoundKind.ADVICE, noon.spent, noon.counts),
        played("b", 3, {RehearsalWork.COLLECT: 10.0}, collected_new=5, delivered_confirmed=7),
    ]
    busiest, other = year_figures.days(year)
    assert (busiest.day, busiest.seconds, busiest.hour, busiest.hour_seconds) == (
        date(2027, 3, 25),
        2_400.0,
        8,
        1_800.0,
    )
    assert (busiest.answered, busiest.hour_share) == (30, 0.25)
    assert (other.day, other.collected, other.receipts) == (date(2027, 3, 28), 5, 7)


def test_all_regions_deliver_on_the_same_afternoon() -> None:
    year = [
        *closed("a", 1, 2.0, 10),
        *closed("b", 9, 3.0, 20),
        *closed("a", 40, 4.0, 10, RoundKind.PLACEMENT),
        played("a", 0, {RehearsalWork.COLLECT: 99.0}),
    ]
    found = year_figures.same_afternoon(year)
    assert found is not None
    assert (found.kind, found.dossiers, found.seconds) == (RoundKind.ADVICE, 30, 5.0)
    assert found.hour_share == 5.0 / 7_200
    assert year_figures.same_afternoon([played("a", 0, {})]) is None


class Red:
    """A round whose step fails as a task does that is red."""

    def step(self) -> list[RehearsalEvent]:
        raise OverstapError("GATE-012")


class Green:
    """A round with two events of the same kind."""

    def step(self) -> list[RehearsalEvent]:
        facts: dict[str, str | int] = {"new": 3, "school": "99AA00"}
        return [RehearsalEvent(BEGIN, RoundKind.ADVICE, "collected", facts)] * 2


def test_a_step_that_fails_is_counted_and_the_others_go_on() -> None:
    found = played("a", 0, {})
    for one in (Red(), Green(), Red()):
        year_player._step(cast(RoundRehearsal, one), found)
    assert found.faults == ["GATE-012", "GATE-012"]
    assert found.counts == {"collected": 2, "collected new": 6}
