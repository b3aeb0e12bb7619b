"""Counts of a round per school, for gates, board and reports, without pupils."""

from collections import Counter
from dataclasses import dataclass

from overstap.agreements import RoundId, RoundKind
from overstap.ledger import guests
from overstap.ledger.delivery.on_page import confirmed_by_account
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class PrimaryCounts:
    """One primary school in a round, in pupils or dossiers."""

    school: str
    name: str
    expected: int
    """Pupils on the school's roster; without one, those with a valid application, registration or placement. A pupil
    whose dossier was withdrawn does not count."""
    states: Counter[str]
    """Dossiers per state."""
    refused_files: Counter[str]
    """Files that could not become a dossier, per error code."""
    rejections: Counter[str]
    """Rejected dossiers per rule; one dossier may count under several."""
    without_consent: int = 0
    """Inspected dossiers that are not delivered: consent is required, and the window closed without it."""

    @property
    def supplied(self) -> int:
        """Dossiers that the school supplied and that were not withdrawn."""
        return self.states.total() - self.states["withdrawn"]

    def at_least(self, *states: str) -> int:
        """Dossiers that are in one of these states."""
        return sum(self.states[state] for state in states)

    @property
    def inspected(self) -> int:
        """Dossiers whose parents' inspection is recorded."""
        return self.at_least("inspected", "no_receiver", "sealed", "confirmed", "refused", "undelivered")


@dataclass(frozen=True, slots=True)
class SecondaryCounts:
    """One secondary school in a round, in deliveries."""

    school: str
    name: str
    sealed: int
    """Deliveries sealed for it, in whatever state."""
    confirmed: int
    refused: int
    problems: Counter[str]
    """Open deliveries per error code of their last attempt; "" before the first."""
    by_account: int = 0
    """Number of confirmed deliveries that an account of the school confirmed, instead of a receipt by certificate."""


def expected(unit: UnitOfWork, round_id: str | None = None, school: str | None = None) -> dict[str, Counter[str]]:
    """Return the number of expected pupils, per round of the region and supplying school.

    Expected are the pupils on the school's roster, where it supplied one and the round is one of leavers; else pupils
    who go to one of the round's receiving schools (in a feedback round: who came from one). Neither counts when the
    dossier was withdrawn. A guest school has at least the pupils that it was invited for.

    Args:
        unit: the transaction.
        round_id: of this round only.
        school: of this school only.
    """
    found: dict[str, Counter[str]] = {}
    # Round by round and school by school, so that an index returns the pupils in order (application_of_region). The
    # kind of the round decides which school supplies, so that one half of the union is never run. No index has the
    # state of a dossier, so the few that were withdrawn are found once, and not once for each application.
    for one, supplier, count in unit.rows(
        """
        select r.round_id, x.school, x.pupils
          from overstap.round r
          cross join lateral (
               with withdrawn as materialized (
                      select d.pupil from overstap.dossier d where d.round_id = r.round_id and d.state = 'withdrawn')
               select a.primary_school as school, count(distinct a.pupil) as pupils from overstap.application a
                where r.kind <> 'feedback' and a.school_year = r.school_year and a.withdrawn_at is null
                  and a.secondary_school = any(r.receiving)
                  and (%(school)s::text is null or a.primary_school = %(school)s)
                  and not exists (select from withdrawn w where w.pupil = a.pupil)
                group by 1
               union all
               select a.secondary_school, count(distinct a.pupil) from overstap.application a
                where r.kind = 'feedback' and a.school_year = r.school_year and a.withdrawn_at is null
                  and a.primary_school = any(r.receiving)
                  and (%(school)s::text is null or a.secondary_school = %(school)s)
                  and not exists (select from withdrawn w where w.pupil = a.pupil)
                group by 1) x
         where %(round)s::text is null or r.round_id = %(round)s
        """,
        round=round_id,
        school=school,
    ):
        found.setdefault(one, Counter())[supplier] = count
    for one, supplier, count in unit.rows(
        """
        select o.round_id, r.school, (
               select count(*) from overstap.roster_pupil p
                where p.school_year = o.school_year and p.school = r.school and p.off_at is null
                  and not exists (select from overstap.dossier d
                                   where d.round_id = o.round_id and d.primary_school = p.school and d.pupil = p.pupil
                                     and d.state = 'withdrawn'))
          from overstap.round o
          join (select distinct school_year, school from overstap.roster
                 where %(school)s::text is null or school = %(school)s) r on r.school_year = o.school_year
         where overstap.is_of_leavers(o.kind) and (%(round)s::text is null or o.round_id = %(round)s)
        """,
        round=round_id,
        school=school,
    ):
        found.setdefault(one, Counter())[supplier] = count
    for one, guest, count in guests.expected(unit, round_id, school):
        expects = found.setdefault(one, Counter())
        expects[guest] = max(expects[guest], count)
    return found


def primary_schools(unit: UnitOfWork, round_id: str, school: str | None = None) -> list[PrimaryCounts]:
    """Return the counts of every primary school of the round's region by name, or of one."""
    names: dict[str, str] = dict(
        unit.rows(
            "select school, name from overstap.school s where kind = %(kind)s "
            "and (%(school)s::text is null or school = %(school)s) and (not is_guest or exists "
            "(select from overstap.guest_school g where g.round_id = %(round)s and g.school = s.school)) "
            "order by name, school",
            kind=_kind(round_id).supplied_by.value,
            school=school,
            round=round_id,
        )
    )
    waited_for = expected(unit, round_id, school).get(round_id, Counter())
    states = _grouped(
        unit,
        "select primary_school, state, count(*) from overstap.dossier where round_id = %(round)s "
        "and (%(school)s::text is null or primary_school = %(school)s) group by 1, 2",
        round_id,
        school,
    )
    refused = _grouped(
        unit,
        "select primary_school, code, count(*) from overstap.refused_input where round_id = %(round)s "
        "and (%(school)s::text is null or primary_school = %(school)s) group by 1, 2",
        round_id,
        school,
    )
    rejections = _grouped(
        unit,
        "select d.primary_school, f.rule, count(distinct d.dossier) from overstap.dossier d join overstap.finding f "
        "on f.dossier = d.dossier and f.number = d.version where d.round_id = %(round)s "
        "and (%(school)s::text is null or d.primary_school = %(school)s) "
        "and d.state = 'rejected' and f.severity = 'error' group by 1, 2",
        round_id,
        school,
    )
    without: dict[str, int] = dict(
        unit.rows(
            "select primary_school, count(*) from overstap.without_consent where round_id = %(round)s group by 1",
            round=round_id,
        )
    )
    return [
        PrimaryCounts(
            school,
            name,
            waited_for[school],
            states.get(school, Counter()),
            refused.get(school, Counter()),
            rejections.get(school, Counter()),
            without.get(school, 0),
        )
        for school, name in names.items()
    ]


def secondary_schools(unit: UnitOfWork, round_id: str) -> list[SecondaryCounts]:
    """Return the counts of every secondary school of the round's region, by name."""
    states = _grouped(
        unit,
        "select secondary_school, state, count(*) from overstap.delivery where round_id = %(round)s group by 1, 2",
        round_id,
    )
    problems = _grouped(
        unit,
        "select secondary_school, coalesce(problem, ''), count(*) from overstap.delivery "
        "where round_id = %(round)s and state = 'sealed' group by 1, 2",
        round_id,
    )
    by_account = confirmed_by_account(unit, round_id)
    return [
        SecondaryCounts(
            school,
            name,
            states.get(school, Counter()).total(),
            states.get(school, Counter())["confirmed"],
            states.get(school, Counter())["refused"],
            problems.get(school, Counter()),
            by_account.get(school, 0),
        )
        for school, name in unit.rows(
            "select school, name from overstap.school where kind = %(kind)s order by name, school",
            kind=_kind(round_id).received_by.value,
        )
    ]


def _kind(round_id: str) -> RoundKind:
    return RoundId(round_id).kind


def _grouped(unit: UnitOfWork, sql: str, round_id: str, school: str | None = None) -> dict[str, Counter[str]]:
    grouped: dict[str, Counter[str]] = {}
    for one, key, count in unit.rows(sql, round=round_id, school=school):
        grouped.setdefault(one, Counter())[key] = count
    return grouped
