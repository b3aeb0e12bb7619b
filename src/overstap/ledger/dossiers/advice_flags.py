"""Lists of pupils whose advice or test asks for something, by keyed hash, for whoever has no key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class AdviceFlag:
    """An entry of a list.

    Args:
        pupil: keyed hash of the pupil's number.
        primary_school: BRIN and branch.
        flag: the list.
        dossier: the dossier that it is about; None: about none.
    """

    pupil: bytes = field(repr=False)
    primary_school: str
    flag: str
    dossier: UUID | None


@dataclass(frozen=True, slots=True)
class ChangedPupil:
    """A pupil at a primary school of whom a dossier or a test changed since the lists were made.

    Args:
        pupil: keyed hash of the pupil's number.
        primary_school: BRIN and branch.
        digest: of what the lists are made of now; empty: nothing is left of the pupil there.
    """

    pupil: bytes = field(repr=False)
    primary_school: str
    digest: bytes


def changed(unit: UnitOfWork, school_year: str, made_of: str) -> list[ChangedPupil]:
    """Return the pupils of a school year of whom something changed since the lists were made; opens nothing.

    Args:
        unit: the transaction.
        school_year: school year.
        made_of: what else the lists are made of, such as which days of the calendar are past.
    """
    return [
        ChangedPupil(bytes(pupil), school, bytes(digest or b""))
        for pupil, school, digest in unit.rows(
            """
            with now as (
                select d.pupil, d.primary_school,
                       sha256(convert_to(concat_ws('|', %(made_of)s::text,
                           string_agg(concat_ws('/', d.dossier, d.version), ',' order by v.created_at, d.dossier),
                           encode((select t.digest from overstap.pupil_test t
                                    where t.school_year = %(year)s and t.pupil = d.pupil
                                      and t.primary_school = d.primary_school), 'hex')), 'UTF8')) as digest
                  from overstap.round o
                  join overstap.dossier d on d.round_id = o.round_id and d.state <> 'withdrawn'
                  join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
                  join overstap.dossier_record r on r.dossier = d.dossier and r.number = d.version
                 where o.school_year = %(year)s and overstap.is_of_leavers(o.kind)
                 group by d.pupil, d.primary_school
            ), seen as (select * from overstap.advice_seen s where s.school_year = %(year)s)
            select coalesce(n.pupil, s.pupil), coalesce(n.primary_school, s.primary_school), n.digest
              from now n full join seen s on s.pupil = n.pupil and s.primary_school = n.primary_school
             where n.digest is distinct from s.digest
            """,
            year=school_year,
            made_of=made_of,
        )
    ]


def replace_flags(
    unit: UnitOfWork, school_year: str, changed_pupils: Sequence[ChangedPupil], flags: Sequence[AdviceFlag]
) -> None:
    """Replace the entries of changed pupils. What stays keeps its moment: an entry is as old as what it says.

    Args:
        unit: the transaction.
        school_year: school year.
        changed_pupils: the pupils.
        flags: all their entries from now on.
    """
    of = {
        "year": school_year,
        "region": unit.region,
        "of_pupils": [one.pupil for one in changed_pupils],
        "of_schools": [one.primary_school for one in changed_pupils],
    }
    unit.run(
        "with now as (select * from unnest(%(pupils)s::bytea[], %(schools)s::text[], %(flags)s::text[], "
        "%(dossiers)s::uuid[]) as t (pupil, school, flag, dossier)), "
        "of as (select * from unnest(%(of_pupils)b::bytea[], %(of_schools)b::text[]) as t (pupil, school)), gone as ("
        "delete from overstap.advice_flag f using of where f.school_year = %(year)s and f.pupil = of.pupil "
        "and f.primary_school = of.school and not exists (select from now n "
        "where n.pupil = f.pupil and n.school = f.primary_school and n.flag = f.flag "
        "and n.dossier is not distinct from f.dossier)) "
        "insert into overstap.advice_flag (region, school_year, pupil, primary_school, flag, dossier) "
        "select %(region)s, %(year)s, n.pupil, n.school, n.flag, n.dossier from now n on conflict do nothing",
        pupils=[one.pupil for one in flags],
        schools=[one.primary_school for one in flags],
        flags=[one.flag for one in flags],
        dossiers=[one.dossier for one in flags],
        **of,
    )
    unit.run(
        "delete from overstap.advice_seen s using unnest(%(of_pupils)b::bytea[], %(of_schools)b::text[]) "
        "as t (pupil, school) where s.school_year = %(year)s and s.pupil = t.pupil and s.primary_school = t.school",
        **of,
    )
    unit.run(
        "insert into overstap.advice_seen (region, school_year, pupil, primary_school, digest) "
        "select %(region)s, %(year)s, t.pupil, t.school, t.digest from unnest(%(of_pupils)b::bytea[], "
        "%(of_schools)b::text[], %(digests)b::bytea[]) as t (pupil, school, digest) where length(t.digest) = 32 "
        "on conflict (region, school_year, pupil, primary_school) do update set digest = excluded.digest",
        digests=[one.digest for one in changed_pupils],
        **of,
    )
