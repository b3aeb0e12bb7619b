"""Benchmark of an installation at rest: many regions in which nothing is due, beside an Airflow with one paused DAG.

Both are the same four components with the settings that docker-compose.yaml ships, one after the other on a PostgreSQL
of its own. Processor time counts and not the clock, so that other programs of the machine disturb little.
"""

import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import psutil
import psycopg
import yaml
from rich.console import Console
from rich.table import Table

from overstap.ledger.migrate import set_app_password
from overstap.progress import Advance, unwatched
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of, usual_milestones, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.bench import processors
from overstap_tools.local.airflow import DATABASE, AirflowStack
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.waiting import wait_until
from overstap_tools.project import PROJECT

BUDGET = 1.5
"""How many times the processor time and the memory of a bare Airflow."""
BUDGET_MB_A_DAY = 5.0
PRIMARY, SECONDARY = 5, 2
"""Schools of each region."""
_DAY_SECONDS = 86_400
_READ_SECONDS = 1_800
_LEDGER = "overstap_ledger"
_FOLDER = [{"name": "dags-folder", "classpath": "airflow.dag_processing.bundles.local.LocalDagBundle", "kwargs": {}}]
"""Airflow's own bundle."""
_EMPTY = '''"""One DAG that stands still: what Airflow takes by itself."""
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

with DAG("bare", schedule=None, is_paused_upon_creation=True) as bare:
    EmptyOperator(task_id="nothing")
'''


@dataclass(frozen=True, slots=True)
class AtRest:
    """What an installation used while nothing was due.

    Args:
        cores: processor seconds per second, of Airflow's components and PostgreSQL.
        by_component: the same for each.
        bytes_held: memory of all processes, shared pages divided among those that share them.
        growth_a_day: bytes of rows that Airflow's database would gain in a day at this rate.
        tasks_a_day: task instances that would be made in a day at this rate.
    """

    cores: float
    by_component: Mapping[str, float]
    bytes_held: int
    growth_a_day: float
    tasks_a_day: float


def run(
    console: Console, *, today: date, regions: int, minutes: float, settle: float, advance: Advance = unwatched
) -> tuple[AtRest, AtRest]:
    """Print what both use at rest, and return ours and the bare one.

    Args:
        console: where to print.
        today: the day that synthetic regions are made for.
        regions: how many; each has its three rounds, of which none is due.
        minutes: how long each is watched; an hour holds each thing that is done by the hour.
        settle: minutes between the first reading of all DAGs and that: what follows from it is done.
        advance: is told of minutes that went by.
    """
    console.print(f"Starting Airflow with one paused DAG, and watching it for {minutes:g} minutes")
    with _installed(0, today) as (airflow, postgres):
        bare = _watched(airflow, postgres, 0, minutes, settle, advance)
    console.print(f"Starting it with {regions} regions, and watching that for {minutes:g} minutes")
    with _installed(regions, today) as (airflow, postgres):
        ours = _watched(airflow, postgres, regions, minutes, settle, advance)
    _print(console, regions, minutes, ours, bare)
    return ours, bare


@contextmanager
def _installed(regions: int, today: date) -> Iterator[tuple[AirflowStack, EmbeddedPostgres]]:
    folder = Path(tempfile.mkdtemp(prefix="overstap-bench-rest-"))
    postgres = EmbeddedPostgres(folder / "postgres")
    try:
        postgres.start()
        dags, plugins, settings = _ours(folder, postgres, regions, today) if regions else _bare(folder)
        stack = AirflowStack(
            folder / "airflow", postgres, dags, plugins, extra_env=shipped_settings() | settings, parallelism=4
        )
        try:
            stack.migrate()
            if regions:
                stack.sync_access()
            stack.start()
            yield stack, postgres
        finally:
            stack.stop()
    finally:
        postgres.destroy()
        shutil.rmtree(folder)


def _bare(folder: Path) -> tuple[Path, Path, dict[str, str]]:
    dags, plugins = folder / "dags", folder / "plugins"
    for made in (dags, plugins):
        made.mkdir()
    (dags / "bare.py").write_text(_EMPTY, encoding="utf-8")
    return dags, plugins, {"AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(_FOLDER)}


def _ours(folder: Path, postgres: EmbeddedPostgres, regions: int, today: date) -> tuple[Path, Path, dict[str, str]]:
    postgres.create_database(_LEDGER, "postgres")
    sandbox = Sandbox(folder, postgres.superuser_dsn(_LEDGER), postgres.dsn("overstap_app", _LEDGER))
    names = []
    for serial in range(regions):
        region = make_region(
            *(serial, PRIMARY * 4, PRIMARY, SECONDARY),
            today=today,
            name=f"regio_{serial:03}",
            first_position=serial * 100,
        )
        write_agreement(agreement_of(region, usual_milestones(region.school_year)), sandbox.regions)
        names.append(region.name)
    sandbox.prepare(*names)
    set_app_password(sandbox.owner_dsn, postgres.password("overstap_app"))
    return PROJECT / "dags", PROJECT / "plugins", sandbox.variables


def shipped_settings() -> dict[str, str]:
    """Return Airflow's settings of docker-compose.yaml that depend on no place and no secret."""
    compose = yaml.safe_load((PROJECT / "docker-compose.yaml").read_text(encoding="utf-8"))
    found: Mapping[str, str] = compose["x-airflow"]["environment"]
    elsewhere = ("$", "/opt/", "http:")
    shipped = {
        name: value
        for name, value in found.items()
        if name.startswith("AIRFLOW__") and value is not None and not any(part in str(value) for part in elsewhere)
    }
    # Airflow's own defaults, where a workstation has shorter ones (`local.environment`)
    usual = {
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "30",
        "AIRFLOW__DAG_PROCESSOR__BUNDLE_REFRESH_CHECK_INTERVAL": "5",
        "AIRFLOW__SCHEDULER__JOB_HEARTBEAT_SEC": "5",
    }
    return usual | shipped


def _watched(
    airflow: AirflowStack, postgres: EmbeddedPostgres, regions: int, minutes: float, settle: float, advance: Advance
) -> AtRest:
    """Measure an installation that has settled."""
    # For eighty regions that takes minutes of a busy machine, and is done once: the DAG processor keeps all in one go
    wait_until(lambda: _is_read(postgres, regions), "the first reading of all DAG files", _READ_SECONDS, 1.0)
    with airflow.api() as api:
        errors = api.import_errors()
    if errors:
        raise RuntimeError(f"DAG files with errors: {errors}")
    _wait(settle, advance)
    processes = {name: psutil.Process(pid) for name, pid in airflow.pids.items()}
    processes["postgres"] = processors.server(postgres.superuser_dsn())
    size, tasks = _database(postgres)
    begin, spent = time.monotonic(), {name: processors.seconds([one]) for name, one in processes.items()}
    _wait(minutes, advance)
    seconds = time.monotonic() - begin
    by_component = {name: (processors.seconds([one]) - spent[name]) / seconds for name, one in processes.items()}
    later_size, later_tasks = _database(postgres)
    days = seconds / _DAY_SECONDS
    held = sum(_held(one) for one in processes.values())
    return AtRest(
        sum(by_component.values()), by_component, held, (later_size - size) / days, (later_tasks - tasks) / days
    )


def _is_read(postgres: EmbeddedPostgres, regions: int) -> bool:
    """Return whether Airflow knows a DAG of each region; of none, any."""
    with psycopg.connect(postgres.superuser_dsn(DATABASE)) as connection:
        row = connection.execute(
            "select count(*), count(*) filter (where dag_id like 'agreement__%') from serialized_dag"
        ).fetchone()
    return row is not None and row[0] > 0 and row[1] >= regions


def _wait(minutes: float, advance: Advance) -> None:
    while minutes > 0:
        time.sleep(60 * min(1.0, minutes))
        advance(1 if minutes >= 1 else 0)
        minutes -= 1


def _held(process: psutil.Process) -> int:
    family = [process, *process.children(recursive=True)]
    return sum(int(one.memory_full_info().pss) for one in family if one.is_running())


def _database(postgres: EmbeddedPostgres) -> tuple[int, int]:
    """Return the bytes of Airflow's database and the number of task instances that were ever made.

    Rows that were replaced do not count: their room is used again, but in minutes no balance is reached.
    """
    with psycopg.connect(postgres.superuser_dsn(DATABASE), autocommit=True) as connection:
        connection.execute("vacuum full")
        row = connection.execute("select pg_database_size(current_database()), count(*) from task_instance").fetchone()
    if row is None:
        raise RuntimeError("the database answered nothing")
    return int(row[0]), int(row[1])


def _print(console: Console, regions: int, minutes: float, ours: AtRest, bare: AtRest) -> None:
    table = Table(title=f"At rest for {minutes:g} minutes", title_justify="left")
    for name in ("", "of a core", *ours.by_component, "MiB", "MB a day", "tasks a day"):
        table.add_column(name, justify="right" if name else "left")
    for name, one in ((f"{regions} regions", ours), ("peer: a paused DAG", bare)):
        table.add_row(
            *(name, f"{100 * one.cores:.1f} %"),
            *(f"{100 * each:.1f} %" for each in one.by_component.values()),
            *(f"{one.bytes_held / 1024**2:,.0f}", f"{one.growth_a_day / 1e6:,.1f}", f"{one.tasks_a_day:,.0f}"),
        )
    console.print(table)
    console.print("  MB a day: Airflow's database at this rate; tasks a day: task instances likewise")
    ratios = {"processor": ours.cores / bare.cores, "memory": ours.bytes_held / bare.bytes_held}
    for name, ratio in ratios.items():
        kept = "kept" if ratio <= BUDGET else "missed"
        console.print(f"  {name}: {ratio:.2f} times the bare Airflow (budget {BUDGET:g}: {kept})")
    kept = "kept" if ours.growth_a_day / 1e6 < BUDGET_MB_A_DAY else "missed"
    console.print(f"  Airflow's database: budget {BUDGET_MB_A_DAY:g} MB a day: {kept}")
