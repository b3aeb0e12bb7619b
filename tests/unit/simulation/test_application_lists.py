"""Synthetic applications with their life, and two regions that share pupils."""

import csv
from collections import Counter
from datetime import date
from pathlib import Path

import pytest

from overstap.agreements.model import RegistrationStage
from overstap.intake import applications
from overstap.simulation.synthetic.applications import HEADER, ListMoment, applications_of, write_list
from overstap.simulation.synthetic.neighbour import make_neighbour
from overstap.simulation.synthetic.region import SyntheticRegion, make_region


@pytest.fixture(scope="module")
def region() -> SyntheticRegion:
    return make_region(3, 240, 6, 4, today=date(2027, 3, 1), late=0, faulty=0, littered=0, database=0, placed_twice=3)


def states(region: SyntheticRegion, moment: ListMoment) -> Counter[str]:
    return Counter(one.status for one in applications_of(region, moment))


def test_each_list_of_a_year_is_read_whole_and_has_every_state_of_its_moment(
    region: SyntheticRegion, tmp_path: Path
) -> None:
    for moment in ListMoment:
        path = tmp_path / f"{moment}.csv"
        counts = write_list(region, path, moment)
        found, refused = applications.read_file(path)
        assert refused == []
        assert len(found) == counts.total() == states(region, moment).total()
        with path.open(encoding="utf-8") as file:
            assert tuple(next(csv.reader(file, delimiter=";"))) == HEADER
    assert set(states(region, ListMoment.APPLIED)) == {"compleet", "ondersteuning in onderzoek"}
    assert set(states(region, ListMoment.PLACED)) >= {
        *("geplaatst", "ingeloot", "uitgeloot", "ingetrokken", "geweigerd", "toelaatbaar"),
        *("compleet", "ondersteuning in onderzoek"),
    }


def test_pupils_have_several_applications_with_an_order_of_preference(region: SyntheticRegion) -> None:
    by_pupil: dict[str, list[int]] = {}
    schools: dict[str, set[str]] = {}
    for one in applications_of(region, ListMoment.APPLIED):
        by_pupil.setdefault(one.pupil.number, []).append(one.preference)
        schools.setdefault(one.pupil.number, set()).add(one.school_id)
    assert all(found == list(range(1, len(found) + 1)) for found in by_pupil.values())
    assert all(len(schools[number]) == len(found) for number, found in by_pupil.items())
    counted = Counter(map(len, by_pupil.values()))
    assert counted[2] > 50
    assert counted[3] > 10


def test_a_later_list_never_states_an_earlier_moment_and_drops_no_row(region: SyntheticRegion) -> None:
    earlier: dict[tuple[str, str], object] = {}
    for moment in ListMoment:
        found = {(one.pupil.number, one.school_id): one for one in applications_of(region, moment)}
        if earlier:
            assert found.keys() == earlier.keys()
            for key, one in found.items():
                before = earlier[key]
                assert one.recorded_at >= before.recorded_at  # type: ignore[attr-defined]
                if (one.status, one.stage) != (before.status, before.stage):  # type: ignore[attr-defined]
                    assert one.recorded_at > before.recorded_at  # type: ignore[attr-defined]
        earlier = dict(found)


def test_some_are_placed_twice_drawn_late_and_withdrawn_afterwards(region: SyntheticRegion) -> None:
    placed = Counter(
        one.pupil.number for one in applications_of(region, ListMoment.PLACED) if one.stage is RegistrationStage.PLACED
    )
    assert sum(count == 2 for count in placed.values()) >= 3
    assert max(placed.values()) == 2
    after = states(region, ListMoment.WITHDRAWN)
    before = states(region, ListMoment.PLACED)
    assert 0 < after["ingetrokken"] - before["ingetrokken"] <= 240 // 10, "a list that is not too large to be believed"


def test_a_neighbour_shares_as_many_pupils_as_was_asked_and_no_school(region: SyntheticRegion) -> None:
    other = make_neighbour(region, "buren", pupils=60, doubles=9)
    here = {pupil.number for pupil in region.pupils()}
    there = {pupil.number for pupil in other.pupils()}
    assert (len(there), len(here & there)) == (60, 9)
    assert not {one.id for one in region.primary} & {one.id for one in other.primary}
    assert not {one.id for one in region.secondary} & {one.id for one in other.secondary}
    assert make_neighbour(region, "buren", pupils=60, doubles=9) == other
    with pytest.raises(ValueError, match="61 pupils of both"):
        make_neighbour(region, "buren", pupils=60, doubles=61)
