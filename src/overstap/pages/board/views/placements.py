"""Page with the pupils of a placement round who are placed at several schools, and what was said of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overstap.agreements import RoundKind
from overstap.ledger import schools
from overstap.ledger.rounds import placements
from overstap.ledger.rounds.placements import PlacedTwice
from overstap.ledger.rounds.round_overview import coordinators
from overstap.ledger.rounds.rounds import get_round
from overstap.pages.board.formatting import number
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.texts import plural, texts


@dataclass(frozen=True, slots=True)
class PlacementSummary:
    """What the round's page tells.

    Args:
        waiting: sentence about those without an answer, Dutch; empty for none.
        told: sentence about those with one, Dutch; empty for none.
    """

    waiting: str
    told: str


def summary(found: Sequence[PlacedTwice]) -> PlacementSummary | None:
    """Return what the round's page tells; None when no pupil is placed at several schools."""
    if not found:
        return None
    waiting = sum(one.answer is None for one in found)
    return PlacementSummary(_said("waiting", waiting), _said("told", len(found) - waiting))


def _said(key: str, count: int) -> str:
    return str(texts("board/placements")[key]["nl"][plural(count)].format(count=number(count))) if count else ""


def find(context: PageContext, round_id: str, sign: str) -> PlacedTwice | None:
    """Return a pupil of the page by sign; None when there is none such (any more).

    Raises:
        PageNotFoundError: as for `page`.
    """
    return next((one for one in _found(context, round_id) if one.sign == sign), None)


def _found(context: PageContext, round_id: str) -> list[PlacedTwice]:
    with context.round(round_id) as (unit, view):
        if unit is None or not context.person.sees_dossiers or view.kind is not RoundKind.PLACEMENT:
            raise PageNotFoundError(round_id)
        return placements.placed_twice(unit, round_id)


def page(
    context: PageContext,
    round_id: str,
    *,
    form_token: str,
    done: bool = False,
    problem: str = "",
    given: Mapping[str, str] | None = None,
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        round_id: the round.
        form_token: see `csrf.form_token`.
        done: whether an answer was just recorded.
        problem: why the submitted form was not executed, Dutch.
        given: values of the submitted form.

    Raises:
        PageNotFoundError: the account may not see single dossiers or the round, it has not opened, or is of another
            kind.
    """
    found = _found(context, round_id)
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
        of_round = get_round(unit, round_id)
        accounts = of_round.agreement.gate_accounts(of_round.kind)
        people = coordinators(unit, round_id)
        return render(
            "placements",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            said=texts("board/placements"),
            pupils=found,
            names={school: one.name for school, one in schools.known(unit).items()},
            people=people,
            accounts=[people.get(one, one) for one in accounts],
            may_answer=view.region in context.person.reruns and context.person.account in accounts,
            is_under_way=view.milestones.delivers <= context.now and view.closed_at is None,
            form_token=form_token,
            done=done,
            problem=problem,
            given={"sign": "", "holds": "", "reason": "", **(given or {})},
        )
