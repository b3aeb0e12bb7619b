"""Update of a region's notices from the status of its rounds, and queueing of the mails that are due. Idempotent."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from overstap.agreements import Agreement
from overstap.clock import dutch_time
from overstap.ledger import Ledger, guests
from overstap.ledger.delivery import uncollected
from overstap.ledger.notifications import notices, outbox
from overstap.ledger.notifications.notices import WaitingNotice
from overstap.ledger.notifications.outbox import Mail
from overstap.ledger.review import windows
from overstap.ledger.rosters import by_advice
from overstap.ledger.rounds import collection_times, counts, refused_lists, registrations, rounds, task_failures
from overstap.ledger.rounds.undecided_applications import undecided_applications
from overstap.ledger.session import UnitOfWork
from overstap.notifications.account_notices import ACCOUNT_KINDS
from overstap.notifications.admission_notices import ADMISSION_KINDS, admission_notices
from overstap.notifications.advice_notices import ADVICE_KINDS, advice_notices
from overstap.notifications.composition import compose_notices, recipient_of
from overstap.notifications.coordinator_messages import queue_messages
from overstap.notifications.guest_invitations import queue_changes, queue_invitations
from overstap.notifications.handover_notices import calendar_of
from overstap.notifications.message import is_address
from overstap.notifications.round_notices import RoundStatus, round_notices
from overstap.notifications.timing import is_digest_due, is_urgent_due

_LINGERS = timedelta(days=14)
"""Time after its closing during which a round still gives notices."""


def update_notices(
    ledger: Ledger,
    region: str,
    *,
    at: datetime,
    expiring: Sequence[tuple[str, str, datetime]],
    board: Callable[[str], str],
    actor: str,
    school_page: str | None = None,
) -> Counter[str]:
    """Record a region's new notices, and queue the mails that are due.

    Args:
        ledger: the ledger.
        region: region id.
        at: the present moment, aware.
        expiring: certificates that expire soon: name, owner and moment.
        board: returns the address of a round's page.
        actor: step or account, recorded in audit lines.
        school_page: address of the schools' pages.

    Returns:
        Counts: "noted" notices, and "digests", "urgent" mails, coordinators' "messages" and guest schools'
        "invitations" and "changes" queued.
    """
    done: Counter[str] = Counter()
    with ledger.unit(region, actor) as unit:
        found = _statuses(unit, at, expiring)
        for status in found:
            done["noted"] += notices.note(unit, round_notices(status))
        agreement = _with_every_guest(unit, found) if found else rounds.newest_agreement(unit)
        if agreement is None:
            return done
        undecided = undecided_applications(unit, agreement.school_year)
        done["noted"] += notices.note(unit, admission_notices(agreement, undecided, dutch_time(at).date()))
        missing = by_advice.counts(unit, agreement.school_year)
        done["noted"] += notices.note(unit, advice_notices(agreement, missing, dutch_time(at).date()))
        if messages := queue_messages(unit, lambda round_id: _with_guests(unit, round_id)):
            done["messages"] = messages
        if school_page is not None:
            agreed = _agreed(unit)
            done["invitations"] = queue_invitations(unit, agreed, school_page)
            done["changes"] = queue_changes(unit, agreed, school_page)
        for recipient, every in notices.waiting(unit).items():
            # Without a round there is nothing to tell but what happened to a school's accounts, and what the law asks
            told = (*ACCOUNT_KINDS, *ADMISSION_KINDS, *ADVICE_KINDS)
            waiting = every if found else [one for one in every if one.content.kind in told]
            if not waiting:
                continue
            if kind := _queue(unit, agreement, recipient, waiting, at=at, board=board, school_page=school_page):
                done[kind] += 1
    return done


def _with_every_guest(unit: UnitOfWork, found: Sequence[RoundStatus]) -> Agreement:
    """Return the newest round's agreement with the guest schools of all rounds, which can be told something as well."""
    agreement = found[-1].agreement
    for one in found:
        agreement = guests.with_guests(unit, one.round_id, agreement)
    return agreement


def _agreed(unit: UnitOfWork) -> Callable[[str], Agreement]:
    return lambda round_id: rounds.get_round(unit, round_id).agreement


def _with_guests(unit: UnitOfWork, round_id: str) -> Agreement:
    return guests.with_guests(unit, round_id, rounds.get_round(unit, round_id).agreement)


def _statuses(unit: UnitOfWork, at: datetime, expiring: Sequence[tuple[str, str, datetime]]) -> list[RoundStatus]:
    """Return the status of the rounds that are open or were closed lately, the newest last."""
    found = []
    for round_id in rounds.open_since(unit, at - _LINGERS):
        row = rounds.get_round(unit, round_id)
        agreement = guests.with_guests(unit, round_id, row.agreement)
        mine = {school.id for school in agreement.schools} | {f"region {unit.region}"}
        found.append(
            RoundStatus(
                round_id,
                row.kind,
                agreement,
                row.opened_at,
                row.closed_at,
                at,
                counts.primary_schools(unit, round_id),
                counts.secondary_schools(unit, round_id),
                windows.school_inspections(unit, round_id),
                uncollected.per_school(unit, round_id, row.agreement.round(row.kind).milestones.receipts_due),
                task_failures.open_failures(unit, round_id),
                [ending for ending in expiring if ending[1] in mine],
                registrations.refused(unit, row.school_year) if row.kind.is_inspected else (),
                registrations.unstated(unit, row.school_year) if row.kind.is_inspected else None,
                collection_times.last_ended(unit, round_id),
                refused_lists.refused(unit, row.school_year) if row.kind.is_of_leavers else (),
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
    """Queue a recipient's mail if one is due; return its kind."""
    to = recipient_of(agreement, recipient)
    if to is None or not is_address(to.address):
        notices.drop(unit, waiting)
        return None
    if to.is_school and not agreement.notices.schools:
        notices.drop(unit, [one for one in waiting if one.content.kind not in ACCOUNT_KINDS])
        waiting = [one for one in waiting if one.content.kind in ACCOUNT_KINDS]
    waiting = _still_valid(unit, waiting)
    last = {sort: notices.last_mail(unit, f"{sort}/{recipient}/") for sort in ("digest", "urgent")}
    if is_digest_due(agreement.notices, at, last["digest"]):
        sort, selected = "digest", waiting
    elif is_urgent_due(agreement.notices, at, last["urgent"]):
        sort, selected = "urgent", [one for one in waiting if one.content.is_urgent]
    else:
        return None
    if not selected:
        return None
    written = compose_notices(
        *(agreement, to, [one.content for one in selected]),
        board=board,
        is_urgent=sort == "urgent",
        school_page=school_page,
    )
    meaning = f"{sort}/{recipient}/{at.astimezone(UTC).isoformat(timespec='seconds')}"
    mail = Mail(meaning, f"notice_{sort}", to.address, written.subject, written.text, written.html)
    answers = tuple(person.email for person in agreement.coordinators) if to.is_school else ()
    calendar = calendar_of([one.content for one in selected])
    outbox.queue(unit, [replace(mail, urgent=sort == "urgent", reply_to=answers, calendar=calendar)])
    notices.note_mail(unit, selected, meaning)
    return "digests" if sort == "digest" else sort


def _still_valid(unit: UnitOfWork, waiting: list[WaitingNotice]) -> list[WaitingNotice]:
    """Drop notices of failed tasks that succeeded before the notice was mailed; return the others."""
    red = {failure.at.strftime("%Y%m%dT%H%M%S%f") for failure in task_failures.open_failures(unit)}
    gone = [
        one for one in waiting if one.content.kind == "red_task" and one.content.about.rpartition("/")[2] not in red
    ]
    if gone:
        notices.drop(unit, gone)
    return [one for one in waiting if one not in gone]
