"""Gate before delivery: asks only when there is a hold (`delivery.unusual`)."""

from typing import Any

from overstap.errors import OverstapError
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_decisions import ready_to_leave
from overstap.ledger.rounds.gate_holds import RELEASE_FOR_DELIVERY
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.gates.gate_operator import Gate, GateAnswer
from overstap.orchestration.markdown import escaped
from overstap.rounds.context import RoundContext


class ReleaseForDelivery(Gate):
    """Gate on delivering in spite of holds."""

    gate = RELEASE_FOR_DELIVERY

    def ask(self, place: RoundContext, unit: UnitOfWork) -> dict[str, Any] | None:
        """Return the holds; None when there are none, or they were decided before."""
        found = gate_holds.open_holds(unit, self.ref, RELEASE_FOR_DELIVERY, batch=self.question)
        if not found:
            return None
        said = self._words["reasons"]
        return {
            "count": str(ready_to_leave(unit, self.ref)),
            "rows": "\n".join(
                "- " + said[one.reason]["nl"].format(count=one.count, **escaped(one.facts))
                for one in gate_holds.summed(found)
            ),
        }

    def take(self, place: RoundContext, unit: UnitOfWork, answer: GateAnswer) -> dict[str, int]:
        """Record the decision; an approval removes the holds."""
        from overstap.rounds.questions import decide_delivery

        ready = decide_delivery(
            *(place, unit, self.question),
            approved=answer.choice == "approve",
            decided_by=answer.by,
            reason=answer.reason,
            answer_key=answer.key,
        )
        return {"dossiers": ready}

    def follow(self, place: RoundContext) -> None:
        """Set apart the dossiers whose registrations the answer withdrew."""
        from overstap.rounds.questions import set_apart_unreceived

        set_apart_unreceived(place)

    def after(self, answer: GateAnswer) -> None:
        """Fail when the coordinator answered "not yet"."""
        if answer.choice != "approve":
            raise OverstapError("GATE-007", by=answer.by)
