"""Tests of rules that hold for every DAG, over all DAGs that Airflow parses."""

import itertools
import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from overstap.agreements import load_all
from overstap.orchestration.titles import LABEL
from overstap.texts import texts
from overstap_tools.project import PROJECT

from .conftest import REGIONS

KINDS = ("pre_registration", "advice", "placement")
GATES = {"ReleaseForReview", "DecideNotInspected", "ReleaseForDelivery", "AcceptUndeliverable"}
WAITS = {"WaitForMilestone", "WaitForReview", "WaitForReceipts", *GATES}
"""Take as long as people take, so they have no time limit."""
NO_WORK = {"EmptyOperator"}


def tasks(dags: dict[str, Any]) -> list[tuple[str, Any]]:
    found = [(dag_id, task) for dag_id, dag in sorted(dags.items()) for task in dag.tasks]
    assert found
    return found


def kind_of(task: Any) -> str:
    return getattr(task, "operator_name", None) if task.is_mapped else type(task).__name__


def test_every_round_of_every_region_is_a_dag(dags: dict[str, Any]) -> None:
    rounds = {dag_id for dag_id in dags if dag_id.startswith("round__")}
    assert rounds == {f"round__{region}__{kind}" for region in REGIONS for kind in KINDS}


def test_dag_titles_and_documentation_are_dutch(dags: dict[str, Any], regions: Path) -> None:
    names = {agreement.region: agreement for agreement in load_all(regions)[0]}
    for dag_id, dag in dags.items():
        region = next(tag.removeprefix("regio:") for tag in dag.tags if tag.startswith("regio:"))
        assert dag.dag_display_name.startswith(names[region].name), dag_id
        assert dag.dag_display_name != dag_id
        assert dag.doc_md.strip(), dag_id
        if dag_id.startswith("round__"):
            for school in names[region].schools:
                assert school.id in dag.doc_md, dag_id
            assert names[region].coordinators[0].name in dag.doc_md, dag_id
    assert dags["round__alfa__advice"].dag_display_name == "Regio Alfa: Advies 2026-2027"


def test_tags_owner_and_rights(dags: dict[str, Any]) -> None:
    for dag_id, dag in dags.items():
        region = dag_id.split("__")[1]
        assert {"overstap", f"regio:{region}", "schooljaar:2026-2027"} <= set(dag.tags), dag_id
        assert {task.owner for task in dag.tasks} == {region}, dag_id
        assert dag.access_control == {
            f"coordinator_{region}": {"DAGs": {"can_read", "can_edit"}},
            f"viewer_{region}": {"DAGs": {"can_read"}},
        }, dag_id
        assert dag.max_active_runs == 1, dag_id
        assert dag.is_paused_upon_creation is False, "Airflow pauses a new DAG, and no round would open"


def test_every_task_has_its_title_from_the_texts(dags: dict[str, Any]) -> None:
    titles = {text["nl"] for name, text in texts("orchestration/titles").items() if name.startswith("task.")}
    for dag_id, task in tasks(dags):
        shown = task.partial_kwargs["task_display_name"] if task.is_mapped else task.task_display_name
        assert shown in titles, (dag_id, task.task_id)
        assert shown != task.task_id


def test_every_mapped_task_has_labels(dags: dict[str, Any]) -> None:
    mapped = [task for _, task in tasks(dags) if task.is_mapped]
    assert {"collect", "deliver", "release"} <= {task.task_id for task in mapped}
    for task in mapped:
        assert task.map_index_template == LABEL, "the only template, and it holds no value"
        assert f"task.{task.task_id}.map" in texts("orchestration/titles"), task.task_id


@pytest.mark.fault("F75")
def test_no_argument_of_a_task_is_a_template(dags: dict[str, Any]) -> None:
    """Names of schools, forms and reasons reach tasks as arguments; Airflow renders what `template_fields` names."""
    assert re.findall(r"{[{%#].*?[}%#]}", LABEL) == ["{{ task.shown }}", "{{ aside|default('') }}"]
    for dag_id, task in tasks(dags):
        assert tuple(task.template_fields) == (), (dag_id, task.task_id)
        assert tuple(task.template_ext) == (), (dag_id, task.task_id)
        assert dags[dag_id].template_searchpath is None


def test_work_is_tried_again_with_growing_waits_and_has_a_limit(dags: dict[str, Any]) -> None:
    for dag_id, task in tasks(dags):
        where = (dag_id, task.task_id)
        assert 2 <= task.retries <= 5, "what takes longer is tried again by the ledger's times, or a person acts"
        assert task.retry_delay >= timedelta(seconds=10), where
        assert task.retry_exponential_backoff, where
        assert task.max_retry_delay <= timedelta(hours=1), where
        if kind_of(task) in WAITS:
            assert task.execution_timeout is None, where
        elif kind_of(task) not in NO_WORK:
            assert timedelta(0) < task.execution_timeout <= timedelta(hours=4), where


def test_each_dag_serialises_by_itself(dags: dict[str, Any]) -> None:
    """One that does not would make every DAG of its file stale, and no import error would tell."""
    from airflow.serialization.serialized_objects import DagSerialization

    for dag_id, dag in dags.items():
        msgspec.msgpack.encode(DagSerialization.to_dict(dag))  # as the DAG processor does: a subclass of str is refused
        written = json.loads(json.dumps(DagSerialization.to_dict(dag)))
        again = DagSerialization.from_dict(written)
        assert set(again.task_ids) == set(dag.task_ids), dag_id
        assert again.dag_display_name == dag.dag_display_name, dag_id
        assert {task: set(again.get_task(task).downstream_task_ids) for task in again.task_ids} == {
            task.task_id: set(task.downstream_task_ids) for task in dag.tasks
        }


def test_nothing_is_released_or_sent_before_what_it_depends_on(dags: dict[str, Any]) -> None:
    for dag_id in (one for one in dags if one.startswith("round__")):
        dag = dags[dag_id]
        order = ["open_round", "collect", "check", "release", "review", "end_review", "receivers", "seal", "deliver"]
        for earlier, later in itertools.pairwise(order):
            assert earlier in dag.get_task(later).get_flat_relative_ids(upstream=True), (earlier, later)


def test_a_round_starts_once_at_its_opening(dags: dict[str, Any], regions: Path) -> None:
    import pendulum
    from airflow.serialization.encoders import coerce_to_core_timetable
    from airflow.timetables.base import TimeRestriction

    for agreement in load_all(regions)[0]:
        for kind, agreed in agreement.rounds.items():
            dag = dags[f"round__{agreement.region}__{kind.value}"]
            table = coerce_to_core_timetable(dag.timetable)
            restriction = TimeRestriction(pendulum.instance(dag.start_date), None, dag.catchup)
            first = table.next_dagrun_info(last_automated_data_interval=None, restriction=restriction)
            assert first is not None
            assert first.run_after == agreed.milestones.opens
            assert (
                table.next_dagrun_info(last_automated_data_interval=first.data_interval, restriction=restriction)
                is None
            )


@pytest.mark.parametrize("path", sorted((PROJECT / "dags").glob("*.py")), ids=lambda path: path.name)
def test_dag_files_are_short_and_read_agreements_only(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) < 120
    assert re.match(r'"""\w', text), "a DAG file begins with what it is for"
    assert not re.search(r"\b(open|connect|get_conn|open_ledger|Variable|requests|httpx|read_text|read_bytes)\(", text)


def test_reading_dags_touches_nothing_but_agreements(
    regions: Path, read_dags: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No ledger, no keys, no network: what is not set cannot be used, and no socket is opened."""
    import socket

    for name in ("LEDGER", "KEYS", "TRUST", "DROP", "REPORTS"):
        monkeypatch.delenv(f"OVERSTAP_{name}", raising=False)
    opened: list[object] = []
    monkeypatch.setattr(socket.socket, "connect", lambda *where: opened.append(where))
    bag = read_dags(regions)
    assert bag.import_errors == {}
    assert len(bag.dags) >= len(REGIONS) * len(KINDS)
    assert opened == []
