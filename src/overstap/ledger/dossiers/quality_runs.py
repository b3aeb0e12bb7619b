"""Counts per school at each judgement, for trends."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from psycopg.types.json import Jsonb

from overstap.ledger.rounds.counts import primary_schools
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class QualityRun:
    """One school in a round, as it stood at one moment.

    Args:
        school: BRIN with branch.
        made_at: when, aware.
        supplied: dossiers read.
        accepted: those that go on, whatever became of them later.
        rejected: those with an error.
        refused: files that could not become a dossier.
        found: per rule or error code, in how many dossiers or files.
    """

    school: str
    made_at: datetime
    supplied: int
    accepted: int
    rejected: int
    refused: int
    found: Counter[str]


def standing(unit: UnitOfWork, round_id: str, *, made_at: datetime) -> dict[str, QualityRun]:
    """Return how every primary school of the round's region stands now, by its id; nothing is kept yet.

    Args:
        unit: the transaction.
        round_id: the round.
        made_at: the moment to write with it.
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
    """Return every kept run of a round, oldest first."""
    return [
        QualityRun(school, made_at, supplied, accepted, rejected, refused, Counter(found))
        for school, made_at, supplied, accepted, rejected, refused, found in unit.rows(
            "select school, made_at, supplied, accepted, rejected, refused, found from overstap.quality_run "
            "where round_id = %(round)s order by made_at, school",
            round=round_id,
        )
    ]


def latest(unit: UnitOfWork, round_id: str) -> dict[str, QualityRun]:
    """Return the newest kept run of each school that has one."""
    return {run.school: run for run in history(unit, round_id)}


def keep(unit: UnitOfWork, round_id: str, runs: Iterable[QualityRun]) -> int:
    """Keep how schools stand. One that stands as it did, or that never supplied anything, gets no row.

    Args:
        unit: the transaction.
        round_id: the round.
        runs: what `standing` gave.

    Returns:
        For how many schools something changed.
    """
    before = latest(unit, round_id)
    changed = [run for run in runs if not _stands_as(run, before.get(run.school))]
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


def _stands_as(run: QualityRun, before: QualityRun | None) -> bool:
    if before is None:
        return not (run.supplied or run.refused)
    return replace(run, made_at=before.made_at) == before
