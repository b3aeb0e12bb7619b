"""What a round would be closed with although it is not settled: a coordinator accepts each of it first."""

from collections import Counter

from overstap.ledger.rounds.counts import primary_schools
from overstap.ledger.rounds.gate_holds import HoldReason
from overstap.ledger.rounds.shortfall import missing, too_few
from overstap.ledger.session import UnitOfWork

REASONS = {
    "supplied": "not_checked",
    "accepted": "not_released",
    "in_review": "in_review",
    "inspected": "not_sealed",
    "sealed": "unconfirmed",
    "no_receiver": "no_receiver",
    "refused": "refused",
    "undelivered": "undelivered",
}
"""What is to be accepted, by the state of the dossiers that it is about.

A dossier in any other state is settled: it was confirmed, taken back, or left behind by a rule of the agreement
(rejected, not inspected)."""


def undeliverable(unit: UnitOfWork, round_id: str) -> list[HoldReason]:
    """Return what is not settled: dossiers by how they stand, schools that are missing, and too few that arrived.

    Args:
        unit: the transaction.
        round_id: the round.
    """
    schools = primary_schools(unit, round_id)
    states: Counter[str] = Counter()
    for school in schools:
        states.update(school.states)
    states["inspected"] -= sum(school.without_consent for school in schools)  # those stay behind by what was agreed
    found = [HoldReason(reason, states[state]) for state, reason in REASONS.items() if states[state] > 0]
    return [*found, *missing(schools), *too_few(schools, states["confirmed"], "nothing_arrived", "few_arrived")]
