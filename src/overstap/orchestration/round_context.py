"""Opens ledger and agreement for one task, and logs a failure in Dutch and English."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowException

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.orchestration.failures import StopError, told
from overstap.rounds import agreed
from overstap.rounds.context import Context, RoundContext, opened
from overstap.settings import Settings

log = logging.getLogger(__name__)

MENDED_BY_PEOPLE = frozenset({"school", "region"})
"""Whoever must act before a further try can help (`who` of an error's sentences)."""
WORTH_ANOTHER_TRY = frozenset({"DELIVERY-101"})
"""Told to the coordinator, and yet likely to pass by itself: a receiver that is down for a moment."""


@contextmanager
def workplace(round_id: RoundId, task: str) -> Iterator[RoundContext]:
    """Open the ledger for one task of a round and close it after.

    Args:
        round_id: the round.
        task: the task's name, which the evidence keeps as who acted.
    """
    with bare_workplace() as context:
        yield agreed.round_context(context, round_id, task)


@contextmanager
def bare_workplace() -> Iterator[Context]:
    """Open the ledger for a task that is not about one round, or before the round is in it."""
    from overstap.orchestration.connections import las_connection  # the provider: only where a task runs

    with failures_told(), opened(Settings(), database=las_connection, run=_run_id()) as context:
        yield context


def _run_id() -> str | None:
    """Return the run of Airflow that this is part of; None outside a task."""
    try:
        return str(get_current_context()["run_id"])
    except (RuntimeError, KeyError):
        return None


@contextmanager
def failures_told() -> Iterator[None]:
    """Tell a failure in its two languages, Dutch first. What a person must mend is not tried again by itself."""
    try:
        yield
    except OverstapError as error:
        _tell(error)
        if error.who in MENDED_BY_PEOPLE and error.code not in WORTH_ANOTHER_TRY:
            raise StopError(error) from None
        raise
    except AirflowException:
        raise  # told already, or no failure: skipped
    except Exception as problem:
        _tell(told(problem))
        raise


def _tell(error: OverstapError) -> None:
    log.error("%s | %s", error.code, error.message_nl)
    log.error("Nu doen | %s", error.do_nl)
    log.error("%s | %s %s", error.code, error.message_en, error.do_en)


def say(subject: str, counted: Counter[str]) -> None:
    """Tell in the log what a task did.

    Args:
        subject: what it is about.
        counted: how often what was done.
    """
    said = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()) if count)
    log.info("%s: %s", subject, said or "niets nieuws (nothing new)")
