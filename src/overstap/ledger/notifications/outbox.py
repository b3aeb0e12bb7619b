"""Outbox of mails to be sent, once per meaning, with their outcomes.

A meaning is the idempotency key of a mail: content and recipient in ids ("opened/demo.2026-2027.advice/99AB00").
Queueing it again does nothing. The content is encrypted, and erased once the mail is settled; meaning and outcome stay.
"""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.region_keys import EncryptedContent, sha256
from overstap.ledger.session import UnitOfWork

_FIRST_PAUSE = timedelta(minutes=1)
_LONGEST_PAUSE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail to one person or school.

    Args:
        meaning: idempotency key, in ids; the same meaning is mailed once. No name, no address.
        kind: kind of mail, such as "invitation".
        round_id: the round that it is about; None: none.
        to: the recipient's address.
        subject: one line.
        text: the mail as plain text.
        html: the mail as HTML; None: text only.
        urgent: sent before mails that are not urgent.
        not_before: earliest moment of sending; None: at the next run.
        reply_to: addresses for replies; empty: the sender's own.
        calendar: calendar file that goes with it (RFC 5545); empty: none.
    """

    meaning: str
    kind: str
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str | None = field(repr=False, default=None)
    round_id: str | None = None
    urgent: bool = False
    not_before: datetime | None = None
    reply_to: tuple[str, ...] = field(repr=False, default=())
    calendar: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class ClaimedMail:
    """A mail that is about to be sent."""

    mail: UUID
    kind: str
    attempt: int
    to: str = field(repr=False)
    subject: str = field(repr=False)
    text: str = field(repr=False)
    html: str | None = field(repr=False)
    reply_to: tuple[str, ...] = field(repr=False, default=())
    calendar: str = field(repr=False, default="")


@dataclass(frozen=True, slots=True)
class MailStatus:
    """State of a mail in the outbox."""

    meaning: str
    kind: str
    state: str
    """waiting, sending, sent, or refused (permanently, by the mail server)."""
    attempts: int
    code: str | None
    """Error code of the last attempt."""
    reply: int | None
    """Reply code of the mail server (RFC 5321 clause 4.2)."""
    due_at: datetime
    settled_at: datetime | None


def queue(unit: UnitOfWork, mails: Sequence[Mail]) -> int:
    """Put mails in the outbox, each once per meaning. Idempotent.

    Args:
        unit: the transaction; when it is rolled back, nothing is mailed.
        mails: the mails.

    Returns:
        Number of new mails.
    """
    known = {
        row[0]
        for row in unit.rows(
            "select meaning from overstap.mail where meaning = any(%(meanings)s)",
            meanings=[mail.meaning for mail in mails],
        )
    }
    new = 0
    for mail in {one.meaning: one for one in mails if one.meaning not in known}.values():
        content = json.dumps(
            [mail.to, mail.subject, mail.text, mail.html, mail.reply_to, mail.calendar], ensure_ascii=False
        )
        sealed = unit.keys.encrypt(content.encode(), f"mail/{mail.meaning}")
        new += unit.run(
            "insert into overstap.mail (region, round_id, meaning, kind, is_urgent, key_id, content, due_at) values "
            "(%(region)s, %(round)s, %(meaning)s, %(kind)s, %(urgent)s, %(key)s, %(content)s, "
            "coalesce(%(due)s, clock_timestamp())) on conflict (region, meaning) do nothing",
            region=unit.region,
            round=mail.round_id,
            meaning=mail.meaning,
            kind=mail.kind,
            urgent=mail.urgent,
            key=sealed.key_id,
            content=sealed.data,
            due=mail.not_before,
        )
    return new


def due(unit: UnitOfWork, limit: int = 500) -> list[UUID]:
    """Return the mails that are due now, urgent ones first.

    A mail in state `sending` was interrupted: whether it was sent is unknown, so it is sent again under the same
    Message-ID, by which the reader's mail system can recognise the duplicate.
    """
    return [
        row[0]
        for row in unit.rows(
            "select mail from overstap.mail where state in ('waiting', 'sending') and due_at <= clock_timestamp() "
            "and coalesce(next_attempt_at, due_at) <= clock_timestamp() order by is_urgent desc, due_at, mail "
            "limit %(limit)s",
            limit=limit,
        )
    ]


def claim(unit: UnitOfWork, mail: UUID) -> ClaimedMail:
    """Claim a mail and write the audit line of its sending. Commit before it is sent.

    Raises:
        LookupError: it is settled already.
        OverstapError: LEDGER-002 or LEDGER-003 when it cannot be decrypted.
    """
    meaning, kind, key_id, content, attempt = unit.one(
        "update overstap.mail set state = 'sending', attempts = attempts + 1 where mail = %(mail)s "
        "and state in ('waiting', 'sending') returning meaning, kind, key_id, content, attempts",
        mail=mail,
    )
    plain = unit.keys.decrypt(EncryptedContent(key_id, content), f"mail/{meaning}")
    unit.audit(
        "mail.send",
        AuditLine(str(mail), {"meaning": meaning, "kind": kind, "attempt": attempt, "content": sha256(plain).hex()}),
    )
    # Mails queued by older versions have no reply addresses, or no calendar
    to, subject, text, html, reply_to, calendar = [*json.loads(plain), [], ""][:6]
    return ClaimedMail(mail, kind, attempt, to, subject, text, html, tuple(reply_to), calendar or "")


def settle(
    unit: UnitOfWork, mail: UUID, *, code: str | None = None, reply: int | None = None, final: bool = True
) -> None:
    """Record the outcome of an attempt.

    Args:
        unit: the transaction.
        mail: id of the mail.
        code: error code; None when the mail server accepted it.
        reply: the mail server's reply code.
        final: whether there is no further attempt: it was accepted, or refused permanently.
    """
    if final:
        outcome = "refused" if code else "sent"
        unit.audit("mail.settle", AuditLine(str(mail), {"outcome": outcome, "code": code, "reply": reply}))
        unit.run(
            "update overstap.mail set state = %(state)s, code = %(code)s, reply = %(reply)s, content = null, "
            "next_attempt_at = null, settled_at = clock_timestamp() where mail = %(mail)s and state = 'sending'",
            state=outcome,
            code=code,
            reply=reply,
            mail=mail,
        )
        return
    unit.run(
        "update overstap.mail set state = 'waiting', code = %(code)s, reply = %(reply)s, "
        "next_attempt_at = clock_timestamp() + least(%(first)s * power(2, least(attempts, 20) - 1), %(longest)s) "
        "where mail = %(mail)s and state = 'sending'",
        code=code,
        reply=reply,
        first=_FIRST_PAUSE,
        longest=_LONGEST_PAUSE,
        mail=mail,
    )


def backlog(unit: UnitOfWork) -> tuple[Counter[str], datetime | None]:
    """Return the number of mails per state, and when the first of those that wait was due; None: none waits.

    Args:
        unit: the transaction.
    """
    rows = unit.rows("select state, count(*), min(due_at) from overstap.mail group by state")
    waiting = [first for state, _, first in rows if state in ("waiting", "sending")]
    return Counter({state: count for state, count, _ in rows}), min(waiting, default=None)


def statuses(unit: UnitOfWork, *, kind: str | None = None, round_id: str | None = None) -> list[MailStatus]:
    """Return the states of mails, in the order in which they were queued.

    Args:
        unit: the transaction.
        kind: of one kind only.
        round_id: about one round only.
    """
    return [
        MailStatus(*row)
        for row in unit.rows(
            "select meaning, kind, state, attempts, code, reply, due_at, settled_at from overstap.mail "
            "where (%(kind)s::text is null or kind = %(kind)s) "
            "and (%(round)s::text is null or round_id = %(round)s) order by queued_at, mail",
            kind=kind,
            round=round_id,
        )
    ]
