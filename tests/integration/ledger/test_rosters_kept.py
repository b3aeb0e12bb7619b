"""Rosters in the ledger: who is added, taken off, asked about; what of them is matched, erased and kept from others."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from owned import by_owner
from test_walk import PO, REGION, ROUND, VO, agreement

from overstap.agreements.model import RoundKind
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.dossiers import dossiers
from overstap.ledger.invariants import check
from overstap.ledger.region_keys import sha256
from overstap.ledger.rosters import matching, taking
from overstap.ledger.rosters.entries import RosterEntry, RosterPerson, all_entries, open_entries
from overstap.ledger.rosters.matching import RosterList
from overstap.ledger.rosters.taking import Leaver, SuppliedRoster, Taken
from overstap.ledger.rounds import counts, milestones, registrations
from overstap.ledger.rounds.registrations import Registration
from overstap.ledger.rounds.rounds import open_round
from overstap.simulation.synthetic.numbers import bsn

YEAR = "2026-2027"
NOW = datetime(2027, 1, 10, 9, tzinfo=UTC)
NUMBERS = [bsn(position) for position in range(1, 13)]


def person(number: str = "", **facts: Any) -> RosterPerson:
    known = {
        "las_key": "",
        "surname": f"Vis {number}",
        "prefix": "van",
        "first_name": "Noor",
        "birth_date": date(2015, 3, 30),
    }
    return RosterPerson(**{**known, "number": number, "sex": "girl", "group": "8A", **facts})


def roster(
    *people: RosterPerson | Leaver, at: datetime = NOW, is_whole: bool = True, content: str = ""
) -> SuppliedRoster:
    leavers = [one if isinstance(one, Leaver) else Leaver(one, "group_8") for one in people]
    said = content or f"{at} {[(one.person.number, one.person.surname) for one in leavers]}"
    return SuppliedRoster("page", "EDEXML 2.1", said, at, leavers, is_whole)


def take(ledger: Ledger, supplied: SuppliedRoster, *, counts_now: bool = False) -> Taken:
    with ledger.unit(REGION, "99AB00 Juf Ans") as unit:
        return taking.take(unit, YEAR, PO, supplied, counts_now=counts_now)


def on(ledger: Ledger) -> set[str]:
    with ledger.unit(REGION, "test") as unit:
        return {one.person.number for one in open_entries(unit, YEAR, PO)}


def entries(ledger: Ledger) -> dict[str, RosterEntry]:
    with ledger.unit(REGION, "test") as unit:
        return {one.person.number: one for one in all_entries(unit, YEAR, PO)}


def later(days: int) -> datetime:
    return NOW + timedelta(days=days)


def whole(numbers: list[str], days: int, **facts: Any) -> SuppliedRoster:
    return roster(*map(person, numbers), at=later(days), **facts)


@pytest.fixture
def opened(ledger: Ledger) -> Ledger:
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement(), RoundKind.ADVICE)
    return ledger


@pytest.fixture
def filled(opened: Ledger) -> Ledger:
    assert take(opened, whole(NUMBERS, 0)).counts["added"] == 12
    return opened


def test_what_a_pupil_is_comes_back_as_it_was_stated(opened: Ledger) -> None:
    noor = person(NUMBERS[0], las_key="AA7", surname="Şahin", birth_date=None)
    take(opened, roster(Leaver(noor, "announced")))
    with opened.unit(REGION, "test") as unit:
        [found] = open_entries(unit, YEAR, PO)
    assert (found.person, found.kind) == (noor, "announced")
    assert found.person.name == "Noor van Şahin"
    assert "Noor" not in repr(found)


def test_a_newer_roster_adds_and_takes_off_a_few(filled: Ledger) -> None:
    done = take(filled, whole([*NUMBERS[1:], bsn(20)], 1))
    assert (done.outcome, done.counts["added"], done.counts["gone"]) == ("taken", 1, 1)
    assert on(filled) == {*NUMBERS[1:], bsn(20)}
    assert entries(filled)[NUMBERS[0]].off_why == "not_stated"
    # And who is stated again, is on it again
    assert take(filled, whole([*NUMBERS, bsn(20)], 2)).counts["returned"] == 1
    assert NUMBERS[0] in on(filled)
    with filled.unit(REGION, "test") as unit:
        assert not check(unit)


def test_an_older_roster_and_the_same_again_change_nothing(filled: Ledger) -> None:
    assert take(filled, whole([*NUMBERS, bsn(20)], -1)).outcome == "older"
    assert take(filled, whole(NUMBERS, 0)).outcome == "same"
    newer = whole(NUMBERS[:-1], 3)
    assert take(filled, newer).outcome == "taken"
    # The same file as the first one, supplied again as if it were new
    assert take(filled, whole(NUMBERS, 4, content=f"{NOW} {[(n, f'Vis {n}') for n in NUMBERS]}")).outcome == "older"
    assert on(filled) == set(NUMBERS[:-1])
    # Unless somebody says that this one counts
    assert take(filled, whole(NUMBERS, 0), counts_now=True).outcome == "taken"
    assert on(filled) == set(NUMBERS)


@pytest.mark.parametrize("left", [1, 6, 7])
def test_a_roster_that_shrinks_strongly_asks_and_removes_nobody(filled: Ledger, left: int) -> None:
    done = take(filled, whole(NUMBERS[:left], 1))
    assert (done.counts["gone"], done.counts["missing"]) == (0, 12 - left)
    assert on(filled) == set(NUMBERS)
    with filled.unit(REGION, "test") as unit:
        assert matching.statuses(unit, YEAR)[PO].missing == 12 - left
        assert taking.settle_missing(unit, YEAR, PO, have_left=left == 6) == 12 - left
        assert taking.settle_missing(unit, YEAR, PO, have_left=True) == 0
    assert on(filled) == set(NUMBERS[:left] if left == 6 else NUMBERS)
    with filled.unit(REGION, "test") as unit:
        assert not check(unit)


def test_who_cannot_be_read_is_never_gone(filled: Ledger) -> None:
    done = take(filled, whole(NUMBERS[:-1], 1, is_whole=False))
    assert (done.counts["gone"], done.counts["kept"]) == (0, 1)
    # A number that lost a digit: perhaps the pupil who seems to be missing
    doubtful = Leaver(person("", surname="Vis", birth_date=None), "group_8", is_doubtful=True)
    done = take(filled, roster(*map(person, NUMBERS[:-1]), doubtful, at=later(2)))
    assert (done.counts["gone"], done.counts["kept"]) == (0, 1)
    assert set(NUMBERS) <= on(filled)


def test_a_pupil_is_known_by_number_key_or_name(opened: Ledger) -> None:
    def one(number: str, days: int, **facts: Any) -> dict[str, int]:
        return dict(take(opened, roster(person(number, surname="Vis", **facts), at=later(days))).counts)

    one("", 0)
    assert one(NUMBERS[0], 1)["added"] == 0  # the number came later: by name and birth date
    assert one(NUMBERS[0], 2, las_key="AA1")["added"] == 0
    assert one(NUMBERS[1], 3, las_key="AA1")["added"] == 0  # a number that was mended
    assert on(opened) == {NUMBERS[1]}


def test_namesakes_of_one_day_are_two_pupils(opened: Ledger) -> None:
    take(opened, roster(*(person(number, surname="Vis") for number in NUMBERS[:2])))
    assert on(opened) == set(NUMBERS[:2])
    take(opened, roster(*(person(number, surname="Vis") for number in reversed(NUMBERS[:2])), at=later(1)))
    assert on(opened) == set(NUMBERS[:2])


def test_who_was_taken_off_by_a_person_comes_back_by_a_person_alone(filled: Ledger) -> None:
    gone = entries(filled)[NUMBERS[0]].entry
    with filled.unit(REGION, "99AB00 Juf Ans") as unit:
        with pytest.raises(OverstapError, match="INTAKE-096"):
            taking.take_off(unit, PO, gone, "not_stated")
        assert taking.take_off(unit, PO, gone, "moved")
        assert not taking.take_off(unit, PO, gone, "moved")
        assert not taking.put_back(unit, PO, gone, is_on=False)  # nothing was asked
    done = take(filled, whole(NUMBERS, 1))
    assert done.counts["asked_back"] == 1
    found = entries(filled)[NUMBERS[0]]
    assert (found.off_why, found.is_asked, NUMBERS[0] in on(filled)) == ("moved", True, False)
    with filled.unit(REGION, "99AB00 Juf Ans") as unit:
        assert taking.put_back(unit, PO, gone, is_on=False)
    # Answered: not asked again for as long as rosters go on stating this pupil
    assert take(filled, whole([*NUMBERS, bsn(20)], 2)).counts["asked_back"] == 0
    take(filled, whole([*NUMBERS[1:], bsn(20)], 3))
    assert take(filled, whole([*NUMBERS, bsn(20), bsn(21)], 4)).counts["asked_back"] == 1
    with filled.unit(REGION, "99AB00 Juf Ans") as unit:
        assert taking.put_back(unit, PO, gone)
    assert NUMBERS[0] in on(filled)
    with filled.unit(REGION, "test") as unit:
        assert not check(unit)
        events = [
            row[0]
            for row in unit.rows(
                "select event from overstap.roster_event where roster_pupil = %(id)s order by at", id=gone
            )
        ]
    assert events == ["on", "off", "asked", "kept_off", "asked", "back"]


def test_another_schools_pupil_is_not_taken_off(filled: Ledger) -> None:
    gone = entries(filled)[NUMBERS[0]].entry
    with filled.unit(REGION, "test") as unit:
        assert not taking.take_off(unit, VO, gone, "moved")
        assert not taking.take_off(unit, PO, uuid4(), "moved")
    with filled.unit("beta", "test") as unit:
        assert not taking.take_off(unit, PO, gone, "moved")
        assert unit.rows("select 1 from overstap.roster_pupil") == []
    assert on(filled) == set(NUMBERS)


def store(ledger: Ledger, number: str, las_key: str = "") -> None:
    with ledger.unit(REGION, "test") as unit:
        content = f"<d>{number}</d>".encode()
        incoming = dossiers.IncomingDossier(number, las_key or None, content, sha256(content), "2019.1", "drop_folder")
        assert dossiers.store(unit, ROUND, PO, [incoming]).new == 1


def register(ledger: Ledger, *numbers: str) -> None:
    with ledger.unit(REGION, "test") as unit:
        registrations.record_registrations(
            unit, YEAR, [Registration(one, PO, VO, "registered", NOW) for one in numbers]
        )


def lists(ledger: Ledger) -> dict[str, int]:
    with ledger.unit(REGION, "test") as unit:
        return {one.list.value: one.count for one in matching.list_counts(unit, ROUND)}


def test_of_each_pupil_what_is_missing(filled: Ledger) -> None:
    both, dossier, applied, nothing, *_ = NUMBERS
    take(
        filled, roster(*map(person, NUMBERS[:4]), person("", las_key="AA5", surname="Bos"), at=later(1), is_whole=False)
    )
    with filled.unit(REGION, "test") as unit:
        for one in NUMBERS[4:]:
            taking.take_off(unit, PO, entries(filled)[one].entry, "moved")
    store(filled, both)
    store(filled, dossier)
    store(filled, bsn(30), las_key="AA5")  # no number on the roster: known by its key in the school's system
    register(filled, both, applied, bsn(31), NUMBERS[5])
    assert lists(filled) == {"dossier_only": 2, "application_only": 1, "neither": 1, "unlisted": 2}
    with filled.unit(REGION, "test") as unit:
        found = matching.listed(unit, ROUND, PO)
        assert {one.entry for one in found if one.list is RosterList.NEITHER} == {entries(filled)[nothing].entry}
        assert {one.secondary_schools for one in found if one.list is RosterList.UNLISTED} == {(VO,)}
        assert not any(number in repr(found) for number in NUMBERS)
        assert len({one.sign for one in found}) == len(found)
        assert matching.listed(unit, ROUND, VO) == []


def test_a_list_has_an_owner(filled: Ledger) -> None:
    with filled.unit(REGION, "coordinator") as unit:
        assert matching.take_up(unit, ROUND, PO, RosterList.NEITHER)
        assert not matching.take_up(unit, ROUND, PO, RosterList.NEITHER)
        [found] = matching.list_counts(unit, ROUND)
    assert (found.list, found.owner, found.count) == ("neither", "coordinator", 12)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), filled.unit(REGION, "somebody") as unit:
        matching.take_up(unit, ROUND, PO, RosterList.NEITHER)


def test_expected_is_the_roster_where_there_is_one(opened: Ledger) -> None:
    def expected() -> int:
        with opened.unit(REGION, "test") as unit:
            found = counts.expected(unit).get(ROUND, Counter())[PO]
            [school] = counts.primary_schools(unit, ROUND)
            assert school.expected == found
            return found

    register(opened, *NUMBERS[:3])
    assert expected() == 3
    take(opened, whole(NUMBERS, 0))
    assert expected() == 12
    with opened.unit(REGION, "test") as unit:
        taking.take_off(unit, PO, entries(opened)[NUMBERS[0]].entry, "stays")
    assert expected() == 11


def test_a_school_that_supplied_some_is_late_by_its_roster(filled: Ledger) -> None:
    store(filled, NUMBERS[0])
    register(filled, *NUMBERS)  # registrations alone make no school late that supplied something
    with filled.unit(REGION, "test") as unit:
        milestones.note_passed(unit, ROUND)
        [due] = [one for one in milestones.passed(unit, ROUND) if one.milestone == "data_due"]
    assert dict(due.behind) == {PO: 11}


def test_a_changed_roster_or_a_line_without_it_is_found(filled: Ledger) -> None:
    by_owner(
        filled,
        "update overstap.roster_pupil set off_at = now(), off_why = 'moved', off_by = 'x' where kind = 'group_8'",
    )
    with filled.unit(REGION, "test") as unit:
        assert [one.why for one in check(unit)] == ["its roster differs from the last audit line about it"]


def test_no_login_writes_a_roster_by_itself(filled: Ledger) -> None:
    for statement in (
        "update overstap.roster_pupil set off_at = null",
        "delete from overstap.roster_event",
        "insert into overstap.roster_owner (region, round_id, school, list, owner) values ('alfa', 'x', 'x', 'x', 'x')",
        f"select overstap.forget_roster('{{{uuid4()}}}')",
        "select overstap.append_roster('off', '2026-2027', '99AB00', '{}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), filled.unit(REGION, "test") as unit:
            unit.run(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), filled.unit(REGION, "test") as unit:
        unit.run("select overstap.audit('roster.off', array['x'], array['{}'])")


def test_an_entry_of_another_region_is_not_taken_over(filled: Ledger) -> None:
    entry = entries(filled)[NUMBERS[0]].entry
    with filled.unit("beta", "test") as unit:
        unit.run(
            "insert into overstap.school (region, school, name, kind, contact) values ('beta', %(s)s, 'x', 'PO', 'x')",
            s=PO,
        )
        open_round(unit, agreement("beta"), RoundKind.ADVICE)
    statement = (
        "select overstap.take_roster(%(y)s, %(s)s, 'page', 'x', %(h)s, now(), %(ids)s::uuid[], %(n)s::bytea[], "
        "%(n)s::bytea[], %(h2)s::bytea[], array['group_8'], array['1'], array[''::bytea], true, false)"
    )
    with pytest.raises(psycopg.errors.CheckViolation), filled.unit("beta", "test") as unit:
        unit.one(statement, y=YEAR, s=PO, h=bytes(32), ids=[entry], n=[None], h2=[bytes(32)])
    assert entries(filled)[NUMBERS[0]].person.number == NUMBERS[0]


def test_erased_when_the_years_rounds_are_over(filled: Ledger) -> None:
    store(filled, NUMBERS[0])
    with filled.unit(REGION, "test") as unit:
        assert unit.one("select overstap.erase_of_round(%(r)s, 30, false)", r=ROUND)[0] == 0
    assert on(filled) == set(NUMBERS)
    by_owner(filled, "update overstap.round set closed_at = now() - interval '40 days'")
    with filled.unit(REGION, "retention") as unit:
        assert unit.one("select overstap.erase_of_round(%(r)s, 30, false)", r=ROUND)[0] == 12
        assert unit.one("select count(*) from overstap.roster_pupil")[0] == 0
        assert unit.one("select count(*) from overstap.roster_event")[0] == 0
        assert not [one for one in check(unit) if "roster" in one.why]


def test_erased_with_the_dossier_on_request(filled: Ledger) -> None:
    store(filled, NUMBERS[0])
    by_owner(
        filled, "alter table overstap.dossier disable trigger user; update overstap.dossier set state = 'withdrawn'"
    )
    with filled.unit(REGION, "anna") as unit:
        [dossier] = unit.one("select dossier from overstap.dossier")
        assert unit.one("select overstap.erase_asked(%(id)s, 'request')", id=UUID(str(dossier)))[0] == "done"
    assert on(filled) == set(NUMBERS[1:])
    with filled.unit(REGION, "test") as unit:
        assert not [one for one in check(unit) if "roster" in one.why]
