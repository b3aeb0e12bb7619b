"""Pages on which a coordinator takes the last decision back, or has a question asked again."""

from uuid import UUID

from overstap.closing.decisions import decision_sentence
from overstap.ledger.rounds import coordinator_answers, gate_decisions
from overstap.ledger.rounds.coordinator_answers import UndoableDecision
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.texts import texts


def undoable(context: PageContext, round_id: str) -> UndoableDecision | None:
    """Return the decision of a round that can be taken back by this account; None when there is none.

    Raises:
        PageNotFoundError: the account may not see the round, or it has not opened.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
        if view.region not in context.person.reruns:
            return None
        return coordinator_answers.undoable(unit, round_id)


def page(
    context: PageContext,
    round_id: str,
    kind: str,
    *,
    form_token: str,
    gate: str = "",
    decision: UUID | None = None,
    problem: str = "",
    warning: str = "",
    note: str = "",
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: the round.
        kind: "back" or "again", a key of include/texts/board/decisions.yaml.
        form_token: see `csrf.form_token`.
        gate: the gate that it is about.
        decision: the decision to take back; None when there is none.
        problem: why it is impossible, Dutch; empty when it is possible.
        warning: why the submitted form was not executed, Dutch.
        note: the note of the submitted form.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
        words = texts("board/decisions")
        about = next(
            (one for one in reversed(gate_decisions.of_round(unit, round_id)) if one.decision == decision), None
        )
        return render(
            "second_thought",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            kind=kind,
            gate=gate,
            title=words[kind]["title"]["nl"],
            says=words["back"]["is"].get(gate, {}).get("nl", "") if kind == "back" else words["again"]["is"]["nl"],
            about=decision_sentence(about, view.kind) if about else "",
            about_at=about.at if about else None,
            decision=decision or "",
            form_token=form_token,
            problem=problem,
            warning=warning,
            note=note,
        )
