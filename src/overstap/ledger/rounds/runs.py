"""Scope of one run of a round, narrowed by a coordinator to some schools."""

from collections.abc import Sequence

from overstap.ledger.session import UnitOfWork


def narrow(unit: UnitOfWork, round_id: str, run_id: str, schools: Sequence[str], *, asked_by: str, reason: str) -> bool:
    """Limit a run to some schools. Idempotent; the first request counts.

    Args:
        unit: the transaction.
        round_id: the round.
        run_id: Airflow's id of the run.
        schools: the schools, at least one.
        asked_by: the account that started the run.
        reason: the coordinator's text, may be empty.

    Returns:
        Whether it is new.
    """
    return bool(
        unit.one(
            "select overstap.narrow_run(%(round)s, %(run)s, %(schools)s, %(by)s, %(reason)s)",
            round=round_id,
            run=run_id,
            schools=sorted(schools),
            by=asked_by,
            reason=reason,
        )[0]
    )


def narrowed_to(unit: UnitOfWork, round_id: str, run_id: str) -> frozenset[str]:
    """Return the schools that a run is limited to; empty: all."""
    found = unit.rows(
        "select schools from overstap.run_change where round_id = %(round)s and run_id = %(run)s",
        round=round_id,
        run=run_id,
    )
    return frozenset(found[0][0]) if found else frozenset()
