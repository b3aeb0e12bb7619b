"""Tasks that close a round, and check at the end of its run that it is complete."""

from typing import Any

from overstap.agreements import RoundId
from overstap.orchestration.round_context import workplace


def close(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Close the round once undelivered dossiers are accepted, sign a checkpoint, and write the round's report.

    A run that was narrowed to some schools leaves it open while others' deliveries are on their way.

    Raises:
        OverstapError: GATE-009 when something that did not arrive waits for the coordinator to accept it.
    """
    from overstap.rounds import closing

    with workplace(RoundId.of(region, school_year, kind), "close") as context:
        closed = closing.close(context)
    return {"audit_lines": closed.audit_lines} if closed else {}


def complete(region: str, school_year: str, kind: str) -> None:
    """End the run of a round, unless the ledger says that the round is not closed.

    Raises:
        OverstapError: GATE-012 when the round is open and the run was not narrowed to some schools.
    """
    from overstap.rounds import closing

    with workplace(RoundId.of(region, school_year, kind), "complete") as context:
        closing.refuse_open(context)
