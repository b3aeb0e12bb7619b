"""Labels of mapped tasks that did not run, from the serialised list of schools."""

import logging
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from overstap.orchestration.square_names import task_instance_mutation_hook

SCHOOLS = [{"school": "98XA00", "label": "Denkbeeld College (98XA00)"}, {"school": "98XB00", "label": "L" * 300}]


class Base(DeclarativeBase):
    pass


class Instance(Base):
    """As Airflow's model: its attributes have other names than the columns (test_squares.py looks at its own)."""

    __tablename__ = "task_instance"
    task_id: Mapped[str] = mapped_column(primary_key=True)
    map_index: Mapped[int]
    label: Mapped[str | None] = mapped_column("rendered_map_index")
    title: Mapped[str | None] = mapped_column("task_display_name")
    task: ClassVar[Any] = None


class OtherColumns(Base):
    """As of a version of Airflow that keeps the label elsewhere."""

    __tablename__ = "task_instance_of_another_version"
    task_id: Mapped[str] = mapped_column(primary_key=True)
    map_index: Mapped[int]
    task: ClassVar[Any] = None


def instance(index: int, each: Any, *, label: str | None = None) -> Any:
    made: Any = Instance(task_id="deliver", map_index=index, label=label)
    made.task = SimpleNamespace(expand_input=SimpleNamespace(value=each), task_display_name="Versturen naar scholen")
    return made


def named(index: int, each: Any, *, label: str | None = None) -> str | None:
    made: Any = instance(index, each, label=label)
    task_instance_mutation_hook(made)
    return str(made.label) if made.label is not None else None


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
    made: Any = instance(-1, None)
    task_instance_mutation_hook(made)
    assert (made.title, made.label) == ("Versturen naar scholen", None)


@pytest.mark.parametrize("told", [{"label": "without an id"}, None, "98XA00", 7])
def test_an_error_leaves_the_number_and_is_logged(told: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        assert named(0, [told]) is None
    assert "task deliver has no label" in caplog.text


@pytest.mark.parametrize("model", [OtherColumns, SimpleNamespace])
def test_a_version_that_keeps_the_label_elsewhere_does_not_end_the_scheduler(
    model: Any, caplog: pytest.LogCaptureFixture
) -> None:
    made = model(task_id="deliver", map_index=0)
    made.task = instance(0, SCHOOLS).task
    with caplog.at_level(logging.ERROR):
        task_instance_mutation_hook(made)
    assert "task deliver has no label" in caplog.text
