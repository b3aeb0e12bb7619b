"""Holds of gates, the reasons that stop a round until a coordinator decides."""

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
PLACED_TWICE = "placed_twice"
"""The reason of a pupil who is placed at several schools (`ledger.rounds.placements`), one for each pupil."""


@dataclass(frozen=True, slots=True)
class HoldReason:
    """Why a coordinator has to decide.

    Args:
        reason: key of its sentence.
        count: number of dossiers, schools or certificates; a decision covers this number, a higher one raises anew.
        facts: values for its sentence: counts, dates and names of schools.
        subject: a school, a certificate or a set of registrations; empty: the whole round.
    """

    reason: str
    count: int
    facts: dict[str, Any] = field(default_factory=dict)
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """An open hold of a gate."""

    gate_hold: UUID
    batch: int
    """Number of the gate's question that asks about it, from 1."""
    reason: HoldReason
    raised_at: datetime


def update_holds(unit: UnitOfWork, round_id: str, gate: str, reasons: Iterable[HoldReason]) -> list[Hold]:
    """Update a gate's holds to the present reasons. Idempotent.

    A decision covers the count that it was about; at the gate before closing only until the round is reopened. New
    reasons, and those with a higher count, are raised in a new batch. Holds whose reason no longer applies are
    withdrawn.

    Args:
        unit: the transaction.
        round_id: the round.
        gate: the gate.
        reasons: all present reasons.

    Returns:
        The open holds.
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
    known = {(hold.reason.reason, hold.reason.subject): hold for hold in open_holds(unit, round_id, gate)}
    wanted = {key: one for key, one in now.items() if one.count > covered.get(key, 0)}
    stale = [
        hold.gate_hold for key, hold in known.items() if key not in wanted or wanted[key].count > hold.reason.count
    ]
    if stale:
        unit.one("select overstap.withdraw_holds(%(ids)s)", ids=stale)
    kept = {key for key, hold in known.items() if hold.gate_hold not in stale}
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
    """Return the open holds of a gate, of one question or of all."""
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


def summed(holds: Iterable[Hold]) -> list[HoldReason]:
    """Return the reasons of holds as a question tells them: pupils placed at several schools are one together."""
    told: list[HoldReason] = []
    twice = 0
    for hold in holds:
        if hold.reason.reason == PLACED_TWICE:
            twice += hold.reason.count
        else:
            told.append(hold.reason)
    return [*told, HoldReason(PLACED_TWICE, twice)] if twice else told


def batches(unit: UnitOfWork, round_id: str, gate: str) -> int:
    """Return the number of questions that a gate has asked."""
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
    """Record a coordinator's decision about a question; an approval settles its holds. Idempotent.

    Args:
        unit: the transaction.
        round_id: the round.
        gate: the gate.
        batch: number of the question, from 1.
        approved: whether the round may go on.
        decided_by: the account that answered.
        reason: the coordinator's text, may be empty.
        answer_key: idempotency key of this answer.
        dossiers: number of dossiers that it is about.
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
    """Settle the holds of a question by the decision with an answer key; return their number."""
    return int(
        unit.one(
            "select overstap.settle_holds(%(round)s, %(gate)s, %(batch)s, %(key)s)",
            round=round_id,
            gate=gate,
            batch=batch,
            key=answer_key,
        )[0]
    )
