"""What a round ends with that did not arrive, which a coordinator accepts before it is closed."""

from collections import Counter

from overstap.ledger.rounds.gate_holds import HoldReason
from overstap.ledger.session import UnitOfWork

STATES = ("no_receiver", "refused", "undelivered")


def undeliverable(unit: UnitOfWork, round_id: str) -> list[HoldReason]:
    """Return how many dossiers ended without arriving, by how."""
    states: Counter[str] = Counter(
        dict(
            unit.rows(
                "select state, count(*) from overstap.dossier where round_id = %(round)s and state = any(%(states)s) "
                "group by 1",
                round=round_id,
                states=list(STATES),
            )
        )
    )
    return [HoldReason(state, states[state]) for state in STATES if states[state]]
