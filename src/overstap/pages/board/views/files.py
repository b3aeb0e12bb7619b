"""Downloads of the board, made at the request: round report, quality page, a school's list of faults."""

import json

from overstap.agreements import RoundId
from overstap.closing.report import round_report
from overstap.ledger import checkpoints, guests, schools
from overstap.ledger.comparisons.comparisons import elsewhere
from overstap.ledger.delivery import deliveries, results
from overstap.ledger.downloads import signs_of_school
from overstap.ledger.rosters import by_advice, by_application
from overstap.ledger.rounds import counts, gate_decisions, round_overview, rounds
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError, named, sentence_of
from overstap.pages.board.views.rosters import columns, rows
from overstap.quality.publishing import region_page
from overstap.quality.school import list_without_keys
from overstap.tabular.writing import csv_of, workbook_of


def report(context: PageContext, round_id: str, kind: str) -> tuple[str, bytes]:
    """Return the report of a round at this moment, as file name and content.

    Args:
        context: context of the request.
        round_id: `<region>.<school year>.<kind>`.
        kind: "html" or "csv".

    Raises:
        PageNotFoundError: the account may not see the round, it has not opened, or there is no such kind of file.
    """
    if kind not in ("html", "csv"):
        raise PageNotFoundError(kind)
    with context.round(round_id) as (unit, _):
        if unit is None:
            raise PageNotFoundError(round_id)
        newest = checkpoints.newest(unit)
        signed = json.loads(newest.payload) if newest else None
        made = round_report(
            rounds.get_round(unit, round_id),
            primary=counts.primary_schools(unit, round_id),
            secondary=counts.secondary_schools(unit, round_id),
            results=results.counts(unit, round_id),
            decisions=gate_decisions.of_round(unit, round_id),
            checkpoint=(signed["up_to"], signed["root"]) if signed else None,
            sentence_of=sentence_of,
            at=context.now,
            missing=deliveries.without_receiver(unit, round_id),
            older_advice=by_advice.older(unit, round_id),
        )
    content = made.html.encode() if kind == "html" else made.csv.encode("utf-8-sig")
    return f"{RoundId(round_id).kind}.{kind}", content


def school_list(context: PageContext, round_id: str, school: str, kind: str) -> tuple[str, bytes]:
    """Return a school's list of faults at this moment, each dossier by its reference, as file name and content.

    Args:
        context: context of the request; its account must be one that may see single dossiers.
        round_id: `<region>.<school year>.<kind>`.
        school: BRIN with branch of a school that supplies.
        kind: "html" or "csv".

    Raises:
        PageNotFoundError: the account may not see dossiers of the round, or there is no such school or kind of file.
    """
    if kind not in ("html", "csv") or not context.person.sees_dossiers:
        raise PageNotFoundError(kind)
    with context.round(round_id) as (unit, _):
        if unit is None:
            raise PageNotFoundError(round_id)
        found = rounds.get_round(unit, round_id)
        agreement = guests.with_guests(unit, round_id, found.agreement)
        if school not in {one.id for one in agreement.suppliers(found.kind)}:
            raise PageNotFoundError(school)
        made = list_without_keys(unit, agreement, round_id, school, made_at=context.now)
        signs = signs_of_school(unit, round_id, school)
    context.note_download(RoundId(round_id).region, "fault_list", round_id, signs)
    # The list already begins with a byte order mark where it is a table
    return f"{RoundId(round_id).kind}-{school}.{kind}", (made.html if kind == "html" else made.csv).encode()


def quality(context: PageContext, round_id: str) -> tuple[str, bytes]:
    """Return the quality page of a round's region, as file name (to which the report links) and content.

    Raises:
        PageNotFoundError: the account may not see the round, or it has not opened.
    """
    with context.round(round_id) as (unit, _):
        if unit is None:
            raise PageNotFoundError(round_id)
        return f"{RoundId(round_id).kind}-quality.html", region_page(unit, round_id).encode()


def rosters(context: PageContext, round_id: str, kind: str) -> tuple[str, bytes]:
    """Return pupils of whom something is missing, by pseudonym, as file name and content.

    Args:
        context: context of the request.
        round_id: `<region>.<school year>.<kind>`.
        kind: "csv" or "xlsx".

    Raises:
        PageNotFoundError: the account may not see single dossiers or the round, it has not opened, or there is no such
            kind of file.
    """
    if kind not in ("csv", "xlsx"):
        raise PageNotFoundError(kind)
    with context.round(round_id) as (unit, _):
        if unit is None or not context.person.sees_dossiers:
            raise PageNotFoundError(round_id)
        names = {school: one.name for school, one in schools.known(unit).items()}
        people = round_overview.coordinators(unit, round_id)
        counted = [named(one, people) for one in by_application.all_counts(unit, round_id)]
        listed = by_application.all_listed(unit, round_id)
        made = rows(listed, counted, names, elsewhere(unit, round_id))
    of_round = RoundId(round_id)
    context.note_download(of_round.region, "pupil_list", round_id, {one.sign for one in listed})
    title = f"leerlingenlijst {of_round.school_year}"
    content = csv_of(columns(), made) if kind == "csv" else workbook_of(columns(), made, title)
    return f"{of_round.kind}-leerlingenlijst.{kind}", content
