"""Withdrawn dossiers: decisions, revocations, and the receivers' signed answers."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.region_keys import sha256
from overstap.ledger.session import UnitOfWork


class WithdrawalReason(StrEnum):
    """Reason of a withdrawal, which the receiver is told; without personal data."""

    WRONG_RECEIVER = "wrong_receiver"
    PUPIL_NOT_COMING = "pupil_not_coming"
    WRONG_CONTENT = "wrong_content"
    OBJECTION = "objection"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class EnvelopeToRevoke:
    """An envelope that was taken back and that its receiver may have, without a revocation yet."""

    message_id: UUID
    envelope_digest: bytes
    primary_school: str
    secondary_school: str
    reason: WithdrawalReason


@dataclass(frozen=True, slots=True)
class StoredRevocation:
    """A signed revocation of an envelope, to be sent to its receiver."""

    message_id: UUID
    secondary_school: str
    statement: bytes = field(repr=False)
    digest: bytes


@dataclass(frozen=True, slots=True)
class RevocationResult:
    """Result of an attempt to send a revocation."""

    message_id: UUID
    outcome: str
    """confirmed, refused, unverified (an answer that does not count), offered (ready for the school to collect) or
    failed (no answer)."""
    code: str | None
    answer: bytes | None = field(repr=False, default=None)
    had: bool | None = None
    """Whether the receiver had the dossier, by its answer."""
    wait: timedelta = timedelta(0)
    """How long to wait before the next attempt, where it is not settled."""
    rule: str | None = None
    """Rule of docs/envelope.md that the answer breaks; shown to those with access, never stored."""


@dataclass(frozen=True, slots=True)
class WithdrawalStatus:
    """State of the withdrawal of one envelope."""

    dossier: UUID
    reason: str
    decided_by: str
    decided_at: datetime
    message_id: UUID | None
    """None: no school had it, so there is nothing to revoke."""
    secondary_school: str | None
    state: str | None
    """unsigned, open, confirmed or refused."""
    problem: str | None


def withdraw(
    unit: UnitOfWork, round_id: str, dossiers: Sequence[UUID], *, reason: WithdrawalReason, decided_by: str
) -> int | None:
    """Withdraw dossiers: they are no longer sent, and envelopes at schools are revoked next. Idempotent.

    Args:
        unit: the transaction.
        round_id: the round they are in.
        dossiers: ids of the dossiers.
        reason: the reason, which receivers are told.
        decided_by: the account that decided it.

    Returns:
        Number of newly withdrawn dossiers; None when it waits for a second person.
    """
    withdrawn: int | None = unit.one(
        "select overstap.withdraw(%(round)s, %(ids)s, %(reason)s, %(by)s)",
        round=round_id,
        ids=list(dossiers),
        reason=reason.value,
        by=decided_by,
    )[0]
    return withdrawn


def to_revoke(unit: UnitOfWork, round_id: str | None = None) -> list[EnvelopeToRevoke]:
    """Return the envelopes that were taken back and that schools may have, without a revocation yet.

    They are those of withdrawn dossiers, and those that were taken back at one school.

    An envelope that was sent without an answer may have arrived, so it is revoked too. What stood on a school's page,
    and nobody collected, is gone from it.
    """
    return [
        EnvelopeToRevoke(row[0], row[1], row[2], row[3], WithdrawalReason(row[4]))
        for row in unit.rows(
            """
            select l.message_id, l.envelope_digest, d.primary_school, l.secondary_school, coalesce(e.reason, w.reason)
              from overstap.delivery l
              join overstap.dossier d using (dossier)
              left join overstap.withdrawal w on w.dossier = l.dossier
              left join overstap.envelope_withdrawal e on e.message_id = l.message_id
             where (w.dossier is not null or e.message_id is not null)
               and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
               and (l.key_id is null
                    or exists (select from overstap.page_collection c where c.message_id = l.message_id))
               and (%(round)s::text is null or l.round_id = %(round)s)
               and not exists (select from overstap.revocation r where r.message_id = l.message_id)
             order by l.message_id
            """,
            round=round_id,
        )
    ]


def keep_statements(unit: UnitOfWork, statements: Sequence[StoredRevocation]) -> None:
    """Store signed revocations; each attempt sends the same bytes."""
    unit.audit("revocation.sign", *(AuditLine(str(one.message_id), {"to": one.secondary_school}) for one in statements))
    for one in statements:
        unit.run(
            "insert into overstap.revocation (message_id, region, statement, statement_digest) "
            "values (%(id)s, %(region)s, %(statement)s, %(digest)s) on conflict do nothing",
            id=one.message_id,
            region=unit.region,
            statement=one.statement,
            digest=one.digest,
        )


def schools_with_due_revocations(unit: UnitOfWork) -> list[str]:
    """Return the secondary schools with a due revocation and a circuit breaker that is not open."""
    return [
        row[0]
        for row in unit.rows(
            "select distinct l.secondary_school from overstap.revocation r join overstap.delivery l using (message_id) "
            "left join overstap.school_line s on s.school = l.secondary_school "
            "where r.state = 'open' and r.next_attempt_at <= overstap.clock() "
            "and coalesce(s.rests_until <= overstap.clock(), true) order by 1"
        )
    ]


def schools_with_offered_revocations(unit: UnitOfWork) -> list[str]:
    """Return the secondary schools that collect files and have not answered a revocation yet."""
    return [
        row[0]
        for row in unit.rows(
            "select distinct l.secondary_school from overstap.revocation r join overstap.delivery l using (message_id) "
            "where r.state = 'open' and r.offered_at is not null order by 1"
        )
    ]


def open_statements(unit: UnitOfWork, secondary_school: str) -> list[StoredRevocation]:
    """Return the revocations that a school has not answered yet."""
    return [
        StoredRevocation(*row)
        for row in unit.rows(
            "select r.message_id, l.secondary_school, r.statement, r.statement_digest "
            "from overstap.revocation r join overstap.delivery l using (message_id) "
            "where r.state = 'open' and l.secondary_school = %(school)s order by r.message_id",
            school=secondary_school,
        )
    ]


def statement_of(unit: UnitOfWork, secondary_school: str, message_id: UUID) -> StoredRevocation | None:
    """Return the revocation of one envelope, answered or not."""
    rows = unit.rows(
        "select r.message_id, l.secondary_school, r.statement, r.statement_digest "
        "from overstap.revocation r join overstap.delivery l using (message_id) "
        "where r.message_id = %(id)s and l.secondary_school = %(school)s",
        id=message_id,
        school=secondary_school,
    )
    return StoredRevocation(*rows[0]) if rows else None


def note_handed_out(unit: UnitOfWork, statement: StoredRevocation) -> None:
    """Record that a revocation is handed out to the requesting school. Commit before answering."""
    [attempt] = unit.one(
        "update overstap.revocation set attempts = attempts + 1 where message_id = %(id)s returning attempts",
        id=statement.message_id,
    )
    detail = {"to": statement.secondary_school, "attempt": attempt, "asked": True}
    unit.audit("revocation.send", AuditLine(str(statement.message_id), detail))


def claim_due(unit: UnitOfWork, secondary_school: str, *, limit: int) -> list[StoredRevocation]:
    """Return due revocations for a school, and write the audit line of each attempt. Commit before sending."""
    rows = unit.rows(
        """
        update overstap.revocation r set attempts = attempts + 1
         where r.message_id in (
               select x.message_id from overstap.revocation x join overstap.delivery l using (message_id)
                where l.secondary_school = %(school)s and x.state = 'open' and x.next_attempt_at <= overstap.clock()
                order by x.message_id limit %(limit)s)
        returning message_id, statement, statement_digest, attempts
        """,
        school=secondary_school,
        limit=limit,
    )
    rows.sort(key=lambda row: row[0])
    unit.audit(
        "revocation.send", *(AuditLine(str(row[0]), {"to": secondary_school, "attempt": row[3]}) for row in rows)
    )
    return [StoredRevocation(row[0], secondary_school, row[1], row[2]) for row in rows]


def settle(unit: UnitOfWork, answers: Sequence[RevocationResult]) -> None:
    """Record the results of attempts. Only a verified answer settles a withdrawal. Idempotent."""
    still_open = {
        row[0]
        for row in unit.rows(
            "select message_id from overstap.revocation where message_id = any(%(ids)s) and state = 'open'",
            ids=[item.message_id for item in answers],
        )
    }
    answers = [item for item in answers if item.message_id in still_open]
    settled = [item for item in answers if item.outcome in ("confirmed", "refused")]
    unit.audit(
        "revocation.settle",
        *(
            AuditLine(
                str(item.message_id),
                {"outcome": item.outcome, "code": item.code, "answer": sha256(item.answer or b"").hex()},
            )
            for item in settled
        ),
    )
    for item in answers:
        is_settled = item.outcome in ("confirmed", "refused")
        unit.run(
            "update overstap.revocation set problem = %(code)s, "
            "next_attempt_at = overstap.clock() + %(wait)s::interval, "
            "state = case when %(settled)s then %(outcome)s else state end, "
            "offered_at = case when %(offered)s then coalesce(offered_at, overstap.clock()) else offered_at end, "
            "answer = case when %(settled)s then %(answer)s else answer end, "
            "had = case when %(settled)s then %(had)s else had end, "
            "settled_at = case when %(settled)s then overstap.clock() end "
            "where message_id = %(id)s and state = 'open'",
            id=item.message_id,
            code=item.code,
            wait=item.wait,
            settled=is_settled,
            offered=item.outcome == "offered",
            outcome=item.outcome,
            answer=item.answer,
            had=item.had,
        )


def attempts_of(unit: UnitOfWork, message_ids: Sequence[UUID]) -> dict[UUID, int]:
    """Return the number of attempts of each revocation."""
    return dict(
        unit.rows(
            "select message_id, attempts from overstap.revocation where message_id = any(%(ids)s)",
            ids=list(message_ids),
        )
    )


def statuses(unit: UnitOfWork, round_id: str) -> list[WithdrawalStatus]:
    """Return every withdrawal of a round with the state of each envelope."""
    return [
        WithdrawalStatus(*row)
        for row in unit.rows(
            """
            select w.dossier, w.reason, w.decided_by, w.decided_at, l.message_id, l.secondary_school,
                   case when l.message_id is not null then coalesce(r.state, 'unsigned') end, r.problem
              from overstap.withdrawal w
              left join overstap.delivery l on l.dossier = w.dossier
                   and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
                   and (l.key_id is null
                        or exists (select from overstap.page_collection c where c.message_id = l.message_id))
              left join overstap.revocation r on r.message_id = l.message_id
             where w.round_id = %(round)s
            union all
            select e.dossier, e.reason, e.decided_by, e.decided_at, e.message_id, e.secondary_school,
                   coalesce(r.state, 'unsigned'), r.problem
              from overstap.envelope_withdrawal e left join overstap.revocation r using (message_id)
             where e.round_id = %(round)s and not exists (select from overstap.withdrawal w where w.dossier = e.dossier)
             order by 4, 1, 5
            """,
            round=round_id,
        )
    ]
