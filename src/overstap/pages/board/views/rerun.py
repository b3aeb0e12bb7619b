"""Page that tells what a rerun of one school does before it is done."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.pages.board.airflow_port import TaskRef
from overstap.pages.board.formatting import number, when
from overstap.pages.board.funnel import DELIVERED, INSPECTED
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.schools import SupplierRow
from overstap.pages.board.views.page_context import NotHereError, PageContext
from overstap.pages.board.views.school import row_of
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """What a rerun comes to.

    Args:
        title: what the button says.
        does: what happens, in Dutch.
        does_not: what does not.
        tasks: the titles of the tasks that go again.
    """

    title: str
    does: Sequence[str]
    does_not: Sequence[str]
    tasks: Sequence[str]


def plan(
    row: SupplierRow, view: RoundView, tasks: Sequence[TaskRef], context: PageContext, least: timedelta
) -> RerunPlan:
    """Work out what a rerun of a school comes to.

    Args:
        row: the school as it stands.
        view: the round.
        tasks: what Airflow would run again.
        context: for the moment.
        least: the time that parents get at least from a release on.
    """
    words = texts("board/rerun")
    states = row.counts.states
    facts = {
        "school": row.name,
        "rejected": number(states["rejected"]),
        "missing": number(max(0, row.counts.expected - row.counts.supplied)),
        "refused": number(row.counts.refused_files.total()),
        "delivered": number(sum(states[state] for state in DELIVERED)),
        "inspected": number(sum(states[state] for state in INSPECTED)),
        "in_review": number(states["in_review"]),
        "closes": when(max(view.milestones.review_closes, context.now + least), context.now),
    }
    does = ["collect"]
    does += ["mended"] * bool(states["rejected"] or row.counts.refused_files)
    does += ["missing"] * (row.counts.expected > row.counts.supplied)
    does += ["check", "question", "review"]
    does_not = ["others", "unchanged"]
    does_not += ["delivered"] * any(states[state] for state in DELIVERED)
    does_not += ["inspected"] * any(states[state] for state in INSPECTED)
    return RerunPlan(
        words["title"]["nl"],
        [words["does"][kind]["nl"].format(**facts) for kind in does],
        [words["does_not"][kind]["nl"].format(**facts) for kind in does_not],
        list(dict.fromkeys(task.title for task in tasks)),
    )


def page(
    context: PageContext,
    round_id: str,
    school: str,
    *,
    tasks: Sequence[TaskRef],
    mark: str,
    problem: str = "",
    warning: str = "",
    note: str = "",
) -> str:
    """Write the page.

    Args:
        context: see `PageContext`.
        round_id: the round.
        school: BRIN with branch of a primary school.
        tasks: what Airflow would run again.
        mark: the form's mark.
        problem: why it cannot be done, in Dutch; empty when it can.
        warning: why what was asked before was not done.
        note: what was typed before.

    Raises:
        NotHereError: the account may not see it, or there is none.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise NotHereError(round_id)
        row = row_of(context, unit, view, school)
        return render(
            "rerun",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            school=school,
            name=row.name,
            plan=plan(row, view, tasks, context, _least(unit, round_id)),
            mark=mark,
            problem=problem,
            warning=warning,
            note=note,
        )


def _least(unit: UnitOfWork, round_id: str) -> timedelta:
    """Return the time that parents get at least from a release on, as it was agreed."""
    found = get_round(unit, round_id)
    return found.agreement.round(found.kind).review_minimum
