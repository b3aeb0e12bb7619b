"""Task: the round ends, the evidence signed and the report written."""

from typing import Any

from overstap.agreements import RoundId
from overstap.orchestration.round_context import workplace


def close(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Close the round once what did not arrive is accepted, sign the evidence, and write the round's report.

    A run that was narrowed to some schools leaves it open while others' deliveries are on their way.

    Raises:
        OverstapError: GATE-009 when something that did not arrive waits for the coordinator to accept it.
    """
    from overstap.rounds import closing

    with workplace(RoundId.of(region, school_year, kind), "close") as context:
        closed = closing.close(context)
    return {"audit_lines": closed.audit_lines} if closed else {}
