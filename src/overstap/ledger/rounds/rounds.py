"""Rounds, the schools in them, and which pupil may be received where."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from overstap.agreements import Agreement, RoundId, RoundKind
from overstap.errors import OverstapError
from overstap.ledger.audit import AuditLine
from overstap.ledger.rounds.round_agreements import add_version
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class RoundRow:
    """A round as the ledger knows it, with the agreement that holds for it at present."""

    round_id: RoundId
    region: str
    school_year: str
    kind: RoundKind
    agreement: Agreement = field(repr=False)
    opened_at: datetime
    closed_at: datetime | None


def open_round(unit: UnitOfWork, agreement: Agreement, kind: RoundKind) -> bool:
    """Write a round and its schools as the agreement states them. Safe to repeat.

    Returns:
        Whether it was opened now. What holds for an open round changes by `agreements.add_version` alone.
    """
    unit.run(
        "insert into overstap.school (region, school, name, kind, contact) "
        "select %(region)s, * from unnest(%(ids)s::text[], %(names)s::text[], %(kinds)s::text[], %(contacts)s::text[]) "
        "on conflict (region, school) do update set name = excluded.name, contact = excluded.contact",
        region=unit.region,
        ids=[school.id for school in agreement.schools],
        names=[school.name for school in agreement.schools],
        kinds=[school.kind.value for school in agreement.schools],
        contacts=[school.contact for school in agreement.schools],
    )
    round_id = agreement.round_id(kind)
    opened = unit.run(
        "insert into overstap.round (round_id, region, school_year, kind, agreement, agreement_digest) "
        "values (%(id)s, %(region)s, %(year)s, %(kind)s, %(agreement)s, %(digest)s) on conflict do nothing",
        id=round_id,
        region=unit.region,
        year=agreement.school_year,
        kind=kind.value,
        agreement=agreement.model_dump_json(),
        digest=agreement.digest,
    )
    if opened:
        unit.audit("round.open", AuditLine(round_id, {"agreement": agreement.digest}))
        add_version(unit, round_id, agreement, origin="opened", offered_digest=agreement.digest, taken_by=unit.actor)
    return bool(opened)


def get_round(unit: UnitOfWork, round_id: str) -> RoundRow:
    """Return a round of this region.

    Raises:
        OverstapError: LEDGER-009 when the region has no such round.
    """
    found = unit.rows(
        "select o.round_id, o.region, o.school_year, o.kind, a.agreement, o.opened_at, o.closed_at "
        "from overstap.round o "
        "join overstap.round_agreement a on a.round_id = o.round_id and a.number = o.agreement_number "
        "where o.round_id = %(id)s",
        id=round_id,
    )
    if not found:
        raise OverstapError("LEDGER-009", round=round_id)
    name, region, year, kind, agreement, opened_at, closed_at = found[0]
    return RoundRow(
        *(RoundId(name), region, year, RoundKind(kind)),
        Agreement.model_validate_json(json.dumps(agreement)),
        opened_at,
        closed_at,
    )


def collecting(unit: UnitOfWork, school_year: str) -> list[RoundRow]:
    """Return the rounds of a school year that are open and whose data are not due yet, by the database's clock."""
    at = unit.one("select overstap.clock()")[0]
    found = [
        get_round(unit, row[0])
        for row in unit.rows(
            "select round_id from overstap.round where school_year = %(year)s and closed_at is null order by opened_at",
            year=school_year,
        )
    ]
    return [one for one in found if at < one.agreement.round(one.kind).milestones.data_due]


def delivering(unit: UnitOfWork, school_year: str) -> list[RoundRow]:
    """Return the rounds of a school year in which something was sealed; closed ones too: results come later."""
    return [
        get_round(unit, row[0])
        for row in unit.rows(
            "select o.round_id from overstap.round o where o.school_year = %(year)s "
            "and exists (select from overstap.delivery l where l.round_id = o.round_id) order by o.opened_at",
            year=school_year,
        )
    ]


def receiving(unit: UnitOfWork, round_id: str) -> frozenset[str]:
    """Return the schools that may receive in a round (BRIN and branch); none when it is not open."""
    found = unit.rows("select receiving from overstap.round where round_id = %(round)s", round=round_id)
    return frozenset(found[0][0]) if found else frozenset()


def secondary_schools(unit: UnitOfWork) -> frozenset[str]:
    """Return the secondary schools of this region (BRIN and branch)."""
    return frozenset(row[0] for row in unit.rows("select school from overstap.school where kind = 'VO'"))


def of_year(unit: UnitOfWork, school_year: str) -> list[RoundRow]:
    """Return the rounds of a school year that were opened, closed or not, in the order of their opening."""
    return [
        get_round(unit, row[0])
        for row in unit.rows(
            "select round_id from overstap.round where school_year = %(year)s order by opened_at", year=school_year
        )
    ]


def not_closed(unit: UnitOfWork) -> list[RoundRow]:
    """Return the rounds that are open, of whichever school year, by id."""
    return [
        get_round(unit, row[0])
        for row in unit.rows("select round_id from overstap.round where closed_at is null order by round_id")
    ]


def reopen_round(unit: UnitOfWork, round_id: str, *, decided_by: str, reason: str, answer_key: str) -> bool:
    """Open a closed round again by a coordinator's decision, which is kept. Safe to repeat.

    What was accepted when it was closed is asked anew (`gate_holds.look`).

    Args:
        unit: the transaction.
        round_id: the round.
        decided_by: the coordinator's account.
        reason: in the coordinator's own words.
        answer_key: names this decision, so that a repeated call records it once.

    Returns:
        Whether it was closed until now.
    """
    found = unit.rows(
        "select closed_at from overstap.round where round_id = %(round)s and closed_at is not null for no key update",
        round=round_id,
    )
    if not found:
        return False
    unit.audit("round.reopen", AuditLine(round_id, {"by": decided_by, "closed_at": found[0][0].isoformat()}))
    unit.run(
        "insert into overstap.gate_decision "
        "(region, round_id, gate, approved, decided_by, reason, answer_key, dossiers) "
        "values (%(region)s, %(round)s, 'reopen', true, %(by)s, %(reason)s, %(key)s, 0)",
        region=unit.region,
        round=round_id,
        by=decided_by,
        reason=reason,
        key=answer_key,
    )
    unit.run("update overstap.round set closed_at = null where round_id = %(round)s", round=round_id)
    return True


def close_round(unit: UnitOfWork, round_id: str) -> None:
    """Mark a round closed, by the database's clock. Closing again moves the moment: a rerun ends later."""
    unit.run("update overstap.round set closed_at = overstap.clock() where round_id = %(id)s", id=round_id)
