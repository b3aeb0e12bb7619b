"""Labels of mapped tasks that did not run, from the serialised list of schools."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from overstap.orchestration.square_names import task_instance_mutation_hook

SCHOOLS = [{"school": "98XA00", "label": "Denkbeeld College (98XA00)"}, {"school": "98XB00", "label": "L" * 300}]


def instance(index: int, each: Any, *, label: str | None = None) -> Any:
    task = SimpleNamespace(expand_input=SimpleNamespace(value=each), task_display_name="Versturen naar scholen")
    kept = {"_rendered_map_index": label, "_task_display_property_value": None}
    return SimpleNamespace(task_id="deliver", task=task, map_index=index, **kept)


def named(index: int, each: Any, *, label: str | None = None) -> str | None:
    made = instance(index, each, label=label)
    task_instance_mutation_hook(made)
    return made._rendered_map_index


def test_a_square_has_its_schools_name() -> None:
    assert named(0, SCHOOLS) == "Versturen - Denkbeeld College (98XA00)"
    long = named(1, SCHOOLS)
    assert long is not None
    assert long.endswith("(98XB00)")
    assert len(long) <= 250, "Airflow keeps no more"


def test_what_ran_keeps_the_label_that_it_gave_itself() -> None:
    assert named(0, SCHOOLS, label="Versturen - niet in deze uitvoering") == "Versturen - niet in deze uitvoering"


@pytest.mark.parametrize("each", [None, "an XCom", {"school": ["98XA00"]}, []])
def test_what_is_not_over_schools_stays_as_it_is(each: Any) -> None:
    assert named(0, each) is None
    assert named(-1, SCHOOLS) is None


def test_the_title_of_the_task_is_copied_also_where_there_is_no_school() -> None:
    made = instance(-1, None)
    task_instance_mutation_hook(made)
    assert (made._task_display_property_value, made._rendered_map_index) == ("Versturen naar scholen", None)


def test_an_error_leaves_the_number_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert named(0, [{"label": "without an id"}]) is None
    assert "task deliver has no label" in caplog.text
