"""Lists of places: rows of all places for who goes on elsewhere, and free places for parents as a page and as PDF.

The columns of the rows are stable (docs/places.md).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.clock import format_moment
from overstap.ledger.rounds.offers import Offer, SchoolDemand
from overstap.oso.advice_order import name_of
from overstap.resources import INCLUDE
from overstap.tabular.writing import Cell
from overstap.texts import texts

FREE = ("schooljaar", "school", "brin", "locatie", "soort", "soort_code", "vrij", "opgegeven_op")
"""Columns of the list of free places."""
ALL = (
    *("schooljaar", "school", "brin", "locatie", "soort", "soort_code", "plaatsen", "geplaatst", "vrij"),
    *("lotingsdatum", "ingeloot", "uitgeloot", "loting_door", "opgegeven_op"),
    *("school_voorkeur_1", "school_voorkeur_2", "school_voorkeur_later", "school_zonder_voorkeur"),
)
"""Columns of the list of all places; the last four are of the whole school."""


def free(offers: Sequence[Offer]) -> list[Offer]:
    """Return the offers with free places."""
    return [one for one in offers if one.free]


def rows(
    offers: Sequence[Offer], school_year: str, demand: Mapping[str, SchoolDemand], columns: Sequence[str]
) -> list[list[Cell]]:
    """Return the rows of a list.

    Args:
        offers: the offers, in order.
        school_year: their school year.
        demand: applications by school.
        columns: `FREE` or `ALL`.
    """
    made = []
    for one in offers:
        asked = demand.get(one.secondary_school, SchoolDemand(0, 0, 0, 0, 0))
        cells: dict[str, Cell] = {
            "schooljaar": school_year,
            "school": one.school,
            "brin": one.secondary_school,
            "locatie": one.location,
            "soort": name_of(one.kind),
            "soort_code": one.kind,
            "plaatsen": one.places,
            "geplaatst": one.placed,
            "vrij": one.free,
            "lotingsdatum": one.draw.drawn_on.isoformat() if one.draw else "",
            "ingeloot": one.draw.drawn if one.draw else "",
            "uitgeloot": one.draw.not_drawn if one.draw else "",
            "loting_door": one.draw.made_by if one.draw else "",
            "opgegeven_op": one.stated_at.isoformat(timespec="seconds"),
            "school_voorkeur_1": asked.first,
            "school_voorkeur_2": asked.second,
            "school_voorkeur_later": asked.later,
            "school_zonder_voorkeur": asked.without,
        }
        made.append([cells[name] for name in columns])
    return made


def to_page(offers: Sequence[Offer], region: str, school_year: str, at: datetime) -> bytes:
    """Return the free places as one HTML file for parents, which a region puts on its own site.

    Args:
        offers: the offers with free places.
        region: the region's name.
        school_year: their school year.
        at: the moment of the figures, aware.
    """
    words = texts("board/places")
    environment = Environment(
        loader=FileSystemLoader(INCLUDE / "templates" / "board"), autoescape=True, undefined=StrictUndefined
    )
    return (
        environment.get_template("free_places.html.j2")
        .render(
            offers=free(offers),
            name_of=name_of,
            words=words,
            title=words["free_title"]["nl"].format(region=region, year=school_year),
            made=words["free_made"]["nl"].format(moment=format_moment(at)),
        )
        .encode()
    )


def to_pdf(offers: Sequence[Offer], region: str, school_year: str, at: datetime) -> bytes:
    """Return the free places as a PDF for parents; arguments as of `to_page`."""
    from overstap.pdf.document import PdfDocument  # loads fonts: once a PDF is asked for

    words = texts("board/places")
    title = words["free_title"]["nl"].format(region=region, year=school_year)
    document = PdfDocument(title, words["free_made"]["nl"].format(moment=format_moment(at)))
    document.add_page()
    document.heading(title)
    document.paragraph(words["free_lead"]["nl"])
    known = free(offers)
    if not known:
        document.paragraph(words["free_none"]["nl"])
    for school in dict.fromkeys((one.secondary_school, one.school) for one in known):
        document.heading(school[1], size=12, after=1)
        document.pairs(
            [
                (f"{one.location}, {name_of(one.kind)}", words["free_count"]["nl"].format(count=one.free))
                for one in known
                if one.secondary_school == school[0]
            ],
            label_width=100,
        )
        document.ln(2)
    return document.to_bytes()
