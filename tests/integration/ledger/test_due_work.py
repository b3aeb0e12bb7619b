"""Tests of background work that starts when due, and costs few task instances otherwise."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from test_walk import REGION, ROUND, agreement

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.change_verdicts import shifted
from overstap.clock import NETHERLANDS
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.audit import AuditLine
from overstap.ledger.migrate import add_region
from overstap.ledger.notifications import notices
from overstap.ledger.notifications.notices import Notice
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.region_keys import create_keys
from overstap.ledger.rounds import due_work, rounds, task_failures
from overstap.ledger.rounds.due_work import ANSWERS, DELIVERIES, NOTICES
from overstap.ledger.rounds.task_failures import TaskInstanceRef
from overstap.ledger.simulated_clock import set_clock
from overstap.orchestration import due_work as watching_for
from overstap.orchestration.dags.answers import answers_dag
from overstap.orchestration.dags.deliveries import deliveries_dag
from overstap.orchestration.dags.intake import intake_dag
from overstap.orchestration.dags.notices import notices_dag
from overstap.rounds import delivering, notifying, watching
from overstap.rounds.context import Context
from overstap.settings import Settings
from overstap.simulation.synthetic.agreement import write_agreement

KIND = RoundKind.ADVICE
WORK = (DELIVERIES, ANSWERS, NOTICES)
FAR = timedelta(days=60)


def agreed(region: str, at: datetime, **moved: timedelta) -> Agreement:
    """A round that was delivered days ago, and whose receipts are not due for weeks: nothing is to be done."""
    usual = {
        "opens": -20,
        "data_due": -15,
        "review_opens": -14,
        "review_closes": -8,
        "delivers": -7,
        "receipts_due": 60,
    }
    moments = {name: at + moved.get(name, timedelta(days=days)) for name, days in usual.items()}
    return shifted(agreement(region), KIND, moments)


def opened(ledger: Ledger, stated: Agreement) -> None:
    with ledger.unit(stated.region, "open_round") as unit:
        assert rounds.open_round(unit, stated, KIND)


def looked(ledger: Ledger, region: str = REGION, after: timedelta = FAR) -> None:
    """Let every kind of work look to the end, with nothing known to come for a long time."""
    for work in WORK:
        with ledger.unit(region, "look") as unit:
            due_work.begin(unit, work)
            due_work.end(unit, work, datetime.now(UTC) + after)


def due(app_dsn: str, region: str = REGION) -> set[str]:
    with closing(ReadOnlyLedger(app_dsn)) as read_only_ledger:
        return {one.work for one in due_work.due_work(read_only_ledger) if one.is_due and one.region == region}


@pytest.fixture
def quiet(ledger: Ledger) -> Ledger:
    """A region with an open round, whose work has just looked."""
    opened(ledger, agreed(REGION, datetime.now(UTC)))
    looked(ledger)
    return ledger


def test_a_region_is_due_from_its_first_round_until_it_was_looked_after(ledger: Ledger, app_dsn: str) -> None:
    assert due(app_dsn) == set()
    opened(ledger, agreed(REGION, datetime.now(UTC)))
    assert due(app_dsn) == set(WORK)
    with ledger.unit(REGION, "look") as unit:
        due_work.begin(unit, NOTICES)
    assert due(app_dsn) == set(WORK), "a look that was begun and not finished counts for nothing"
    looked(ledger)
    assert due(app_dsn) == set()


def test_a_moment_that_was_told_is_due_when_it_comes(quiet: Ledger, app_dsn: str) -> None:
    with quiet.unit(REGION, "look") as unit:
        due_work.end(unit, DELIVERIES, datetime.now(UTC) - timedelta(seconds=1))
    assert due(app_dsn) == {DELIVERIES}


def notice(unit: Any, *, urgent: bool) -> None:
    told = Notice("gate", str(uuid4()), "coordinator:coordinator", {}, ROUND, urgent)
    assert notices.note(unit, [told]) == 1


def red(unit: Any, *, will_retry: bool) -> None:
    task_failures.note(
        unit, TaskInstanceRef("d", "r", "t", -1, ROUND), OverstapError("TASK-003"), will_retry=will_retry
    )


def moved(unit: Any) -> None:
    from overstap.ledger.rounds.steering import apply_file

    stated = rounds.get_round(unit, ROUND).agreement
    later = stated.round(KIND).milestones.receipts_due + timedelta(days=1)
    assert apply_file(unit, ROUND, shifted(stated, KIND, {"receipts_due": later}), taken_by="file")


@pytest.mark.parametrize(
    ("happens", "expected"),
    [
        (lambda unit: notice(unit, urgent=True), {NOTICES}),
        (lambda unit: notice(unit, urgent=False), set()),
        (lambda unit: red(unit, will_retry=False), {NOTICES}),
        (lambda unit: red(unit, will_retry=True), set()),
        (moved, {DELIVERIES}),
    ],
    ids=[
        "an urgent notice",
        "one that waits for the digest",
        "a red task",
        "one that is tried again",
        "a moment moved",
    ],
)
def test_what_happens_makes_its_work_due_at_once(
    quiet: Ledger, app_dsn: str, happens: Callable[[Any], None], expected: set[str]
) -> None:
    with quiet.unit(REGION, "test") as unit:
        happens(unit)
    assert due(app_dsn) == expected
    looked(quiet)
    assert due(app_dsn) == set()


def test_whatever_else_happens_is_taken_together_every_five_minutes(
    quiet: Ledger, app_dsn: str, owner_dsn: str
) -> None:
    with quiet.unit(REGION, "test") as unit:
        unit.audit("test.anything", AuditLine(ROUND))
    assert due(app_dsn) == set()
    set_clock(owner_dsn, datetime.now(UTC) + timedelta(minutes=4, seconds=50))
    assert due(app_dsn) == set()
    set_clock(owner_dsn, datetime.now(UTC) + timedelta(minutes=5, seconds=10))
    assert due(app_dsn) == {NOTICES}


def test_regions_are_told_by_id_and_moment_and_the_login_reads_no_table(quiet: Ledger, app_dsn: str) -> None:
    with psycopg.connect(app_dsn) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("select * from overstap.due_work")


async def _events(dues: list[dict[tuple[str, str], str]], trigger: watching_for.WorkIsDue) -> list[str]:
    async def stream() -> AsyncIterator[Any]:
        for one in dues:
            yield one

    return [event.payload["due_at"] async for event in trigger.filter_shared_stream(stream())]


def events(dues: list[str | None], seconds: list[float], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let a watcher see what is due at some moments; return what it says."""
    moments = iter(seconds)
    monkeypatch.setattr(watching_for, "monotonic", lambda: next(moments))
    stream: list[dict[tuple[str, str], str]] = [{(REGION, NOTICES): one} if one else {} for one in dues]
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _events(stream, watching_for.WorkIsDue(REGION, NOTICES))).result()


def test_a_watcher_says_what_is_due_once_and_again_while_it_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    assert events([None, "a", "a", "a"], [0, 15, 30, 45], monkeypatch) == ["a"]
    assert events(["a", None, "b"], [0, 15, 30], monkeypatch) == ["a", "b"]
    assert events(["a", "b", "b", "b"], [0, 15, 45, 60], monkeypatch) == ["a", "b"], "new while the run is at work"
    lost = events(["a"] * 242, [15.0 * place for place in range(242)], monkeypatch)
    assert len(lost) == 7, "an event that is lost is said again every ten minutes of the hour"


def test_a_changed_agreement_file_is_seen(tmp_path: Path) -> None:
    files = watching_for.AgreementFiles()
    path = write_agreement(agreed("alfa", datetime.now(UTC)), tmp_path)
    now = datetime.now(UTC) + timedelta(seconds=5)
    assert files.changed(tmp_path, {"alfa": now}) == {}
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert list(files.changed(tmp_path, {"alfa": now})) == ["alfa"]
    assert list(files.changed(tmp_path, {"alfa": now - timedelta(days=1)})) == ["alfa"], "until its work has looked"
    assert files.changed(tmp_path, {"alfa": now}) == {}
    assert list(watching_for.AgreementFiles().changed(tmp_path, {"alfa": now - timedelta(days=1)})) == ["alfa"]


REGIONS = 80


@pytest.fixture
def regions(ledger: Ledger, owner_dsn: str, keys_folder: Path, tmp_path: Path) -> Iterator[dict[str, Agreement]]:
    """Eighty regions with an open round each; in the first of them receipts are due during the day."""
    midnight = datetime.now(NETHERLANDS).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    set_clock(owner_dsn, midnight)
    found = {}
    for number in range(REGIONS):
        name = f"regio{number}"
        add_region(owner_dsn, name)
        create_keys(keys_folder, name, "1")
        found[name] = agreed(name, midnight, **({"receipts_due": timedelta(hours=6)} if number == 0 else {}))
        write_agreement(found[name], tmp_path / "regions")
        opened(ledger, found[name])
    yield found
    set_clock(owner_dsn, datetime.now(UTC))


def test_a_quiet_region_costs_at_most_24_task_instances_a_day(
    regions: dict[str, Agreement], ledger: Ledger, app_dsn: str, owner_dsn: str, keys_folder: Path, tmp_path: Path
) -> None:
    """Plays a day in the ledger's own clock: what is due is done by the steps that Airflow runs.

    The clock goes to the minute after the next moment at which something is due. An event starts a run of
    the DAG, which is as many task instances as it has tasks; the daily intake comes on top.
    """
    some = regions["regio0"]
    sizes = {DELIVERIES: deliveries_dag(some), ANSWERS: answers_dag(some), NOTICES: notices_dag(some)}
    tasks = {work: len(dag.tasks) for work, dag in sizes.items()}
    begin = some.round(KIND).milestones.receipts_due - timedelta(hours=6)
    (tmp_path / "trust" / "ca").mkdir(parents=True)
    settings = Settings(
        ledger=app_dsn, keys=keys_folder, regions=tmp_path / "regions", trust=tmp_path / "trust", reports=tmp_path
    )
    at = begin
    context = Context(settings, ledger, clock=lambda: at)
    year = some.school_year
    steps: dict[str, Callable[[str], object]] = {
        DELIVERIES: lambda region: watching.watch(context, region, year),
        ANSWERS: lambda region: delivering.to_ask_for_answers(context, region, year),
        NOTICES: lambda region: (
            notifying.notify(context, region, board=str),
            notifying.invite_late(context, region),
            notifying.finish(context, region),
        ),
    }
    started: Counter[str] = Counter(dict.fromkeys(regions, len(intake_dag(some).tasks)))
    looks: list[tuple[datetime, str, str]] = []
    with closing(ReadOnlyLedger(app_dsn)) as read_only_ledger:
        while at < begin + timedelta(days=1):
            set_clock(owner_dsn, at)
            for one in due_work.due_work(read_only_ledger):
                if one.is_due:
                    steps[one.work](one.region)
                    started[one.region] += tasks[one.work]
                    looks.append((at, one.region, one.work))
            following = min(one.due_at for one in due_work.due_work(read_only_ledger))
            at = max(at, following.replace(second=0, microsecond=0)) + timedelta(minutes=1)
    due_at = some.round(KIND).milestones.receipts_due
    reached = [at for at, region, work in looks if (region, work) == ("regio0", DELIVERIES) and at >= due_at]
    assert reached[0] <= due_at + timedelta(minutes=1)
    quiet = {region: count for region, count in started.items() if region != "regio0"}
    print(
        f"task instances a day: {max(quiet.values())} in a quiet region, {sum(started.values())} in {REGIONS} regions"
    )
    assert max(quiet.values()) <= 24
