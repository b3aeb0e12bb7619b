"""Dossiers at a school to which the pupil does not go any more, and taking them back at that school alone.

What parents withdrew by a list is taken back by `take_back_withdrawn`; the rest by a person. Elsewhere the dossier
stays (include/schemas/ledger/code/26_states_by_school.sql).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from overstap.ledger.delivery.withdrawals import WithdrawalReason
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.session import UnitOfWork

FEW, PART = 5, 0.10
"""Above this number, and this part of all that was sent in the year, a list takes no envelope back."""


class VainCause(StrEnum):
    """Why the pupil does not go to the school."""

    WITHDRAWN = "withdrawn"
    REFUSED = "refused"
    NOT_DRAWN = "not_drawn"
    UNSTATED = "unstated"
    ELSEWHERE = "elsewhere"
    """A coordinator said that another placement holds."""


@dataclass(frozen=True, slots=True)
class SentInVain:
    """A dossier at a school to which the pupil does not go any more.

    Args:
        dossier: the dossier.
        primary_school: BRIN and branch of the school that supplied it.
        secondary_school: BRIN and branch of the school that has it.
        cause: why the pupil does not go there.
    """

    dossier: UUID
    primary_school: str
    secondary_school: str
    cause: VainCause

    @property
    def sign(self) -> str:
        """Pseudonym of the pupil, as on the lists of the board."""
        return reference(self.dossier)


@dataclass(frozen=True, slots=True)
class TakenBack:
    """Result of taking back what lists call withdrawn.

    Args:
        found: number of envelopes that it concerns.
        taken: number of envelopes that were taken back; none of them when there are too many.
    """

    found: int
    taken: int

    @property
    def is_asked(self) -> bool:
        """Whether so many are concerned that a person decides."""
        return self.found > self.taken


def sent_in_vain(unit: UnitOfWork, round_id: str) -> list[SentInVain]:
    """Return the dossiers of a round at schools to which their pupils do not go, by school.

    Args:
        unit: the transaction; it needs no key.
        round_id: the round; one that is not of leavers has none.
    """
    return [
        SentInVain(dossier, primary, secondary, VainCause(cause))
        for dossier, primary, secondary, cause in unit.rows(
            """
            select distinct d.dossier, d.primary_school, l.secondary_school,
                   case when a.withdrawn_at is null then 'elsewhere'
                        when a.status in ('withdrawn', 'refused', 'not_drawn') then a.status else 'unstated' end
              from overstap.round o
              join overstap.dossier d on d.round_id = o.round_id and d.state <> 'withdrawn'
              join overstap.delivery l on l.dossier = d.dossier
               and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
               and (l.key_id is null
                    or exists (select from overstap.page_collection c where c.message_id = l.message_id))
              join overstap.application a on a.region = o.region and a.school_year = o.school_year
               and a.pupil = d.pupil and a.secondary_school = l.secondary_school
              left join overstap.placed_twice t on t.round_id = o.round_id and t.pupil = d.pupil
             where o.round_id = %(round)s and overstap.is_of_leavers(o.kind)
               and (a.withdrawn_at is not null or a.stage = 'placed' and not l.secondary_school = any(t.holds))
               and not exists (select from overstap.revocation r where r.message_id = l.message_id)
               and not exists (select from overstap.envelope_withdrawal w where w.message_id = l.message_id)
             order by 3, 2, 1
            """,
            round=round_id,
        )
    ]


def withdraw_at(
    unit: UnitOfWork,
    round_id: str,
    dossiers: Sequence[UUID],
    secondary_school: str,
    *,
    reason: WithdrawalReason,
    decided_by: str,
) -> int | None:
    """Take dossiers back at one school; they stay at other schools, and no version that was there goes there again.

    Args:
        unit: the transaction.
        round_id: the round they are in.
        dossiers: ids of the dossiers.
        secondary_school: BRIN and branch of the school.
        reason: the reason, which the school is told.
        decided_by: the account that decided it.

    Returns:
        Number of envelopes that are taken back now; None when it waits for a second person.
    """
    taken: int | None = unit.one(
        "select overstap.withdraw_at(%(round)s, %(ids)s, %(at)s, %(reason)s, %(by)s)",
        round=round_id,
        ids=list(dossiers),
        at=secondary_school,
        reason=reason.value,
        by=decided_by,
    )[0]
    return taken


def take_back_withdrawn(unit: UnitOfWork, school_year: str) -> TakenBack:
    """Take back what schools were sent of pupils whose parents withdrew there, as a list or view states. Idempotent.

    Args:
        unit: the transaction, of the step that records registrations.
        school_year: school year of the registrations.
    """
    return TakenBack(
        *unit.one(
            "select concerned, taken from overstap.take_back_withdrawn(%(year)s, %(few)s, %(part)s::numeric)",
            year=school_year,
            few=FEW,
            part=PART,
        )
    )
