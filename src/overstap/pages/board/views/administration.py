"""Administrator's page of the board: rounds of all regions by their oldest problem, and system health."""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import psycopg

from overstap.errors import OverstapError
from overstap.ledger import backups, certificate_dates, server
from overstap.ledger.rounds import counts, oldest_problem, progress
from overstap.ledger.session import UnitOfWork
from overstap.pages.board import health
from overstap.pages.board.airflow_port import FailedTask
from overstap.pages.board.funnel import funnel
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundPhase, RoundView, opened_rounds, planned_rounds
from overstap.pages.board.views.page_context import PageContext
from overstap.pki.expiry import expiry_dates
from overstap.settings import Settings
from overstap.texts import Count, texts


@dataclass(frozen=True, slots=True)
class RoundProblem:
    """A problem that blocks a round, and since when."""

    since: datetime
    says: str


@dataclass(frozen=True, slots=True)
class RoundLine:
    """Line of one round."""

    view: RoundView
    tone: str
    problems: Sequence[RoundProblem]


@dataclass(frozen=True, slots=True)
class RegionLine:
    """Line of one region: its audit chain and its agreements."""

    region: str
    name: str
    lines: int
    signed: int
    signed_at: datetime | None
    broken: Sequence[str]


def page(
    context: PageContext, airflow: Sequence[health.HealthLine], red: Iterable[FailedTask], settings: Settings
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request; its account must be an administrator's.
        airflow: health of Airflow's components.
        red: failed tasks of rounds that were not cleared.
        settings: with the identity provider, and the trust folder where this process can read it.
    """
    by_dag: dict[str, list[FailedTask]] = {}
    for task in red:
        by_dag.setdefault(task.dag_id, []).append(task)
    rounds: list[RoundLine] = []
    regions: list[RegionLine] = []
    with context.read_only_ledger.regions() as turn:
        for region in context.agreement_cache.regions():
            try:
                unit = turn(region)
            except OverstapError as error:
                if error.code != "LEDGER-007":
                    raise
                unit = None
            found, line = _region(context, region, unit, by_dag)
            rounds += found
            regions.append(line)
    rounds.sort(key=lambda row: _rank(row, context.now))
    return render(
        "administration",
        base=context.base,
        now=context.now,
        person=context.person,
        on_administration=True,
        rows=rounds,
        regions=regions,
        health=[
            health.signing_in(settings),
            *airflow,
            *_ledger(context),
            _certificates(context, settings.trust),
            _checkpoint(regions, context.now),
        ],
    )


def _region(
    context: PageContext, region: str, unit: UnitOfWork | None, red: Mapping[str, Sequence[FailedTask]]
) -> tuple[list[RoundLine], RegionLine]:
    agreements, faults = context.agreement_cache.with_errors(region)
    broken = [error.message_nl for error in faults]
    name = agreements[-1].name if agreements else region
    if unit is None:
        planned = [RoundLine(view, "busy", ()) for view in planned_rounds(agreements, (), context.now)]
        return planned, RegionLine(region, name, 0, 0, None, broken)
    opened = opened_rounds(unit)
    states, stuck = oldest_problem.states_and_stuck(unit)
    expected = counts.expected(unit)
    moved = progress.transitions_since(unit, context.midnight)
    unanswered, proof = oldest_problem.unanswered(unit), oldest_problem.checkpoint_coverage(unit)
    lines = []
    for bare in opened:
        counted: Counter[str] = states.get(bare.round_id, Counter())
        goal = expected.get(bare.round_id, Counter()).total()
        view = replace(bare, steps=funnel(counted, goal, moved.get(bare.round_id, ())))
        found = _problems(
            view,
            [one for one in stuck if one.round_id == view.round_id],
            unanswered.get(view.round_id),
            red.get(view.dag_id, ()),
            accepted=counted["accepted"],
            now=context.now,
        )
        phase = view.phase(context.now)
        tone = "bad" if found else "good" if phase is RoundPhase.CLOSED else "busy"
        lines.append(RoundLine(view, tone, found))
    lines += [RoundLine(view, "busy", ()) for view in planned_rounds(agreements, opened, context.now)]
    return lines, RegionLine(region, name, proof.lines, proof.signed, proof.signed_at, broken)


def _problems(
    view: RoundView,
    stuck: Sequence[oldest_problem.StuckDossiers],
    unanswered: tuple[int, datetime] | None,
    red: Sequence[FailedTask],
    *,
    accepted: int,
    now: datetime,
) -> list[RoundProblem]:
    """Return the problems that block a round, the oldest first."""
    words = texts("board/problems")
    agreed = view.milestones
    found = [
        RoundProblem(one.since, words[one.state]["nl"].format(count=Count(one.count))) for one in stuck if one.since
    ]
    missing = view.steps[0].count - view.steps[1].count
    if missing > 0 and now >= agreed.data_due:
        found.append(RoundProblem(agreed.data_due, words["missing"]["nl"].format(count=Count(missing))))
    if accepted and now >= agreed.review_opens:
        found.append(RoundProblem(agreed.review_opens, words["unreleased"]["nl"].format(count=Count(accepted))))
    if unanswered:
        found.append(RoundProblem(unanswered[1], words["unanswered"]["nl"].format(count=Count(unanswered[0]))))
    if view.phase(now) is RoundPhase.OVERDUE:
        found.append(RoundProblem(agreed.receipts_due, words["overdue"]["nl"]))
    since = [task.since for task in red if task.since is not None]
    if since:
        labels = ", ".join(dict.fromkeys(task.label for task in red))
        found.append(RoundProblem(min(since), words["red"]["nl"].format(count=Count(len(red)), labels=labels[:120])))
    return sorted(found, key=lambda one: one.since)


def _rank(row: RoundLine, now: datetime) -> tuple[bool, datetime, bool, datetime]:
    first = row.problems[0].since if row.problems else now
    return (not row.problems, first, row.view.phase(now) is RoundPhase.CLOSED, row.view.milestones.opens)


def _ledger(context: PageContext) -> list[health.HealthLine]:
    begin = time.perf_counter()
    try:
        with context.read_only_ledger.without_region() as connection:
            size = server.database_size(connection)
            took = (time.perf_counter() - begin) * 1000
            made = backups.newest(connection)
    except (OverstapError, psycopg.Error):
        return [health.database("ledger", None, None)]
    return [health.database("ledger", took, size), health.backups(made, context.now)]


def _certificates(context: PageContext, trust: Path | None) -> health.HealthLine:
    """Return the health of certificates, from the trust folder if readable here, else as a task last saw it."""
    if trust is not None and trust.is_dir():
        return health.certificates(expiry_dates(trust, at=context.now), context.now)
    try:
        with context.read_only_ledger.without_region() as connection:
            return health.certificates(certificate_dates.noted(connection), context.now)
    except (OverstapError, psycopg.Error):
        return health.certificates(None, context.now)


def _checkpoint(regions: Sequence[RegionLine], now: datetime) -> health.HealthLine:
    unsigned = [one for one in regions if one.lines > one.signed]
    signed = [one.signed_at for one in unsigned if one.signed_at is not None]
    return health.checkpoint(sum(one.lines - one.signed for one in unsigned), min(signed, default=None), now)
