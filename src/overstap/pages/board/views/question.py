"""Page of a question to the coordinator: its figures, the answers to choose from, and who answered it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overstap.closing.decisions import decision_sentence
from overstap.ledger.rounds import coordinator_answers, gate_decisions, round_overview
from overstap.ledger.rounds.coordinator_answers import KeptAnswer
from overstap.pages.board.airflow_port import GateQuestion
from overstap.pages.board.questions import option_label, question_view
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError

GATES = ("release_for_review", "not_inspected", "release_for_delivery", "accept_undeliverable")


@dataclass(frozen=True, slots=True)
class FoundQuestion:
    """A question that was looked up for an account.

    Args:
        view: the round.
        question: the question that Airflow asks; None when it waits for no answer.
        kept: the answer to this asking that the ledger has; None when it has none.
    """

    view: RoundView
    question: GateQuestion | None
    kept: KeptAnswer | None


def find(context: PageContext, round_id: str, gate: str, number: int, asked: Sequence[GateQuestion]) -> FoundQuestion:
    """Return a question of a round.

    Args:
        context: context of the request.
        round_id: `<region>.<school year>.<kind>`.
        gate: name of the gate.
        number: number of the gate's question, from 1.
        asked: the questions of the round's DAG that wait for an answer.

    Raises:
        PageNotFoundError: the account may not see the round, it has not opened, or there is no such gate.
    """
    with context.round(round_id) as (unit, view):
        if unit is None or gate not in GATES:
            raise PageNotFoundError(round_id)
        question = next((one for one in asked if (one.gate, one.number) == (gate, number)), None)
        kept = coordinator_answers.kept(unit, round_id, gate, question.key) if question else None
        return FoundQuestion(view, question, kept)


def page(
    context: PageContext,
    round_id: str,
    gate: str,
    number: int,
    found: FoundQuestion,
    *,
    form_token: str,
    problem: str = "",
    was_late: bool = False,
    given: Mapping[str, object] | None = None,
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: the round.
        gate: the gate.
        number: number of the question.
        found: see `find`.
        form_token: see `csrf.form_token`.
        problem: why the submitted form was not executed, Dutch.
        was_late: whether the submitted answer does not count, since somebody was first.
        given: values of the submitted form.

    Raises:
        PageNotFoundError: the account may not see the round, or it has not opened.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
        asked = question_view(unit, round_id, found.question, context.now) if found.question else None
        decided = [one for one in gate_decisions.of_round(unit, round_id) if one.gate == gate]
        names = round_overview.coordinators(unit, round_id)
        return render(
            "question",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            gate=gate,
            number=number,
            question=found.question,
            asked=asked,
            people=names,
            kept=found.kept,
            kept_by=names.get(found.kept.account, found.kept.account) if found.kept else "",
            kept_choice=option_label(gate, found.kept.choice) if found.kept else "",
            decided=[(one, decision_sentence(one, view.kind)) for one in reversed(decided)],
            may_answer=may_answer(context, view, asked.accounts) if asked else False,
            form_token=form_token,
            problem=problem,
            was_late=was_late,
            given={"reason": "", "schools": None, "until": "", **(given or {})},
        )


def may_answer(context: PageContext, view: RoundView, accounts: Sequence[str]) -> bool:
    """Tell whether the account of the request may answer; the database has the last word."""
    return view.region in context.person.reruns and context.person.account in accounts
