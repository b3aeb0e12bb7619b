"""File with the applications of a round's region, by pseudonym, for who goes on in a system of their own."""

from overstap.clock import dutch_time
from overstap.ledger.rounds import application_list, school_applications
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError


def file(context: PageContext, round_id: str, kind: str) -> tuple[str, bytes]:
    """Return the applications of the region in the round's school year, as file name and content.

    It has what the page of each pupil shows, and like that page is for coordinators of the region alone.

    Args:
        context: context of the request.
        round_id: the round.
        kind: "csv" or "xlsx".

    Raises:
        PageNotFoundError: the account is no coordinator of the round's region, the round has not opened or is not of
            leavers, or there is no such kind of file.
    """
    if kind not in ("csv", "xlsx"):
        raise PageNotFoundError(kind)
    with context.round(round_id) as (unit, view):
        is_coordinator = view.region in context.person.reruns and context.person.sees_dossiers
        if unit is None or not is_coordinator or not view.kind.is_of_leavers:
            raise PageNotFoundError(round_id)
        found = school_applications.listed(unit, view.school_year, None)
    today = dutch_time(context.now).date()
    context.note_download(view.region, "applications", round_id, {one.sign for one in found})
    made = application_list.content(found, view.school_year, today, is_workbook=kind == "xlsx")
    return f"aanmeldingen-{view.region}-{view.school_year}.{kind}", made
