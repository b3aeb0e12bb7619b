"""Page on which a coordinator invites primary schools from outside the region to a round."""

from collections.abc import Mapping
from uuid import uuid4

from overstap.ledger import guests
from overstap.ledger.guests import MOST_PUPILS, GuestSchool
from overstap.ledger.region_keys import BoardKeys
from overstap.pages.board.render import render
from overstap.pages.board.views.contacts import coordinated
from overstap.pages.board.views.page_context import PageContext
from overstap.texts import texts


def page(
    context: PageContext,
    keys: BoardKeys | None,
    round_id: str,
    *,
    form_token: str,
    told: str = "",
    problem: str = "",
    given: Mapping[str, str] | None = None,
) -> str:
    """Return the page as HTML.

    Args:
        context: context of the request.
        keys: keys that encrypt contacts; None: this server has none.
        round_id: the round.
        form_token: see `csrf.form_token`.
        told: what was just done, a key of include/texts/board/guests.yaml.
        problem: why it was not done, Dutch.
        given: what somebody filled in, to be shown again.
    """
    with coordinated(context, round_id) as (unit, view):
        words = texts("board/guests")
        return render(
            "guests",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            g=words,
            has_keys=keys is not None,
            is_open=view.closed_at is None and view.kind.is_of_leavers,
            guests=[(one, state_of(one, view.closed_at is not None)) for one in guests.of_round(unit, round_id)],
            asks=guests.asked_by_receivers(unit, round_id),
            given=dict.fromkeys(("school", "name", "email", "pupils", "dossiers", "do"), "")
            | {"guest": str(uuid4())}
            | dict(given or {}),
            most=MOST_PUPILS,
            told=words["told"][told]["nl"] if told in words["told"] else "",
            problem=problem,
            form_token=form_token,
        )


def state_of(one: GuestSchool, is_closed: bool) -> str:
    """Return how far an invitation is: "closed", "ended", "waiting", "mailed" or "used".

    An address that expired unused is "mailed" with a moment in the past.
    """
    if is_closed:
        return "closed"
    if one.ended_at is not None:
        return "ended"
    if one.mailed_at is None:
        return "waiting"
    return "used" if one.expires_at is None else "mailed"
