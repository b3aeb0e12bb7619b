"""Rosters on the board: pupils of whom something is missing, who looks after them, rosters that wait for somebody."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overstap.ledger.comparisons.comparisons import AppliedElsewhere
from overstap.ledger.rosters.matching import IncompletePupil, ListCount, RosterList, RosterStatus
from overstap.pages.board.formatting import number
from overstap.pages.board.schools import RoundFacts
from overstap.tabular.writing import Cell, csv_of
from overstap.texts import plural, texts

_FEW = 6
"""So many schools with the same list each have a line on the page of a round."""


@dataclass(frozen=True, slots=True)
class RosterLine:
    """Line about a school's roster or one of its lists.

    Args:
        school: BRIN with branch.
        name: the school's name.
        tone: "bad" or "mind".
        says: the sentence, Dutch.
        list: the list that a coordinator can take up; empty when there is none to take.
    """

    school: str
    name: str
    tone: str
    says: str
    list: str = ""


@dataclass(frozen=True, slots=True)
class RosterGroup:
    """Lines of a round that say the same of several schools.

    Args:
        says: the sentence over all these schools, Dutch; empty for lines that each say something of their own.
        lines: the lines.
    """

    says: str
    lines: Sequence[RosterLine]


def groups(facts: RoundFacts) -> list[RosterGroup]:
    """Return the lines of a round; those of a list that many schools have come together, with their number."""
    alone = _statuses(facts.rosters, facts.names)
    together = []
    for kind in dict.fromkeys(one.list for one in facts.roster_lists):
        of_kind = [one for one in facts.roster_lists if one.list is kind]
        made = _lists(of_kind, facts.names)
        if len(of_kind) <= _FEW:
            alone += made
            continue
        open_ = sum(not one.owner for one in of_kind)
        more = str(texts("board/rosters")["schools"]["nl"]).format(schools=number(len(of_kind)), open=number(open_))
        together.append(RosterGroup(f"{_said(kind.value, sum(one.count for one in of_kind))} {more}", made))
    return [*([RosterGroup("", alone)] if alone else []), *together]


def lines(facts: RoundFacts) -> list[RosterLine]:
    """Return the lines of a round: rosters that need somebody, then lists, those that nobody looks after first."""
    return [*_statuses(facts.rosters, facts.names), *_lists(facts.roster_lists, facts.names)]


def _statuses(found: Mapping[str, RosterStatus], names: Mapping[str, str]) -> list[RosterLine]:
    words = texts("board/rosters")
    made = []
    for school, one in sorted(found.items(), key=lambda pair: names.get(pair[0], pair[0])):
        name = names.get(school, school)
        if one.refused is not None:
            says = words["refused"]["nl"].format(said=one.refused.message_nl, do=one.refused.do_nl)
            made.append(RosterLine(school, name, "bad", says))
        for key, count in (("missing", one.missing), ("asked", one.asked)):
            if count:
                made.append(RosterLine(school, name, "mind", _said(key, count)))
    return made


def _lists(found: Sequence[ListCount], names: Mapping[str, str]) -> list[RosterLine]:
    words = texts("board/rosters")
    made = []
    for one in found:
        owner = words["owner"]["nl"].format(owner=one.owner) if one.owner else words["of_nobody"]["nl"]
        says = f"{_said(one.list.value, one.count)} {owner}"
        tone = "mind" if one.owner else "bad"
        taken = "" if one.owner else one.list.value
        made.append(RosterLine(one.school, names.get(one.school, one.school), tone, says, taken))
    return made


def _said(key: str, count: int) -> str:
    return str(texts("board/rosters")[key]["nl"][plural(count)].format(count=number(count)))


def columns() -> list[str]:
    """Return the columns of the file, stable (docs/board.md)."""
    words = texts("board/rosters")["columns"]
    return [words[name]["nl"] for name in ("school", "id", "list", "sign", "registered", "owner", "elsewhere")]


def rows(
    found: Sequence[IncompletePupil],
    counted: Sequence[ListCount],
    names: Mapping[str, str],
    elsewhere: Sequence[AppliedElsewhere] = (),
) -> list[list[Cell]]:
    """Return pupils as rows: school, list, pseudonym, registered at, owner, and where in another region.

    They never have a name or number of a pupil.

    Args:
        found: the pupils.
        counted: the lists with their owners.
        names: name of each school, by its id.
        elsewhere: applications in other regions, for the list of pupils in two regions.
    """
    words = texts("board/rosters")
    there: dict[str, list[str]] = {}
    for other in elsewhere:
        state = words["states"][other.state]["nl"]
        said = words["elsewhere"]["nl"].format(region=other.region, school=other.school, state=state)
        there.setdefault(other.sign, []).append(said)
    owners = {(one.school, one.list): one.owner or "" for one in counted}
    made: list[list[Cell]] = []
    for one in found:
        registered = ", ".join(names.get(school, school) for school in one.secondary_schools)
        of_two = ", ".join(there.get(one.sign, ())) if one.list is RosterList.TWO_REGIONS else ""
        school = names.get(one.school, one.school)
        owner = owners.get((one.school, one.list), "")
        made.append([school, one.school, words["short"][one.list]["nl"], one.sign, registered, owner, of_two])
    return made


def to_csv(
    found: Sequence[IncompletePupil],
    counted: Sequence[ListCount],
    names: Mapping[str, str],
    elsewhere: Sequence[AppliedElsewhere] = (),
) -> bytes:
    """Return pupils as CSV; arguments as of `rows`."""
    return csv_of(columns(), rows(found, counted, names, elsewhere))
