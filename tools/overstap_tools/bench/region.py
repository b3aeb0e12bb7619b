"""Benchmark of a region's round in a real Airflow, beside the same DAG of empty tasks, and the chain without Airflow.

Played in this order, on one PostgreSQL: the steps of the round without Airflow (`chain`), for a region of the same
size; the round by its DAG, in which a script answers the gates and records the schools' lists; and a DAG with the same
tasks and dependencies, as many of each, that do nothing. All moments of the agreement have passed, so nothing waits for
a clock. What waits for people is counted apart.
"""

import csv
import io
import json
import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.migrate import set_app_password
from overstap.progress import Advance, unwatched
from overstap.review.decisions import read_list
from overstap.review.recording import record_list
from overstap.simulation.sandbox import Sandbox
from overstap.simulation.synthetic.agreement import agreement_of, write_agreement
from overstap.simulation.synthetic.region import SyntheticRegion, make_region
from overstap.simulation.synthetic.reviews import write_reviews
from overstap.simulation.synthetic.school import PrimarySchool
from overstap.simulation.synthetic.writing import write_applications, write_school
from overstap_tools.bench import chain
from overstap_tools.bench.receivers import receivers
from overstap_tools.bench.rest import shipped_settings
from overstap_tools.bench.sandbox import SEED, give_certificates
from overstap_tools.bench.task_seconds import SecondKind, Span, bar, divided, legend, spans_of, waited_before
from overstap_tools.local import ports
from overstap_tools.local.airflow import AirflowStack
from overstap_tools.local.api import ASK_SECONDS, FINISHED, UNDER_WAY, AirflowApi
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import stop_all
from overstap_tools.local.waiting import wait_until
from overstap_tools.project import PROJECT

BUDGET = 1.5
"""How many times the seconds of the empty tasks and of the chain together."""
ALONE, PLAYED = "zonder_airflow", "met_airflow"
KIND = RoundKind.ADVICE
EMPTY = "empty"
_LEDGER = "overstap_ledger"
_LONGEST_SECONDS = 7_200
_LOOKS_SECONDS = 2.0
"""Between two looks at a run, the same for both: each lists all task instances, which takes the api-server."""
_BESIDE_SCHOOLS = 25
"""Task instances of a round that nobody delays, beside those of its schools: one for each other task."""
_REVIEW = "review"
_ENDED = frozenset({"success", "skipped"})
_EMPTY_TASKS = '''"""The tasks of a round, with its dependencies: they do nothing."""
import json
from airflow.sdk import DAG, BaseOperator

GRAPH = json.loads("""{graph}""")


class Empty(BaseOperator):
    def __init__(self, *, number=0, **kwargs):
        super().__init__(**kwargs)
        self.number = number

    def execute(self, context):
        return None


with DAG("{dag_id}", schedule=None, is_paused_upon_creation=False):
    made = {{}}
    for name, (count, is_mapped, _) in GRAPH.items():
        options = {{"task_id": name, "trigger_rule": "none_failed"}}
        made[name] = Empty.partial(**options).expand(number=list(range(count))) if is_mapped else Empty(**options)
    for name, (_, _, following) in GRAPH.items():
        for other in following:
            made[name] >> made[other]
'''


@dataclass(frozen=True, slots=True)
class RunSeconds:
    """What the seconds of one run in Airflow went to.

    Args:
        by_kind: for the whole run.
        by_task: seconds from the first start of a task's instances to the last end, and spans of all of them.
        instances: how many of each task ended well.
        waited: seconds in which the scheduler was waited for before a task; the name of what was after all is empty.
    """

    by_kind: Mapping[SecondKind, float]
    by_task: Mapping[str, tuple[float, Sequence[Span]]]
    instances: Mapping[str, int]
    waited: Mapping[str, float]

    @property
    def without_people(self) -> float:
        """Seconds of the run in which nobody had to be waited for."""
        return sum(self.by_kind.values()) - self.by_kind[SecondKind.PEOPLE]


@dataclass(frozen=True, slots=True)
class RegionSeconds:
    """Result of the benchmark.

    Args:
        chain: seconds of the round's steps without Airflow.
        played: the round by its DAG.
        empty: the same tasks, doing nothing.
        confirmed: dossiers that ended confirmed.
    """

    chain: float
    played: RunSeconds
    empty: RunSeconds
    confirmed: int

    @property
    def ratio(self) -> float:
        """How many times the empty tasks and the chain together."""
        return self.played.without_people / (self.empty.without_people + self.chain)


def instances(primary: int, secondary: int) -> int:
    """Return how many task instances end in the round and in the run of empty tasks, together.

    Args:
        primary: primary schools of the region.
        secondary: its secondary schools.
    """
    return 2 * (primary + secondary + _BESIDE_SCHOOLS)


def run(
    console: Console,
    *,
    today: date,
    pupils: int,
    primary: int,
    secondary: int,
    slots: int,
    advance: Advance = unwatched,
) -> RegionSeconds:
    """Print what a region's round takes in Airflow, and return it.

    Args:
        console: where to print.
        today: the day of the exports.
        pupils: how many of them in the region.
        primary: its primary schools.
        secondary: its secondary schools, each an endpoint with a process.
        slots: how many tasks run at the same time.
        advance: is told of task instances that ended, `instances` of them in the end.
    """
    folder = Path(tempfile.mkdtemp(prefix="overstap-bench-region-"))
    postgres = EmbeddedPostgres(folder / "postgres")
    try:
        postgres.start()
        postgres.create_database(_LEDGER, "postgres")
        sandbox = Sandbox(folder, postgres.superuser_dsn(_LEDGER), postgres.dsn("overstap_app", _LEDGER))
        sandbox.prepare(ALONE, PLAYED)
        set_app_password(sandbox.owner_dsn, postgres.password("overstap_app"))
        made = [
            region_of(name, serial, today, pupils, primary, secondary) for serial, name in enumerate((ALONE, PLAYED))
        ]
        console.print(f"Writing {2 * pupils:,} dossiers of {2 * primary:,} schools")
        give_certificates(sandbox, made, at=now())
        for region in made:
            write_inputs(sandbox, region, today)
        console.print("Playing the round's steps without Airflow")
        measured, _ = chain.play(sandbox, made[:1])
        [part] = measured.parts
        steps = [name.removesuffix(" bytes") for name in part.more if name.endswith(" bytes")]
        seconds = sum(part.more[name] for name in steps)
        console.print(f"  {seconds:,.1f} s", highlight=False)
        console.print(f"Starting Airflow, and playing the round there: {slots} tasks at a time")
        with airflow_of(folder, postgres, sandbox, made[1:], slots) as (stack, [agreement]):
            played = _played(console, stack, sandbox, made[1], agreement, advance)
            told = ", ".join(f"{kind.value} {each:,.1f}" for kind, each in played.by_kind.items())
            console.print(f"  {sum(played.by_kind.values()):,.1f} s: {told}", highlight=False)
            console.print("Playing the same DAG of empty tasks")
            empty = _emptied(stack, folder / "dags", f"round__{PLAYED}__{KIND}", played, advance)
        with sandbox.ledger().unit(PLAYED, "bench") as unit:
            [confirmed] = unit.one("select count(*) from overstap.dossier where state = 'confirmed'")
        found = RegionSeconds(seconds, played, empty, int(confirmed))
        _show(console, found, pupils, primary, secondary)
        return found
    finally:
        stop_all(folder)
        postgres.destroy()
        shutil.rmtree(folder)


def region_of(name: str, serial: int, today: date, pupils: int, primary: int, secondary: int) -> SyntheticRegion:
    """Return a region whose schools are all on time, without planned faults."""
    return make_region(
        *(SEED + serial, pupils, primary, secondary),
        today=today,
        name=name,
        late=0,
        faulty=0,
        littered=0,
        database=0,
        first_position=serial * max(1_000, pupils),  # no two regions share a pupil
    )


def write_inputs(sandbox: Sandbox, region: SyntheticRegion, today: date) -> None:
    """Write what the schools and the region hand in."""
    for school in region.primary:
        write_school(region, school, sandbox.region_folder)
    write_applications(region, chain.registrations_of(sandbox, region.name))
    write_reviews(region, chain.reviews_of(sandbox, region.name), seen_on=today)


@contextmanager
def airflow_of(
    folder: Path, postgres: EmbeddedPostgres, sandbox: Sandbox, regions: Sequence[SyntheticRegion], slots: int
) -> Iterator[tuple[AirflowStack, list[Agreement]]]:
    """Start the schools' endpoints and Airflow with the settings that docker-compose.yaml ships.

    Args:
        folder: of the benchmark.
        postgres: the server.
        sandbox: with the ledger; the agreements that lie there are taken away.
        regions: whose rounds open by themselves, now.
        slots: how many tasks run at the same time.
    """
    shutil.rmtree(sandbox.regions, ignore_errors=True)  # a region without Airflow gets no DAG
    dags = folder / "dags"
    shutil.copytree(PROJECT / "dags", dags)
    opened = dutch_time(now()).replace(microsecond=0) - timedelta(hours=1)
    moments = dict.fromkeys(Milestones.model_fields, opened) | {"receipts_due": opened + timedelta(days=1)}
    agreements = []
    with ExitStack() as stack:
        for region in regions:
            found = stack.enter_context(receivers(sandbox, region.name, [one.id for one in region.secondary]))
            addresses = {school: address for school, (address, _) in found.items()}
            agreement = agreement_of(
                region,
                {KIND: Milestones(**moments)},
                receives_at=addresses.__getitem__,
                review_minimum=timedelta(days=2),  # the wait ends as soon as everybody was heard
            )
            write_agreement(agreement, sandbox.regions)
            agreements.append(agreement)
        settings = shipped_settings() | {"AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10"} | sandbox.variables
        airflow = AirflowStack(
            *(folder / "airflow", postgres, dags, PROJECT / "plugins"),
            port=ports.any_free(),
            extra_env=settings,
            parallelism=slots,
        )
        try:
            airflow.migrate()
            airflow.sync_access()
            airflow.start(before_dags=lambda api: _coordinators(api, airflow, agreements))
            yield airflow, agreements
        finally:
            airflow.stop()


def _coordinators(api: AirflowApi, airflow: AirflowStack, agreements: Sequence[Agreement]) -> None:
    for agreement in agreements:
        account = agreement.coordinators[0].account
        api.put_user(
            *(account, airflow.password(account), [f"coordinator_{agreement.region}"]), shown_as=(account, "Bench")
        )


class RoundPlayer:
    """The people of a round: answers its gates at once, and hands in the schools' lists when the review waits.

    Args:
        airflow: where the round runs.
        sandbox: with the ledger.
        region: the region.
        agreement: its agreement.
    """

    def __init__(self, airflow: AirflowStack, sandbox: Sandbox, region: SyntheticRegion, agreement: Agreement) -> None:
        self.dag_id = f"round__{region.name}__{KIND}"
        self.api = airflow.api(agreement.coordinators[0].account)
        self.answered: dict[tuple[str, int], float] = {}
        """When a question was answered, by task and number."""
        self.tasks: Sequence[Mapping[str, Any]] = ()
        """The task instances of the last look."""
        self._sandbox, self._region, self._agreement = sandbox, region, agreement
        self._run_id = ""

    @property
    def run_id(self) -> str:
        """The run, once it has begun."""
        return self._run_id

    def has_begun(self) -> bool:
        """Return whether the round has a run."""
        found = _runs(self.api, self.dag_id)
        if found:
            self._run_id = str(found[0]["dag_run_id"])
        return bool(found)

    def is_over(self) -> bool:
        """Do what people have to do now, and return whether the run has ended."""
        self.tasks = self.api.task_instances(self.dag_id, self.run_id)
        if any(one["state"] == "awaiting_input" for one in self.tasks):
            for question in self.api.questions(self.dag_id, self.run_id):
                asked = question["task_instance"]
                task, number = str(asked["task_id"]), int(asked["map_index"])
                filled_in = {name: "Meting" if name == "reden" else None for name in question["params"]}
                first = [str(question["options"][0])]
                self.api.answer(self.dag_id, self.run_id, task, first, filled_in=filled_in, map_index=number)
                self.answered[task, number] = time.time()
        waits = any(one["task_id"] == _REVIEW and one["state"] in ("deferred", "running") for one in self.tasks)
        if waits and (_REVIEW, -1) not in self.answered:
            _everybody_was_heard(self._sandbox, self._region, self._agreement)
            self.answered[_REVIEW, -1] = time.time()
        if any(one["state"] in UNDER_WAY for one in self.tasks):
            return False
        return self.api.run(self.dag_id, self.run_id)["state"] in FINISHED


def _played(
    console: Console,
    airflow: AirflowStack,
    sandbox: Sandbox,
    region: SyntheticRegion,
    agreement: Agreement,
    advance: Advance,
) -> RunSeconds:
    """Let the round go from its opening to its close, and return what its seconds went to.

    Raises:
        RuntimeError: it ended otherwise than well.
    """
    player = RoundPlayer(airflow, sandbox, region, agreement)
    wait_until(player.has_begun, f"run of {player.dag_id}", _LONGEST_SECONDS, ASK_SECONDS)
    told: Counter[str] = Counter()
    ended = _Ended(advance)

    def is_over() -> bool:
        is_done = player.is_over()
        ended.look(player.tasks)
        done = Counter(str(one["task_id"]) for one in player.tasks if one["state"] == "success")
        for name in [name for name in done if done[name] > told[name] and done[name] == _count(player.tasks, name)]:
            told[name] = done[name]
            console.print(f"  {name}: {done[name]}", highlight=False)
        return is_done

    wait_until(is_over, f"{player.dag_id} {player.run_id}", _LONGEST_SECONDS, _LOOKS_SECONDS)
    ended.look(player.api.task_instances(player.dag_id, player.run_id))
    return _seconds(airflow, player.api, player.dag_id, player.run_id, player.answered)


class _Ended:
    """Tells of task instances of a run as they end.

    Args:
        advance: is told how many ended since the last look.
    """

    def __init__(self, advance: Advance) -> None:
        self._advance = advance
        self._told = 0

    def look(self, tasks: Sequence[Mapping[str, Any]]) -> None:
        """Tell of those that ended.

        Args:
            tasks: all instances of the run.
        """
        ended = sum(one["state"] in _ENDED for one in tasks)
        if ended > self._told:
            self._advance(ended - self._told)
            self._told = ended


def _runs(api: AirflowApi, dag_id: str) -> list[dict[str, Any]]:
    try:
        return api.runs(dag_id)
    except OverstapError as error:
        if error.facts.get("status") not in (
            HTTPStatus.FORBIDDEN,
            HTTPStatus.NOT_FOUND,
        ):  # before the DAG is there, and its rights
            raise
        return []


def _count(tasks: Sequence[Mapping[str, Any]], name: str) -> int:
    return sum(one["task_id"] == name for one in tasks)


def _everybody_was_heard(sandbox: Sandbox, region: SyntheticRegion, agreement: Agreement) -> None:
    """Record the list of each school, with those whom it left out."""
    ledger = Ledger(sandbox.application_dsn, sandbox.keys)
    for school in region.primary:
        record_list(
            ledger,
            region=region.name,
            round_id=agreement.round_id(KIND),
            school=school.id,
            actor=school.id,
            listed=read_list(_whole_list(sandbox, region, school), today=dutch_time(now()).date()),
            ground="school_list",
        )
    ledger.close()


def _whole_list(sandbox: Sandbox, region: SyntheticRegion, school: PrimarySchool) -> bytes:
    path = chain.reviews_of(sandbox, region.name) / f"review-{school.id}.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file, delimiter=";")
        lines, names = list(reader), list(reader.fieldnames or ())
    known = {line["leerlingid"] for line in lines}
    seen = lines[0] if lines else {"inzagedatum": region.today.isoformat(), "akkoord": "Ja"}
    lines += [
        seen | {"leerlingid": pupil.las_key, "zienswijze": ""}
        for pupil in region.pupils(school)
        if pupil.las_key not in known
    ]
    out = io.StringIO()
    writer = csv.DictWriter(out, names, delimiter=";", lineterminator="\r\n")
    writer.writeheader()
    writer.writerows(lines)
    return out.getvalue().encode()


def _emptied(airflow: AirflowStack, dags: Path, dag_id: str, played: RunSeconds, advance: Advance) -> RunSeconds:
    """Play the same tasks without anything to do."""
    api = airflow.api()
    tasks = api.call("GET", f"/api/v2/dags/{dag_id}/tasks")["tasks"]
    graph = {
        str(one["task_id"]): (
            played.instances.get(one["task_id"], 0),
            bool(one["is_mapped"]),
            list(one["downstream_task_ids"]),
        )
        for one in tasks
    }
    (dags / "empty.py").write_text(_EMPTY_TASKS.format(graph=json.dumps(graph), dag_id=EMPTY), encoding="utf-8")
    api.wait_for_dag(EMPTY, 300)
    run_id = api.trigger(EMPTY)
    ended = _Ended(advance)

    def is_over() -> bool:
        ended.look(api.task_instances(EMPTY, run_id))
        return api.run(EMPTY, run_id)["state"] in FINISHED

    wait_until(is_over, f"{EMPTY} {run_id}", _LONGEST_SECONDS, _LOOKS_SECONDS)
    ended.look(api.task_instances(EMPTY, run_id))
    return _seconds(airflow, api, EMPTY, run_id, {})


def _seconds(
    airflow: AirflowStack, api: AirflowApi, dag_id: str, run_id: str, answered: Mapping[tuple[str, int], float]
) -> RunSeconds:
    """Return what a run's seconds went to, from the logs of its tasks.

    Raises:
        RuntimeError: the run did not end well.
    """
    whole = api.run(dag_id, run_id)
    tasks = api.task_instances(dag_id, run_id)
    if whole["state"] != "success":
        failed = sorted({str(one["task_id"]) for one in tasks if one["state"] == "failed"})
        raise RuntimeError(f"{dag_id} ended as {whole['state']}: {', '.join(failed)}")
    begin, end = (_moment(whole[name]) for name in ("start_date", "end_date"))
    by_task: dict[str, tuple[float, list[Span]]] = {}
    instances: Counter[str] = Counter()
    for name in {str(one["task_id"]) for one in tasks}:
        own = [one for one in tasks if one["task_id"] == name and one["state"] == "success"]
        instances[name] = len(own)
        spans = [span for one in own for span in spans_of(*_told(airflow, dag_id, run_id, one, answered))]
        if spans:
            by_task[name] = (max(one.end for one in spans) - min(one.begin for one in spans), spans)
    found = [span for _, spans in by_task.values() for span in spans]
    waited = waited_before({name: spans for name, (_, spans) in by_task.items()}, begin, end)
    return RunSeconds(divided(found, begin, end), by_task, instances, waited)


def _told(
    airflow: AirflowStack,
    dag_id: str,
    run_id: str,
    task: Mapping[str, Any],
    answered: Mapping[tuple[str, int], float],
) -> tuple[list[str], float, float | None]:
    """Return the lines of a task instance's log, when it started, and when its question was answered."""
    name, number = str(task["task_id"]), int(task["map_index"])
    place = Path(airflow.env["AIRFLOW__LOGGING__BASE_LOG_FOLDER"]) / f"dag_id={dag_id}" / f"run_id={run_id}"
    place /= f"task_id={name}"
    if number >= 0:
        place /= f"map_index={number}"
    lines: list[str] = []
    for path in sorted(place.glob("attempt=*.log")):
        if path.name.count(".") == 1:  # others are of the triggerer
            lines += path.read_text(encoding="utf-8").splitlines()
    return lines, _moment(task["start_date"]), answered.get((name, number))


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _show(console: Console, found: RegionSeconds, pupils: int, primary: int, secondary: int) -> None:
    title = f"A round of {pupils:,} pupils, {primary} primary and {secondary} secondary schools, by Airflow: seconds"
    table = Table(title=title, title_justify="left")
    for name in ("", "all", *(kind.value for kind in SecondKind)):
        table.add_column(name, justify="right" if name else "left")
    for name, one in (("the round", found.played), ("peer: the same DAG of empty tasks", found.empty)):
        each = (f"{one.by_kind[kind]:,.1f}" for kind in SecondKind)
        table.add_row(name, f"{sum(one.by_kind.values()):,.1f}", *each)
    console.print(table)
    for one in (found.played, found.empty):
        console.print(f"  {bar(one.by_kind)}", highlight=False)
    console.print(f"  {legend()}", highlight=False)
    _show_tasks(console, found)
    kept = "kept" if found.ratio <= BUDGET else "missed"
    console.print(
        f"  confirmed {found.confirmed:,} of {pupils:,}; "
        f"without what waited for people {found.played.without_people:,.1f} s, "
        f"empty tasks {found.empty.without_people:,.1f} s, the chain without Airflow {found.chain:,.1f} s: "
        f"{found.ratio:.2f} times both (budget {BUDGET:g}: {kept})",
        highlight=False,
    )


def _show_tasks(console: Console, found: RegionSeconds) -> None:
    """Print each task: how many, from first start to last end, what one instance's seconds went to, and waits."""
    table = Table(title="Each task", title_justify="left")
    parts = (SecondKind.START, SecondKind.READING, SecondKind.WORK)
    waits = "scheduler before"
    for name in ("task", "instances", "s", *(f"{kind.value}, each" for kind in parts), waits, "empty: s", waits):
        table.add_column(name, justify="left" if name == "task" else "right")
    played = found.played.by_task
    for name in sorted(played, key=lambda each: min(one.begin for one in played[each][1])):
        seconds, spans = played[name]
        count = found.played.instances[name]
        each = (sum(one.end - one.begin for one in spans if one.kind is kind) / count for kind in parts)
        beside = f"{found.empty.by_task[name][0]:,.1f}" if name in found.empty.by_task else ""
        waited = [f"{run.waited.get(name, 0):,.1f}" for run in (found.played, found.empty)]
        table.add_row(
            name, f"{count}", f"{seconds:,.1f}", *(f"{one:.2f}" for one in each), waited[0], beside, waited[1]
        )
    ends = [f"{run.waited.get('', 0):,.1f}" for run in (found.played, found.empty)]
    table.add_row("until the run ended", *("" for _ in range(5)), ends[0], "", ends[1])
    console.print(table)
