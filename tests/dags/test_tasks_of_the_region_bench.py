"""Test that the benchmark of a region's round knows how many tasks end in it."""

from typing import Any

from overstap_tools.bench import region

PER_SCHOOL = ("collect", "deliver")


def test_the_round_has_as_many_tasks_as_its_progress_counts(dags: dict[str, Any]) -> None:
    names = {task.task_id for task in dags[f"round__alfa__{region.KIND}"].tasks}
    assert names >= set(PER_SCHOOL)
    primary, secondary = 7, 3
    assert region.instances(primary, secondary) == 2 * (len(names - set(PER_SCHOOL)) + primary + secondary)
