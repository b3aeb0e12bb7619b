"""Page with the places of a round's region: applications, draws, placed, free; and its files."""

from overstap.agreements import RoundId
from overstap.ledger.rounds import offers
from overstap.ledger.rounds.offers import Offer, SchoolDemand
from overstap.oso.advice_order import name_of, place_of
from overstap.pages.board import free_places
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.tabular.writing import csv_of, workbook_of
from overstap.texts import texts


def _found(context: PageContext, round_id: str) -> tuple[str, list[Offer], dict[str, SchoolDemand]]:
    """Return the region's name, the offers in order, and the applications by school."""
    with context.round(round_id) as (unit, view):
        if unit is None or not view.kind.is_of_leavers:
            raise PageNotFoundError(round_id)
        found = offers.all_offers(unit, view.school_year)
        found.sort(key=lambda one: (one.school, one.secondary_school, one.location, place_of(one.kind)))
        return view.region_name, found, offers.demand(unit, view.school_year)


def page(context: PageContext, round_id: str) -> str:
    """Return the page as HTML.

    Raises:
        PageNotFoundError: the account may not see the round, it has not opened, or is not of leavers.
    """
    _, found, demand = _found(context, round_id)
    with context.round(round_id) as (_, view):
        return render(
            "places",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            said=texts("board/places"),
            offers=found,
            demand=demand,
            free=sum(one.free for one in found),
            name_of=name_of,
        )


def file(context: PageContext, round_id: str, name: str) -> tuple[str, bytes]:
    """Return a list of places as file name and content.

    Args:
        context: context of the request.
        round_id: the round.
        name: "plaatsen.csv", "plaatsen.xlsx", or "vrij" with csv, xlsx, pdf or html.

    Raises:
        PageNotFoundError: as for `page`, or there is no such file.
    """
    region, found, demand = _found(context, round_id)
    year = RoundId(round_id).school_year
    what, _, kind = name.partition(".")
    columns = {"plaatsen": free_places.ALL, "vrij": free_places.FREE}.get(what)
    if columns is None:
        raise PageNotFoundError(name)
    made = free_places.rows(found if what == "plaatsen" else free_places.free(found), year, demand, columns)
    if kind == "csv":
        content = csv_of(columns, made)
    elif kind == "xlsx":
        content = workbook_of(columns, made, f"{what} {year}")
    elif kind == "pdf" and what == "vrij":
        content = free_places.to_pdf(found, region, year, context.now)
    elif kind == "html" and what == "vrij":
        content = free_places.to_page(found, region, year, context.now)
    else:
        raise PageNotFoundError(name)
    return f"{what}-{year}.{kind}", content
