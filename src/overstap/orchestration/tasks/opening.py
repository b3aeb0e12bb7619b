"""Task that opens a round in the ledger."""

from typing import Any

from overstap.agreements import RoundId
from overstap.orchestration.round_context import bare_workplace
from overstap.orchestration.tasks.steering import take_form


def open_round(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Write the round and its schools into the ledger, with the agreement as it stands now; take what the form asks.

    Raises:
        OverstapError: AGREEMENT-022 before the agreed opening; AGREEMENT-021 when the form asks what cannot be.
    """
    from overstap.rounds import opening

    round_id = RoundId.of(region, school_year, kind)
    with bare_workplace() as context:
        opened = opening.open_round(context, round_id)
    return {"opened": opened.is_new, "schools": opened.schools, "moved": take_form(round_id)}
