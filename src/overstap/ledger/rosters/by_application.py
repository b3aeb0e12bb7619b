"""Pupils whose applications ask for attention: placed twice, in two regions, admitted nowhere, sent in vain.

They stand beside the lists of `matching`, with the same owners, and need no roster. Signs and counts only.
"""

from uuid import UUID

from overstap.agreements import RoundId
from overstap.agreements.national import national_year
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.rosters import by_advice, matching
from overstap.ledger.rosters.matching import IncompletePupil, ListCount, RosterList
from overstap.ledger.session import UnitOfWork

_LISTED = """
    with of_round as materialized (
        select o.region, o.school_year, o.kind from overstap.round o
         where o.round_id = %(round)s and overstap.is_of_leavers(o.kind)
    ), twice as materialized (
        select t.pupil, t.schools, t.holds from overstap.placed_twice t
         where t.round_id = %(round)s and (select o.kind from of_round o) = 'placement'
    ), told_of as materialized (
        -- Few pupils are on a list: counts find them, so that the others' applications are neither sorted nor gathered
        select a.pupil from of_round o
          join overstap.application a on a.region = o.region and a.school_year = o.school_year
         where %(school)s::text is null
            or a.pupil in (select x.pupil from overstap.application x where x.primary_school = %(school)s)
         group by a.pupil
        having count(*) filter (where a.withdrawn_at is null) = 0
            or count(*) filter (where a.withdrawn_at is null and a.preference = 1) > 1
            or (select o.kind from of_round o) = 'placement'
               and not bool_or(a.withdrawn_at is null and a.stage = 'placed')
        union select t.pupil from twice t where t.holds is null
        union select e.pupil from overstap.applied_elsewhere e join of_round o on o.school_year = e.school_year
    ), ended as (
        -- What a delivery is in vain for, which few are: found first, so that all that was sent is not gone through
        select a.pupil, a.secondary_school
          from of_round o join overstap.application a on a.region = o.region and a.school_year = o.school_year
         where a.withdrawn_at is not null
        union all
        select a.pupil, a.secondary_school
          from of_round o join overstap.application a on a.region = o.region and a.school_year = o.school_year
          join twice t on t.pupil = a.pupil
         where a.withdrawn_at is null and a.stage = 'placed' and not a.secondary_school = any(t.holds)
    ), pupil as (
        select a.pupil,
               (array_agg(a.primary_school order by a.withdrawn_at is not null, a.recorded_at desc))[1] as school,
               array_agg(a.secondary_school order by a.secondary_school)
                   filter (where a.withdrawn_at is null) as standing,
               array_agg(a.secondary_school order by a.secondary_school) as stated,
               array_agg(a.secondary_school order by a.secondary_school)
                   filter (where a.withdrawn_at is null and a.preference = 1) as first,
               coalesce(bool_or(a.stage = 'placed') filter (where a.withdrawn_at is null), false) as is_placed
          from of_round o join overstap.application a on a.region = o.region and a.school_year = o.school_year
         where a.pupil in (select m.pupil from told_of m)
         group by a.pupil
    ), found as (
        select p.pupil, p.school, 'withdrawn_everywhere' as list, p.stated as schools from pupil p
         where p.standing is null
        union all
        select p.pupil, p.school, 'admitted_nowhere', p.standing from pupil p
          join overstap.round o on o.round_id = %(round)s and o.kind = 'placement'
         where p.standing is not null and not p.is_placed
        union all
        select p.pupil, p.school, 'several_first', p.first from pupil p where cardinality(p.first) > 1
        union all
        select p.pupil, p.school, 'placed_twice', t.schools from pupil p
          join twice t on t.pupil = p.pupil and t.holds is null
        union all
        select p.pupil, p.school, 'two_regions',
               p.standing || array(select distinct e.secondary_school from overstap.applied_elsewhere e
                                    where e.pupil = p.pupil and e.school_year = o.school_year order by 1)
          from pupil p join overstap.round o on o.round_id = %(round)s
         where p.standing is not null and p.pupil in (select e.pupil from overstap.applied_elsewhere e
                                                       where e.school_year = (select x.school_year from overstap.round x
                                                                               where x.round_id = %(round)s))
        union all
        select d.pupil, d.primary_school, 'sent_in_vain',
               array_agg(distinct l.secondary_school order by l.secondary_school)
          from ended a
          join overstap.dossier d on d.round_id = %(round)s and d.pupil = a.pupil and d.state <> 'withdrawn'
          join overstap.delivery l on l.dossier = d.dossier and l.secondary_school = a.secondary_school
           and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
         where (%(school)s::text is null or d.primary_school = %(school)s)
           and not exists (select from overstap.revocation r where r.message_id = l.message_id)
           and not exists (select from overstap.envelope_withdrawal w where w.message_id = l.message_id)
           and (l.key_id is null
                or exists (select from overstap.page_collection c where c.message_id = l.message_id))
         group by 1, 2
        union all
        select t.pupil, min(t.school), 'temporary_place', array_agg(t.secondary_school order by t.secondary_school)
          from (select a.pupil, a.secondary_school, (array_agg(a.primary_school))[1] as school,
                       (min(least(e.stated_at, a.recorded_at)) at time zone 'Europe/Amsterdam')::date as first_day,
                       bool_or(e.status = 'support_examined') is true as is_examined
                  from overstap.round o
                  join overstap.application a on a.region = o.region and a.school_year = o.school_year
                  join overstap.application_event e
                    on e.region = a.region and e.school_year = a.school_year and e.pupil = a.pupil
                   and e.secondary_school = a.secondary_school
                 where o.round_id = %(round)s and o.kind = 'placement' and a.withdrawn_at is null
                   and a.stage = 'applied' and coalesce(a.status, 'applied') <> 'placed'
                   and not exists (select from overstap.application x
                                    where x.region = a.region and x.school_year = a.school_year
                                      and x.pupil = a.pupil and x.withdrawn_at is null and x.stage = 'placed')
                 group by a.pupil, a.secondary_school) t
         where greatest(t.first_day, %(counts_from)s::date)
               + 7 * (%(weeks)s + case when t.is_examined then %(more)s else 0 end)
               < (overstap.clock() at time zone 'Europe/Amsterdam')::date
         group by t.pupil
    )
    select f.school, f.list, f.pupil, f.schools,
           (select min(d.dossier::text)::uuid from overstap.dossier d
             where d.round_id = %(round)s and d.pupil = f.pupil and d.state <> 'withdrawn')
      from found f where %(school)s::text is null or f.school = %(school)s
"""


def listed(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[IncompletePupil]:
    """Return the pupils of a round whose applications ask for attention, by school and list.

    In two regions: with the schools of both, as the last comparison told (`comparisons`). Admitted nowhere is told in
    a placement round: who applied and is placed nowhere. Withdrawn everywhere: no source
    states an application of the pupil any more. Sent in vain: a school was sent the dossier, and the application there
    ended since, or another placement holds; it is taken back there (`delivery.sent_in_vain`). Temporary place: the
    legal period of an application is over without a decision, and the pupil is placed nowhere.

    Args:
        unit: the transaction; it needs no key.
        round_id: the round; one that is not of leavers has none.
        school: of this primary school only.
    """
    national = national_year(RoundId(round_id).school_year)
    values = {
        "counts_from": national.statutory.registration.last,
        "weeks": national.admission.weeks,
        "more": national.admission.support_weeks,
    }
    found = [
        IncompletePupil(
            *(of_school, RosterList(name), None),
            reference(dossier or UUID(bytes=bytes(pupil[:16]))),
            tuple(schools),
        )
        for of_school, name, pupil, schools, dossier in unit.rows(_LISTED, round=round_id, school=school, **values)
    ]
    return matching.in_order(found)


def all_listed(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[IncompletePupil]:
    """Return these pupils and those of `matching.listed` and `by_advice.listed`, by school and list."""
    every = (matching.listed, listed, by_advice.listed)
    return matching.in_order([one for found in every for one in found(unit, round_id, school)])


def all_counts(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[ListCount]:
    """Return the number of pupils on each list that is not empty, those that nobody looks after first."""
    return matching.counts_of(unit, round_id, all_listed(unit, round_id, school))
