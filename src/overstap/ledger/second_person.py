"""Acts that the agreement leaves to two persons: requests of the first, and confirmation by the second.

The database's functions of those acts record a request where the agreement asks for a second person; `confirm` does the
act. Only the board's login may confirm (include/schemas/ledger/code/18_second_person.sql).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import psycopg

from overstap.errors import OverstapError
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class SecondPersonRequest:
    """An act that waits for a second person.

    Args:
        request: its id.
        round_id: the round; None: of the whole region.
        act: "release", "take_back", "erase", "key_destruction" or "agreement_change".
        about: ids of what it is about.
        asked_by: account of the first person.
        asked_at: when it was asked.
        expires_at: when it can be confirmed no longer.
        is_named: whether a coordinator asked; not so for a file that somebody changed.
        changes: what a change of the agreement changes, each with `said` and `allowed`; else empty.
    """

    request: UUID
    round_id: str | None
    act: str
    about: str
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    is_named: bool
    changes: Sequence[Mapping[str, Any]]


class Confirmation(StrEnum):
    """What became of a request that somebody confirmed."""

    DONE = "done"
    READY = "ready"
    """Whoever holds the keys may destroy them now."""
    ADOPTED = "adopted"
    """Nobody was named who asked; this account stands for it now, and another one confirms."""


def waiting(unit: UnitOfWork) -> list[SecondPersonRequest]:
    """Return the requests of the region that wait for a second person, the oldest first."""
    return [SecondPersonRequest(*row) for row in unit.rows("select * from overstap.second_requests()")]


def waits_for_release(unit: UnitOfWork, round_id: str, question: int) -> bool:
    """Tell whether a release of a round waits for a second person, and the question did not lead to one before.

    Args:
        unit: a transaction of the region, which may read only and need no key.
        round_id: the round.
        question: number of the question, from 1.
    """
    found = unit.one("select overstap.release_waits(%(round)s, %(question)s)", round=round_id, question=question)
    return bool(found[0])


def confirm(unit: UnitOfWork, request: UUID) -> Confirmation:
    """Confirm a request as the unit's account, and do the act in the same statement.

    Args:
        unit: the transaction, of the second person's account, with the login of the board.
        request: the request.

    Raises:
        OverstapError: LEDGER-022 when the account asked for it, is no coordinator, or the login may not confirm;
            LEDGER-023 when it waits no longer; LEDGER-024 when the act is not possible any more.
    """
    try:
        done = unit.one("select overstap.confirm_second(%(request)s)", request=request)[0]
    except psycopg.errors.InsufficientPrivilege as problem:
        raise OverstapError("LEDGER-022") from problem
    except psycopg.errors.CheckViolation as problem:
        code = "LEDGER-022" if "another person" in str(problem) else "LEDGER-024"
        raise OverstapError(code) from problem
    if done is None:
        raise OverstapError("LEDGER-023")
    return Confirmation(done)


def withdraw_request(unit: UnitOfWork, request: UUID) -> None:
    """Withdraw a request that nobody confirmed.

    Raises:
        OverstapError: LEDGER-022 when the account neither asked for it nor is a coordinator; LEDGER-023 when it waits
            no longer.
    """
    try:
        is_done = unit.one("select overstap.withdraw_second(%(request)s)", request=request)[0]
    except psycopg.errors.InsufficientPrivilege as problem:
        raise OverstapError("LEDGER-022") from problem
    if not is_done:
        raise OverstapError("LEDGER-023")
