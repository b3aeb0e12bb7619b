"""Invitations of entitled persons by letter or mail, and their delivery, by handle without names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.session import UnitOfWork

Channel = Literal["letter", "email"]


@dataclass(frozen=True, slots=True)
class EntitledPerson:
    """A person who may inspect a version."""

    ref: VersionRef
    person: str
    kind: Literal["carer", "pupil"]


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation or reminder, or the reason that it was not made."""

    ref: VersionRef
    person: str
    channel: Channel
    days_before: int
    """Days before the end of the window of a reminder; 0 for the invitation."""
    reason: str | None
    """Why it was not made or returned: secret, missing, no_code, or the status of the bounce; None: it was made."""


def entitle(unit: UnitOfWork, persons: Sequence[EntitledPerson]) -> None:
    """Record the persons entitled to inspect versions, whose decisions the window waits for. Idempotent."""
    for one in persons:
        unit.run(
            "insert into overstap.entitled (region, dossier, number, person, kind) "
            "values (%(region)s, %(dossier)s, %(number)s, %(person)s, %(kind)s) on conflict do nothing",
            region=unit.region,
            dossier=one.ref.dossier,
            number=one.ref.number,
            person=one.person,
            kind=one.kind,
        )


_OPEN = "('in_review', 'inspected', 'no_receiver')"
_WITHOUT_PEOPLE = f"""d.state in {_OPEN} and d.review_closes_at > overstap.clock()
    and not exists (select from overstap.entitled e where e.dossier = d.dossier and e.number = d.version)
    and not exists (select from overstap.invitation i where i.dossier = d.dossier and i.number = d.version)"""  # noqa: S608 (texts above)


def without_people(unit: UnitOfWork, round_id: str, *, limit: int) -> list[UUID]:
    """Return released dossiers whose entitled persons are not recorded yet for the current version.

    A dossier that names nobody has an unreachable invitation instead, so that it is returned once. The dossiers are
    locked: a release that is taken back at the same moment waits, and removes what is noted about them.
    """
    return [
        row[0]
        for row in unit.rows(
            "select d.dossier from overstap.dossier d where d.round_id = %(round)s "  # noqa: S608 (texts above)
            f"and {_WITHOUT_PEOPLE} order by d.dossier limit %(limit)s for share of d",
            round=round_id,
            limit=limit,
        )
    ]


def count_without_people(unit: UnitOfWork, round_id: str) -> int:
    """Return how many dossiers `without_people` has to give."""
    return int(
        unit.one(
            f"select count(*) from overstap.dossier d where d.round_id = %(round)s and {_WITHOUT_PEOPLE}",  # noqa: S608 (texts above)
            round=round_id,
        )[0]
    )


def awaiting_letter(unit: UnitOfWork, round_id: str, primary_school: str) -> list[EntitledPerson]:
    """Return a school's persons who may still decide and have had no letter.

    A code stays valid for a newer version, so that a renewed dossier needs no new letter.
    """
    return _persons(
        unit,
        "d.primary_school = %(school)s and (not exists (select from overstap.invitation i "
        "where i.dossier = e.dossier and i.person = e.person and i.channel = 'letter') "
        # A code that ended after guesses needs a new letter
        "or exists (select from overstap.review_access a where a.dossier = e.dossier and a.person = e.person "
        "and a.ended_why = 'guessed' and not exists (select from overstap.review_access b where b.dossier = a.dossier "
        "and b.person = a.person and b.issued_at > a.issued_at)))",
        round_id,
        school=primary_school,
    )


def unseen(unit: UnitOfWork, round_id: str, primary_school: str) -> list[EntitledPerson]:
    """Return a school's persons who may still decide, had a letter, and neither used its code nor decided."""
    return _persons(
        unit,
        "d.primary_school = %(school)s and exists (select from overstap.letter_print p "
        "where p.dossier = e.dossier and p.person = e.person) "
        "and not exists (select from overstap.content_access a where a.dossier = e.dossier and a.person = e.person "
        "and a.purpose = 'parent_page') and not exists (select from overstap.review_decision r "
        "where r.dossier = e.dossier and (r.person is null or r.person = e.person))",
        round_id,
        school=primary_school,
    )


def of_dossiers(unit: UnitOfWork, round_id: str, primary_school: str, dossiers: Sequence[UUID]) -> list[EntitledPerson]:
    """Return the persons of some of a school's dossiers who may still decide."""
    return _persons(
        unit,
        "d.primary_school = %(school)s and d.dossier = any(%(ids)s)",
        round_id,
        school=primary_school,
        ids=list(dossiers),
    )


def to_remind(unit: UnitOfWork, round_id: str, days_before: int, *, limit: int) -> list[EntitledPerson]:
    """Return the persons who have not decided and are due a reminder some days before their window closes.

    Args:
        unit: the transaction.
        round_id: the round.
        days_before: Dutch calendar days before the end, at the same wall time.
        limit: most persons.
    """
    return _persons(
        unit,
        # No reminder for persons who were invited after its moment
        "exists (select from overstap.invitation i where i.dossier = e.dossier and i.number = e.number "
        "and i.person = e.person and i.channel = 'email' and i.days_before = 0 and i.state = 'made' "
        "and i.made_at < least(overstap.clock(), ((d.review_closes_at at time zone 'Europe/Amsterdam') "
        "- make_interval(days => %(days)s)) at time zone 'Europe/Amsterdam')) "
        "and ((d.review_closes_at at time zone 'Europe/Amsterdam') - make_interval(days => %(days)s)) "
        "at time zone 'Europe/Amsterdam' <= overstap.clock() "
        "and not exists (select from overstap.invitation i where i.dossier = e.dossier and i.number = e.number "
        "and i.person = e.person and i.channel = 'email' and i.days_before = %(days)s) "
        "and not exists (select from overstap.review_decision r where r.dossier = e.dossier and r.number = e.number "
        "and (r.person is null or r.person = e.person))",
        round_id,
        days=days_before,
        limit=limit,
    )


def note(unit: UnitOfWork, invitations: Sequence[Invitation]) -> None:
    """Record invitations; one that is made now replaces an unreachable one."""
    columns = zip(
        *(
            (
                *(one.ref.dossier, one.ref.number, one.person, one.channel, one.days_before),
                "unreachable" if one.reason else "made",
                one.reason,
            )
            for one in invitations
        ),
        strict=True,
    )
    names = ("ids", "numbers", "persons", "channels", "days", "states", "reasons")
    values = dict(zip(names, map(list, columns), strict=True)) if invitations else {}
    if not values:
        return
    unit.run(
        "insert into overstap.invitation "
        "(region, made_by, dossier, number, person, channel, days_before, state, reason) "
        "select %(region)s, %(by)s, * from unnest(%(ids)s::uuid[], %(numbers)s::int[], %(persons)s::text[], "
        "%(channels)s::text[], %(days)s::int[], %(states)s::text[], %(reasons)s::text[]) "
        "on conflict (dossier, number, person, channel, days_before) do update "
        "set state = excluded.state, reason = excluded.reason, made_by = excluded.made_by "
        "where invitation.state <> 'made'",
        region=unit.region,
        by=unit.actor,
        **values,
    )


def note_printed(unit: UnitOfWork, persons: Sequence[EntitledPerson]) -> None:
    """Record that letters with new codes were printed."""
    columns = {"region": "text", "dossier": "uuid", "number": "int4", "person": "text", "printed_by": "text"}
    unit.insert(
        "letter_print",
        columns,
        [(unit.region, one.ref.dossier, one.ref.number, one.person, unit.actor) for one in persons],
    )


def note_bounce(unit: UnitOfWork, mail: UUID, status: str) -> bool:
    """Record the bounce of an invitation's mail.

    Args:
        unit: the transaction.
        mail: id of the mail in the outbox, the left part of its Message-ID.
        status: enhanced status code of the report (RFC 3463), such as "5.1.1".

    Returns:
        Whether it was the mail of an invitation of this region.
    """
    return bool(
        unit.run(
            "update overstap.invitation i set state = 'bounced', reason = %(status)s from overstap.mail m "
            "where m.mail = %(mail)s and m.meaning = concat_ws('/', 'invitation', i.dossier, i.number, i.person, "
            "i.days_before)",
            mail=mail,
            status=status,
        )
    )


def letters_were_made(unit: UnitOfWork, round_id: str, primary_school: str, digest: str) -> bool:
    """Tell whether a file of letters (SHA-256, hex) was completed, so that its codes count."""
    return bool(
        unit.rows(
            "select from overstap.audit_line where payload::jsonb ->> 'action' = 'review.letters' "
            "and payload::jsonb ->> 'subject' = %(subject)s "
            "and payload::jsonb -> 'detail' ->> 'sha256' = %(digest)s",
            subject=f"{round_id}/{primary_school}",
            digest=digest,
        )
    )


def meaning(ref: VersionRef, person: str, days_before: int = 0) -> str:
    """Return the meaning of an invitation's mail in the outbox."""
    return f"invitation/{ref.dossier}/{ref.number}/{person}/{days_before}"


@dataclass(frozen=True, slots=True)
class PersonInspection:
    """Inspection by one person, for the school: letter and mail, first opening, decision."""

    ref: VersionRef
    person: str
    kind: str
    letter_at: datetime | None
    email: str
    """made (in the outbox), sent, refused, bounced, unreachable, or "" when nothing was to be mailed."""
    email_reason: str | None
    """secret, missing, or the mail server's reply code."""
    opened_at: datetime | None
    """When the person first opened the current version on the parents' pages."""
    answer: str | None
    answered_at: datetime | None
    guessed_at: datetime | None
    """When the code ended after guesses of the birth date; None when a newer code followed."""


def person_inspections(unit: UnitOfWork, round_id: str, primary_school: str) -> list[PersonInspection]:
    """Return the inspections by the persons of a school's dossiers, on each dossier's current version."""
    return [
        PersonInspection(VersionRef(row[0], row[1]), *row[2:])
        for row in unit.rows(
            """
            select e.dossier, e.number, e.person, e.kind,
                   (select max(p.printed_at) from overstap.letter_print p
                     where p.dossier = e.dossier and p.person = e.person),
                   coalesce(case when m.state in ('sent', 'refused') and i.state = 'made' then m.state
                                 else i.state end, ''),
                   coalesce(i.reason, case when m.state = 'refused' then coalesce(m.reply::text, m.code) end),
                   (select min(a.opened_at) from overstap.content_access a
                     where a.dossier = e.dossier and a.number = e.number and a.person = e.person
                       and a.purpose = 'parent_page'),
                   r.agreed, r.recorded_at,
                   (select max(a.ended_at) from overstap.review_access a
                     where a.dossier = e.dossier and a.person = e.person and a.ended_why = 'guessed'
                       and not exists (select from overstap.review_access b where b.dossier = a.dossier
                                          and b.person = a.person and b.issued_at > a.issued_at))
              from overstap.dossier d
              join overstap.entitled e on e.dossier = d.dossier and e.number = d.version
              left join overstap.invitation i on i.dossier = e.dossier and i.number = e.number and i.person = e.person
                        and i.channel = 'email' and i.days_before = 0
              left join overstap.mail m on m.meaning = concat_ws('/', 'invitation', e.dossier, e.number, e.person, 0)
              left join lateral (select x.agreed, x.recorded_at from overstap.review_decision x
                                  where x.dossier = e.dossier and x.number = e.number
                                    and (x.person is null or x.person = e.person)
                                  order by x.access is null, x.person is null, x.recorded_at desc limit 1) r on true
             where d.round_id = %(round)s and d.primary_school = %(school)s
             order by e.dossier, e.person
            """,
            round=round_id,
            school=primary_school,
        )
    ]


def _persons(
    unit: UnitOfWork, condition: str, round_id: str, *, limit: int | None = None, **values: object
) -> list[EntitledPerson]:
    rows = unit.rows(
        "select e.dossier, e.number, e.person, e.kind from overstap.dossier d "  # noqa: S608 (conditions written above)
        "join overstap.entitled e on e.dossier = d.dossier and e.number = d.version "
        f"where d.round_id = %(round)s and d.state in {_OPEN} and d.review_closes_at > overstap.clock() "
        f"and {condition} order by e.dossier, e.person limit %(limit)s",
        round=round_id,
        limit=limit,
        **values,
    )
    return [EntitledPerson(VersionRef(dossier, number), person, kind) for dossier, number, person, kind in rows]
