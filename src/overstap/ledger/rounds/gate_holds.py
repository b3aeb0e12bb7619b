"""Holds: reasons that stop a round until a coordinator decides."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.session import UnitOfWork

NOT_INSPECTED = "not_inspected"
RELEASE_FOR_DELIVERY = "release_for_delivery"
ACCEPT_UNDELIVERABLE = "accept_undeliverable"


@dataclass(frozen=True, slots=True)
class HoldReason:
    """Why a coordinator has to decide.

    Args:
        reason: key of its sentence.
        count: of how many dossiers, schools or certificates; a decision covers as many, and more is asked anew.
        facts: what fills its sentence: counts, dates and names of schools.
        subject: a school, a certificate or a set of registrations; empty for the whole round.
    """

    reason: str
    count: int
    facts: dict[str, Any] = field(default_factory=dict)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason that stands."""

    gate_hold: UUID
    batch: int
    """Which of the gate's questions asks about it, from 1."""
    reason: HoldReason
    raised_at: datetime


def look(unit: UnitOfWork, round_id: str, gate: str, reasons: Iterable[HoldReason]) -> list[Hold]:
    """Bring a gate's holds to what is so now. Safe to repeat.

    What was decided covers as many as it was about; what a round was closed with, only until it is opened again.
    What is new, or more than that, is raised in a batch of its own. What is so no longer is withdrawn.

    Args:
        unit: the transaction.
        round_id: the round.
        gate: which gate.
        reasons: everything that is so now.

    Returns:
        What stands open.
    """
    unit.one("select overstap.hold_round(%(round)s)", round=round_id)
    now = {(one.reason, one.subject): one for one in reasons}
    covered: dict[tuple[str, str], int] = {
        (reason, subject): count
        for reason, subject, count in unit.rows(
            "select h.reason, h.subject, max(h.count) from overstap.gate_hold h "
            "join overstap.gate_decision g on g.gate_decision = h.settled_by "
            "where h.round_id = %(round)s and h.gate = %(gate)s and (h.gate <> 'accept_undeliverable' "
            "or g.decided_at > coalesce((select max(r.decided_at) from overstap.gate_decision r "
            "where r.round_id = %(round)s and r.gate = 'reopen'), '-infinity')) group by 1, 2",
            round=round_id,
            gate=gate,
        )
    }
    standing = {(hold.reason.reason, hold.reason.subject): hold for hold in open_holds(unit, round_id, gate)}
    wanted = {key: one for key, one in now.items() if one.count > covered.get(key, 0)}
    stale = [
        hold.gate_hold for key, hold in standing.items() if key not in wanted or wanted[key].count > hold.reason.count
    ]
    if stale:
        unit.one("select overstap.withdraw_holds(%(ids)s)", ids=stale)
    kept = {key for key, hold in standing.items() if hold.gate_hold not in stale}
    new = [one for key, one in wanted.items() if key not in kept]
    if new:
        batch = batches(unit, round_id, gate) + 1
        unit.audit(
            "gate.hold",
            AuditLine(round_id, {"gate": gate, "reasons": sorted({one.reason for one in new}), "batch": batch}),
        )
        for one in new:
            unit.run(
                "insert into overstap.gate_hold (region, round_id, gate, batch, reason, subject, count, facts) values "
                "(%(region)s, %(round)s, %(gate)s, %(batch)s, %(reason)s, %(subject)s, %(count)s, %(facts)s::jsonb)",
                region=unit.region,
                round=round_id,
                gate=gate,
                batch=batch,
                reason=one.reason,
                subject=one.subject,
                count=one.count,
                facts=json.dumps(one.facts, default=str),
            )
    return open_holds(unit, round_id, gate)


def open_holds(unit: UnitOfWork, round_id: str, gate: str, *, batch: int | None = None) -> list[Hold]:
    """Return what stands in the way at a gate, of one question or of all."""
    return [
        Hold(gate_hold, number, HoldReason(reason, count, facts, subject), raised_at)
        for gate_hold, number, reason, count, facts, subject, raised_at in unit.rows(
            "select gate_hold, batch, reason, count, facts, subject, raised_at from overstap.gate_hold "
            "where round_id = %(round)s and gate = %(gate)s and settled_by is null and withdrawn_at is null "
            "and (%(batch)s::int is null or batch = %(batch)s) order by batch, reason, subject",
            round=round_id,
            gate=gate,
            batch=batch,
        )
    ]


def batches(unit: UnitOfWork, round_id: str, gate: str) -> int:
    """Return how many questions a gate has had."""
    found = unit.one(
        "select coalesce(max(batch), 0) from overstap.gate_hold where round_id = %(round)s and gate = %(gate)s",
        round=round_id,
        gate=gate,
    )
    return int(found[0])


def decide(
    unit: UnitOfWork,
    round_id: str,
    gate: str,
    batch: int,
    *,
    approved: bool,
    decided_by: str,
    reason: str,
    answer_key: str,
    dossiers: int,
) -> None:
    """Record a coordinator's decision about a question; one that approves settles its holds. Safe to repeat.

    Args:
        unit: the transaction.
        round_id: the round.
        gate: which gate.
        batch: which of its questions.
        approved: whether the round may go on.
        decided_by: the account that answered.
        reason: the words that were given, may be empty.
        answer_key: names this answer, so that a repeated task records it once.
        dossiers: how many dossiers it is about.
    """
    unit.one(
        "select overstap.decide_gate(%(round)s, %(gate)s, %(batch)s, %(approved)s, %(by)s, %(reason)s, %(key)s, %(n)s)",
        round=round_id,
        gate=gate,
        batch=batch,
        approved=approved,
        by=decided_by,
        reason=reason,
        key=answer_key,
        n=dossiers,
    )


def settle(unit: UnitOfWork, round_id: str, gate: str, batch: int, *, answer_key: str) -> int:
    """Settle the holds of a question by the decision that was recorded under an answer; return how many."""
    return int(
        unit.one(
            "select overstap.settle_holds(%(round)s, %(gate)s, %(batch)s, %(key)s)",
            round=round_id,
            gate=gate,
            batch=batch,
            key=answer_key,
        )[0]
    )
