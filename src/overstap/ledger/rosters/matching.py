"""Rosters beside dossiers and registrations of a round: of which pupils something is missing, and who looks after it.

Counts, signs and moments only, so that no key is needed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from overstap.errors import OverstapError
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.session import UnitOfWork


class RosterList(StrEnum):
    """A list of pupils of whom something is missing in a round."""

    DOSSIER_ONLY = "dossier_only"
    """On the roster with a dossier, and registered nowhere."""
    APPLICATION_ONLY = "application_only"
    """On the roster and registered, without a dossier."""
    NEITHER = "neither"
    """On the roster with neither."""
    UNLISTED = "unlisted"
    """Registered, of a school with a roster on which the pupil is not."""
    PLACED_TWICE = "placed_twice"
    """Placed at several schools, and nobody has said which placement holds (`by_application`)."""
    ADMITTED_NOWHERE = "admitted_nowhere"
    """Applied and placed nowhere, in a placement round (`by_application`)."""
    WITHDRAWN_EVERYWHERE = "withdrawn_everywhere"
    """Every application was withdrawn (`by_application`)."""
    SEVERAL_FIRST = "several_first"
    """Several applications are a first choice (`by_application`)."""
    SENT_IN_VAIN = "sent_in_vain"
    """A school may have the dossier, and the pupil does not go there (`by_application`)."""
    TWO_REGIONS = "two_regions"
    """Applied in another region too, as the last comparison with it told (`by_application`)."""
    TEMPORARY_PLACE = "temporary_place"
    """The legal period for a decision is over, so the pupil has a temporary place (`by_application`)."""
    NOT_TALKED = "not_talked"
    """A school received a dossier that asks for contact, and nobody has said that they talked (`by_advice`)."""
    NO_ADVICE = "no_advice"
    """The day by which there is an advice is past, and no dossier has one (`by_advice`)."""
    NO_TEST = "no_test"
    """The day by which results are there is past, and neither a result nor a reason is known (`by_advice`)."""
    RECONSIDER = "reconsider"
    """The test advice is higher, and no reconsideration is recorded or motivated (`by_advice`)."""
    OLDER_ADVICE = "older_advice"
    """The dossier has another advice than a newer one of the pupil (`by_advice`)."""


@dataclass(frozen=True, slots=True)
class IncompletePupil:
    """A pupil on one of the lists, without personal data.

    Args:
        school: BRIN and branch of the primary school.
        list: the list.
        entry: key of the roster's entry; None for a pupil who is not on the roster.
        sign: reference of the dossier, or else of the entry or registration: a pseudonym.
        secondary_schools: where the pupil is registered.
    """

    school: str
    list: RosterList
    entry: UUID | None
    sign: str
    secondary_schools: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ListCount:
    """Number of pupils of a school on a list, with its owner.

    Args:
        school: BRIN and branch of the primary school.
        list: the list.
        owner: account of the coordinator who looks after it; None: nobody yet.
        count: number of pupils.
    """

    school: str
    list: RosterList
    owner: str | None
    count: int


@dataclass(frozen=True, slots=True)
class RosterStatus:
    """How a school's roster stands.

    Args:
        school: BRIN and branch.
        source: where the newest came from: folder, page, database, command; empty without one.
        stated_at: of which moment the newest is; None without one.
        taken_at: when it was taken in.
        counts: its numbers, as of `taking.Taken`.
        on: number of pupils on the roster now.
        missing: number of those whom the newest does not state, about whom somebody has to decide.
        asked: number of pupils who were taken off by a person and are stated again.
        refused: why the last one could not be used; None when nothing was refused since.
        refused_at: when that was.
    """

    school: str
    source: str
    stated_at: datetime | None
    taken_at: datetime | None
    counts: Mapping[str, Any]
    on: int
    missing: int
    asked: int
    refused: OverstapError | None
    refused_at: datetime | None


_LISTED = """
    with supplied as (
        select p.roster_pupil, p.school, o.school_year, d.dossier, coalesce(p.pupil, d.pupil) as known
          from overstap.round o
          join overstap.roster_pupil p on p.school_year = o.school_year and p.off_at is null
          left join lateral (
               select d.dossier, d.pupil from overstap.dossier d
                where d.round_id = o.round_id and d.primary_school = p.school and d.state <> 'withdrawn'
                  and (d.pupil = p.pupil or d.las_key = p.las_key)
                order by d.pupil = p.pupil desc nulls last limit 1) d on true
         where o.round_id = %(round)s and overstap.is_of_leavers(o.kind)
           and (%(school)s::text is null or p.school = %(school)s)
    ), registered as (
        select s.*, coalesce((
               select array_agg(a.secondary_school order by a.secondary_school) from overstap.application a
                where a.school_year = s.school_year and a.pupil = s.known and a.withdrawn_at is null), '{}') as schools
          from supplied s
    )
    select school, case when schools = '{}' then case when dossier is null then 'neither' else 'dossier_only' end
                        else 'application_only' end as list, roster_pupil, dossier, null::bytea as pupil, schools
      from registered where schools = '{}' or dossier is null
    union all
    select a.primary_school, 'unlisted', null, null, a.pupil, array_agg(a.secondary_school order by a.secondary_school)
      from overstap.round o
      join overstap.application a on a.school_year = o.school_year and a.withdrawn_at is null
     where o.round_id = %(round)s and overstap.is_of_leavers(o.kind)
       and (%(school)s::text is null or a.primary_school = %(school)s)
       and exists (select from overstap.roster r where r.school_year = o.school_year and r.school = a.primary_school)
       and not exists (select from registered x where x.school = a.primary_school and x.known = a.pupil)
     group by 1, 5
"""


def listed(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[IncompletePupil]:
    """Return the pupils of whom something is missing in a round, by school and list.

    Args:
        unit: the transaction.
        round_id: the round.
        school: of this school only.
    """
    found = [
        IncompletePupil(
            of_school,
            RosterList(name),
            entry,
            reference(dossier or entry or UUID(bytes=bytes(pupil[:16]))),
            tuple(schools),
        )
        for of_school, name, entry, dossier, pupil, schools in unit.rows(_LISTED, round=round_id, school=school)
    ]
    return in_order(found)


def in_order(found: Iterable[IncompletePupil]) -> list[IncompletePupil]:
    """Return pupils by school, list and sign."""
    order = list(RosterList)
    return sorted(found, key=lambda one: (one.school, order.index(one.list), one.sign))


def list_counts(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[ListCount]:
    """Return the number of pupils on each list that is not empty, those that nobody looks after first."""
    return counts_of(unit, round_id, listed(unit, round_id, school))


def owners(unit: UnitOfWork, round_id: str, name: RosterList) -> dict[str, str]:
    """Return the accounts of the coordinators who look after a list, by primary school."""
    return dict(
        unit.rows(
            "select school, owner from overstap.roster_owner where round_id = %(round)s and list = %(list)s",
            round=round_id,
            list=name.value,
        )
    )


def counts_of(unit: UnitOfWork, round_id: str, pupils: Iterable[IncompletePupil]) -> list[ListCount]:
    """Return pupils as numbers by school and list with their owners, those that nobody looks after first."""
    owners = {
        (of_school, RosterList(name)): owner
        for of_school, name, owner in unit.rows(
            "select school, list, owner from overstap.roster_owner where round_id = %(round)s", round=round_id
        )
    }
    counted = Counter((one.school, one.list) for one in pupils)
    order = list(RosterList)
    found = [
        ListCount(of_school, name, owners.get((of_school, name)), count) for (of_school, name), count in counted.items()
    ]
    return sorted(found, key=lambda one: (one.owner is not None, order.index(one.list), -one.count, one.school))


def statuses(unit: UnitOfWork, school_year: str, school: str | None = None) -> dict[str, RosterStatus]:
    """Return how the rosters of a school year stand, by school; a school that never supplied one is left out.

    Args:
        unit: the transaction.
        school_year: school year, such as "2026-2027".
        school: of this school only.
    """
    rows = unit.rows(
        """
        select s.school, r.source, r.stated_at, r.taken_at, r.counts, p.here, p.missing, p.asked,
               f.code, f.facts, f.seen_at
          from overstap.school s
          left join lateral (select * from overstap.roster r where r.school_year = %(year)s and r.school = s.school
                              order by r.stated_at desc, r.taken_at desc, r.roster desc limit 1) r on true
          cross join lateral (
               select count(*) filter (where off_at is null) as here, count(missing_at) as missing,
                      count(asked_at) as asked
                 from overstap.roster_pupil p where p.school_year = %(year)s and p.school = s.school) p
          left join overstap.refused_roster f on f.school_year = %(year)s and f.school = s.school
         where (r.roster is not null or f.code is not null) and (%(school)s::text is null or s.school = %(school)s)
        """,
        year=school_year,
        school=school,
    )
    return {
        of_school: RosterStatus(
            *(of_school, source or "", stated_at, taken_at, counts or {}, on, missing, asked),
            OverstapError(code, **facts) if code else None,
            seen_at,
        )
        for of_school, source, stated_at, taken_at, counts, on, missing, asked, code, facts, seen_at in rows
    }


def take_up(unit: UnitOfWork, round_id: str, school: str, name: RosterList) -> bool:
    """Note that the acting coordinator looks after a list; False when that was noted already."""
    return bool(
        unit.one(
            "select overstap.take_up_list(%(round)s, %(school)s, %(list)s)",
            round=round_id,
            school=school,
            list=name.value,
        )[0]
    )
