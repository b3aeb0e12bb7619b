"""Start of the oldest open problem, per kind."""

from dataclasses import dataclass
from datetime import datetime

from overstap.ledger.session import UnitOfWork

STUCK = ("rejected", "not_inspected", "no_receiver", "refused", "undelivered")
"""States in which a dossier stays until somebody acts."""


@dataclass(frozen=True, slots=True)
class Stuck:
    """Dossiers of a round that stand still in one state.

    Args:
        round_id: the round.
        state: the state.
        count: how many.
        since: when the first of them came to it.
    """

    round_id: str
    state: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class SignedEvidence:
    """How much of a region's evidence is signed.

    Args:
        lines: number of its last line.
        signed: number of the last line that a checkpoint covers.
        signed_at: when that checkpoint was made.
    """

    lines: int
    signed: int
    signed_at: datetime | None


def stuck(unit: UnitOfWork) -> list[Stuck]:
    """Return what stands still in the region's rounds."""
    return [
        Stuck(*row)
        for row in unit.rows(
            "select d.round_id, d.state, count(distinct d.dossier), min(e.at) from overstap.dossier d "
            "join overstap.round r on r.round_id = d.round_id "
            "cross join lateral (select max(x.at) as at from overstap.dossier_event x "
            "  where x.dossier = d.dossier and x.to_state = d.state) e "
            "where d.state = any(%(states)s) group by 1, 2",
            states=list(STUCK),
        )
    ]


def unanswered(unit: UnitOfWork) -> dict[str, tuple[int, datetime]]:
    """Return per round how many deliveries failed at their last attempt, and when the first of them was sealed."""
    return {
        round_id: (count, since)
        for round_id, count, since in unit.rows(
            "select round_id, count(*), min(sealed_at) from overstap.delivery "
            "where state = 'sealed' and problem is not null group by 1"
        )
    }


def evidence(unit: UnitOfWork) -> SignedEvidence:
    """Return how much of the region's evidence is signed."""
    lines = unit.rows("select seq from overstap.audit_line order by seq desc limit 1")
    signed = unit.rows("select up_to, made_at from overstap.audit_checkpoint order by up_to desc limit 1")
    return SignedEvidence(
        int(lines[0][0]) if lines else 0,
        int(signed[0][0]) if signed else 0,
        signed[0][1] if signed else None,
    )
