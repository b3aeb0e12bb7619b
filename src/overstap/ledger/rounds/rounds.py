"""Rounds and their schools: opening, reading, closing and reopening."""

from dataclasses import dataclass, field
from datetime import datetime

from overstap.agreements import Agreement, RoundId, RoundKind
from overstap.agreements.stored import stored_agreement
from overstap.errors import OverstapError
from overstap.ledger import database_clock
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class RoundRow:
    """A round of the ledger, with the agreement in force."""

    round_id: RoundId
    region: str
    school_year: str
    kind: RoundKind
    agreement: Agreement = field(repr=False)
    opened_at: datetime
    closed_at: datetime | None


def open_round(unit: UnitOfWork, agreement: Agreement, kind: RoundKind) -> bool:
    """Open a round with the schools of its agreement. Idempotent.

    Returns:
        Whether it was opened now. The agreement of an open round changes by `round_agreements.add_version` only.
    """
    unit.run(
        "insert into overstap.school (region, school, name, kind, contact) "
        "select %(region)s, * from unnest(%(ids)s::text[], %(names)s::text[], %(kinds)s::text[], %(contacts)s::text[]) "
        "on conflict (region, school) do update set name = excluded.name, contact = excluded.contact, "
        "is_guest = false",
        region=unit.region,
        ids=[school.id for school in agreement.schools],
        names=[school.name for school in agreement.schools],
        kinds=[school.kind.value for school in agreement.schools],
        contacts=[school.contact for school in agreement.schools],
    )
    round_id = agreement.round_id(kind)
    return bool(
        unit.one(
            "select overstap.open_round(%(id)s, %(year)s, %(kind)s, %(agreement)s, %(digest)s, %(delivers)s, "
            "%(receiving)s)",
            id=round_id,
            year=agreement.school_year,
            kind=kind.value,
            agreement=agreement.model_dump_json(),
            digest=agreement.digest,
            delivers=agreement.round(kind).milestones.delivers,
            receiving=[school.id for school in agreement.receivers(kind)],
        )[0]
    )


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
        stored_agreement(agreement),
        opened_at,
        closed_at,
    )


def collecting(unit: UnitOfWork, school_year: str) -> list[RoundRow]:
    """Return the open rounds of a school year whose milestone `data_due` is not passed, by the database's clock."""
    at = database_clock.present(unit)
    found = [
        get_round(unit, row[0])
        for row in unit.rows(
            "select round_id from overstap.round where school_year = %(year)s and closed_at is null order by opened_at",
            year=school_year,
        )
    ]
    return [one for one in found if at < one.agreement.round(one.kind).milestones.data_due]


def delivering(unit: UnitOfWork, school_year: str) -> list[RoundRow]:
    """Return the rounds of a school year with deliveries, closed ones too, since results arrive later."""
    return [
        get_round(unit, row[0])
        for row in unit.rows(
            "select o.round_id from overstap.round o where o.school_year = %(year)s "
            "and exists (select from overstap.delivery l where l.round_id = o.round_id) order by o.opened_at",
            year=school_year,
        )
    ]


def receiving(unit: UnitOfWork, round_id: str) -> frozenset[str]:
    """Return the receiving schools of a round (BRIN and branch); empty when there is no such round."""
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
            "select round_id from overstap.round where school_year = %(year)s order by opened_at, round_id",
            year=school_year,
        )
    ]


def newest_school_year(unit: UnitOfWork) -> str | None:
    """Return the newest school year in which the region opened a round; None without one."""
    [year] = unit.one("select max(school_year) from overstap.round")
    return year if year is None else str(year)


def not_closed(unit: UnitOfWork) -> list[RoundRow]:
    """Return the open rounds of all school years, by id."""
    return [
        get_round(unit, row[0])
        for row in unit.rows("select round_id from overstap.round where closed_at is null order by round_id")
    ]


def open_since(unit: UnitOfWork, moment: datetime) -> list[str]:
    """Return the rounds that are open, or were closed after a moment, in the order of their opening."""
    return [
        row[0]
        for row in unit.rows(
            "select round_id from overstap.round where closed_at is null or closed_at > %(since)s order by opened_at",
            since=moment,
        )
    ]


def newest_agreement(unit: UnitOfWork) -> Agreement | None:
    """Return the agreement of the round that was opened last, closed or not; None before the first."""
    found = unit.rows("select round_id from overstap.round order by opened_at desc limit 1")
    return get_round(unit, found[0][0]).agreement if found else None


def close_round(unit: UnitOfWork, round_id: str) -> None:
    """Close a round, by the database's clock. Closing again updates the moment.

    Raises:
        OverstapError: LEDGER-020 while there are unfinished dossiers that no coordinator accepted as undeliverable.
    """
    left_open = unit.one("select overstap.close_round(%(id)s)", id=round_id)[0]
    if left_open:
        raise OverstapError("LEDGER-020", round=round_id, count=sum(left_open.values()))


def reopen_round(unit: UnitOfWork, round_id: str, *, decided_by: str, reason: str, answer_key: str) -> bool:
    """Reopen a closed round by a coordinator's decision, which is recorded. Idempotent.

    The holds that were accepted at closing are raised again (`gate_holds.update_holds`).

    Args:
        unit: the transaction.
        round_id: the round.
        decided_by: the coordinator's account.
        reason: the coordinator's text.
        answer_key: idempotency key of this decision.

    Returns:
        Whether it was closed until now.
    """
    return bool(
        unit.one(
            "select overstap.reopen_round(%(round)s, %(by)s, %(reason)s, %(key)s)",
            round=round_id,
            by=decided_by,
            reason=reason,
            key=answer_key,
        )[0]
    )
