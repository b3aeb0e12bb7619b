"""A school whose dossiers come in while the rest of the round is already a step further."""

from collections.abc import Callable

from integration.round.house import KIND, House

from .conftest import PUPILS, RunTask, collect


def test_what_came_in_after_the_check_is_judged_before_the_coordinator_is_asked(
    at_brink: Callable[[str], House], run_task: RunTask
) -> None:
    house = at_brink("opened")
    collect(house)
    assert house.states() == {"supplied": PUPILS}
    assert run_task(house, "questions", house.agreement.school_year, KIND.value) == [1]
    states = house.states()
    assert states["supplied"] == 0
    assert states["accepted"] > 0
    assert states.total() == PUPILS
