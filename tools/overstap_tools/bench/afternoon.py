"""Benchmark of an afternoon on which the rounds of several regions run in one Airflow: queues, and waits for a slot.

All rounds open at the same moment, all their moments have passed, and people answer at once, so each region asks for
everything as soon as it can: worse than an afternoon will be.
"""

import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from overstap.clock import now
from overstap.ledger.migrate import set_app_password
from overstap.progress import Advance, unwatched
from overstap.simulation.sandbox import Sandbox
from overstap_tools.bench import processors
from overstap_tools.bench.region import RoundPlayer, airflow_of, region_of, write_inputs
from overstap_tools.bench.sandbox import give_certificates
from overstap_tools.local.api import ASK_SECONDS, AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import stop_all
from overstap_tools.local.waiting import wait_until

_LEDGER = "overstap_ledger"
_LONGEST_SECONDS = 7_200
_WAITS = ("scheduled", "queued")
"""States of a task that could run and has no slot."""


@dataclass(frozen=True, slots=True)
class Afternoon:
    """What an afternoon took.

    Args:
        seconds: from the first round's begin to the last one's end.
        tasks: task instances that ran.
        queue: tasks that could run and waited, as many as there were at each look, a second or two apart.
        waits: seconds that each task waited from when it could run until it ran.
        cores: processor seconds per second of Airflow's components with their tasks, and of PostgreSQL.
        confirmed: dossiers that ended confirmed.
    """

    seconds: float
    tasks: int
    queue: Sequence[int]
    waits: Sequence[float]
    cores: Mapping[str, float]
    confirmed: int


def region_names(count: int) -> list[str]:
    """Return ids of regions."""
    return [f"middag_{number:02}" for number in range(count)]


def run(
    console: Console,
    *,
    today: date,
    regions: int,
    pupils: int,
    primary: int,
    secondary: int,
    slots: int,
    advance: Advance = unwatched,
) -> Afternoon:
    """Print the queues of an afternoon, and return them.

    Args:
        console: where to print.
        today: the day of the exports.
        regions: how many rounds run at once.
        pupils: of each region.
        primary: its primary schools.
        secondary: its secondary schools, each an endpoint with a process.
        slots: how many tasks run at the same time.
        advance: is told of rounds that have ended.
    """
    folder = Path(tempfile.mkdtemp(prefix="overstap-bench-afternoon-"))
    postgres = EmbeddedPostgres(folder / "postgres")
    try:
        postgres.start()
        postgres.create_database(_LEDGER, "postgres")
        sandbox = Sandbox(folder, postgres.superuser_dsn(_LEDGER), postgres.dsn("overstap_app", _LEDGER))
        sandbox.prepare(*region_names(regions))
        set_app_password(sandbox.owner_dsn, postgres.password("overstap_app"))
        made = [
            region_of(name, serial, today, pupils, primary, secondary)
            for serial, name in enumerate(region_names(regions))
        ]
        console.print(f"Writing {regions * pupils:,} dossiers of {regions} regions")
        give_certificates(sandbox, made, at=now())
        for region in made:
            write_inputs(sandbox, region, today)
        console.print(f"Starting Airflow: {slots} tasks at a time")
        with airflow_of(folder, postgres, sandbox, made, slots) as (airflow, agreements):
            players = [
                RoundPlayer(airflow, sandbox, region, agreement)
                for region, agreement in zip(made, agreements, strict=True)
            ]
            processes = {name: psutil.Process(pid) for name, pid in airflow.pids.items()}
            processes["postgres"] = processors.server(postgres.superuser_dsn())
            found = _watched(players, airflow.api(), processes, sandbox, advance)
        _show(console, found, regions, pupils, slots)
        return found
    finally:
        stop_all(folder)
        postgres.destroy()
        shutil.rmtree(folder)


def _watched(
    players: Sequence[RoundPlayer],
    api: AirflowApi,
    processes: Mapping[str, psutil.Process],
    sandbox: Sandbox,
    advance: Advance,
) -> Afternoon:
    """Let all rounds go to their ends.

    Raises:
        RuntimeError: a round ended otherwise than well.
    """
    begun: set[str] = set()
    spent = {name: processors.seconds([one]) for name, one in processes.items()}
    wait_until(lambda: any(one.has_begun() for one in players), "a round's run", _LONGEST_SECONDS, ASK_SECONDS)
    begin = time.monotonic()
    queue: list[int] = []
    left = list(players)

    def are_over() -> bool:
        queue.append(_waiting(api))
        going, asked = _going(api), _asking(api)
        for one in list(left):
            if one.dag_id not in begun:
                if one.dag_id not in going or not one.has_begun():
                    continue
                begun.add(one.dag_id)
            if (one.dag_id in asked or one.dag_id not in going) and one.is_over():
                left.remove(one)
                advance(1)
        return not left

    wait_until(are_over, "the ends of all rounds", _LONGEST_SECONDS, 1.0)
    seconds = time.monotonic() - begin
    cores = {name: (processors.seconds([one]) - spent[name]) / seconds for name, one in processes.items()}
    waits: list[float] = []
    tasks = confirmed = 0
    for one in players:
        state = one.api.run(one.dag_id, one.run_id)["state"]
        if state != "success":
            raise RuntimeError(f"{one.dag_id} ended as {state}")
        ran = [task for task in one.api.task_instances(one.dag_id, one.run_id) if task["start_date"]]
        tasks += len(ran)
        # One that paused was scheduled a second time, and began before
        waits += [wait for task in ran if (wait := _wait(task)) is not None]
    for region in {one.dag_id.split("__")[1] for one in players}:
        with sandbox.ledger().unit(region, "bench") as unit:
            confirmed += int(unit.one("select count(*) from overstap.dossier where state = 'confirmed'")[0])
    return Afternoon(seconds, tasks, queue, waits, cores, confirmed)


def _waiting(api: AirflowApi) -> int:
    states = "&".join(f"state={name}" for name in _WAITS)
    return int(api.call("GET", f"/api/v2/dags/~/dagRuns/~/taskInstances?{states}&limit=1")["total_entries"])


def _going(api: AirflowApi) -> set[str]:
    """Return the DAGs with a run that is not over: one question about all, since a look at each takes a processor."""
    states = "&".join(f"state={name}" for name in ("queued", "running"))
    return {str(one["dag_id"]) for one in api.call("GET", f"/api/v2/dags/~/dagRuns?{states}&limit=100")["dag_runs"]}


def _asking(api: AirflowApi) -> set[str]:
    """Return the DAGs in which something waits for people."""
    states = "&".join(f"state={name}" for name in ("awaiting_input", "deferred"))
    found = api.call("GET", f"/api/v2/dags/~/dagRuns/~/taskInstances?{states}&limit=100")["task_instances"]
    return {str(one["dag_id"]) for one in found}


def _wait(task: Mapping[str, Any]) -> float | None:
    if not task["scheduled_when"]:
        return None
    begin, end = (datetime.fromisoformat(task[name]).timestamp() for name in ("scheduled_when", "start_date"))
    return end - begin if end >= begin else None


def _show(console: Console, found: Afternoon, regions: int, pupils: int, slots: int) -> None:
    title = f"{regions} regions of {pupils:,} pupils at once, {slots} tasks at a time"
    table = Table(title=title, title_justify="left")
    for name in ("", "median", "one in twenty more than", "most"):
        table.add_column(name, justify="right" if name else "left")
    waiting = ("tasks that wait", found.queue, "{:,.0f}")
    for name, figures, form in (waiting, ("seconds that a task waits", found.waits, "{:,.1f}")):
        ordered = sorted(figures)
        shown = (statistics.median(ordered), ordered[int(0.95 * (len(ordered) - 1))], ordered[-1])
        table.add_row(name, *(form.format(one) for one in shown))
    console.print(table)
    used = ", ".join(f"{name} {100 * cores:.0f} %" for name, cores in found.cores.items())
    console.print(
        f"  {found.seconds:,.0f} s for {found.tasks:,} tasks ({found.tasks / found.seconds:.1f}/s), "
        f"{found.confirmed:,} dossiers confirmed; of a core: {used}",
        highlight=False,
    )
