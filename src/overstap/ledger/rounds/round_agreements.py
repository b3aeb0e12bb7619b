"""Versions of the agreement of a round; the newest counts."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from overstap.agreements import Agreement, RoundId
from overstap.ledger.session import UnitOfWork

Origin = Literal["opened", "file", "form"]
"""Where a version came from: the opening of the round, a changed agreement file, or a coordinator's form."""


@dataclass(frozen=True, slots=True)
class AgreementVersion:
    """One version of what holds for a round.

    Args:
        number: from 1, the version that the round started with.
        origin: where it came from.
        agreement: what holds from here on.
        offered_digest: digest of what was offered, before anything of it was refused.
        changes: what differed, each with `path`, `allowed`, `reason`, `old` and `new`.
        taken_by: account or task.
        reason: words that were given with it.
        taken_at: since when it holds.
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
    """Return every version that a round used, in order."""
    return [
        AgreementVersion(
            number, origin, Agreement.model_validate_json(json.dumps(agreement)), offered, changes, by, reason, at
        )
        for number, origin, agreement, offered, changes, by, reason, at in unit.rows(
            "select number, origin, agreement, offered_digest, changes, taken_by, reason, taken_at "
            "from overstap.round_agreement where round_id = %(round)s order by number",
            round=round_id,
        )
    ]


def newest_of_year(unit: UnitOfWork, school_year: str) -> Agreement | None:
    """Return what holds for the rounds of a school year, as it was taken over last; None when none was opened.

    Args:
        unit: a transaction of the region; it needs no key.
        school_year: school year.
    """
    found = unit.rows(
        "select a.agreement from overstap.round_agreement a join overstap.round o on o.round_id = a.round_id "
        "where o.school_year = %(year)s order by a.taken_at desc, a.round_id limit 1",
        year=school_year,
    )
    return Agreement.model_validate_json(json.dumps(found[0][0])) if found else None


def last_offered(unit: UnitOfWork, round_id: str) -> str | None:
    """Return the digest of the agreement file that was looked at last; None when the round is not there."""
    found = unit.rows(
        "select offered_digest from overstap.round_agreement where round_id = %(round)s and origin <> 'form' "
        "order by number desc limit 1",
        round=round_id,
    )
    return str(found[0][0]) if found else None


def hold(unit: UnitOfWork, round_id: str) -> int:
    """Keep others from changing what holds for a round until this transaction ends; return the newest number."""
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
) -> int:
    """Add what holds for a round from now on. A window that was made longer is longer for every open dossier.

    Args:
        unit: the transaction.
        round_id: the round; it is there.
        agreement: what holds.
        origin: where it came from.
        offered_digest: digest of what was offered.
        changes: each key that differs, with its verdict.
        taken_by: account or task.
        reason: words that were given with it.

    Returns:
        Its number.
    """
    kind = RoundId(round_id).kind
    stones = agreement.round(kind).milestones
    return int(
        unit.one(
            "select overstap.add_agreement(%(round)s, %(origin)s, %(agreement)s, %(digest)s, %(offered)s, "
            "%(changes)s::jsonb, %(delivers)s, %(receiving)s, %(closes)s, %(by)s, %(reason)s)",
            round=round_id,
            origin=origin,
            agreement=agreement.model_dump_json(),
            digest=agreement.digest,
            offered=offered_digest,
            changes=json.dumps(list(changes), ensure_ascii=False),
            delivers=stones.delivers,
            receiving=[school.id for school in agreement.receivers(kind)],
            closes=stones.review_closes,
            by=taken_by,
            reason=reason,
        )[0]
    )


@dataclass(frozen=True, slots=True)
class RoundProgress:
    """How far a round is, as far as it decides what may still change.

    Args:
        at: the ledger's clock.
        is_shown: dossiers were released to parents.
        supplied: schools with dossiers in the round.
        sealed_for: schools for which something was sealed.
    """

    at: datetime
    is_shown: bool
    supplied: frozenset[str]
    sealed_for: frozenset[str]


def progress(unit: UnitOfWork, round_id: str) -> RoundProgress:
    """Return how far a round is."""
    at, is_shown, supplied, sealed_for = unit.one(
        "select overstap.clock(), "
        "exists (select from overstap.gate_decision where round_id = %(round)s and approved and dossiers > 0), "
        "array(select distinct primary_school from overstap.dossier where round_id = %(round)s), "
        "array(select distinct secondary_school from overstap.delivery where round_id = %(round)s)",
        round=round_id,
    )
    return RoundProgress(at, is_shown, frozenset(supplied), frozenset(sealed_for))
