"""Figures of a school year: dossiers by round and supplying school, and applications by secondary school.

States of dossiers, their history and milestones that have passed stay after retention, so that a year can be compared
with the one before. Applications go with the traces: a year without any is told as not known.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields

from overstap.agreements import RoundId
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class DossierFigures:
    """Number of dossiers; each figure counts a dossier once, whatever became of it later.

    Args:
        supplied: supplied, those withdrawn later included.
        rejected: rejected at some time.
        inspected: whose inspection by parents is recorded.
        not_inspected: that nobody inspected before the review window closed, and nobody attested since.
        sent: sealed and sent to a school at some time.
        confirmed: confirmed by the receiving school.
        refused: refused by the receiving school, and not confirmed.
        without_receiver: that no school may receive now.
        withdrawn: withdrawn.
    """

    supplied: int = 0
    rejected: int = 0
    inspected: int = 0
    not_inspected: int = 0
    sent: int = 0
    confirmed: int = 0
    refused: int = 0
    without_receiver: int = 0
    withdrawn: int = 0


@dataclass(frozen=True, slots=True)
class SchoolYearFigures:
    """Figures of one supplying school in a round.

    Args:
        round_id: the round.
        school: BRIN and branch.
        name: its name.
        dossiers: the figures.
        was_late: whether something was missing when data were due; None: not due yet.
    """

    round_id: RoundId
    school: str
    name: str
    dossiers: DossierFigures
    was_late: bool | None


@dataclass(frozen=True, slots=True)
class ApplicationFigures:
    """Number of applications at one secondary school in a school year.

    Args:
        school_year: school year.
        school: BRIN and branch.
        name: its name.
        all: applications, those that ended included.
        first: of those, the first choices.
        placed: placed.
        refused: refused.
        not_drawn: not drawn.
        withdrawn: withdrawn by parents, or stated by no source any more.
    """

    school_year: str
    school: str
    name: str
    all: int
    first: int
    placed: int
    refused: int
    not_drawn: int
    withdrawn: int


def school_years(unit: UnitOfWork) -> list[str]:
    """Return the school years with rounds, the newest first."""
    return [row[0] for row in unit.rows("select distinct school_year from overstap.round order by 1 desc")]


def dossiers(unit: UnitOfWork, years: Iterable[str]) -> list[SchoolYearFigures]:
    """Return the figures of every school that supplied something in a round, by round and name.

    Args:
        unit: the transaction; it needs no key.
        years: school years.
    """
    names = [one.name for one in fields(DossierFigures)]
    return [
        SchoolYearFigures(RoundId(round_id), school, name, DossierFigures(*counted), late)
        for round_id, school, name, late, *counted in unit.rows(
            f"""
            with asked as (select r.round_id, r.school_year, r.opened_at from overstap.round r
                            where r.school_year = any(%(years)s)),
                 told as (select d.round_id, d.primary_school as school, {_COUNTS}
                            from overstap.dossier d join asked a using (round_id)
                            left join (select e.dossier, bool_or(e.to_state = 'rejected') as rejected,
                                              bool_or(e.to_state = 'inspected') as inspected,
                                              bool_or(e.to_state = 'sealed') as sealed,
                                              bool_or(e.to_state = 'confirmed') as confirmed
                                         from overstap.dossier_event e join overstap.dossier x using (dossier)
                                         join asked a using (round_id) group by 1) h using (dossier)
                           group by 1, 2)
            select t.round_id, t.school, coalesce(s.name, t.school),
                   (select p.behind ? t.school from overstap.milestone_passed p
                     where p.round_id = t.round_id and p.milestone = 'data_due'),
                   {", ".join(f"t.{name}" for name in names)}
              from told t join asked a using (round_id)
              left join overstap.school s on s.school = t.school
             order by a.school_year desc, a.opened_at, 3, 2
            """,  # noqa: S608 (names above)
            years=list(years),
        )
    ]


_COUNTS = """
    count(*) as supplied, count(*) filter (where d.state = 'rejected' or h.rejected) as rejected,
    count(*) filter (where h.inspected or d.state in ('inspected', 'no_receiver', 'sealed', 'confirmed', 'refused',
                                                      'undelivered')) as inspected,
    count(*) filter (where d.state = 'not_inspected') as not_inspected,
    count(*) filter (where h.sealed or d.state in ('sealed', 'confirmed', 'refused', 'undelivered')) as sent,
    count(*) filter (where h.confirmed or d.state = 'confirmed') as confirmed,
    count(*) filter (where d.state = 'refused' and not coalesce(h.confirmed, false)) as refused,
    count(*) filter (where d.state = 'no_receiver') as without_receiver,
    count(*) filter (where d.state = 'withdrawn') as withdrawn
"""


def total(found: Iterable[SchoolYearFigures]) -> DossierFigures:
    """Return the figures of some schools together."""
    together = dict.fromkeys((one.name for one in fields(DossierFigures)), 0)
    for school in found:
        for name in together:
            together[name] += getattr(school.dossiers, name)
    return DossierFigures(**together)


def applications(unit: UnitOfWork, years: Iterable[str]) -> list[ApplicationFigures]:
    """Return the applications of every secondary school, the newest school year first, by name.

    Args:
        unit: the transaction; it needs no key.
        years: school years; one whose applications were erased has none.
    """
    return [
        ApplicationFigures(*row)
        for row in unit.rows(
            "select a.school_year, a.secondary_school, coalesce(s.name, a.secondary_school), count(*), "
            "count(*) filter (where a.preference = 1), "
            "count(*) filter (where a.withdrawn_at is null and (a.stage = 'placed' or a.status = 'placed')), "
            "count(*) filter (where a.status = 'refused'), count(*) filter (where a.status = 'not_drawn'), "
            "count(*) filter (where a.status = 'withdrawn' or a.withdrawn_at is not null "
            "and coalesce(a.status, '') not in ('refused', 'not_drawn')) "
            "from overstap.application a left join overstap.school s on s.region = a.region "
            "and s.school = a.secondary_school where a.school_year = any(%(years)s) "
            "group by 1, 2, 3 order by 1 desc, 3, 2",
            years=list(years),
        )
    ]


def application_total(found: Iterable[ApplicationFigures]) -> Mapping[str, int] | None:
    """Return the applications of some schools together; None when there are none, as after erasing."""
    names = ("all", "first", "placed", "refused", "not_drawn", "withdrawn")
    schools = list(found)
    return {name: sum(getattr(one, name) for one in schools) for name in names} if schools else None
