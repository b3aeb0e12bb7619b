"""Page with the pupils of a round who applied in another region too, as the last comparison told, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger import schools
from overstap.ledger.comparisons import comparisons
from overstap.ledger.comparisons.comparisons import AppliedElsewhere, ComparisonPart
from overstap.ledger.rosters import matching
from overstap.ledger.rosters.matching import RosterList
from overstap.ledger.rounds import rounds
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.tabular.writing import Cell, csv_of, workbook_of
from overstap.texts import plural, texts

COLUMNS = (
    *("schooljaar", "leerling", "basisschool", "basisschool_brin", "school", "school_brin", "status", "status_code"),
    *("andere_regio", "andere_school_brin", "andere_status", "andere_status_code", "vergeleken_op", "wie_zoekt_uit"),
    "wat_te_doen",
)
"""Columns of the file, stable (docs/two-regions.md): a row for each application here beside each one there."""
_MOST_TYPED = 100


@dataclass(frozen=True, slots=True)
class TwoRegionsLine:
    """An application in another region of a pupil of this one.

    Args:
        sign: pseudonym of the pupil.
        subject: id under which the board shows the pupil; None when nothing is known but the application.
        school: BRIN and branch of the primary school.
        name: its name.
        here: name, BRIN and branch, and state of each application in this region; the state in Dutch and as a code.
        region: the other region.
        there: BRIN and branch of the school there.
        state: the state there, Dutch.
        state_code: the state there, one of `comparisons.STATES`.
        told_at: when the regions compared.
        owner: who looks after it, by name; empty: nobody.
        do: what to do, Dutch.
    """

    sign: str
    subject: UUID | None
    school: str
    name: str
    here: Sequence[tuple[str, str, str, str]]
    region: str
    there: str
    state: str
    state_code: str
    told_at: datetime
    owner: str
    do: str

    def has(self, text: str) -> bool:
        """Return whether every word of a text is in the line; a sign also without its hyphen."""
        own = " ".join(part for one in self.here for part in one[:3])
        said = (self.sign, self.sign.replace("-", ""), self.school, self.name, own, self.region, self.there)
        line = " ".join((*said, self.state, self.owner)).casefold()
        return all(word in line for word in text.casefold().split())


@dataclass(frozen=True, slots=True)
class _Found:
    """Lines of a round, and how each region of the agreement was compared with, by its id; None: not yet."""

    view: RoundView
    lines: Sequence[TwoRegionsLine]
    compared: Sequence[tuple[str, ComparisonPart | None]]


def _find(context: PageContext, round_id: str) -> _Found:
    """Return what the page shows.

    Raises:
        PageNotFoundError: the account is no coordinator of the round's region, or the round has not opened or is not
            of leavers.
    """
    with context.round(round_id) as (unit, view):
        is_coordinator = view.region in context.person.reruns and context.person.sees_dossiers
        if unit is None or not is_coordinator or not view.kind.is_of_leavers:
            raise PageNotFoundError(round_id)
        named = context.named(view.region)
        names = {school: one.name for school, one in schools.known(unit).items()}
        owners = matching.owners(unit, round_id, RosterList.TWO_REGIONS)
        lines = [
            _line(one, names, named(owners[one.primary_school]) if one.primary_school in owners else "")
            for one in comparisons.elsewhere(unit, round_id)
        ]
        asked = [one for one in comparisons.parts(unit, view.school_year) if one.found is not None]
        agreed = [one.region for one in rounds.get_round(unit, round_id).agreement.comparisons]
        partners = dict.fromkeys([*agreed, *(one.partner for one in asked)])
        compared = [(name, next((one for one in asked if one.partner == name), None)) for name in partners]
    lines.sort(key=lambda one: (bool(one.owner), one.name, one.sign, one.region, one.there))
    return _Found(view, lines, compared)


def _line(found: AppliedElsewhere, names: dict[str, str], owner: str) -> TwoRegionsLine:
    words = texts("board/two_regions")
    states = texts("board/rosters")["states"]
    is_here, is_there = "placed" in found.states, found.state == "placed"
    do = {(True, True): "both", (True, False): "here", (False, True): "there"}.get((is_here, is_there), "neither")
    return TwoRegionsLine(
        found.sign,
        found.subject,
        found.primary_school,
        names.get(found.primary_school, found.primary_school),
        [
            (names.get(school, school), school, states[state]["nl"], state)
            for school, state in zip(found.schools, found.states, strict=True)
        ],
        found.region,
        found.school,
        states[found.state]["nl"],
        found.state,
        found.told_at,
        owner,
        words["do"][do]["nl"],
    )


def page(context: PageContext, round_id: str, text: str, *, mark: str) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: the round.
        text: what is searched for; empty: all.
        mark: see `csrf.form_token`, for taking up a list.

    Raises:
        PageNotFoundError: as for `_find`.
    """
    found = _find(context, round_id)
    words = texts("board/two_regions")
    text = text[:_MOST_TYPED].strip()
    shown = [one for one in found.lines if one.has(text)]
    pupils = len({one.sign for one in found.lines})
    return render(
        "two_regions",
        base=context.base,
        now=context.now,
        person=context.person,
        view=found.view,
        said=words,
        up_words=texts("board/decisions")["up"],
        compared=[(region, part, _told(region, part)) for region, part in found.compared],
        lines=shown,
        has_any=bool(found.lines),
        summary=words["summary"]["nl"][plural(pupils)].format(count=pupils),
        text=text,
        mark=mark,
    )


def _told(region: str, part: ComparisonPart | None) -> str:
    words = texts("board/two_regions")
    if part is None:
        return str(words["not_yet"]["nl"].format(region=region))
    found = part.found or 0
    return str(words["compared"]["nl"][plural(found)].format(region=region, count=found))


def file(context: PageContext, round_id: str, kind: str, text: str = "") -> tuple[str, bytes]:
    """Return the list as file name and content; it has no name or number of a pupil.

    Args:
        context: context of the request.
        round_id: the round.
        kind: "csv" or "xlsx".
        text: what is searched for; empty: all.

    Raises:
        PageNotFoundError: as for `_find`, or there is no such kind of file.
    """
    if kind not in ("csv", "xlsx"):
        raise PageNotFoundError(kind)
    found = _find(context, round_id)
    year = found.view.school_year
    rows: list[list[Cell]] = []
    lines = [one for one in found.lines if one.has(text[:_MOST_TYPED])]
    context.note_download(found.view.region, "two_regions", round_id, {one.sign for one in lines})
    for one in lines:
        there = (one.region, one.there, one.state, one.state_code, one.told_at.isoformat(timespec="seconds"))
        pupil = (year, one.sign, one.name, one.school)
        rows += [[*pupil, *here, *there, one.owner, one.do] for here in one.here]
    content = csv_of(COLUMNS, rows) if kind == "csv" else workbook_of(COLUMNS, rows, f"andere regio {year}")
    return f"andere-regio-{year}.{kind}", content
