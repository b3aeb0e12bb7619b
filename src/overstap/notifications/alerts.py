"""Mails that go at once: alarms for the administrator, and codes that ended by guessing, for the school."""

from collections.abc import Sequence

from overstap.agreements import Agreement
from overstap.clock import format_moment
from overstap.ledger.alarms import Alarm
from overstap.ledger.notifications.outbox import Mail, queue
from overstap.ledger.review.person_events import EndedCode
from overstap.ledger.session import UnitOfWork
from overstap.notifications.message import is_address
from overstap.texts import texts, with_counts


def queue_alarms(unit: UnitOfWork, alarms: Sequence[Alarm], *, to: str) -> int:
    """Mail alarms to the administrator; no address, name, code or account is in them. Return how many were new.

    Args:
        unit: the transaction.
        alarms: what was noticed.
        to: the administrator's address (setting OVERSTAP_ALARM_MAIL).
    """
    words = texts("notices/alarms")
    mails = []
    for one in alarms:
        said = words[one.kind]
        facts = with_counts({"count": one.failed}) | {
            "moment": format_moment(one.raised_at),
            "region": one.region or "-",
        }
        text = "\n\n".join(
            [said["text"]["nl"].format(**facts), said["do"]["nl"], "English", said["text"]["en"].format(**facts)]
        )
        mails.append(Mail(f"alarm/{one.alarm}", "alarm", to, said["subject"]["nl"], f"{text}\n", urgent=True))
    return queue(unit, mails)


def queue_ended_codes(
    unit: UnitOfWork, agreement: Agreement, round_id: str, ended: Sequence[EndedCode], *, school_page: str | None
) -> int:
    """Tell schools that a code ended and that a new letter has to follow; not whose. Return how many mails were new.

    Args:
        unit: the transaction.
        agreement: the agreement that holds for the round.
        round_id: the round.
        ended: which codes; each is told once.
        school_page: address of the schools' pages.
    """
    words = texts("notices/alarms")["school_code_ended"]
    mails = []
    for one in ended:
        school = agreement.school(one.school)
        if is_address(school.contact):
            text = words["text"]["nl"].format(school=school.name, page=school_page or words["page"]["nl"])
            mails.append(
                Mail(
                    f"code_ended/{one.access}",
                    "code_ended",
                    school.contact,
                    words["subject"]["nl"],
                    text,
                    round_id=round_id,
                    urgent=True,
                    reply_to=tuple(person.email for person in agreement.coordinators),
                )
            )
    return queue(unit, mails)
