"""What was done with a person's dossier that the person is told by mail, and codes that ended by guessing."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from overstap.ledger.session import UnitOfWork

EventKind = Literal["answered", "recorded", "new_code", "entered"]


@dataclass(frozen=True, slots=True)
class PersonEvent:
    """Something that a person is told.

    Args:
        kind: an answer was given with their code, or recorded by the school; a new code; the first use of a code.
        meaning: under which the mail stands in the outbox.
        dossier: whose dossier.
        person: handle of who is told.
        at: when it was.
    """

    kind: EventKind
    meaning: str
    dossier: UUID
    person: str
    at: datetime


def untold(unit: UnitOfWork, round_id: str, *, limit: int) -> list[PersonEvent]:
    """Return what persons who are reached by e-mail were not told yet, of the last fortnight, the oldest first.

    Args:
        unit: the transaction.
        round_id: the round.
        limit: how many at most.
    """
    return [
        PersonEvent(*row)
        for row in unit.rows(
            """
            with happened as (
                select case when r.access is null then 'recorded' else 'answered' end as kind, r.review_decision as id,
                       d.dossier, e.person, r.recorded_at as at
                  from overstap.dossier d
                  join overstap.review_decision r on r.dossier = d.dossier and r.ground <> 'carried'
                  join overstap.entitled e on e.dossier = d.dossier and e.number = r.number
                       and coalesce(r.person = e.person, true)
                 where d.round_id = %(round)s
                union all
                select 'new_code', a.access, d.dossier, a.person, a.issued_at
                  from overstap.dossier d join overstap.review_access a on a.dossier = d.dossier
                 where d.round_id = %(round)s
                   and exists (select from overstap.review_access b where b.dossier = a.dossier and b.person = a.person
                                  and b.issued_at < a.issued_at)
                union all
                select 'entered', a.access, d.dossier, a.person, min(c.opened_at)
                  from overstap.dossier d join overstap.review_access a on a.dossier = d.dossier
                  join overstap.content_access c on c.dossier = a.dossier and c.person = a.person
                       and c.purpose = 'parent_page' and c.opened_at >= a.issued_at
                       and c.opened_at <= coalesce(a.ended_at, 'infinity')
                 where d.round_id = %(round)s group by a.access, d.dossier, a.person)
            select h.kind, concat_ws('/', 'person', h.kind, h.id, h.person), h.dossier, h.person, h.at from happened h
             where h.at > overstap.clock() - interval '14 days'
               and exists (select from overstap.invitation i where i.dossier = h.dossier and i.person = h.person
                              and i.channel = 'email' and i.state = 'made')
               and not exists (select from overstap.mail m
                                where m.meaning = concat_ws('/', 'person', h.kind, h.id, h.person))
             order by h.at limit %(limit)s
            """,
            round=round_id,
            limit=limit,
        )
    ]


@dataclass(frozen=True, slots=True)
class EndedCode:
    """A code that ended since its birth date was guessed at.

    Args:
        access: which.
        school: whose pupil it is.
    """

    access: UUID
    school: str


def guessed_codes(unit: UnitOfWork, round_id: str) -> list[EndedCode]:
    """Return codes of a round that ended by guessing and that no newer code followed."""
    return [
        EndedCode(*row)
        for row in unit.rows(
            "select a.access, d.primary_school from overstap.dossier d "
            "join overstap.review_access a on a.dossier = d.dossier and a.ended_why = 'guessed' "
            "where d.round_id = %(round)s and not exists (select from overstap.review_access b "
            "where b.dossier = a.dossier and b.person = a.person and b.issued_at > a.issued_at) order by a.access",
            round=round_id,
        )
    ]
