"""Tests of a school that supplies while the rest of the round is one step further."""

from collections.abc import Callable

from integration.round.deployment import KIND, RegionDeployment

from .conftest import PUPILS, RunTask, collect


def test_what_came_in_after_the_check_is_judged_before_the_coordinator_is_asked(
    at_brink: Callable[[str], RegionDeployment], run_task: RunTask
) -> None:
    deployment = at_brink("opened")
    collect(deployment)
    assert deployment.states() == {"supplied": PUPILS}
    assert run_task(deployment, "questions", deployment.agreement.school_year, KIND.value) == [1]
    states = deployment.states()
    assert states["supplied"] == 0
    assert states["accepted"] > 0
    assert states.total() == PUPILS
