"""Gate before closing: asks whether a round may be closed with unsettled deliveries."""

from typing import Any

from overstap.clock import format_moment
from overstap.errors import OverstapError
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_holds import ACCEPT_UNDELIVERABLE
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.gates.gate_operator import Gate, GateAnswer
from overstap.orchestration.markdown import escaped
from overstap.rounds.context import RoundContext


class AcceptUndeliverable(Gate):
    """Gate on closing with unsettled deliveries; before receipts are due it can wait."""

    gate = ACCEPT_UNDELIVERABLE

    def ask(self, place: RoundContext, unit: UnitOfWork) -> dict[str, Any] | None:
        """Return the unsettled deliveries; None when there are none, or they were accepted before."""
        found = gate_holds.open_holds(unit, self.ref, ACCEPT_UNDELIVERABLE, batch=self.question)
        if not found:
            return None
        said = self._words["reasons"]
        return {
            "count": str(sum(hold.reason.count for hold in found)),
            "due": format_moment(place.round.milestones.receipts_due),
            "rows": "\n".join(
                "- " + said[hold.reason.reason]["nl"].format(count=hold.reason.count, **escaped(hold.reason.facts))
                for hold in found
            ),
        }

    def take(self, place: RoundContext, unit: UnitOfWork, answer: GateAnswer) -> dict[str, int]:
        """Record the decision; an acceptance permits the closing."""
        from overstap.rounds.questions import decide_closing

        dossiers = decide_closing(
            *(place, unit, self.question),
            approved=answer.choice == "approve",
            decided_by=answer.by,
            reason=answer.reason,
            answer_key=answer.key,
        )
        return {"dossiers": dossiers}

    def after(self, answer: GateAnswer) -> None:
        """Fail when the coordinator answered "not yet"."""
        if answer.choice != "approve":
            raise OverstapError("GATE-008", by=answer.by)
