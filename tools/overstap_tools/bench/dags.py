"""Benchmark of Airflow's dag-processor with many regions: read the DAG files, make and serialise the DAGs.

The budget speaks of five DAGs for each region: what runs by schedule (a round, intake, notices, answers, deliveries).
It is held against regions that have one round in their file, with the sixth DAG, for steering, counted in too; regions
with all three rounds of a year, eight DAGs each, are shown beside it.

Each measurement is a process of its own with Airflow's real reader. Beside it as many DAGs with as many empty
tasks, as a DAG file without agreements would have them: what Airflow itself takes.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from overstap.agreements import RoundKind
from overstap.simulation.synthetic.agreement import agreement_of, usual_milestones, write_agreement
from overstap.simulation.synthetic.region import make_region
from overstap_tools.project import PROJECT

BUDGET_SECONDS = 2.0
BUDGET_BYTES = 300 * 1024 * 1024
PRIMARY, SECONDARY = 5, 2
"""Schools of each region."""

_READ = """
import json, resource, sys, time
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization
read, cpu, serialised = [], [], []
for _ in range(int(sys.argv[2]) + 1):
    begin, busy = time.monotonic(), time.process_time()
    bag = DagBag(sys.argv[1], bundle_name="dags-folder")
    read.append(time.monotonic() - begin)
    cpu.append(time.process_time() - busy)
    for dag in bag.dags.values():
        DagSerialization.to_dict(dag)
    serialised.append(time.monotonic() - begin - read[-1])
assert not bag.import_errors, bag.import_errors
print("RESULT" + json.dumps({
    "dags": len(bag.dags),
    "tasks": sum(len(dag.tasks) for dag in bag.dags.values()),
    "read": read,
    "cpu": cpu,
    "serialised": serialised,
    "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024),
}))
"""

_EMPTY = '''"""Empty DAGs beside ours: what Airflow takes by itself."""
from datetime import datetime, timezone
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG

for number in range({dags}):
    with DAG(f"empty_{{number}}", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)) as dag:
        for serial in range({tasks}):
            EmptyOperator(task_id=f"task_{{serial}}")
    globals()[f"empty_{{number}}"] = dag
'''


@dataclass(frozen=True, slots=True)
class DagReading:
    """What one process measured.

    Args:
        dags: how many DAGs.
        tasks: how many tasks in all of them.
        cold: seconds of the first reading, imports of the DAG files included.
        warm: median seconds of the later ones.
        cpu: median processor seconds of those.
        serialised: median seconds to serialise all.
        peak_bytes: the largest memory that the process ever had.
    """

    dags: int
    tasks: int
    cold: float
    warm: float
    cpu: float
    serialised: float
    peak_bytes: int


def run(console: Console, *, today: date, regions: int, runs: int) -> list[DagReading]:
    """Print what reading the DAGs of many regions takes; return ours with a round each, with three, and the peer's.

    Args:
        console: where to print.
        today: the day that synthetic regions are made for.
        regions: how many.
        runs: warm readings; the median counts.
    """
    folder = Path(tempfile.mkdtemp(prefix="overstap-bench-dags-"))
    try:
        few, all_year = folder / "a-round", folder / "three-rounds"
        for serial in range(regions):
            region = make_region(
                *(serial, PRIMARY * 4, PRIMARY, SECONDARY),
                today=today,
                name=f"regio_{serial:03}",
                first_position=serial * 100,
            )
            agreed = usual_milestones(region.school_year)
            write_agreement(agreement_of(region, agreed), all_year)
            write_agreement(agreement_of(region, {RoundKind.ADVICE: agreed[RoundKind.ADVICE]}), few)
        ours = _measure(folder, PROJECT / "dags", few, runs)
        whole = _measure(folder, PROJECT / "dags", all_year, runs)
        empty = folder / "empty"
        empty.mkdir()
        text = _EMPTY.format(dags=ours.dags, tasks=max(1, ours.tasks // ours.dags))
        (empty / "empty.py").write_text(text, encoding="utf-8")
        peer = _measure(folder, empty, few, runs)
    finally:
        shutil.rmtree(folder)
    table = Table(title=f"{regions} regions of {PRIMARY + SECONDARY} schools", title_justify="left")
    for name in ("", "DAGs", "tasks", "read cold s", "read warm s", "of the CPU s", "DAGs/s", "serialise s", "MiB"):
        table.add_column(name, justify="right" if name else "left")
    for name, one in (("a round each", ours), ("three rounds each", whole), ("peer: the first, of empty tasks", peer)):
        figures = (one.cold, one.warm, one.dags / one.warm, one.serialised, one.peak_bytes / 1024**2)
        cold, warm, rate, serialised, memory = figures
        table.add_row(
            *(name, f"{one.dags:,}", f"{one.tasks:,}", f"{cold:.2f}", f"{warm:.2f}", f"{one.cpu:.2f}", f"{rate:,.0f}"),
            *(f"{serialised:.2f}", f"{memory:,.0f}"),
        )
    console.print(table)
    # Reading waits for nothing, so its processor time is what a machine with a free core takes.
    kept = ("kept" if ours.cpu < BUDGET_SECONDS else "missed", "kept" if ours.peak_bytes < BUDGET_BYTES else "missed")
    console.print(
        f"  budget, a round each: read warm in {BUDGET_SECONDS:g} s of the CPU: {kept[0]}; "
        f"{BUDGET_BYTES // 1024**2} MiB: {kept[1]}"
    )
    return [ours, whole, peer]


def _measure(folder: Path, dags: Path, agreements: Path, runs: int) -> DagReading:
    """Read DAG files in a process of its own, with an Airflow home of its own."""
    home = folder / f"airflow-{dags.name}"
    environment = os.environ | {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__DAGBAG_IMPORT_TIMEOUT": "600",  # a busy machine is measured, not refused
        "AIRFLOW__CORE__DAGS_FOLDER": str(dags),
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(home / "plugins"),
        "AIRFLOW__CORE__AUTH_MANAGER": "airflow.providers.fab.auth_manager.fab_auth_manager.FabAuthManager",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "OVERSTAP_REGIONS": str(agreements),
    }
    done = subprocess.run(  # noqa: S603 (our own interpreter and text)
        [sys.executable, "-W", "ignore", "-c", _READ, str(dags), str(runs)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"reading {dags.name} failed:\n{done.stderr[-2000:]}")
    found = json.loads(done.stdout.split("RESULT")[1])
    warm = statistics.median(found["read"][1:])
    serialised = statistics.median(found["serialised"][1:])
    return DagReading(
        found["dags"],
        found["tasks"],
        found["read"][0],
        warm,
        statistics.median(found["cpu"][1:]),
        serialised,
        found["peak"],
    )
