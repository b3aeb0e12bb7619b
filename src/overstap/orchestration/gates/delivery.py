"""Release for delivery: asked only when something is unusual (`delivery.unusual`)."""

from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_holds import RELEASE_FOR_DELIVERY
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.gates.gate_operator import Gate, GateAnswer
from overstap.orchestration.markdown import escaped
from overstap.orchestration.round_context import Workplace

_READY = "select count(*) from overstap.dossier where round_id = %(round)s and state = 'inspected'"


class ReleaseForDelivery(Gate):
    """Asks whether what is ready may be delivered although something is unusual."""

    gate = RELEASE_FOR_DELIVERY

    def ask(self, place: Workplace, unit: UnitOfWork) -> dict[str, Any] | None:
        """Return what is unusual; None when nothing is, or it was decided before."""
        found = gate_holds.open_holds(unit, self.ref.round_id, RELEASE_FOR_DELIVERY, batch=self.question)
        if not found:
            return None
        said = self._words["reasons"]
        return {
            "count": str(unit.one(_READY, round=self.ref.round_id)[0]),
            "rows": "\n".join(
                "- " + said[hold.reason.reason]["nl"].format(count=hold.reason.count, **escaped(hold.reason.facts))
                for hold in found
            ),
        }

    def take(self, place: Workplace, unit: UnitOfWork, answer: GateAnswer) -> dict[str, int]:
        """Keep the decision; one that approves takes the hold off."""
        ready = int(unit.one(_READY, round=self.ref.round_id)[0])
        gate_holds.decide(
            *(unit, self.ref.round_id, RELEASE_FOR_DELIVERY, self.question),
            approved=answer.choice == "approve",
            decided_by=answer.by,
            reason=answer.reason,
            answer_key=answer.key,
            dossiers=ready,
        )
        return {"dossiers": ready}

    def after(self, answer: GateAnswer) -> None:
        """Fail when the coordinator said: not yet."""
        if answer.choice != "approve":
            raise OverstapError("GATE-007", by=answer.by)
