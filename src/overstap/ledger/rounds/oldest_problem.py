"""Start of the oldest open problem of a region's rounds, per kind."""

from collections import Counter
from dataclasses import dataclass
from datetime import datetime

from overstap.ledger.session import UnitOfWork

STUCK = ("rejected", "not_inspected", "no_receiver", "refused", "undelivered")
"""States in which a dossier stays until somebody acts."""


@dataclass(frozen=True, slots=True)
class StuckDossiers:
    """Dossiers of a round that stay in one state until somebody acts.

    Args:
        round_id: the round.
        state: the state.
        count: number of dossiers.
        since: when the first of them entered the state.
    """

    round_id: str
    state: str
    count: int
    since: datetime


@dataclass(frozen=True, slots=True)
class CheckpointCoverage:
    """Coverage of a region's audit chain by checkpoints.

    Args:
        lines: number of the last line.
        signed: number of the last line that a checkpoint covers.
        signed_at: when that checkpoint was made; None: no checkpoint yet.
    """

    lines: int
    signed: int
    signed_at: datetime | None


def states_and_stuck(unit: UnitOfWork) -> tuple[dict[str, Counter[str]], list[StuckDossiers]]:
    """Return the number of dossiers per state, per round of the region, and those that are stuck.

    By one statement, since no index holds the state: each looks at all dossiers of the region.
    """
    states: dict[str, Counter[str]] = {}
    found = []
    for round_id, state, count, since in unit.rows(
        "select d.round_id, d.state, count(*), min(case when d.state = any(%(stuck)s) then ("
        "  select max(x.at) from overstap.dossier_event x where x.dossier = d.dossier and x.to_state = d.state) end) "
        "from overstap.dossier d group by 1, 2",
        stuck=list(STUCK),
    ):
        states.setdefault(round_id, Counter())[state] = count
        if since is not None:
            found.append(StuckDossiers(round_id, state, count, since))
    return states, found


def unanswered(unit: UnitOfWork) -> dict[str, tuple[int, datetime]]:
    """Return per round the number of deliveries whose last attempt failed, and when the first of them was sealed."""
    return {
        round_id: (count, since)
        for round_id, count, since in unit.rows(
            "select round_id, count(*), min(sealed_at) from overstap.delivery "
            "where state = 'sealed' and problem is not null group by 1"
        )
    }


def checkpoint_coverage(unit: UnitOfWork) -> CheckpointCoverage:
    """Return the coverage of the region's audit chain by checkpoints."""
    lines = unit.rows("select seq from overstap.audit_line order by seq desc limit 1")
    signed = unit.rows("select up_to, made_at from overstap.audit_checkpoint order by up_to desc limit 1")
    return CheckpointCoverage(
        int(lines[0][0]) if lines else 0,
        int(signed[0][0]) if signed else 0,
        signed[0][1] if signed else None,
    )
