"""Progress of a primary school in a round, per step."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from overstap.agreements import Milestones
from overstap.pages.board.funnel import ACCEPTED, CONFIRMED, DELIVERED, INSPECTED


class StepName(StrEnum):
    """Steps of a school, in their order."""

    SUPPLY = "supply"
    CHECK = "check"
    REVIEW = "review"
    DELIVERY = "delivery"
    CONFIRMATION = "confirmation"


class StepState(StrEnum):
    """State of a step; the board shows each with a word and a symbol, not by colour alone (WCAG 2.2, 1.4.1)."""

    AHEAD = "ahead"
    """Not begun, and not due."""
    BUSY = "busy"
    DONE = "done"
    TROUBLE = "trouble"
    """Something must be corrected."""
    LATE = "late"
    """Its milestone has passed."""
    ENDED = "ended"
    """The round was closed before all dossiers passed this step."""


@dataclass(frozen=True, slots=True)
class SchoolStep:
    """One step of one school.

    Args:
        name: the step.
        state: its state.
        done: number of dossiers that passed it.
        goal: number of dossiers that must pass it.
    """

    name: StepName
    state: StepState
    done: int
    goal: int


def steps(
    *,
    expected: int,
    states: Mapping[str, int],
    refused_files: int,
    milestones: Milestones,
    now: datetime,
    is_closed: bool = False,
) -> tuple[SchoolStep, ...]:
    """Return the steps of a school.

    Args:
        expected: pupils with an application, registration or placement; dossiers beyond that do not count as progress.
        states: its dossiers per state.
        refused_files: number of its files that could not become a dossier.
        milestones: the agreed milestones.
        now: the present moment, aware.
        is_closed: whether the round was closed; no step is running then.
    """
    found = _running(expected, states, refused_files, milestones, now)
    if not is_closed:
        return found
    over = (StepState.BUSY, StepState.AHEAD)
    return tuple(replace(step, state=StepState.ENDED) if step.state in over and step.goal else step for step in found)


def _running(
    expected: int, states: Mapping[str, int], refused_files: int, milestones: Milestones, now: datetime
) -> tuple[SchoolStep, ...]:
    supplied = sum(states.values())
    goal = expected or supplied
    good, inspected, delivered, confirmed = (
        sum(number for state, number in states.items() if state in layer)
        for layer in (ACCEPTED, INSPECTED, DELIVERED, CONFIRMED)
    )
    rejected = states.get("rejected", 0)
    lapsed = states.get("not_inspected", 0)
    lost = sum(states.get(state, 0) for state in ("refused", "undelivered"))
    nowhere = states.get("no_receiver", 0)
    return (
        _step(StepName.SUPPLY, supplied, goal, is_late=now >= milestones.data_due),
        # A rejected dossier beyond those expected is one to mend too: "10 of 10, to mend" says nothing
        _step(
            StepName.CHECK,
            good,
            max(goal, supplied) if rejected else goal,
            has_trouble=rejected + refused_files > 0,
            is_waited_for=supplied > 0,
        ),
        _step(
            StepName.REVIEW,
            inspected,
            goal,
            has_trouble=lapsed > 0,
            # Families are late only with what was released to them
            is_late=now >= milestones.review_closes and states.get("in_review", 0) > 0,
            is_waited_for=states.get("in_review", 0) > 0,
        ),
        _step(StepName.DELIVERY, delivered, goal, has_trouble=nowhere > 0),
        _step(
            StepName.CONFIRMATION,
            confirmed,
            goal,
            has_trouble=lost > 0,
            is_late=now >= milestones.receipts_due and delivered > confirmed + lost,
            is_waited_for=delivered > 0,
        ),
    )


def _step(
    name: StepName,
    done: int,
    goal: int,
    *,
    has_trouble: bool = False,
    is_late: bool = False,
    is_waited_for: bool = False,
) -> SchoolStep:
    if has_trouble:
        state = StepState.TROUBLE
    elif goal and done >= goal:
        state = StepState.DONE
    elif is_late and goal:
        state = StepState.LATE
    elif done or is_waited_for:
        state = StepState.BUSY
    else:
        state = StepState.AHEAD
    return SchoolStep(name, state, min(done, goal), goal)
