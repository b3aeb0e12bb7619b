"""Reasons that hold the closing of a round until a coordinator accepts them: unfinished and missing dossiers."""

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
"""Hold reason by state of the dossiers.

A dossier in any other state is finished: confirmed, withdrawn, or excluded by a rule of the agreement (rejected, not
inspected)."""


def undeliverable(unit: UnitOfWork, round_id: str) -> list[HoldReason]:
    """Return the hold reasons of a round: unfinished dossiers by state, missing schools, too few confirmed dossiers.

    Args:
        unit: the transaction.
        round_id: the round.
    """
    schools = primary_schools(unit, round_id)
    states: Counter[str] = Counter()
    for school in schools:
        states.update(school.states)
    states["inspected"] -= sum(school.without_consent for school in schools)  # excluded by the agreement
    found = [HoldReason(reason, states[state]) for state, reason in REASONS.items() if states[state] > 0]
    return [*found, *missing(schools), *too_few(schools, states["confirmed"], "nothing_arrived", "few_arrived")]
