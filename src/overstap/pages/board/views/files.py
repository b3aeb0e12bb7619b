"""Downloads of the board: round report and quality page, made from the ledger at the request."""

import json

from overstap.agreements import RoundId
from overstap.closing.report import round_report
from overstap.ledger import checkpoints, schools
from overstap.ledger.delivery import deliveries, results
from overstap.ledger.rosters import matching
from overstap.ledger.rounds import counts, gate_decisions, rounds
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError, sentence_of
from overstap.pages.board.views.rosters import to_csv
from overstap.quality.publishing import region_page


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
        )
    content = made.html.encode() if kind == "html" else made.csv.encode("utf-8-sig")
    return f"{RoundId(round_id).kind}.{kind}", content


def quality(context: PageContext, round_id: str) -> tuple[str, bytes]:
    """Return the quality page of a round's region, as file name (to which the report links) and content.

    Raises:
        PageNotFoundError: the account may not see the round, or it has not opened.
    """
    with context.round(round_id) as (unit, _):
        if unit is None:
            raise PageNotFoundError(round_id)
        return f"{RoundId(round_id).kind}-quality.html", region_page(unit, round_id).encode()


def rosters(context: PageContext, round_id: str) -> tuple[str, bytes]:
    """Return pupils of whom something is missing, by pseudonym, as file name and CSV.

    Raises:
        PageNotFoundError: the account may not see single dossiers or the round, or it has not opened.
    """
    with context.round(round_id) as (unit, _):
        if unit is None or not context.person.sees_dossiers:
            raise PageNotFoundError(round_id)
        names = {school: one.name for school, one in schools.known(unit).items()}
        content = to_csv(matching.listed(unit, round_id), matching.list_counts(unit, round_id), names)
        return f"{RoundId(round_id).kind}-leerlingenlijst.csv", content
