"""Coordinators' answers on the board: recording one for a gate, taking a decision back, taking up what has no receiver.

The functions of the database check the account against the agreement in force, and write the audit line in the same
statement (include/schemas/ledger/code/15_board.sql). The board's login can write nothing else.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import psycopg

from overstap.errors import OverstapError
from overstap.ledger import second_person
from overstap.ledger.rounds.placements import PlacedTwice
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import Ledger, UnitOfWork


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer that the ledger has.

    Args:
        account: who answered.
        choice: name of the option: "approve" or "reject", or "hold", "extend" or "attest".
        dossiers: number of dossiers that it is about.
        is_new: whether it was recorded by this call; otherwise somebody answered before.
    """

    account: str
    choice: str
    dossiers: int
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class GivenAnswer:
    """An answer as a coordinator gives it on the board.

    Args:
        gate: the gate.
        question: number of the question, from 1.
        choice: name of the option.
        reason: the coordinator's own words; may be empty.
        key: idempotency key of this asking of the question.
        schools: primary schools that it is about, at the gate `not_inspected`; none: all in the question.
        until: for "extend", when the window closes.
    """

    gate: str
    question: int
    choice: str
    reason: str
    key: str
    schools: Sequence[str] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class UndoableDecision:
    """A decision of which nothing has come yet, so that it can be taken back."""

    decision: UUID
    gate: str


def kept(unit: UnitOfWork, round_id: str, gate: str, key: str) -> KeptAnswer | None:
    """Return the answer to one asking of a question; None when the ledger has none."""
    found = unit.rows(
        "select account, choice, covered from overstap.kept_answer(%(round)s, %(gate)s, %(key)s)",
        round=round_id,
        gate=gate,
        key=key,
    )
    return KeptAnswer(*found[0]) if found else None


def answer(ledger: Ledger, round_id: str, region: str, account: str, given: GivenAnswer) -> KeptAnswer:
    """Record a coordinator's answer and bring it about, in one transaction. Idempotent per asking.

    Args:
        ledger: the ledger, with the board's login; it needs no key.
        round_id: the round.
        region: its region.
        account: who answers.
        given: the answer.

    Returns:
        The answer that counts: this one, or that of whoever was first.

    Raises:
        OverstapError: GATE-013 when the account may not answer, GATE-014 when there is nothing left to answer,
            GATE-005 when the answer is not one that the question offers, LEDGER-021 when a release waits for a second
            person.
    """
    found = _decided(
        *(ledger, round_id, region, account),
        "select account, choice, covered, is_new from overstap.answer_gate(%(round)s, %(gate)s, %(question)s, "
        "%(choice)s, %(reason)s, %(key)s, %(schools)s, %(until)s)",
        gate=given.gate,
        question=given.question,
        choice=given.choice,
        reason=given.reason,
        key=given.key,
        schools=list(given.schools),
        until=given.until,
    )
    if not found:
        with ledger.unit(region, account) as unit:
            is_asked = any((one.act, one.round_id) == ("release", round_id) for one in second_person.waiting(unit))
        raise OverstapError("LEDGER-021" if is_asked and given.gate == "release_for_review" else "GATE-014")
    return KeptAnswer(*found[0])


def undoable(unit: UnitOfWork, round_id: str) -> UndoableDecision | None:
    """Return the decision of a round that can still be taken back; None when there is none."""
    found = unit.rows("select decision, gate from overstap.undoable(%(round)s)", round=round_id)
    return UndoableDecision(*found[0]) if found else None


def take_back(
    ledger: Ledger, round_id: str, region: str, account: str, decision: UUID, *, reason: str, key: str
) -> str:
    """Take a decision back while nothing has come of it; its question is open again.

    Args:
        ledger: the ledger, with the board's login.
        round_id: the round.
        region: its region.
        account: who takes it back.
        decision: the decision.
        reason: the coordinator's own words.
        key: idempotency key.

    Returns:
        The gate.

    Raises:
        OverstapError: GATE-013 when the account may not answer in this round, GATE-015 when it is too late.
    """
    found = _decided(
        *(ledger, round_id, region, account),
        "select overstap.take_back(%(round)s, %(decision)s, %(reason)s, %(key)s)",
        decision=decision,
        reason=reason,
        key=key,
    )
    if found[0][0] is None:
        raise OverstapError("GATE-015")
    return str(found[0][0])


def take_up(ledger: Ledger, round_id: str, region: str, account: str, school: str) -> int:
    """Note that an account looks for a receiver for a school's dossiers of which nobody does; return their number.

    Raises:
        OverstapError: GATE-013 when the account is not a coordinator's of this round.
    """
    found = _decided(
        *(ledger, round_id, region, account), "select overstap.take_up(%(round)s, %(school)s)", school=school
    )
    return int(found[0][0])


def take_up_list(ledger: Ledger, round_id: str, region: str, account: str, school: str, name: str) -> bool:
    """Note that an account looks after a list of a school's pupils; False when that was noted already.

    Raises:
        OverstapError: GATE-013 when the account is not a coordinator's of this round.
    """
    found = _decided(
        *(ledger, round_id, region, account),
        "select overstap.take_up_list(%(round)s, %(school)s, %(list)s)",
        school=school,
        list=name,
    )
    return bool(found[0][0])


def answer_placement(
    ledger: Ledger, round_id: str, region: str, account: str, found: PlacedTwice, holds: Sequence[str], reason: str
) -> bool:
    """Record which placements of a pupil hold who is placed at several schools; False when that was recorded before.

    Args:
        ledger: the ledger, with the board's login.
        round_id: the placement round.
        region: its region.
        account: who answers.
        found: the pupil, as the coordinator was shown.
        holds: schools whose placements hold.
        reason: the coordinator's own words; not empty.

    Raises:
        OverstapError: GATE-005 when it is no answer that the question offers, GATE-013 when the account may not answer
            in this round, GATE-014 when the placements changed in the meantime, GATE-015 when envelopes were sealed by
            another answer.
    """
    said = _decided(
        *(ledger, round_id, region, account),
        "select overstap.answer_placement(%(round)s, %(pupil)s, %(seen)s::text[], %(holds)s::text[], %(reason)s)",
        pupil=found.pupil,
        seen=list(found.schools),
        holds=list(holds),
        reason=reason,
    )[0][0]
    if said in ("gone", "late"):
        raise OverstapError("GATE-014" if said == "gone" else "GATE-015")
    return bool(said == "kept")


def take_back_sent(
    ledger: Ledger, round_id: str, region: str, account: str, dossiers: Sequence[UUID], school: str, reason: str
) -> int:
    """Take dossiers back at one school to which their pupils do not go; return the number of envelopes.

    Args:
        ledger: the ledger, with the board's login.
        round_id: the round.
        region: its region.
        account: who takes them back.
        dossiers: the dossiers.
        school: BRIN and branch of the school that has them.
        reason: a `WithdrawalReason`, which the school is told.

    Raises:
        OverstapError: GATE-013 when the account is not a coordinator's of this round, LEDGER-021 when it waits for a
            second person.
    """
    found = _decided(
        *(ledger, round_id, region, account),
        "select overstap.take_back_sent(%(round)s, %(ids)s, %(at)s, %(reason)s)",
        ids=list(dossiers),
        at=school,
        reason=reason,
    )
    if found[0][0] is None:
        raise OverstapError("LEDGER-021")
    return int(found[0][0])


def _decided(
    ledger: Ledger, round_id: str, region: str, account: str, statement: str, **values: object
) -> list[tuple[Any, ...]]:
    """Run a deciding function in a transaction of its own, as an account; translate the database's refusals."""
    try:
        with ledger.unit(region, account) as unit:
            return unit.rows(statement, round=round_id, **values)
    except psycopg.errors.InsufficientPrivilege:
        with ledger.unit(region, account) as unit:
            found = get_round(unit, round_id)
        accounts = found.agreement.gate_accounts(found.kind)
        raise OverstapError("GATE-013", accounts=", ".join(accounts)) from None
    except psycopg.errors.NoDataFound:
        raise OverstapError("LEDGER-009", round=round_id) from None
    except psycopg.errors.CheckViolation:
        raise OverstapError("GATE-005", field="antwoord") from None
