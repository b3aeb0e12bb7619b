"""Short descriptions of rounds for lists and headings, without reading whole agreements."""

import json
from dataclasses import dataclass, field
from datetime import datetime

from overstap.agreements import Milestones, RoundId
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class OpenedRound:
    """Short description of a round that was opened.

    Args:
        round_id: the round.
        region_name: name of the region.
        milestones: the milestones in force.
        opened_at: when it was opened.
        closed_at: None when it is not closed.
    """

    round_id: RoundId
    region_name: str
    milestones: Milestones = field(repr=False)
    opened_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class RoundOfSchool:
    """A round with the number of one supplying school's dossiers.

    Args:
        round_id: the round.
        dossiers: number of the school's dossiers in it.
        inspects: whether parents inspect in it.
    """

    round_id: RoundId
    dossiers: int
    inspects: bool


@dataclass(frozen=True, slots=True)
class RoundCoordinator:
    """The first coordinator of a round, who keeps the registrations; both empty where the agreement names nobody."""

    name: str
    email: str


_NOBODY = RoundCoordinator("", "")


def opened(unit: UnitOfWork) -> list[OpenedRound]:
    """Return the rounds of the region, the newest first."""
    return [
        OpenedRound(
            RoundId(round_id), name, Milestones.model_validate_json(json.dumps(milestones)), opened_at, closed_at
        )
        for round_id, name, milestones, opened_at, closed_at in unit.rows(
            "select o.round_id, a.agreement ->> 'name', "
            "a.agreement -> 'rounds' -> o.kind -> 'milestones', o.opened_at, o.closed_at from overstap.round o "
            "join overstap.round_agreement a on a.round_id = o.round_id and a.number = o.agreement_number "
            "order by o.opened_at desc"
        )
    ]


def of_school(unit: UnitOfWork, school: str) -> list[RoundOfSchool]:
    """Return the rounds with inspection, and the others in which a school supplies; the newest first.

    Args:
        unit: the transaction.
        school: BRIN with branch of the school whose dossiers are counted.
    """
    return [
        RoundOfSchool(RoundId(round_id), count, inspects)
        for round_id, count, inspects in unit.rows(
            "select r.round_id, (select count(*) from overstap.dossier d where d.round_id = r.round_id "
            "and d.primary_school = %(school)s), r.inspects from overstap.round r where r.inspects "
            "or exists (select from overstap.school s where s.school = %(school)s and s.kind = 'PO') "
            "order by r.opened_at desc",
            school=school,
        )
    ]


def coordinators(unit: UnitOfWork, round_id: str) -> dict[str, str]:
    """Return the names of the coordinators of a round by account, also of those whom an earlier agreement of it had."""
    found = unit.rows(
        "select c ->> 'account', c ->> 'name' from overstap.round_agreement a, "
        "jsonb_array_elements(a.agreement -> 'coordinators') c where a.round_id = %(round)s order by a.number",
        round=round_id,
    )
    return {str(account): str(name) for account, name in found}


def receiving_leavers(unit: UnitOfWork, school: str) -> list[str]:
    """Return the ids of the open rounds of leavers in which a school receives, the newest first."""
    rows = unit.rows(
        "select o.round_id from overstap.round o where o.closed_at is null and overstap.is_of_leavers(o.kind) "
        "and %(school)s = any(o.receiving) order by o.opened_at desc",
        school=school,
    )
    return [row[0] for row in rows]


def first_coordinator(unit: UnitOfWork, round_id: str) -> RoundCoordinator:
    """Return the region's first coordinator; nobody for a round that is not there."""
    found = unit.rows(
        "select a.agreement -> 'coordinators' -> 0 ->> 'name', a.agreement -> 'coordinators' -> 0 ->> 'email' "
        "from overstap.round o join overstap.round_agreement a on a.round_id = o.round_id "
        "and a.number = o.agreement_number where o.round_id = %(round)s",
        round=round_id,
    )
    return RoundCoordinator(str(found[0][0] or ""), str(found[0][1] or "")) if found else _NOBODY
