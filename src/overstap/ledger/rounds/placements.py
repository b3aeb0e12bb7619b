"""Pupils of a placement round who are placed at several schools: who they are, and what a coordinator said of each.

Such a pupil's dossier is sealed for none of the schools until the coordinator has said which placements hold
(`overstap.may_receive`). An answer is about exactly the schools that were named; when a source names others, it is
asked again. A pupil is shown by a sign, never by name or number.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.agreements import RoundId, RoundKind
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.rounds.gate_holds import PLACED_TWICE, HoldReason
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class PlacementAnswer:
    """What a coordinator said of a pupil who is placed at several schools.

    Args:
        holds: BRIN and branch of the schools whose placements hold.
        reason: in the coordinator's own words.
        decided_by: the account.
        decided_at: when.
    """

    holds: tuple[str, ...]
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class PlacedTwice:
    """A pupil who is placed at several schools.

    Args:
        sign: reference of the dossier, or else of the registration: a pseudonym.
        pupil: keyed hash of the pupil's number.
        schools: BRIN and branch of the schools, in order.
        primary_schools: primary schools that the placements or the dossiers name, in order.
        has_dossier: whether a dossier in this round waits or went.
        sealed_for: schools for which an envelope was sealed.
        answer: what was said of exactly these placements; None: nothing yet.
    """

    sign: str
    pupil: bytes = field(repr=False)
    schools: tuple[str, ...]
    primary_schools: tuple[str, ...]
    has_dossier: bool
    sealed_for: tuple[str, ...]
    answer: PlacementAnswer | None


def placed_twice(unit: UnitOfWork, round_id: str) -> list[PlacedTwice]:
    """Return the pupils of a placement round who are placed at several schools, those without an answer first.

    Args:
        unit: the transaction; it needs no key.
        round_id: the round; one of another kind has none.
    """
    if RoundId(round_id).kind is not RoundKind.PLACEMENT:  # the view would gather all placements before it says none
        return []
    rows = unit.rows(
        """
        select t.pupil, t.schools, d.dossier, d.sealed_for,
               array(select distinct a.primary_school from overstap.application a join overstap.round o
                        on o.round_id = t.round_id and a.school_year = o.school_year
                      where a.pupil = t.pupil and a.withdrawn_at is null and a.stage = 'placed'
                      union select x.primary_school from overstap.dossier x
                      where x.round_id = t.round_id and x.pupil = t.pupil and x.state <> 'withdrawn' order by 1),
               t.holds, t.reason, t.decided_by, t.decided_at
          from overstap.placed_twice t
          left join lateral (
               select min(x.dossier::text)::uuid as dossier,
                      array(select distinct l.secondary_school
                              from overstap.delivery l join overstap.dossier y using (dossier)
                             where y.round_id = t.round_id and y.pupil = t.pupil order by 1) as sealed_for
                 from overstap.dossier x
                where x.round_id = t.round_id and x.pupil = t.pupil and x.state <> 'withdrawn') d on true
         where t.round_id = %(round)s
        """,
        round=round_id,
    )
    found = [
        PlacedTwice(
            reference(dossier or UUID(bytes=bytes(pupil[:16]))),
            bytes(pupil),
            tuple(schools),
            tuple(primary),
            dossier is not None,
            tuple(sealed_for or ()),
            PlacementAnswer(tuple(holds), reason, by, at) if holds is not None else None,
        )
        for pupil, schools, dossier, sealed_for, primary, holds, reason, by, at in rows
    ]
    return sorted(found, key=lambda one: (one.answer is not None, one.primary_schools, one.sign))


def unanswered(unit: UnitOfWork, round_id: str) -> list[HoldReason]:
    """Return why delivery asks: a reason for each pupil with a dossier of whom nobody said which placement holds.

    A reason of its own for each pupil and set of schools, so that only about what is new an approval is asked again.
    """
    return [
        HoldReason(PLACED_TWICE, 1, {}, "/".join((one.sign, *one.schools)))
        for one in placed_twice(unit, round_id)
        if one.answer is None and one.has_dossier
    ]
