"""Dutch sentences about coordinators' decisions, for report and board."""

from overstap.agreements import RoundKind
from overstap.clock import format_moment
from overstap.ledger.rounds.gate_decisions import GateDecision
from overstap.texts import texts, with_counts

_RELEASE = "release_for_review"


def decision_sentence(decision: GateDecision, kind: RoundKind) -> str:
    """Return who decided what, in Dutch, without moment and reason.

    Args:
        decision: the decision.
        kind: kind of the round; some have no inspection.
    """
    words = texts("closing/decisions")
    gate = decision.gate
    if gate == _RELEASE and not kind.is_inspected:
        gate = "release_to_partnership"
    chosen = [
        words["choices"][one.choice]["nl"].format(
            **with_counts({"dossiers": one.dossiers, "schools": one.schools}),
            until=format_moment(one.closes_at) if one.closes_at else "",
        )
        for one in decision.choices
    ]
    sentence: str = words[gate]["approved" if decision.is_approved else "refused"]["nl"]
    return sentence.format(name=decision.name, choices=", ".join(chosen), **with_counts({"count": decision.count}))
