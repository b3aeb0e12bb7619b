"""Dossiers without a receiver and their owners, who look for one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class DossierWithoutReceiver:
    """A dossier without a receiver."""

    dossier: UUID
    primary_school: str
    since: datetime
    owner: str | None
    """Account or name of the owner; None: no owner yet."""
    taken_at: datetime | None


def waiting(unit: UnitOfWork, round_id: str) -> list[DossierWithoutReceiver]:
    """Return a round's dossiers without a receiver, those without an owner first, then the longest waiting."""
    return [
        DossierWithoutReceiver(*row)
        for row in unit.rows(
            """
            select d.dossier, d.primary_school, coalesce(e.at, overstap.clock()), o.owner, o.taken_at
              from overstap.dossier d
              left join lateral (select max(at) as at from overstap.dossier_event e
                                  where e.dossier = d.dossier and e.to_state = 'no_receiver') e on true
              left join overstap.without_receiver o on o.dossier = d.dossier
             where d.round_id = %(round)s and d.state = 'no_receiver'
             order by o.owner is not null, e.at, d.dossier
            """,
            round=round_id,
        )
    ]


def assign_owner(
    unit: UnitOfWork, round_id: str, owner: str, dossiers: Sequence[UUID] | None = None, school: str | None = None
) -> int:
    """Assign an owner to dossiers without a receiver, replacing earlier owners.

    Args:
        unit: the transaction.
        round_id: the round.
        owner: account or name.
        dossiers: these only; all that have no owner yet when None.
        school: of this primary school only.

    Returns:
        Number of dossiers with a new owner.
    """
    rows = unit.rows(
        """
        select d.dossier from overstap.dossier d left join overstap.without_receiver o on o.dossier = d.dossier
         where d.round_id = %(round)s and d.state = 'no_receiver'
           and (%(school)s::text is null or d.primary_school = %(school)s)
           and case when %(ids)s::uuid[] is null then o.owner is null
                    else d.dossier = any(%(ids)s) and o.owner is distinct from %(owner)s end
         order by d.dossier for update of d
        """,
        round=round_id,
        school=school,
        ids=list(dossiers) if dossiers is not None else None,
        owner=owner,
    )
    unit.audit("receiver.take", *(AuditLine(str(row[0]), {"owner": owner}) for row in rows))
    unit.run(
        "insert into overstap.without_receiver (region, dossier, owner) "
        "select %(region)s, d, %(owner)s from unnest(%(ids)s::uuid[]) as d on conflict (dossier, region) "
        "do update set owner = excluded.owner, taken_at = overstap.clock()",
        region=unit.region,
        owner=owner,
        ids=[row[0] for row in rows],
    )
    return len(rows)
