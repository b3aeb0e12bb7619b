"""Page of one round on the board: progress, problems, and its schools as a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from overstap.agreements.national import national_year
from overstap.clock import dutch_time
from overstap.closing.decisions import decision_sentence
from overstap.ledger import guests
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.rosters.matching import RosterList
from overstap.ledger.rounds import coordinator_answers, gate_decisions, progress
from overstap.ledger.rounds.placements import placed_twice
from overstap.ledger.rounds.task_failures import TaskFailure
from overstap.ledger.rounds.undecided_applications import undecided_applications
from overstap.ledger.session import UnitOfWork
from overstap.pages.board import addresses
from overstap.pages.board.airflow_port import GateQuestion
from overstap.pages.board.charts import progress as progress_chart
from overstap.pages.board.funnel import days
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundPhase, RoundView, opened_rounds, planned_rounds
from overstap.pages.board.schools import RoundFacts, SupplierRow, receiver_rows
from overstap.pages.board.selection import RowOrder, Selection, select, tally
from overstap.pages.board.summary import headline
from overstap.pages.board.views import admission, placements, rosters, unresolved
from overstap.pages.board.views.contacts import persons_shown
from overstap.pages.board.views.page_context import (
    PageContext,
    PageNotFoundError,
    facts_of,
    rows_of_facts,
    sentence_of,
    with_funnel,
)
from overstap.texts import texts

ASKED_AGAIN = {
    **dict.fromkeys(("GATE-001", "GATE-010"), "release_for_review"),
    **dict.fromkeys(("GATE-006", "GATE-011", "REVIEW-020", "REVIEW-021", "REVIEW-022"), "not_inspected"),
    **dict.fromkeys(("GATE-004", "GATE-007"), "release_for_delivery"),
    **dict.fromkeys(("GATE-008", "GATE-009", "GATE-012"), "accept_undeliverable"),
}
"""Errors after which a coordinator has a question asked again, with its gate."""
DECISIONS = 20
"""Number of the latest decisions that are shown; the round report has them all."""
LEFT_OVER = 8
"""Number of lines of what is left over that are shown at once; the others are behind a fold."""


@dataclass(frozen=True, slots=True)
class FailedTaskLine:
    """Tasks that failed, or wait for a retry, with one cause."""

    title: str
    schools: Sequence[tuple[str, str]]
    """BRIN and name of the schools whose tasks fail for this cause; empty for a task of the whole round."""
    since: datetime
    code: str
    says: str
    do: str
    will_retry: bool
    gate: str = ""
    """The gate whose question can be asked again to go on; empty for none."""


def page(
    context: PageContext,
    round_id: str,
    wanted: Selection,
    questions_of: Callable[[str], Sequence[GateQuestion]],
    keys_of: Callable[[str], BoardKeys | None],
    *,
    told: str = "",
    mark: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: `<region>.<school year>.<kind>`.
        wanted: filter and order of the schools.
        questions_of: returns the gates of a DAG that wait for an answer.
        keys_of: returns the board's keys of a region, for telephone numbers; None where there are none.
        told: what the account just did, a key of include/texts/board/decisions.yaml; empty for nothing.
        mark: form token with which the account takes up what has no receiver.

    Raises:
        PageNotFoundError: the account may not see it, or there is none.
    """
    with context.round(round_id) as (unit, view):
        shared: dict[str, Any] = {"base": context.base, "now": context.now, "person": context.person, "wanted": wanted}
        shared |= {
            "orders": list(RowOrder),
            "airflow": f"/dags/{view.dag_id}",
            "here": f"{context.base}{addresses.round_page(round_id)}",
            "told": texts("board/decisions")["told"].get(told, {}).get("nl", ""),
            "mark": mark,
            "persons": {},
            "undoable": None,
            "left_over_first": LEFT_OVER,
        }
        if unit is None:
            planned = headline(view, (), context.now)
            shared |= dict.fromkeys(
                ("rows", "all_rows", "receivers", "decisions", "failures", "tally", "questions", "left_over"), ()
            )
            return render(
                "round",
                view=view,
                headline=planned,
                chart=None,
                tests=None,
                roster_groups=(),
                twice=None,
                admission=(),
                is_planned=True,
                **shared,
            )
        facts = facts_of(unit, view, context.now)
        rows = rows_of_facts(unit, view, facts, context.now)
        today = dutch_time(context.now).date()
        moved = progress.transitions(unit, round_id)
        view = with_funnel(
            view, facts, [(one.from_state, one.to_state, one.count) for one in moved if one.day == today]
        )
        by_day = days(moved, today)
        may_decide = view.region in context.person.reruns
        return render(
            "round",
            view=view,
            headline=headline(view, rows, context.now),
            chart=progress_chart(by_day, view.steps[0].count, view, today),
            all_rows=rows,
            rows=select(rows, wanted),
            tally=tally(rows),
            receivers=receiver_rows(facts, sentence_of),
            decisions=[
                (one, decision_sentence(one, view.kind))
                for one in reversed(gate_decisions.of_round(unit, round_id)[-DECISIONS:])
            ],
            questions=questions_of(view.dag_id),
            failures=_failures(facts),
            tests=unresolved.tests(facts, sentence_of),
            left_over=unresolved.lines(facts, context.now),
            roster_groups=rosters.groups(facts),
            roster_words=texts("board/rosters"),
            has_vain=any(one.list is RosterList.SENT_IN_VAIN for one in facts.roster_lists),
            vain_words=texts("board/sent_in_vain"),
            has_two_regions=any(one.list is RosterList.TWO_REGIONS for one in facts.roster_lists),
            two_regions_words=texts("board/two_regions"),
            admission=_admission(unit, view, facts, today),
            admission_words=texts("board/admission"),
            national=national_year(view.school_year),
            is_planned=False,
            places_words=texts("board/places"),
            twice=placements.summary(placed_twice(unit, round_id)),
            guests=guests.ids(unit, round_id),
            placement_words=texts("board/placements"),
            **shared
            | {
                "undoable": coordinator_answers.undoable(unit, round_id) if may_decide else None,
                "persons": persons_shown(context, unit, view.region, keys_of),
            },
        )


def _admission(unit: UnitOfWork, view: RoundView, facts: RoundFacts, today: date) -> list[admission.AdmissionLine]:
    """Return what runs out by secondary school: from the end of the registration week on, in rounds of leavers."""
    national = national_year(view.school_year)
    if not view.kind.is_of_leavers or today < national.statutory.registration.first:
        return []
    return admission.lines(undecided_applications(unit, view.school_year), national, today, facts.names)


def rows_of(context: PageContext, round_id: str, wanted: Selection) -> tuple[RoundView, list[SupplierRow]]:
    """Return a round and the selected schools of it, for an export.

    Raises:
        PageNotFoundError: the account may not see it, or there is none.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            return view, []
        facts = facts_of(unit, view, context.now)
        rows = rows_of_facts(unit, view, facts, context.now)
        return view, select(rows, wanted)


def round_of_dag(context: PageContext, dag_id: str, run_id: str = "") -> str:
    """Return the id of the round of a DAG or of a run of it.

    Args:
        context: context of the request.
        dag_id: `round__<region>__<kind>`, or `intake__<region>` for whichever round of it is open.
        run_id: a run of it, since last year's run belongs to last year's round; empty for none.

    Raises:
        PageNotFoundError: the account may not see it, or there is none.
    """
    kind_of_dag, _, rest = dag_id.partition("__")
    region, _, kind = rest.partition("__")
    if region not in context.person.regions or kind_of_dag not in ("round", "intake"):
        raise PageNotFoundError(dag_id)
    with context.region(region) as unit:
        opened = opened_rounds(unit) if unit else []
    views = [*opened, *planned_rounds(context.agreement_cache.of(region), opened, context.now)]
    found = [view for view in views if kind in ("", view.kind)]
    if not found:
        raise PageNotFoundError(dag_id)
    return at_run(found, run_id, context.now).round_id


def at_run(views: Sequence[RoundView], run_id: str, now: datetime) -> RoundView:
    """Return the round that had opened last at the moment of a run; without a run, the open one, else the first.

    Args:
        views: rounds of one DAG, at least one.
        run_id: Airflow's id of the run, such as `scheduled__<moment>`; one without a moment counts as none.
        now: the present moment, aware.
    """
    try:
        moment: datetime | None = datetime.fromisoformat(run_id.partition("__")[2])
    except ValueError:
        moment = None
    if moment is not None and moment.tzinfo is not None:
        begun = [view for view in views if view.milestones.opens <= moment]
        if begun:
            return max(begun, key=lambda view: view.milestones.opens)
    is_over = (RoundPhase.CLOSED, RoundPhase.PLANNED)
    return next((view for view in views if view.phase(now) not in is_over), views[0])


def _failures(facts: RoundFacts) -> list[FailedTaskLine]:
    """Return failed tasks, grouped by task and cause, the oldest first: forty schools with one cause are one line."""
    titles = texts("orchestration/titles")
    by_cause: dict[tuple[str, str, str, bool], list[TaskFailure]] = {}
    for one in facts.failures:
        by_cause.setdefault((one.task.task_id, one.code, one.error.message_nl, one.will_retry), []).append(one)
    return [
        FailedTaskLine(
            titles.get(f"task.{task}", {"nl": task})["nl"],
            [(one.task.school, facts.names.get(one.task.school, one.task.school)) for one in found if one.task.school],
            min(one.at for one in found),
            code,
            says,
            found[0].error.do_nl,
            will_retry,
            "" if will_retry else ASKED_AGAIN.get(code, ""),
        )
        for (task, code, says, will_retry), found in by_cause.items()
    ]
