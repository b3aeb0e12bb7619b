"""Mail to coordinators, schools and families: notices, composition, outbox, sending."""

from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime

from overstap.alarms import raise_alarm
from overstap.ledger import guests
from overstap.ledger.alarms import FOUND_HERE, chain_fault, look_for_unusual, take_new
from overstap.ledger.review.person_events import guessed_codes
from overstap.ledger.rounds import due_work, rounds
from overstap.ledger.rounds.due_work import NOTICES
from overstap.ledger.rounds.rounds import RoundRow
from overstap.notifications.alerts import queue_alarms, queue_ended_codes
from overstap.notifications.outbox import send_due
from overstap.notifications.smtp import SmtpSession
from overstap.notifications.updating import update_notices
from overstap.pki.expiry import ExpiryKind, expiring
from overstap.review.person_alerts import alert_persons
from overstap.rounds import next_look
from overstap.rounds.context import Context
from overstap.rounds.reviewing import invite_released


def notify(context: Context, region: str, *, board: Callable[[str], str]) -> Counter[str]:
    """Record notices for coordinators and schools, and put mails that may be sent now in the outbox.

    Args:
        context: settings and ledger.
        region: region id.
        board: returns the address of a round's page on the board, by round id.
    """
    with context.ledger.unit(region, "tell") as unit:
        due_work.begin(unit, NOTICES)
    return update_notices(
        context.ledger,
        region,
        at=context.clock(),
        expiring=_expiring(context),
        board=board,
        actor="tell",
        school_page=context.settings.school_address,
    )


def invite_late(context: Context, region: str) -> Counter[str]:
    """Invite families whose dossiers were released since the last run, and remind who is due, in every open round.

    Alarms go to the administrator, also of a region without an open round.

    Args:
        context: settings and ledger.
        region: region id.
    """
    done: Counter[str] = Counter()
    done += tell_administrator(context, region)
    with context.ledger.unit(region, "invite_late") as unit:
        found = rounds.not_closed(unit)
    for one in found:
        done += invite_released(context.of_round(one.round_id, one.agreement), "invite_late")
        done += alert(context, region, one)
    return done


def alert(context: Context, region: str, found: RoundRow) -> Counter[str]:
    """Queue mails to persons about acts in their name, and to schools about ended codes.

    Args:
        context: settings and ledger.
        region: region id.
        found: an open round.
    """
    settings, done = context.settings, Counter[str]()
    if not found.kind.is_inspected:
        return done
    done += alert_persons(
        context.ledger,
        region=region,
        round_id=found.round_id,
        actor="alert",
        address=settings.review_address,
        clock=context.clock,
    )
    with context.ledger.unit(region, "alert") as unit:
        ended = guessed_codes(unit, found.round_id)
        agreement = guests.with_guests(unit, found.round_id, found.agreement)
        done["ended_codes"] += queue_ended_codes(
            unit, agreement, found.round_id, ended, school_page=settings.school_address
        )
    return +done


def tell_administrator(context: Context, region: str, *, evidence: bool = False) -> Counter[str]:
    """Look for what is unusual, write alarms that the database raised to the log, and queue mails to the administrator.

    Args:
        context: settings and ledger.
        region: region id.
        evidence: whether the region's audit chain is verified, which reads all of it.
    """
    to = context.settings.alarm_mail
    with context.ledger.unit(region, "alert") as unit:
        fault = chain_fault(unit) if evidence else None
        look_for_unusual(unit, at=context.clock(), fault=fault)
        alarms = take_new(unit)
        mails = queue_alarms(unit, alarms, to=to) if to else 0
    for one in alarms:
        if one.kind in FOUND_HERE:
            raise_alarm(one.kind, service="ledger", failed=one.failed, region=one.region)
    return +Counter(alarms=mails)


def send_mail(
    context: Context, region: str, *, server: Callable[[], AbstractContextManager[SmtpSession]]
) -> Counter[str]:
    """Send the due mails of the region's outbox.

    Args:
        context: settings and ledger.
        region: region id.
        server: opens a connection to the mail server.
    """
    return send_due(context.ledger, region, server, actor="send_mail", clock=context.clock)


def finish(context: Context, region: str) -> None:
    """Record that a region's mail was processed, and when it is due next.

    Args:
        context: settings and ledger.
        region: region id.
    """
    with context.ledger.unit(region, "send_mail") as unit:
        due_work.end(unit, NOTICES, next_look.for_notices(unit, context.clock()))


def _expiring(context: Context) -> list[tuple[str, str, datetime]]:
    """Return the certificates that expire soon (name, owner, moment); none without a trust folder."""
    if context.settings.trust is None:
        return []
    found = expiring(context.trust, at=context.clock())
    return [(one.name, one.owner, one.until) for one in found if one.kind is ExpiryKind.CERTIFICATE]
