"""Noting what is to be told about a region's rounds, and queueing the mails that may go now. Safe to repeat."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from overstap.agreements import Agreement
from overstap.ledger import Ledger
from overstap.ledger.delivery import uncollected
from overstap.ledger.notifications import notices, outbox
from overstap.ledger.notifications.notices import WaitingNotice
from overstap.ledger.notifications.outbox import Mail
from overstap.ledger.review import windows
from overstap.ledger.rounds import collected, counts, registrations, rounds, task_failures
from overstap.ledger.session import UnitOfWork
from overstap.notifications.composition import recipient_of, write
from overstap.notifications.message import is_address
from overstap.notifications.occasions import RoundStatus, occasions
from overstap.notifications.timing import is_digest_due, is_urgent_due

_LINGERS = timedelta(days=14)
"""How long after its closing a round is still looked at."""


def tell(
    ledger: Ledger,
    region: str,
    *,
    at: datetime,
    endings: Sequence[tuple[str, str, datetime]],
    board: Callable[[str], str],
    actor: str,
    school_page: str | None = None,
) -> Counter[str]:
    """Bring a region's notices to what is so now, and queue the mails that may go.

    Args:
        ledger: the ledger.
        region: region id.
        at: the present moment, aware.
        endings: certificates that end soon: name, owner and moment.
        board: gives the address of a round's page.
        actor: who does it, for the evidence.
        school_page: where schools find their pages.

    Returns:
        Counts: "noted" notices, and "digests" and "urgent" mails queued.
    """
    done: Counter[str] = Counter()
    with ledger.unit(region, actor) as unit:
        found = _standings(unit, at, endings)
        for standing in found:
            done["noted"] += notices.note(unit, occasions(standing))
        if found:
            agreement = found[-1].agreement
            for recipient, waiting in notices.waiting(unit).items():
                if kind := _queue(unit, agreement, recipient, waiting, at=at, board=board, school_page=school_page):
                    done[kind] += 1
    return done


def _standings(unit: UnitOfWork, at: datetime, endings: Sequence[tuple[str, str, datetime]]) -> list[RoundStatus]:
    """Return how the rounds stand that are open or were closed lately, the newest last."""
    found = []
    for round_id in rounds.open_since(unit, at - _LINGERS):
        row = rounds.get_round(unit, round_id)
        mine = {school.id for school in row.agreement.schools} | {f"region {unit.region}"}
        found.append(
            RoundStatus(
                round_id,
                row.kind,
                row.agreement,
                row.opened_at,
                row.closed_at,
                at,
                counts.primary_schools(unit, round_id),
                counts.secondary_schools(unit, round_id),
                windows.standing(unit, round_id),
                uncollected.standing(unit, round_id, row.agreement.round(row.kind).milestones.receipts_due),
                task_failures.standing(unit, round_id),
                [ending for ending in endings if ending[1] in mine],
                registrations.refused(unit, row.school_year) if row.kind.is_inspected else (),
                registrations.unstated(unit, row.school_year) if row.kind.is_inspected else None,
                collected.ended(unit, round_id),
            )
        )
    return found


def _queue(
    unit: UnitOfWork,
    agreement: Agreement,
    recipient: str,
    waiting: list[WaitingNotice],
    *,
    at: datetime,
    board: Callable[[str], str],
    school_page: str | None,
) -> str | None:
    """Queue a recipient's mail if one may go now; return which sort it was."""
    to = recipient_of(agreement, recipient)
    if to is None or not is_address(to.address) or (to.is_school and not agreement.notices.schools):
        notices.drop(unit, waiting)
        return None
    waiting = _still_so(unit, waiting)
    last = {sort: notices.last_mail(unit, f"{sort}/{recipient}/") for sort in ("digest", "urgent")}
    if is_digest_due(agreement.notices, at, last["digest"]):
        sort, told = "digest", waiting
    elif is_urgent_due(agreement.notices, at, last["urgent"]):
        sort, told = "urgent", [one for one in waiting if one.told.is_urgent]
    else:
        return None
    if not told:
        return None
    written = write(
        *(agreement, to, [one.told for one in told]),
        board=board,
        is_urgent=sort == "urgent",
        school_page=school_page,
    )
    meaning = f"{sort}/{recipient}/{at.astimezone(UTC).isoformat(timespec='seconds')}"
    mail = Mail(meaning, f"notice_{sort}", to.address, written.subject, written.text, written.html)
    answers = tuple(person.email for person in agreement.coordinators) if to.is_school else ()
    outbox.queue(unit, [replace(mail, urgent=sort == "urgent", reply_to=answers)])
    notices.told_in(unit, told, meaning)
    return "digests" if sort == "digest" else sort


def _still_so(unit: UnitOfWork, waiting: list[WaitingNotice]) -> list[WaitingNotice]:
    """Drop what was mended before anybody was told: a red task that is green again is no news."""
    red = {failure.at.strftime("%Y%m%dT%H%M%S%f") for failure in task_failures.standing(unit)}
    gone = [one for one in waiting if one.told.kind == "red_task" and one.told.about.rpartition("/")[2] not in red]
    if gone:
        notices.drop(unit, gone)
    return [one for one in waiting if one not in gone]
