"""Run of a demonstration's round from its opening to the last signed confirmation, with a report on the console."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds.counts import primary_schools
from overstap.orchestration.gate_names import GATE_OF_TASK
from overstap.pages.board import addresses
from overstap.simulation.synthetic.school import PrimarySchool, SchoolBehaviour, SupplySource
from overstap.texts import texts, with_counts
from overstap_tools.demo import families, mail, schools
from overstap_tools.demo.building import WATCHED, Demonstration, overstap
from overstap_tools.demo.paper import PaperSchool
from overstap_tools.demo.people import CoordinatorClient, SchoolAdministrator
from overstap_tools.demo.sandbox import REGION, ROUND
from overstap_tools.demo.table import tables
from overstap_tools.local.api import ASK_SECONDS, FINISHED, UNDER_WAY
from overstap_tools.local.waiting import Wait, wait_until

DAG_ID = f"round__{REGION}__{ROUND}"
_LOOK_SECONDS = 1.0
_LONGEST_SECONDS = 1200.0
_WITHOUT_OSO = (SupplySource.MAPPED_EXPORT, SupplySource.TYPED, SupplySource.WORKBOOK)
_DONE = frozenset({"success", "failed", "upstream_failed", "skipped"})


class Story:
    """Run of one round, with its report.

    Args:
        demonstration: the running demonstration.
        console: console of the report.
        asks_person: wait for a person to answer the gate in Airflow, instead of answering it by script.
        leaves_a_question: end with an open question, for the audience.
    """

    def __init__(
        self, demonstration: Demonstration, console: Console, *, asks_person: bool, leaves_a_question: bool = True
    ) -> None:
        self.demonstration = demonstration
        self.console = console
        self.asks_person = asks_person
        self.leaves_a_question = leaves_a_question and not asks_person
        self.round_id = demonstration.agreement.round_id(ROUND)
        self.coordinator = CoordinatorClient(demonstration.airflow.api(demonstration.coordinator), DAG_ID)
        self.administrators = [SchoolAdministrator(demonstration, school) for school in demonstration.region.primary]
        settings = demonstration.sandbox.settings(demonstration.postgres)
        self.ledger = Ledger(settings["OVERSTAP_LEDGER"], Path(settings["OVERSTAP_KEYS"]))
        self._read_only_ledger = ReadOnlyLedger(settings["OVERSTAP_LEDGER"])
        self._told: dict[tuple[str, int], tuple[str, int]] = {}
        self._asked: set[tuple[str, int] | None] = set()
        self._releases = 0
        self._has_school_account = False
        self._behind: set[str] = set()
        """Schools that were still typing when data were due: some of their pupils may have come too late."""
        self._longest = _LONGEST_SECONDS * demonstration.pace
        self.at: Callable[[str], None] = lambda moment: None
        """Called when there is something to see: "gate.<task>", "review", "late", "end",
        "left" (the guide's pictures)."""

    def tell(self, name: str, **facts: str | int) -> None:
        """Tell one sentence of include/texts/demo/story.yaml, with the time."""
        tell(self.console, name, **facts)

    def play(self) -> bool:
        """Play the round; return whether everything ended as it should.

        Raises:
            OverstapError: LOCAL-010 when something does not happen in time.
        """
        opens = self.demonstration.agreement.round(ROUND).milestones.opens
        api = self.coordinator.api
        for dag_id in (DAG_ID, f"notices__{REGION}"):
            self.coordinator.switch_on(dag_id)
        self.tell("opening", moment=f"{dutch_time(opens):%H:%M:%S}")
        wait_until(lambda: bool(api.runs(DAG_ID)), f"run of {DAG_ID}", 600, ASK_SECONDS)
        run_id = str(api.runs(DAG_ID)[0]["dag_run_id"])

        self._without_oso(run_id)
        self._follow(run_id, lambda: self._review(self._supplied(run_id)))
        supplied = self._supplied(run_id)
        late = [one for one in self.administrators if one not in supplied or one.school.id in self._behind]
        if late:
            self.tell("first_end", count=len(late))
            self.at("late")
            for administrator in late:
                self._supply_late(administrator)
            self._collect_again(run_id, late)
            self._follow(run_id, lambda: self._review(late))
        state = str(api.run(DAG_ID, run_id)["state"])
        if state == "success":
            self.tell("second_end")
        is_good = self._finish() and state == "success"
        if is_good and self.leaves_a_question:
            self.leave_a_question(run_id)
        return is_good

    def _without_oso(self, run_id: str) -> None:
        """Let schools that cannot export OSO supply: by their pages once the round is open, by a file before."""
        sandbox = self.demonstration.sandbox
        self.coordinator.api.wait_for_task(DAG_ID, run_id, "open_round", ["success"], seconds=self._longest)
        for school in self.demonstration.region.primary:
            if school.source is SupplySource.MAPPED_EXPORT:
                self.tell("mapped", school=school.name, count=school.size)
            elif school.source in (SupplySource.TYPED, SupplySource.WORKBOOK):
                desk = schools.give_account(sandbox, self.ledger, school.id)
                paper = PaperSchool(self.demonstration, school, desk)
                is_typed = school.source is SupplySource.TYPED
                count = paper.type_in() if is_typed else paper.supply_workbook()
                self.tell(school.source.value, school=school.name, count=count)
                if ("data_due", "success") in self._states(run_id):
                    self._behind.add(school.id)

    def _states(self, run_id: str) -> set[tuple[str, str]]:
        """Return the tasks of a run with their states."""
        tasks = self.coordinator.api.task_instances(DAG_ID, run_id)
        return {(str(one["task_id"]), str(one["state"])) for one in tasks}

    def _supplied(self, run_id: str) -> list[SchoolAdministrator]:
        """Return the schools that were collected from: not the late ones, nor those that typed for too long."""
        ids = [school.id for school in self.demonstration.agreement.primary_schools]
        tasks = self.coordinator.api.task_instances(DAG_ID, run_id)
        red = {ids[one["map_index"]] for one in tasks if (one["task_id"], one["state"]) == ("collect", "failed")}
        return [one for one in self.administrators if not one.is_late and one.school.id not in red]

    def _supply_late(self, administrator: SchoolAdministrator) -> None:
        """Let a school supply after all; one that typed while the round collected already has."""
        school = f"{administrator.school.name} ({administrator.school.id})"
        if administrator.is_late:
            administrator.supply_late()
            self.tell("late", school=school)
        else:
            self.tell("typed_late", school=school)

    def _collect_again(self, run_id: str, administrators: Sequence[SchoolAdministrator]) -> None:
        """Clear the collection of some schools, with what follows, as their coordinator does on the board."""
        # A file counts once it has not changed for some seconds; a coordinator clicks later than a script.
        time.sleep(6)
        ids = [school.id for school in self.demonstration.agreement.primary_schools]
        self.coordinator.rerun(run_id, [ids.index(one.school.id) for one in administrators])

    def leave_a_question(self, run_id: str) -> None:
        """Let the school with faults supply again, up to the question on the board that is left for who watches."""
        administrator = next((one for one in self.administrators if one.is_faulty), None)
        if administrator is None or not (count := administrator.mend()):
            return
        self.tell("mended", school=administrator.school.name, count=count)
        self._collect_again(run_id, [administrator])
        wait_until(
            lambda: (
                self.coordinator.question(run_id) is not None
                or self.coordinator.api.run(DAG_ID, run_id)["state"] in FINISHED
            ),
            lambda: f"{DAG_ID}: {self._under_way(run_id)}",
            self._longest,
            ASK_SECONDS,
        )
        question = self.coordinator.question(run_id)
        if question is not None:
            self.at("left")
            asked = question["task_instance"]
            gate, number = GATE_OF_TASK[asked["task_id"]], int(asked["map_index"]) + 1
            page = addresses.framed(self.demonstration.airflow.address, addresses.question(self.round_id, gate, number))
            self.tell("your_turn", subject=str(question["subject"]), address=page, school=administrator.school.name)

    def _under_way(self, run_id: str) -> str:
        """Return what a run is busy with, by the titles of its tasks."""
        tasks = self.coordinator.api.task_instances(DAG_ID, run_id)
        busy = [one for one in tasks if one["state"] in ("queued", "running", "scheduled", "deferred", "up_for_retry")]
        return ", ".join(str(one["rendered_map_index"] or one["task_display_name"]) for one in busy[:3]) or "scheduler"

    def _follow(self, run_id: str, on_release: Callable[[], None]) -> None:
        """Tell what the run does until it is over, answering its gates on the way."""
        wait = Wait(lambda: self._under_way(run_id), float("inf") if self.asks_person else self._longest)
        released = False
        while True:
            tasks = self.coordinator.api.task_instances(DAG_ID, run_id)
            for task in sorted(tasks, key=lambda one: one["end_date"] or ""):
                self._tell_task(run_id, task)
            asks = any(one["state"] == "awaiting_input" for one in tasks)
            question = self.coordinator.question(run_id) if asks else None
            asked = (question["task_instance"]["id"], question["task_instance"]["try_number"]) if question else None
            if question is not None and asked not in self._asked:
                self._asked.add(asked)
                self.tell("gate", subject=str(question["subject"]))
                self.at(f"gate.{question['task_instance']['task_id']}")
                if self.asks_person:
                    self.tell("gate_wait")
                else:
                    self.tell("gate_given", answer=self.coordinator.answer(run_id, question))
            gates = [one["map_index"] for one in tasks if one["task_id"] == "release" and one["state"] == "success"]
            if not released and max(gates, default=-1) == self._releases:
                released = True
                self._releases += 1
                self.tell("reviews")
                self.at("review")
                on_release()
            if self._is_over(run_id, tasks):
                for task in self.coordinator.api.task_instances(DAG_ID, run_id):
                    self._tell_task(run_id, task)
                return
            wait.go_on(_LOOK_SECONDS)

    def _is_over(self, run_id: str, tasks: Sequence[dict[str, Any]]) -> bool:
        """Return whether the run has ended; Airflow is asked only when no task is under way."""
        return (
            not any(one["state"] in UNDER_WAY for one in tasks)
            and self.coordinator.api.run(DAG_ID, run_id)["state"] in FINISHED
        )

    def _tell_task(self, run_id: str, task: dict[str, Any]) -> None:
        key = (str(task["task_id"]), int(task["map_index"]))
        now = (str(task["state"]), int(task["try_number"]))
        if task["state"] not in _DONE or self._told.get(key) == now:
            return
        self._told[key] = now
        title = task["rendered_map_index"] or task["task_display_name"]
        if task["state"] == "success":
            self.tell("step_done", title=title)
        elif task["state"] == "failed":
            self.tell("step_red", title=title)
            self.console.print(f"           [yellow]{self._first_line(run_id, task)}[/]")

    def _first_line(self, run_id: str, task: dict[str, Any]) -> str:
        """Return the first line of a red task's log that says what is wrong, as the coordinator reads it."""
        log = self.coordinator.api.log(
            DAG_ID, run_id, task["task_id"], try_number=task["try_number"], map_index=task["map_index"]
        )
        for entry in log["content"]:
            event = str(entry.get("event", "")) if isinstance(entry, dict) else str(entry)
            if entry.get("level") == "error" and " | " in event:
                return event
        return ""

    def _review(self, administrators: list[SchoolAdministrator]) -> None:
        """Let some parents decide on their pages, and schools record the others': most by list, one by a command."""
        begin = time.monotonic()
        self._parents(administrators[0].school)
        last, key = next(((one, left[0]) for one in administrators if (left := one.missing_from_list())), (None, None))
        for administrator in administrators:
            said = administrator.record_list(self.round_id, but=key if administrator is last else None)
            self.tell("reviewed", school=administrator.school.name, said=said)
        if self.leaves_a_question:
            # The window ends with the last pupil: until then whoever watches can look as a parent.
            time.sleep(max(0.0, WATCHED.total_seconds() * self.demonstration.pace - (time.monotonic() - begin)))
        if last is not None and key is not None and last.record_one(self.round_id, key):
            self.tell("single", school=last.school.name)

    def _parents(self, school: PrimarySchool) -> None:
        """Let families of one school use the parents' pages; one letter is left for who watches."""
        address = self.demonstration.sandbox.review_address
        letters = families.letters(self.ledger, self.round_id, school.id, len(families.VIEWS) + 1)
        for letter in letters[len(families.VIEWS) :]:
            self.tell("parents_try", address=address, code=letter.code, born=f"{letter.born:%d-%m-%Y}")
        if not self._has_school_account:
            self._has_school_account = True
            watched = next((one for one in self.administrators if one.is_faulty), self.administrators[0]).school
            desk = schools.give_account(self.demonstration.sandbox, self.ledger, watched.id)
            self.tell(
                "school_try", school=watched.name, address=desk.address, account=desk.account, password=desk.password
            )
        for letter, view in zip(letters, families.VIEWS, strict=False):
            self.tell("parents", school=school.name, said=families.decide(address, letter, view))

    def _finish(self) -> bool:
        """Show the tables, write what a person would want to open, and check the ledger."""
        demonstration = self.demonstration
        mail.wait_until_sent(self._read_only_ledger, REGION, self._longest)
        self.tell(
            "mail", count=len(list(demonstration.sandbox.mails.rglob("*.eml"))), path=str(demonstration.sandbox.mails)
        )
        self.at("end")
        self._tell_confirmed()
        self.console.print()
        for shown in tables(self.ledger, REGION, self.round_id):
            self.console.print(shown)
        self.tell("check")
        stores = [
            word
            for school in demonstration.region.secondary
            for word in ("--store", f"{school.id}={demonstration.sandbox.store(school.id)}")
        ]
        checked = overstap(
            demonstration.sandbox, demonstration.postgres, "ledger", "check", "--region", REGION, *stores
        )
        self.console.print(f"           {checked.stdout.strip()}{checked.stderr.strip()}", markup=False)
        folder, kind = (
            demonstration.sandbox.reports / self.round_id.region / self.round_id.school_year,
            self.round_id.kind,
        )
        self.tell("report", path=str(folder / f"{kind}.html"))
        faulty = next((one for one in demonstration.region.primary if one.behaviour is SchoolBehaviour.FAULTY), None)
        if faulty is not None:
            path = folder / f"{kind}-{faulty.id}.html"
            written = overstap(
                *(demonstration.sandbox, demonstration.postgres, "report", "school", faulty.id),
                *("--region", REGION, "--round", self.round_id, "--out", str(path)),
            )
            if written.returncode == 0:
                self.tell("school", school=faulty.name, path=str(path))
        return checked.returncode == 0

    def _tell_confirmed(self) -> None:
        """Tell of each school that cannot export OSO how many of its dossiers came to a signed confirmation."""
        with self.ledger.unit(REGION, "demo") as unit:
            counts = {one.school: one for one in primary_schools(unit, self.round_id)}
        for school in self.demonstration.region.primary:
            if school.source in _WITHOUT_OSO:
                found = counts[school.id]
                facts = {"count": found.states["confirmed"], "expected": found.expected}
                self.tell(f"confirmed_{school.source.value}", school=school.name, **facts)


def tell(console: Console, name: str, **facts: str | int) -> None:
    """Tell one sentence with the time of day on a Dutch wall.

    Args:
        console: where.
        name: key of include/texts/demo/story.yaml.
        facts: what fills its places.
    """
    text = texts("demo/story")[name]["nl"].format(**with_counts(facts))
    console.print(f"{dutch_time(now()):%H:%M:%S}   {text}", markup=False, highlight=False, soft_wrap=True)
