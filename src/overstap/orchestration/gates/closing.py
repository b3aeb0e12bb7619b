"""Accept what did not arrive, so that the round can be closed."""

from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.gates.gate_operator import Gate, GateAnswer
from overstap.orchestration.round_context import Workplace


class AcceptUndeliverable(Gate):
    """Asks whether the round may be closed with dossiers that did not arrive."""

    gate = ACCEPT_UNDELIVERABLE

    def ask(self, place: Workplace, unit: UnitOfWork) -> dict[str, Any] | None:
        """Return how many did not arrive, by how; None when all did, or it was accepted before."""
        found = gate_holds.open_holds(unit, self.ref.round_id, ACCEPT_UNDELIVERABLE, batch=self.question)
        if not found:
            return None
        said = self._words["reasons"]
        return {
            "count": str(sum(hold.reason.count for hold in found)),
            "rows": "\n".join("- " + said[hold.reason.reason]["nl"].format(count=hold.reason.count) for hold in found),
        }

    def take(self, place: Workplace, unit: UnitOfWork, answer: GateAnswer) -> dict[str, int]:
        """Keep the decision; one that accepts lets the round be closed."""
        found = gate_holds.open_holds(unit, self.ref.round_id, ACCEPT_UNDELIVERABLE, batch=self.question)
        dossiers = sum(hold.reason.count for hold in found)
        gate_holds.decide(
            *(unit, self.ref.round_id, ACCEPT_UNDELIVERABLE, self.question),
            approved=answer.choice == "approve",
            decided_by=answer.by,
            reason=answer.reason,
            answer_key=answer.key,
            dossiers=dossiers,
        )
        return {"dossiers": dossiers}

    def after(self, answer: GateAnswer) -> None:
        """Fail when the coordinator said: not yet."""
        if answer.choice != "approve":
            raise OverstapError("GATE-008", by=answer.by)
