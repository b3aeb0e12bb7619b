"""Rules that hold delivery for a coordinator's decision: counts, dates, certificates.

Without a hold a round is delivered without a question.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overstap.clock import format_moment
from overstap.ledger.rounds.counts import PrimaryCounts
from overstap.ledger.rounds.gate_holds import HoldReason
from overstap.ledger.rounds.registrations import UnstatedRegistrations
from overstap.ledger.rounds.shortfall import missing, too_few

MANY_UNSTATED = "many_unstated"
"""The reason whose approval withdraws registrations."""
MANY_REJECTED = 0.10
"""Part of what was supplied; a region's usual share of rejected dossiers is a few per cent."""
MANY_WITHOUT_RECEIVER = 0.05
"""Part of what was inspected; more than some late movers hints at a list of registrations that is not complete."""
MANY_NOT_INSPECTED = 0.20
"""Part of what was released; more hints at an invitation that did not arrive."""


@dataclass(frozen=True, slots=True)
class Ending:
    """A certificate of a participant that ends before receipts are due."""

    name: str
    """Owner, use and number, such as "98XA00 signing-2"."""
    until: datetime


@dataclass(frozen=True, slots=True)
class DeliverySituation:
    """What the rules look at.

    Args:
        schools: counts of the primary schools.
        endings: certificates that end too soon.
        is_agreement_changed: what goes to whom, or when, is agreed otherwise than when dossiers were released.
        unstated: registrations that no source states any more, so many that they were not withdrawn yet.
        placed_twice: a reason for each pupil who is placed at several schools and waits for an answer.
        older_advice: number of dossiers with an advice that is no longer the newest, per primary school, where the
            agreement asks about them.
    """

    schools: Sequence[PrimaryCounts]
    endings: Sequence[Ending] = ()
    is_agreement_changed: bool = False
    unstated: UnstatedRegistrations | None = None
    placed_twice: Sequence[HoldReason] = ()
    older_advice: Mapping[str, int] = field(default_factory=dict)


def unusual(found: DeliverySituation) -> list[HoldReason]:
    """Return what is unusual about delivering now.

    A rerun that has nothing new to deliver asks nothing. A round that would deliver nothing at all, or much less than
    was expected, always asks.

    Args:
        found: the situation.
    """
    schools = found.schools
    ready = sum(school.states["inspected"] for school in schools)
    sent = sum(school.at_least("sealed", "confirmed", "refused", "undelivered") for school in schools)
    waiting = sum(school.states["accepted"] for school in schools)
    reasons = [HoldReason("not_released", waiting)] if waiting else []
    if found.unstated is not None and found.unstated.missing:
        gone = found.unstated
        figures = {"standing": gone.in_force, "left": gone.in_force - gone.missing}
        reasons.append(HoldReason(MANY_UNSTATED, gone.missing, figures, gone.digest))
    reasons += found.placed_twice
    if sent and not ready:
        return reasons
    reasons += missing(schools)
    supplied = sum(school.supplied for school in schools)
    inspected = sum(school.inspected for school in schools)
    rejected, without, unseen = (
        sum(school.states[state] for school in schools) for state in ("rejected", "no_receiver", "not_inspected")
    )
    for name, count, of, most in (
        ("many_rejected", rejected, supplied, MANY_REJECTED),
        ("many_without_receiver", without, inspected, MANY_WITHOUT_RECEIVER),
        ("many_not_inspected", unseen, unseen + inspected, MANY_NOT_INSPECTED),
    ):
        if count > of * most:
            reasons.append(HoldReason(name, count, {"of": of, "percent": round(100 * count / of)}))
    reasons += too_few(schools, ready + sent, "nothing_to_deliver", "few_to_deliver")
    if not ready:
        return reasons
    reasons += [
        HoldReason("certificate", 1, {"name": ending.name, "until": format_moment(ending.until)}, ending.name)
        for ending in found.endings
    ]
    if found.older_advice:
        reasons.append(HoldReason("older_advice", sum(found.older_advice.values())))
    if found.is_agreement_changed:
        reasons.append(HoldReason("agreement_changed", 1))
    return reasons
