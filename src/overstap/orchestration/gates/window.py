"""Gate after the review window: withhold uninspected dossiers, extend the window, or let a school attest."""

import re
from datetime import datetime
from typing import Any, cast

from overstap.clock import NETHERLANDS, format_moment
from overstap.errors import OverstapError
from overstap.ledger.review import windows
from overstap.ledger.rounds import gate_holds
from overstap.ledger.rounds.gate_holds import NOT_INSPECTED
from overstap.ledger.session import UnitOfWork
from overstap.orchestration.gates.gate_operator import Gate, GateAnswer
from overstap.orchestration.markdown import plain
from overstap.rounds.context import RoundContext
from overstap.school_numbers import is_school_id


class DecideNotInspected(Gate):
    """Gate on dossiers that were not inspected in time, where the agreement offers a choice."""

    gate = NOT_INSPECTED
    fields = ("scholen", "tot")

    def ask(self, place: RoundContext, unit: UnitOfWork) -> dict[str, Any] | None:
        """Return the uninspected dossiers per school, and the options that the agreement permits."""
        found = gate_holds.open_holds(unit, self.ref, NOT_INSPECTED, batch=self.question)
        if not found:
            return None
        allowed = windows.ALLOWED[place.round.not_inspected]
        self.options = [said["nl"] for name, said in self._words["options"].items() if name in allowed]
        milestones = place.round.milestones
        return {
            "count": str(sum(hold.reason.count for hold in found)),
            "delivers": format_moment(milestones.delivers),
            "latest": format_moment(milestones.receipts_due),
            "rows": "\n".join(
                f"| {plain(hold.reason.facts['school'])} | {hold.reason.count} | {hold.reason.facts['released']} |"
                for hold in found
            ),
        }

    def take(self, place: RoundContext, unit: UnitOfWork, answer: GateAnswer) -> dict[str, int]:
        """Record and apply the decision: these schools' families get longer, or the school may attest."""
        asked = [
            hold.reason.subject for hold in gate_holds.open_holds(unit, self.ref, NOT_INSPECTED, batch=self.question)
        ]
        named = [one for one in re.split(r"[\s,;]+", answer.filled_in.get("scholen", "").upper()) if one]
        if unknown := set(named) - set(asked):
            # Text that is no school number may be anything, so the error does not repeat it
            shown = {one if is_school_id(one) else "?" for one in unknown}
            raise OverstapError("GATE-006", schools=", ".join(sorted(shown)))
        until = _moment(answer.filled_in.get("tot", "")) if answer.choice == "extend" else None
        if answer.choice == "attest" and not answer.reason:
            raise OverstapError("GATE-005", field="reden")
        dossiers = windows.decide_window(
            unit,
            self.ref,
            choice=cast(windows.Choice, answer.choice),
            schools=named or asked,
            decided_by=answer.by,
            reason=answer.reason,
            answer_key=answer.key,
            closes_at=until,
        )
        gate_holds.settle(unit, self.ref, NOT_INSPECTED, self.question, answer_key=answer.key)
        return {"dossiers": dossiers}


def _moment(text: str) -> datetime:
    """Return a moment as a form gives it: Dutch wall time, "2027-03-24 16:00", or with a zone.

    Raises:
        OverstapError: GATE-005 when it is no moment.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OverstapError("GATE-005", field="tot") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=NETHERLANDS)
