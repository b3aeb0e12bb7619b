"""Test messages before a round: sending, answers, and results per school."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.region_keys import sha256
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class TestMessage:
    """A test message that is about to be sent."""

    __test__ = False  # not one of pytest's

    message_id: UUID
    primary_school: str
    secondary_school: str
    envelope_digest: bytes
    manifest_digest: bytes


@dataclass(frozen=True, slots=True)
class TestMessageResult:
    """Result of a test message."""

    __test__ = False

    message_id: UUID
    outcome: str
    """accepted, refused, unverified or failed."""
    code: str | None
    receipt: bytes | None = field(repr=False, default=None)
    rule: str | None = None
    """Rule of docs/envelope.md that the answer breaks; shown to those with access, never stored."""


@dataclass(frozen=True, slots=True)
class SchoolResult:
    """A school's test result before a round."""

    school: str
    name: str
    kind: str
    """PO, VO or SWV."""
    passed_at: datetime | None
    """When its last test passed; None: it failed, or was not tried."""
    tried_at: datetime | None
    code: str | None
    """Error code of the last test; with neither this nor `passed_at` it was not tried."""

    @property
    def has_passed(self) -> bool:
        """Whether its last test passed."""
        return self.passed_at is not None and self.code is None


def begin(
    unit: UnitOfWork, round_id: str, message: TestMessage, *, sent_by: str, envelope: bytes | None = None
) -> None:
    """Record a test message. Commit before it is sent.

    Args:
        unit: the transaction.
        round_id: the round.
        message: the message.
        sent_by: the sending school.
        envelope: stored for a school that asks for it.
    """
    unit.audit("test.send", AuditLine(str(message.message_id), {"to": message.secondary_school}))
    unit.run(
        "insert into overstap.test_message (message_id, region, round_id, primary_school, secondary_school, "
        "envelope_digest, manifest_digest, sent_by, envelope) values (%(id)s, %(region)s, %(round)s, %(from)s, %(to)s, "
        "%(digest)s, %(manifest)s, %(by)s, %(envelope)s)",
        id=message.message_id,
        region=unit.region,
        round=round_id,
        by=sent_by,
        **{"from": message.primary_school, "to": message.secondary_school},
        digest=message.envelope_digest,
        manifest=message.manifest_digest,
        envelope=envelope,
    )


def settle(unit: UnitOfWork, answer: TestMessageResult) -> None:
    """Record the result of a test message."""
    detail = {"outcome": answer.outcome, "code": answer.code, "receipt": sha256(answer.receipt or b"").hex()}
    unit.audit("test.settle", AuditLine(str(answer.message_id), detail))
    unit.run(
        "update overstap.test_message set outcome = %(outcome)s, code = %(code)s, receipt = %(receipt)s, "
        "settled_at = overstap.clock() where message_id = %(id)s and outcome is null",
        id=answer.message_id,
        outcome=answer.outcome,
        code=answer.code,
        receipt=answer.receipt,
    )


def note_obstacles(unit: UnitOfWork, round_id: str, found: Mapping[str, str], *, examined: Sequence[str]) -> None:
    """Record the schools that could not be tried, by error code; clear those without an error now.

    Args:
        unit: the transaction.
        round_id: the round.
        found: school to error code.
        examined: the schools that were examined.
    """
    unit.run(
        "delete from overstap.test_obstacle where round_id = %(round)s and school = any(%(schools)s)",
        round=round_id,
        schools=list(set(examined) - found.keys()),
    )
    for school, code in sorted(found.items()):
        unit.run(
            "insert into overstap.test_obstacle (region, round_id, school, code) "
            "values (%(region)s, %(round)s, %(school)s, %(code)s) on conflict (round_id, school) "
            "do update set code = excluded.code, found_at = overstap.clock()",
            region=unit.region,
            round=round_id,
            school=school,
            code=code,
        )


def were_sent(unit: UnitOfWork, round_id: str) -> bool:
    """Tell whether a test message was sent for a round."""
    return bool(
        unit.one(
            "select exists (select from overstap.test_message where round_id = %(round)s) "
            "or exists (select from overstap.test_obstacle where round_id = %(round)s)",
            round=round_id,
        )[0]
    )


def offer(unit: UnitOfWork, message_id: UUID, code: str) -> None:
    """Record that a test message is ready for its school to collect.

    Args:
        unit: the transaction.
        message_id: of the test message.
        code: code that says so in the list of results.
    """
    unit.run(
        "update overstap.test_message set code = %(code)s where message_id = %(id)s and outcome is null",
        id=message_id,
        code=code,
    )


def offered(unit: UnitOfWork, round_id: str) -> list[TestMessage]:
    """Return the test messages of a round that are ready to be collected and have no receipt."""
    return [
        TestMessage(*row)
        for row in unit.rows(
            "select message_id, primary_school, secondary_school, envelope_digest, manifest_digest "
            "from overstap.test_message where round_id = %(round)s and outcome is null and code is not null "
            "order by sent_at, message_id",
            round=round_id,
        )
    ]


@dataclass(frozen=True, slots=True)
class RequestedTestMessage:
    """A test message that its school requests at the desk."""

    message: TestMessage
    envelope: bytes = field(repr=False)
    has_answered: bool
    """Whether its receipt was received."""


def requested(unit: UnitOfWork, secondary_school: str, message_id: UUID | None = None) -> RequestedTestMessage | None:
    """Return a school's newest test message at the desk, or the one with an id; None when there is none."""
    rows = unit.rows(
        "select message_id, primary_school, secondary_school, envelope_digest, manifest_digest, envelope, "
        "outcome is not null from overstap.test_message where secondary_school = %(school)s and envelope is not null "
        "and (%(id)s::uuid is null or message_id = %(id)s) order by sent_at desc, message_id desc limit 1",
        school=secondary_school,
        id=message_id,
    )
    return RequestedTestMessage(TestMessage(*rows[0][:5]), rows[0][5], rows[0][6]) if rows else None


def note_handed_out(unit: UnitOfWork, message_id: UUID, secondary_school: str) -> None:
    """Record that a test message is handed out to the requesting school. Commit before answering."""
    unit.audit("test.send", AuditLine(str(message_id), {"to": secondary_school, "asked": True}))


def results(unit: UnitOfWork, round_id: str) -> list[SchoolResult]:
    """Return the test result of each school of a round: passed, failed with its error code, or not tried.

    A receiving school has the result of its last test. A sending school passes when a receiver accepted one of its
    tests; a fault of a receiver does not count against it.
    """
    found = get_round(unit, round_id)
    return [
        SchoolResult(*row)
        for row in unit.rows(
            """
            select s.school, s.name, s.kind,
                   case when s.school = any(%(suppliers)s) or last.outcome = 'accepted' then good.at end,
                   greatest(last.at, o.found_at),
                   case when o.code is not null then o.code
                        when last.at is null then null
                        when s.school = any(%(receivers)s) and last.outcome is distinct from 'accepted'
                        then coalesce(last.code, 'DELIVERY-101')
                        when s.school = any(%(suppliers)s) and good.at is null and last.outcome = 'refused'
                        then last.code end
              from overstap.school s
              left join lateral (select t.outcome, t.code, coalesce(t.settled_at, t.sent_at) as at
                                   from overstap.test_message t
                                  where t.round_id = %(round)s and (t.outcome is not null or t.code is not null)
                                    and s.school in (t.primary_school, t.secondary_school)
                                  order by t.sent_at desc limit 1) last on true
              left join lateral (select max(t.settled_at) as at from overstap.test_message t
                                  where t.round_id = %(round)s and t.outcome = 'accepted'
                                    and s.school in (t.primary_school, t.secondary_school)) good on true
              left join overstap.test_obstacle o on o.round_id = %(round)s and o.school = s.school
             where s.school = any(%(suppliers)s || %(receivers)s)
             order by s.school = any(%(suppliers)s), s.name, s.school
            """,
            round=round_id,
            suppliers=[one.id for one in found.agreement.suppliers(found.kind)],
            receivers=[one.id for one in found.agreement.receivers(found.kind) if not one.collects_on_page],
        )
    ]
