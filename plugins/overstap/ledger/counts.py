"""How far a round is, in counts: what the coordinator, the board and the reports show. No pupil anywhere."""

from collections import Counter
from dataclasses import dataclass

from overstap.agreements import RoundKind
from overstap.ledger.door import Unit


@dataclass(frozen=True, slots=True)
class PrimaryCounts:
    """One primary school in a round, in pupils or dossiers."""

    school: str
    name: str
    expected: int
    """Pupils with an application, registration or placement."""
    states: Counter[str]
    """Dossiers per state."""
    refused_files: Counter[str]
    """Files that could not become a dossier, per error code."""
    rejections: Counter[str]
    """Rejected dossiers per rule; one dossier may count under several."""
    without_consent: int = 0
    """Inspected dossiers that do not go: consent is required, and the window ended without."""

    @property
    def supplied(self) -> int:
        """Dossiers that the school supplied."""
        return self.states.total()

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
    """Deliveries made ready for it, whatever became of them."""
    confirmed: int
    refused: int
    problems: Counter[str]
    """Open deliveries per error code of their last attempt; "" when not tried yet."""


def primary_schools(unit: Unit, round_id: str, school: str | None = None) -> list[PrimaryCounts]:
    """Return the counts of every primary school of the round's region, by name; or of one alone."""
    names: dict[str, str] = dict(
        unit.rows(
            "select school, name from overstap.school where kind = %(kind)s "
            "and (%(school)s::text is null or school = %(school)s) order by name, school",
            kind=_kind(round_id).supplied_by.value,
            school=school,
        )
    )
    expected: dict[str, int] = dict(
        unit.rows(
            "select a.primary_school, count(distinct a.pupil) from overstap.application a "
            "join overstap.round r on r.school_year = a.school_year where r.round_id = %(round)s "
            "and (%(school)s::text is null or a.primary_school = %(school)s) "
            "and a.secondary_school = any(r.receiving) group by 1",
            round=round_id,
            school=school,
        )
    )
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
            expected.get(school, 0),
            states.get(school, Counter()),
            refused.get(school, Counter()),
            rejections.get(school, Counter()),
            without.get(school, 0),
        )
        for school, name in names.items()
    ]


def secondary_schools(unit: Unit, round_id: str) -> list[SecondaryCounts]:
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
    return [
        SecondaryCounts(
            school,
            name,
            states.get(school, Counter()).total(),
            states.get(school, Counter())["confirmed"],
            states.get(school, Counter())["refused"],
            problems.get(school, Counter()),
        )
        for school, name in unit.rows(
            "select school, name from overstap.school where kind = %(kind)s order by name, school",
            kind=_kind(round_id).received_by.value,
        )
    ]


def _kind(round_id: str) -> RoundKind:
    return RoundKind(round_id.rpartition(".")[2])


def _grouped(unit: Unit, sql: str, round_id: str, school: str | None = None) -> dict[str, Counter[str]]:
    grouped: dict[str, Counter[str]] = {}
    for one, key, count in unit.rows(sql, round=round_id, school=school):
        grouped.setdefault(one, Counter())[key] = count
    return grouped
