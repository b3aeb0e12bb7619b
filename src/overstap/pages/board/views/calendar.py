"""Calendar page of a region, and its calendar files: all moments, or those of one school."""

from collections.abc import Sequence
from dataclasses import dataclass

from overstap.agreements import Agreement
from overstap.agreements.calendar_entries import CalendarEntry, entries, entries_for
from overstap.agreements.national import national_year
from overstap.agreements.overview import is_over, school_title
from overstap.pages.board.render import render
from overstap.pages.board.rounds import opened_rounds
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError


@dataclass(frozen=True, slots=True)
class CalendarYear:
    """A school year of a region.

    Args:
        agreement: the agreement, with the moments in force.
        coming: its entries that have not passed, in time.
    """

    agreement: Agreement
    coming: Sequence[CalendarEntry]


def page(context: PageContext, region: str) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        region: region id.

    Raises:
        PageNotFoundError: the account may not see the region.
    """
    years = []
    for agreement in reversed(_in_force(context, region)):
        found = entries(agreement, national_year(agreement.school_year))
        coming = [one for one in found if not is_over(one, context.now)]
        coming.sort(key=lambda one: (one.first_day, str(one.starts)))  # of equal moments the order stays
        if coming:
            years.append(CalendarYear(agreement, coming))
    return render("calendar", base=context.base, now=context.now, person=context.person, region=region, years=years)


def file(context: PageContext, region: str, school_year: str, name: str) -> tuple[str, bytes]:
    """Return a calendar file, as file name and content.

    Args:
        context: context of the request.
        region: region id.
        school_year: such as "2026-2027".
        name: BRIN with branch of a school, or the region id for all moments.

    Raises:
        PageNotFoundError: the account may not see the region, or there is no such year or school.
    """
    from overstap.agreements.calendar_file import icalendar  # a library that only this needs

    agreement = next((one for one in _in_force(context, region) if one.school_year == school_year), None)
    if agreement is None:
        raise PageNotFoundError(school_year)
    found = entries(agreement, national_year(school_year))
    if name == region:
        return f"{region}.ics", icalendar(f"Overstap {school_year}: {agreement.name}", found, context.now)
    school = next((one for one in agreement.schools if one.id == name), None)
    if school is None:
        raise PageNotFoundError(name)
    return f"{school.id}.ics", icalendar(school_title(school, agreement), entries_for(school, found), context.now)


def _in_force(context: PageContext, region: str) -> list[Agreement]:
    """Return a region's agreements, the oldest first, with the moments that hold in the rounds that have opened."""
    if region not in context.person.regions:
        raise PageNotFoundError(region)
    with context.region(region) as unit:
        moments = {one.round_id: one.milestones for one in opened_rounds(unit)} if unit else {}
    return [
        agreement.model_copy(
            update={
                "rounds": {
                    kind: agreed.model_copy(
                        update={"milestones": moments.get(agreement.round_id(kind), agreed.milestones)}
                    )
                    for kind, agreed in agreement.rounds.items()
                }
            }
        )
        for agreement in context.agreement_cache.of(region)
    ]
