"""Pupils whose advice, test or handover asks for attention: no advice, no test, a reconsideration, nobody who talked.

The lists stand beside those of `matching`, with the same owners. They are made by `quality.advice_standing`, which has
the keys to read advices, and kept by keyed hash: signs and counts only.
"""

from uuid import UUID

from overstap.ledger.dossiers.reference import reference
from overstap.ledger.rosters.matching import IncompletePupil, RosterList
from overstap.ledger.session import UnitOfWork

_LISTED = """
    select f.primary_school, case f.flag when 'no_provisional' then 'no_advice' when 'no_definitive' then 'no_advice'
                                         when 'contact' then 'not_talked' else f.flag end as list,
           f.pupil, coalesce(min(d.dossier::text), min(f.dossier::text))::uuid,
           array(select a.secondary_school from overstap.application a
                  where a.school_year = o.school_year and a.pupil = f.pupil and a.withdrawn_at is null order by 1)
      from overstap.round o
      join overstap.advice_flag f on f.region = o.region and f.school_year = o.school_year
      left join overstap.dossier d on d.round_id = o.round_id and d.pupil = f.pupil and d.state <> 'withdrawn'
     where o.round_id = %(round)s and overstap.is_of_leavers(o.kind)
       and (%(school)s::text is null or f.primary_school = %(school)s)
       and case f.flag when 'no_provisional' then o.kind = 'pre_registration'
                       when 'older_advice' then f.dossier = d.dossier
                       when 'contact' then f.dossier = d.dossier and exists (
                            select from overstap.delivery l
                              left join overstap.current_handover h
                                on h.dossier = l.dossier and h.secondary_school = l.secondary_school
                             where l.dossier = d.dossier and l.number = d.version and l.state = 'confirmed'
                               and coalesce(h.state not in ('done', 'not_done'), true)
                               and not exists (select from overstap.envelope_withdrawal w
                                                where w.message_id = l.message_id))
                       else o.kind in ('advice', 'placement') end
     group by o.school_year, f.primary_school, 2, f.pupil
"""


def listed(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[IncompletePupil]:
    """Return the pupils of a round on a list of advice or test.

    Args:
        unit: the transaction; it needs no key.
        round_id: the round; one that is not of leavers has none.
        school: of this primary school only.
    """
    return [
        IncompletePupil(
            of_school, RosterList(name), None, reference(dossier or UUID(bytes=bytes(pupil[:16]))), tuple(schools)
        )
        for of_school, name, pupil, dossier, schools in unit.rows(_LISTED, round=round_id, school=school)
    ]


def older(unit: UnitOfWork, round_id: str, states: tuple[str, ...] = ()) -> dict[str, int]:
    """Return how many dossiers of a round have an advice that is no longer the newest, per primary school.

    Args:
        unit: the transaction; it needs no key.
        round_id: the round.
        states: only dossiers in these states; empty: in any but withdrawn.
    """
    return dict(
        unit.rows(
            "select d.primary_school, count(*) from overstap.advice_flag f join overstap.dossier d "
            "on d.dossier = f.dossier and d.state <> 'withdrawn' where d.round_id = %(round)s "
            "and f.flag = 'older_advice' and (cardinality(%(states)s::text[]) = 0 or d.state = any(%(states)s)) "
            "group by 1 order by 1",
            round=round_id,
            states=list(states),
        )
    )


def counts(unit: UnitOfWork, school_year: str) -> dict[tuple[str, str], int]:
    """Return the number of pupils by primary school and flag; the unit needs no key."""
    return {
        (school, flag): count
        for school, flag, count in unit.rows(
            "select primary_school, flag, count(distinct pupil) from overstap.advice_flag "
            "where school_year = %(year)s group by 1, 2 order by 1, 2",
            year=school_year,
        )
    }
