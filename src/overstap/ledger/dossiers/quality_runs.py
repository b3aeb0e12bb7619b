"""Counts per school at each run of the quality checks, to show trends."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.types.json import Jsonb

from overstap.ledger.rounds.counts import primary_schools
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class QualityRun:
    """Counts of one school in a round at one moment.

    Args:
        school: BRIN with branch.
        made_at: the moment, aware.
        supplied: dossiers read.
        accepted: dossiers that were accepted, in whatever state they are now.
        rejected: dossiers with an error.
        refused: files that could not become a dossier.
        found: number of dossiers or files per rule or error code.
    """

    school: str
    made_at: datetime
    supplied: int
    accepted: int
    rejected: int
    refused: int
    found: Counter[str]


def present(unit: UnitOfWork, round_id: str, *, made_at: datetime) -> dict[str, QualityRun]:
    """Return the present counts of every primary school of the round's region by its id, without storing them.

    Args:
        unit: the transaction.
        round_id: the round.
        made_at: the moment of the counts, aware.
    """
    found: dict[str, Counter[str]] = {}
    for school, rule, count in unit.rows(
        "select d.primary_school, f.rule, count(distinct d.dossier) from overstap.dossier d join overstap.finding f "
        "on f.dossier = d.dossier and f.number = d.version where d.round_id = %(round)s group by 1, 2",
        round=round_id,
    ):
        found.setdefault(school, Counter())[rule] = count
    return {
        one.school: QualityRun(
            school=one.school,
            made_at=made_at,
            supplied=one.supplied,
            accepted=one.supplied - one.states["rejected"] - one.states["supplied"],
            rejected=one.states["rejected"],
            refused=one.refused_files.total(),
            found=found.get(one.school, Counter()) + one.refused_files,
        )
        for one in primary_schools(unit, round_id)
    }


def history(unit: UnitOfWork, round_id: str) -> list[QualityRun]:
    """Return every stored run of a round, oldest first."""
    return [
        QualityRun(school, made_at, supplied, accepted, rejected, refused, Counter(found))
        for school, made_at, supplied, accepted, rejected, refused, found in unit.rows(
            "select school, made_at, supplied, accepted, rejected, refused, found from overstap.quality_run "
            "where round_id = %(round)s order by made_at, school",
            round=round_id,
        )
    ]


def latest(unit: UnitOfWork, round_id: str) -> dict[str, QualityRun]:
    """Return the newest stored run of each school that has one."""
    return {run.school: run for run in history(unit, round_id)}


def keep(unit: UnitOfWork, round_id: str, runs: Iterable[QualityRun]) -> int:
    """Store the counts of schools that changed since their last run; a school that supplied nothing gets no row.

    Args:
        unit: the transaction.
        round_id: the round.
        runs: as `present` returns them.

    Returns:
        Number of schools with changed counts.
    """
    before = latest(unit, round_id)
    changed = [run for run in runs if not _is_unchanged(run, before.get(run.school))]
    for run in changed:
        unit.run(
            "insert into overstap.quality_run "
            "(region, round_id, school, made_at, supplied, accepted, rejected, refused, found) values "
            "(%(region)s, %(round)s, %(school)s, %(at)s, %(supplied)s, %(accepted)s, %(rejected)s, %(refused)s, "
            "%(found)s)",
            region=unit.region,
            round=round_id,
            school=run.school,
            at=run.made_at,
            supplied=run.supplied,
            accepted=run.accepted,
            rejected=run.rejected,
            refused=run.refused,
            found=Jsonb(run.found),
        )
    return len(changed)


def _is_unchanged(run: QualityRun, before: QualityRun | None) -> bool:
    if before is None:
        return not (run.supplied or run.refused)
    return replace(run, made_at=before.made_at) == before
