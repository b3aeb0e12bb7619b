"""Tests of reopening a closed round by a decision."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_walk import REGION, ROUND, agreement

from overstap.agreements import RoundId, RoundKind
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rounds import gate_decisions, gate_holds, rounds
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE, HoldReason
from overstap.rounds import opening
from overstap.rounds.context import Context, RoundContext
from overstap.settings import Settings

LEFT = HoldReason("nothing_arrived", 5, {"of": 5, "arriving": 0})


@pytest.fixture
def closed(ledger: Ledger, tmp_path: Path) -> RoundContext:
    """A round that was closed with nothing in it, which a coordinator accepted."""
    with ledger.unit(REGION, "close") as unit:
        assert rounds.open_round(unit, agreement(), RoundKind.ADVICE)
        assert [hold.batch for hold in gate_holds.update_holds(unit, ROUND, ACCEPT_UNDELIVERABLE, [LEFT])] == [1]
        gate_holds.decide(
            *(unit, ROUND, ACCEPT_UNDELIVERABLE, 1),
            approved=True,
            decided_by="coordinator",
            reason="",
            answer_key="1",
            dossiers=5,
        )
        assert gate_holds.update_holds(unit, ROUND, ACCEPT_UNDELIVERABLE, [LEFT]) == []
        rounds.close_round(unit, ROUND)
    settings = Settings(regions=tmp_path)
    return Context(settings, ledger, run="manual__1").of_round(RoundId(ROUND), agreement())


def closed_at(context: RoundContext) -> datetime | None:
    with context.unit("test") as unit:
        return rounds.get_round(unit, ROUND).closed_at


def test_a_coordinators_decision_opens_it_and_is_kept(closed: RoundContext) -> None:
    before = closed_at(closed)
    assert before is not None
    assert before <= datetime.now(UTC)
    assert opening.reopen(closed, asked_by="coordinator", reason="afgesloten terwijl de school nog leverde")
    assert closed_at(closed) is None
    assert not opening.reopen(closed, asked_by="coordinator", reason="nog eens"), "it is open"
    with closed.unit("test") as unit:
        [decision] = [one for one in gate_decisions.of_round(unit, ROUND) if one.gate == "reopen"]
        [line] = [
            row[0]
            for row in unit.rows("select payload::jsonb ->> 'action' from overstap.audit_line")
            if "reop" in row[0]
        ]
    assert (decision.account, decision.reason) == ("coordinator", "afgesloten terwijl de school nog leverde")
    assert line == "round.reopen"


def test_what_was_accepted_is_asked_anew(closed: RoundContext) -> None:
    opening.reopen(closed, asked_by="coordinator", reason="toch niet")
    with closed.unit("close") as unit:
        assert [hold.batch for hold in gate_holds.update_holds(unit, ROUND, ACCEPT_UNDELIVERABLE, [LEFT])] == [2]


@pytest.mark.parametrize(("account", "reason"), [("stranger", "omdat"), ("", "omdat"), ("coordinator", "")])
def test_nobody_else_opens_it_and_not_without_a_reason(closed: RoundContext, account: str, reason: str) -> None:
    with pytest.raises(OverstapError, match="AGREEMENT-021"):
        opening.reopen(closed, asked_by=account, reason=reason)
    assert closed_at(closed) is not None
