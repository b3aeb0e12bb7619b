"""Page with a region's figures of a school year beside those of the year before, and its files."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

from overstap.agreements import RoundKind
from overstap.ledger.rounds import yearly
from overstap.ledger.rounds.yearly import ApplicationFigures, DossierFigures, SchoolYearFigures
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.tabular.writing import Cell, csv_of, workbook_of
from overstap.texts import texts

DOSSIER_COLUMNS = (
    *("schooljaar", "ronde", "brin", "school", "aangeleverd", "afgekeurd", "ingezien", "niet_ingezien", "verstuurd"),
    *("bevestigd", "geweigerd", "zonder_school", "ingetrokken", "te_laat"),
)
APPLICATION_COLUMNS = (
    *("schooljaar", "brin", "school", "aanmeldingen", "eerste_voorkeur", "geplaatst", "geweigerd", "uitgeloot"),
    "ingetrokken",
)
_IN_TABLE = ("supplied", "rejected", "confirmed")
_Line = tuple[str, int | None, int | None]


@dataclass(frozen=True, slots=True)
class _TwoYears:
    """Figures of a school year and the one before it; both years empty before the first round."""

    year: str
    before: str
    dossiers: Sequence[SchoolYearFigures]
    applications: Sequence[ApplicationFigures]

    def of(self, year: str, kind: RoundKind) -> list[SchoolYearFigures]:
        return [one for one in self.dossiers if one.round_id.school_year == year and one.round_id.kind is kind]


def _found(context: PageContext, region: str) -> _TwoYears:
    if region not in context.person.regions:
        raise PageNotFoundError(region)
    with context.region(region) as unit:
        if unit is None:
            return _TwoYears("", "", (), ())
        years = yearly.school_years(unit)[:2]
        return _TwoYears(
            years[0] if years else "",
            years[1] if len(years) > 1 else "",
            yearly.dossiers(unit, years),
            yearly.applications(unit, years),
        )


def page(context: PageContext, region: str) -> str:
    """Return the page as HTML.

    Raises:
        PageNotFoundError: the account may not see the region.
    """
    found = _found(context, region)
    said = texts("board/yearly")
    kinds = [kind for kind in RoundKind if found.of(found.year, kind) or found.of(found.before, kind)]
    names = [one.name for one in context.agreement_cache.of(region)]
    return render(
        "yearly",
        base=context.base,
        now=context.now,
        person=context.person,
        region=region,
        region_name=names[-1] if names else region,
        said=said,
        year=found.year,
        before=found.before,
        kinds=[(kind, _lines(found, kind)) for kind in kinds],
        of_applications=_application_lines(found),
        by_school=[(kind, _by_school(found, kind)) for kind in kinds],
    )


def _lines(found: _TwoYears, kind: RoundKind) -> list[_Line]:
    said = texts("board/yearly")["figures"]
    new, old = found.of(found.year, kind), found.of(found.before, kind)
    now_are, were = yearly.total(new), yearly.total(old) if old else None
    lines: list[_Line] = [
        (said[one.name]["nl"], getattr(now_are, one.name), getattr(were, one.name) if were else None)
        for one in fields(DossierFigures)
    ]
    lines.append((said["schools"]["nl"], len(new), len(old) if old else None))
    lines.append((said["late"]["nl"], _late(new), _late(old)))
    return lines


def _late(schools: Sequence[SchoolYearFigures]) -> int | None:
    known = [one.was_late for one in schools if one.was_late is not None]
    return sum(known) if known else None


def _application_lines(found: _TwoYears) -> list[_Line]:
    said = texts("board/yearly")["of_applications"]
    new = yearly.application_total(one for one in found.applications if one.school_year == found.year)
    old = yearly.application_total(one for one in found.applications if one.school_year == found.before)
    return [(said[name]["nl"], new[name] if new else None, old[name] if old else None) for name in said]


def _by_school(found: _TwoYears, kind: RoundKind) -> list[tuple[str, list[int | None]]]:
    new = {one.school: one for one in found.of(found.year, kind)}
    old = {one.school: one for one in found.of(found.before, kind)}
    named = sorted(((one.name, school) for school, one in {**old, **new}.items()), key=lambda one: one[0].casefold())
    rows = []
    for name, school in named:
        cells: list[int | None] = []
        for figure in _IN_TABLE:
            for of_year in (new, old) if found.before else (new,):
                cells.append(getattr(of_year[school].dossiers, figure) if school in of_year else None)
        rows.append((name, cells))
    return rows


def file(context: PageContext, region: str, name: str) -> tuple[str, bytes]:
    """Return a list of figures as file name and content.

    Args:
        context: context of the request.
        region: region id.
        name: "jaarcijfers" or "aanmeldingen", with csv or xlsx.

    Raises:
        PageNotFoundError: as for `page`, or there is no such file.
    """
    found = _found(context, region)
    what, _, kind = name.partition(".")
    rows: Sequence[Sequence[Cell]]
    if what == "jaarcijfers":
        columns: Sequence[str] = DOSSIER_COLUMNS
        rows = [_dossier_row(one) for one in found.dossiers]
    elif what == "aanmeldingen":
        columns = APPLICATION_COLUMNS
        rows = [_application_row(one) for one in found.applications]
    else:
        raise PageNotFoundError(name)
    if kind == "csv":
        content = csv_of(columns, rows)
    elif kind == "xlsx":
        content = workbook_of(columns, rows, f"{what} {found.year}")
    else:
        raise PageNotFoundError(name)
    return f"{what}-{region}-{found.year}.{kind}", content


def _dossier_row(one: SchoolYearFigures) -> list[Cell]:
    late = {True: "ja", False: "nee", None: ""}[one.was_late]
    figures = [getattr(one.dossiers, name.name) for name in fields(DossierFigures)]
    return [one.round_id.school_year, one.round_id.kind.dutch.lower(), one.school, one.name, *figures, late]


def _application_row(one: ApplicationFigures) -> list[Cell]:
    figures = (one.all, one.first, one.placed, one.refused, one.not_drawn, one.withdrawn)
    return [one.school_year, one.school, one.name, *figures]
