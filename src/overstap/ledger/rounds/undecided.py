"""Checks that refuse steps of a round while the ledger lacks a coordinator's decision, whatever a task's state."""

from overstap.errors import OverstapError
from overstap.ledger.dossiers.dossiers import waiting_for_release
from overstap.ledger.rounds.gate_holds import NOT_INSPECTED, open_holds
from overstap.ledger.session import UnitOfWork


def refuse_unreleased(unit: UnitOfWork, round_id: str) -> None:
    """Raise an error while accepted dossiers wait for a decision about release.

    Raises:
        OverstapError: GATE-010 with their number.
    """
    if waiting := waiting_for_release(unit, round_id).total():
        raise OverstapError("GATE-010", count=waiting)


def refuse_undecided_window(unit: UnitOfWork, round_id: str) -> None:
    """Raise an error while there is no decision about dossiers that were not inspected, where there is a choice.

    Raises:
        OverstapError: GATE-011 with their number.
    """
    if held := open_holds(unit, round_id, NOT_INSPECTED):
        raise OverstapError("GATE-011", count=sum(hold.reason.count for hold in held))
