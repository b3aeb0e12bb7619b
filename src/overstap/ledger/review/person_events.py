"""Events on a person's dossier that the person is told by mail, and codes that ended after guesses."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from overstap.ledger.session import UnitOfWork

EventKind = Literal["answered", "recorded", "new_code", "entered"]


@dataclass(frozen=True, slots=True)
class PersonEvent:
    """An event that a person is told by mail.

    Args:
        kind: a decision with their code (answered) or by the school (recorded), a new code, or its first use (entered).
        meaning: meaning of the mail in the outbox.
        dossier: id of the dossier.
        person: handle of the person.
        at: moment of the event.
    """

    kind: EventKind
    meaning: str
    dossier: UUID
    person: str
    at: datetime


def not_mailed(unit: UnitOfWork, round_id: str, *, limit: int) -> list[PersonEvent]:
    """Return events of the last 14 days without a mail yet, for persons invited by mail, the oldest first.

    Args:
        unit: the transaction.
        round_id: the round.
        limit: most events.
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
    """A code that ended after guesses of the birth date.

    Args:
        access: id of the access code.
        school: the pupil's primary school.
    """

    access: UUID
    school: str


def guessed_codes(unit: UnitOfWork, round_id: str) -> list[EndedCode]:
    """Return the codes of a round that ended after guesses, without a newer code."""
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
