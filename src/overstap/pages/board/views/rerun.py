"""Confirmation page for the rerun of one school: its effects, and the tasks that run again."""

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
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.pages.board.views.school import row_of
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class RerunPlan:
    """Effects of a rerun.

    Args:
        title: label of the button, Dutch.
        does: what happens, Dutch.
        does_not: what does not happen, Dutch.
        tasks: titles of the tasks that run again.
    """

    title: str
    does: Sequence[str]
    does_not: Sequence[str]
    tasks: Sequence[str]


def plan(
    row: SupplierRow, view: RoundView, tasks: Sequence[TaskRef], context: PageContext, least: timedelta
) -> RerunPlan:
    """Return the effects of a rerun of a school.

    Args:
        row: the row of the school.
        view: the round.
        tasks: the tasks that Airflow would run again.
        context: context of the request.
        least: shortest time for parents from a release on.
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
    form_token: str,
    problem: str = "",
    warning: str = "",
    note: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: `<region>.<school year>.<kind>`.
        school: BRIN with branch of a primary school.
        tasks: what Airflow would run again.
        form_token: see `csrf.form_token`.
        problem: why a rerun is impossible, Dutch; empty when it is possible.
        warning: why the submitted form was not executed, Dutch.
        note: the note of the submitted form.

    Raises:
        PageNotFoundError: the account may not see it, or there is none.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
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
            form_token=form_token,
            problem=problem,
            warning=warning,
            note=note,
        )


def _least(unit: UnitOfWork, round_id: str) -> timedelta:
    """Return the agreed shortest time for parents from a release on."""
    found = get_round(unit, round_id)
    return found.agreement.round(found.kind).review_minimum
