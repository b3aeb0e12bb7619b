"""Tests of lists of pupils on the page of a round: what many schools have is one sentence with numbers that add up."""

from types import SimpleNamespace
from typing import Any

from overstap.ledger.rosters.matching import ListCount, RosterList
from overstap.pages.board.views.page_context import named
from overstap.pages.board.views.rosters import groups, lines


def facts(*lists: ListCount) -> Any:
    return SimpleNamespace(rosters={}, roster_lists=lists, names={})


def of(kind: RosterList, count: int, owned: int = 0) -> list[ListCount]:
    return [ListCount(f"99A{n:03}", kind, "Anna de Wit" if n < owned else None, 2) for n in range(count)]


def test_a_few_schools_each_have_a_line() -> None:
    [group] = groups(facts(*of(RosterList.NEITHER, 6)))
    assert group.says == ""
    assert len(group.lines) == 6


def test_many_schools_are_one_sentence_with_their_number() -> None:
    found = groups(facts(*of(RosterList.NEITHER, 7, owned=3), *of(RosterList.DOSSIER_ONLY, 2)))
    assert [(one.says, len(one.lines)) for one in found] == [
        ("", 2),
        (
            "14 leerlingen hebben geen dossier en geen aanmelding. Scholen: 7, waarvan nog niet opgepakt: 4.",
            7,
        ),
    ]
    every = lines(facts(*of(RosterList.NEITHER, 7, owned=3), *of(RosterList.DOSSIER_ONLY, 2)))
    assert sorted(line.school for group in found for line in group.lines) == sorted(one.school for one in every)


def test_nothing_is_no_group() -> None:
    assert groups(facts()) == []


def test_a_person_is_told_by_name_and_a_stranger_by_account() -> None:
    one = ListCount("99AA00", RosterList.NEITHER, "anna", 1)
    assert named(one, {"anna": "Anna de Wit"}).owner == "Anna de Wit"
    assert named(one, {}).owner == "anna"
    nobody = ListCount("99AA00", RosterList.NEITHER, None, 1)
    assert named(nobody, {"None": "x"}).owner is None
