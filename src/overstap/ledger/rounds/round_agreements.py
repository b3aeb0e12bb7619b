"""Versions of a round's agreement, of which the newest is in force."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from overstap.agreements import Agreement, RoundId
from overstap.agreements.stored import stored_agreement
from overstap.ledger.session import UnitOfWork

Origin = Literal["opened", "file", "form"]
"""Origin of a version: the opening of the round, a changed agreement file, or a coordinator's form."""


@dataclass(frozen=True, slots=True)
class AgreementVersion:
    """One version of a round's agreement.

    Args:
        number: from 1, the version with which the round was opened.
        origin: origin of the version.
        agreement: the agreement.
        offered_digest: digest of the offered agreement, before changes were refused.
        changes: the differences, each with `path`, `allowed`, `reason`, `old` and `new`.
        taken_by: account or task that applied it.
        reason: text that was given with it.
        taken_at: since when it is in force.
    """

    number: int
    origin: Origin
    agreement: Agreement = field(repr=False)
    offered_digest: str
    changes: Sequence[Mapping[str, Any]]
    taken_by: str
    reason: str
    taken_at: datetime


def versions(unit: UnitOfWork, round_id: str) -> list[AgreementVersion]:
    """Return the versions of a round's agreement, in order."""
    return [
        AgreementVersion(number, origin, stored_agreement(agreement), offered, changes, by, reason, at)
        for number, origin, agreement, offered, changes, by, reason, at in unit.rows(
            "select number, origin, agreement, offered_digest, changes, taken_by, reason, taken_at "
            "from overstap.round_agreement where round_id = %(round)s order by number",
            round=round_id,
        )
    ]


def newest_of_year(unit: UnitOfWork, school_year: str) -> Agreement | None:
    """Return the agreement that was applied last to a round of a school year; None when no round was opened.

    Args:
        unit: a transaction of the region; it needs no key.
        school_year: such as "2026-2027".
    """
    found = unit.rows(
        "select a.agreement from overstap.round_agreement a join overstap.round o on o.round_id = a.round_id "
        "where o.school_year = %(year)s order by a.taken_at desc, a.round_id limit 1",
        year=school_year,
    )
    return stored_agreement(found[0][0]) if found else None


def last_offered(unit: UnitOfWork, round_id: str) -> str | None:
    """Return the digest of the agreement file that was examined last; None when there is no such round."""
    found = unit.rows(
        "select offered_digest from overstap.round_agreement where round_id = %(round)s and origin <> 'form' "
        "order by number desc limit 1",
        round=round_id,
    )
    return str(found[0][0]) if found else None


def lock_round(unit: UnitOfWork, round_id: str) -> int:
    """Lock the agreement of a round until this transaction ends; return the newest version's number."""
    return int(unit.one("select overstap.hold_round(%(id)s)", id=round_id)[0])


def add_version(
    unit: UnitOfWork,
    round_id: str,
    agreement: Agreement,
    *,
    origin: Origin,
    offered_digest: str,
    changes: Sequence[Mapping[str, Any]] = (),
    taken_by: str,
    reason: str = "",
) -> int | None:
    """Add a version of a round's agreement. A longer review window applies to every open dossier.

    Args:
        unit: the transaction.
        round_id: the round.
        agreement: the agreement.
        origin: origin of the version.
        offered_digest: digest of the offered agreement.
        changes: each key that differs, with its verdict.
        taken_by: account or task that applies it.
        reason: text that was given with it.

    Returns:
        Number of the version; None when the agreement asks for a second person, who was asked.
    """
    kind = RoundId(round_id).kind
    milestones = agreement.round(kind).milestones
    number = unit.one(
        "select overstap.add_agreement(%(round)s, %(origin)s, %(agreement)s, %(offered)s, %(changes)s::jsonb, "
        "%(delivers)s, %(receiving)s, %(closes)s, %(by)s, %(reason)s)",
        round=round_id,
        origin=origin,
        agreement=agreement.model_dump_json(),
        offered=offered_digest,
        changes=json.dumps(list(changes), ensure_ascii=False),
        delivers=milestones.delivers,
        receiving=[school.id for school in agreement.receivers(kind)],
        closes=milestones.review_closes,
        by=taken_by,
        reason=reason,
    )[0]
    return None if number is None else int(number)


@dataclass(frozen=True, slots=True)
class RoundProgress:
    """Progress of a round, which decides which changes are still allowed.

    Args:
        at: time of the ledger's clock, aware.
        is_shown: whether dossiers were released to parents.
        supplied: schools with dossiers in the round.
        sealed_for: schools for which envelopes were sealed.
    """

    at: datetime
    is_shown: bool
    supplied: frozenset[str]
    sealed_for: frozenset[str]


def progress(unit: UnitOfWork, round_id: str) -> RoundProgress:
    """Return the progress of a round."""
    at, is_shown, supplied, sealed_for = unit.one(
        "select overstap.clock(), "
        "exists (select from overstap.gate_decision where round_id = %(round)s and approved and dossiers > 0), "
        "array(select distinct primary_school from overstap.dossier where round_id = %(round)s), "
        "array(select distinct secondary_school from overstap.delivery where round_id = %(round)s)",
        round=round_id,
    )
    return RoundProgress(at, is_shown, frozenset(supplied), frozenset(sealed_for))
