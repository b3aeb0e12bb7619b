"""The demonstration's own story, small and quick: all of Airflow's components, from schools' data to signed receipts.

Nothing is called directly here. The coordinator acts through Airflow's API with the rights of that account, schools
through files and commands, receivers are processes of their own.
"""

import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
import pytest
from rich.console import Console

from overstap.errors import OverstapError
from overstap.ledger.rounds.counts import primary_schools
from overstap.receiver.folder_store import envelope_digests as stored
from overstap.simulation.synthetic.school import SchoolBehaviour, SupplySource
from overstap_tools.demo import building as demo
from overstap_tools.demo.sandbox import LEDGER, REGION, ROUND, DemoSandbox
from overstap_tools.demo.story import DAG_ID, Story
from overstap_tools.local import ports
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until

pytestmark = pytest.mark.boot

QUICK = {"data_due": 25, "review_opens": 30, "review_closes": 55, "delivers": 56, "receipts_due": 1200}

GOES = frozenset({"registered", "placed"})
"""Who registered goes to that school in a round of advice, and who was placed too."""


class Outage(threading.Thread):
    """A receiving school's endpoint that is down until the delivery to it waits, and then comes back."""

    def __init__(self, story: Story) -> None:
        super().__init__(daemon=True)
        self.story = story
        self.school = story.demonstration.region.secondary[1].id
        self.waited_for: str | None = None
        sandbox = story.demonstration.sandbox
        self.service = Service(sandbox.folder, f"school-{self.school}")
        self.command = psutil.Process(self.service.pid).cmdline()
        self.environment = sandbox.command_env(story.demonstration.postgres)
        self.service.stop()

    def run(self) -> None:
        receivers = [one.id for one in self.story.demonstration.agreement.receivers(ROUND)]
        index = receivers.index(self.school)
        try:
            with self.story.demonstration.airflow.api() as api:
                api.wait_for_dag(DAG_ID, 900)
                wait_until(lambda: bool(api.runs(DAG_ID)), "the run", 600)
                run = str(api.runs(DAG_ID)[0]["dag_run_id"])
                self.waited_for = api.wait_for_task(DAG_ID, run, "deliver", ["deferred"], map_index=index, seconds=900)
        finally:
            self.service.start(self.command, env=self.environment)
            self._shorten_the_pause()

    def _shorten_the_pause(self) -> None:
        """Let what is due at this school in minutes be due in seconds: all of Airflow would do nothing until then."""
        soon = "clock_timestamp() + interval '5 seconds'"
        with psycopg.connect(self.story.demonstration.postgres.superuser_dsn(LEDGER)) as connection:
            for table, column, at_school in (
                ("school_line", "rests_until", "school"),
                ("delivery", "next_attempt_at", "secondary_school"),
            ):
                connection.execute(
                    f"update overstap.{table} set {column} = {soon} "  # noqa: S608
                    f"where {at_school} = %s and {column} > {soon} and {column} < 'infinity'",
                    [self.school],
                )


class PlayedStory(NamedTuple):
    """The demonstration's round as it was played."""

    story: Story
    is_good: bool
    told: str
    outage: Outage


@pytest.fixture(scope="module")
def played(state_folder: Path) -> Iterator[PlayedStory]:
    sandbox = DemoSandbox(state_folder / "demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(demo, "STEPS", {name: timedelta(seconds=after) for name, after in QUICK.items()})
        patch.setattr(demo, "REVIEW_MINIMUM", timedelta(seconds=30))
        try:
            demonstration = demo.build(sandbox, demo.Size(16, 4, 11), port=ports.any_free(), tell=lambda name: None)
            console = Console(record=True, width=160, file=(state_folder / "story.txt").open("w"))
            story = Story(demonstration, console, asks_person=False, leaves_a_question=False)
            outage = Outage(story)
            outage.start()
            is_good = story.play()
            outage.join()
            yield PlayedStory(story, is_good, console.export_text(), outage)
        finally:
            demo.clear(sandbox)


def contents(story: Story) -> dict[str, dict]:
    return {
        school.id: stored(story.demonstration.sandbox.store(school.id))
        for school in story.demonstration.region.secondary
    }


def count(story: Story, query: str) -> int:
    with psycopg.connect(story.demonstration.postgres.superuser_dsn(LEDGER)) as connection:
        found = connection.execute(query).fetchone()
    assert found is not None
    return int(found[0])


def test_the_round_ends_green_and_its_ledger_holds(played: PlayedStory) -> None:
    story, is_good, told, _ = played
    assert is_good, told
    assert "I1-I13 hold" in told
    delivered = count(story, "select count(*) from overstap.delivery")
    assert delivered == count(story, "select count(*) from overstap.delivery where state = 'confirmed'") > 0
    assert sum(len(one) for one in contents(story).values()) == delivered


def test_the_late_school_was_red_and_came_in_by_clearing_its_task(played: PlayedStory) -> None:
    story, told = played.story, played.told
    [late] = [school for school in story.demonstration.region.primary if school.behaviour is SchoolBehaviour.LATE]
    assert "INTAKE-050" in told
    assert told.index("INTAKE-050") < told.rindex(late.name)
    query = f"select count(*) from overstap.dossier where primary_school = '{late.id}' and state = 'confirmed'"  # noqa: S608
    assert count(story, query) > 0
    tries = {
        (one["task_id"], one["map_index"]): one["try_number"]
        for one in story.coordinator.api.task_instances(DAG_ID, run_of(story))
    }
    index = [school.id for school in story.demonstration.agreement.primary_schools].index(late.id)
    by_pages = (SupplySource.TYPED, SupplySource.WORKBOOK)  # collected again where they typed for too long
    others = {
        place
        for place, school in enumerate(story.demonstration.region.primary)
        if place != index and school.source not in by_pages
    }
    assert {tries["collect", place] for place in others} == {1}
    assert tries["collect", index] == 2


def test_schools_that_cannot_export_oso_come_to_signed_confirmations(played: PlayedStory) -> None:
    story, told = played.story, played.told
    region = story.demonstration.region
    kinds = {SupplySource.MAPPED_EXPORT: "mapped_export", SupplySource.TYPED: "typed", SupplySource.WORKBOOK: "typed"}
    for way, source in kinds.items():
        [school] = [one for one in region.primary if one.source is way]
        going = sum(any(choice.stage.value in GOES for choice in one.choices) for one in region.pupils(school))
        of_school = f"from overstap.dossier d where d.primary_school = '{school.id}'"
        version = f"from overstap.dossier_version v where v.dossier = d.dossier and v.source = '{source}'"
        assert count(story, f"select count(*) {of_school} and exists (select {version})") == school.size
        assert count(story, f"select count(*) {of_school} and d.state = 'confirmed'") == going > 0
        lines = [line for line in told.splitlines() if f"{school.name} (" in line]
        assert any(f"{going} dossier" in line for line in lines), lines
    accounts = "select count(*) from overstap.school_factor where confirmed_at is not null"
    assert count(story, accounts) == 2, "both who typed have a second factor"


def test_the_board_expects_the_pupils_of_a_roster(played: PlayedStory) -> None:
    """One school's is EDEXML in its drop folder, one's a CSV file that it supplied on its page."""
    story = played.story
    with story.ledger.unit(REGION, "test") as unit:
        counts = {one.school: one for one in primary_schools(unit, story.round_id)}
    [by_csv] = [one for one in story.demonstration.region.primary if one.source is SupplySource.WORKBOOK]
    by_edexml = story.demonstration.region.primary[0]
    for school, source in ((by_csv, "page"), (by_edexml, "folder")):
        assert counts[school.id].expected == school.size
        rosters = f"select count(*) from overstap.roster where school = '{school.id}' and source = '{source}'"  # noqa: S608
        assert count(story, rosters) == 1


def test_a_receiver_that_was_down_is_waited_for_and_gets_its_dossiers_once(played: PlayedStory) -> None:
    """The task hands over once and defers; the region's deliveries try again when the ledger says that it is due."""
    story, outage = played.story, played.outage
    school = outage.school
    assert outage.waited_for == "deferred"
    rows = f"from overstap.delivery where secondary_school = '{school}'"
    assert count(story, f"select count(*) {rows} and state = 'confirmed'") == len(contents(story)[school]) > 0
    assert count(story, f"select max(attempts) {rows}") > 1
    index = [one.id for one in story.demonstration.agreement.receivers(ROUND)].index(school)
    tasks = story.coordinator.api.task_instances(DAG_ID, run_of(story))
    [task] = [one for one in tasks if (one["task_id"], one["map_index"]) == ("deliver", index)]
    # The late school's rerun cleared it once; no try was taken by the outage.
    assert (task["state"], task["try_number"]) == ("success", 2)


def test_clearing_everything_delivers_nothing_twice(played: PlayedStory) -> None:
    story = played.story
    api, run = story.coordinator.api, run_of(story)
    before, attempts = contents(story), count(story, "select sum(attempts) from overstap.delivery")
    api.clear(DAG_ID, run, ["seal"], downstream=True, note="Nog eens")
    assert api.wait_for_run(DAG_ID, run) == "success"
    assert contents(story) == before
    assert count(story, "select sum(attempts) from overstap.delivery") == attempts
    with story.ledger.unit(REGION, "test") as unit:
        from overstap.ledger.invariants import ExternalEvidence, check

        assert check(unit, ExternalEvidence(before)) == []


def test_background_work_was_started_by_what_was_due_and_no_wait_failed(played: PlayedStory) -> None:
    """By the watchers in Airflow's own triggerer, which has no key of the region."""
    story = played.story
    api = story.coordinator.api
    for kind in ("notices", "deliveries", "answers"):
        started = {run["run_type"] for run in api.runs(f"{kind}__{REGION}")}
        assert started == {"asset_triggered"}, kind
    waits = {"data_due", "review_opens", "review", "delivers", "receipts"}
    states = {
        one["task_id"]: one["state"] for one in api.task_instances(DAG_ID, run_of(story)) if one["task_id"] in waits
    }
    assert states == dict.fromkeys(waits, "success")


def test_a_coordinator_cannot_take_the_round_away(played: PlayedStory) -> None:
    story = played.story
    api = story.coordinator.api
    for method, path in (
        ("DELETE", f"/api/v2/dags/{DAG_ID}"),
        ("DELETE", f"/api/v2/dags/{DAG_ID}/dagRuns/{run_of(story)}"),
        ("GET", "/api/v2/connections"),
        ("GET", "/api/v2/variables"),
    ):
        with pytest.raises(OverstapError, match=r"LOCAL-008.*403"):
            api.call(method, path)
    assert {dag["dag_id"].split("__")[1] for dag in api.dags()} == {REGION}
    assert ROUND in DAG_ID


def test_it_ends_with_a_question_on_the_board_for_who_watches(played: PlayedStory) -> None:
    """The last of this file, since the round goes on after it."""
    story = played.story
    before = story.console.export_text(clear=False)
    story.leave_a_question(run_of(story))
    told = story.console.export_text(clear=False).removeprefix(before)
    [address] = re.findall(r"http://\S+/besluit/\S+", told)
    api = story.coordinator.api
    page = api._send_once("GET", address.replace("/plugin/rondes", "", 1)).text
    [faulty] = [one for one in story.demonstration.region.primary if one.behaviour is SchoolBehaviour.FAULTY]
    assert faulty.name in page
    assert "Vrijgeven" in page, "with a button for the coordinator"


def run_of(story: Story) -> str:
    return str(story.coordinator.api.runs(DAG_ID)[0]["dag_run_id"])
