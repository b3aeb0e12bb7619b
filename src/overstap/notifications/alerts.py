"""Urgent mails: alarms for the administrator, and codes that ended after guesses for the school."""

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
    """Queue mails with alarms for the administrator, without address, name, code or account; return how many are new.

    Args:
        unit: the transaction.
        alarms: the alarms.
        to: the administrator's address (setting OVERSTAP_ALARM_MAIL).
    """
    words = texts("notices/alarms")
    mails = []
    for one in alarms:
        kind_words = words[one.kind]
        facts = with_counts({"count": one.failed}) | {
            "moment": format_moment(one.raised_at),
            "region": one.region or "-",
        }
        text = "\n\n".join(
            [
                kind_words["text"]["nl"].format(**facts),
                kind_words["do"]["nl"],
                "English",
                kind_words["text"]["en"].format(**facts),
            ]
        )
        mails.append(Mail(f"alarm/{one.alarm}", "alarm", to, kind_words["subject"]["nl"], f"{text}\n", urgent=True))
    return queue(unit, mails)


def queue_ended_codes(
    unit: UnitOfWork, agreement: Agreement, round_id: str, ended: Sequence[EndedCode], *, school_page: str | None
) -> int:
    """Queue mails to schools about ended codes, which need a new letter, without names; return how many are new.

    Args:
        unit: the transaction.
        agreement: the agreement of the round.
        round_id: the round.
        ended: the ended codes; each is mailed once.
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
