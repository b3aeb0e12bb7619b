"""Context of one task: opens ledger and agreement, and logs failures in Dutch and English."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from airflow.sdk import get_current_context
from airflow.sdk.exceptions import AirflowException

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.orchestration.failure_log import leave_frames_out
from overstap.orchestration.failures import StopError, told
from overstap.orchestration.object_storage import place_of
from overstap.rounds import agreed
from overstap.rounds.context import Context, RoundContext, opened
from overstap.settings import Settings

log = logging.getLogger(__name__)

MENDED_BY_PEOPLE = frozenset({"school", "region"})
"""Values of `who` in an error's sentences for which a retry is useless before a person acts."""
WORTH_ANOTHER_TRY = frozenset({"DELIVERY-101"})
"""Codes that are retried although their `who` is the region: a receiver that is down for a short time."""


@contextmanager
def workplace(round_id: RoundId, task: str) -> Iterator[RoundContext]:
    """Open the ledger for the duration of one task of a round.

    Args:
        round_id: the round.
        task: name of the task, recorded as actor in audit lines.
    """
    with bare_workplace() as context:
        yield agreed.round_context(context, round_id, task)


@contextmanager
def bare_workplace() -> Iterator[Context]:
    """Open the ledger for a task without a round, or before the round is recorded."""
    from overstap.orchestration.connections import (
        las_connection,
    )  # imported here because of the provider, which only running tasks need

    parts = {"database": las_connection, "run": _run_id(), "storage": place_of}
    with failures_told(), opened(Settings(), **parts) as context:
        yield context


def _run_id() -> str | None:
    """Return the id of the Airflow run; None outside a task."""
    try:
        return str(get_current_context()["run_id"])
    except (RuntimeError, KeyError):
        return None


@contextmanager
def failures_told() -> Iterator[None]:
    """Log a failure in Dutch and English. An error that a person must correct is not retried."""
    try:
        yield
    except OverstapError as error:
        _tell(error)
        if error.who in MENDED_BY_PEOPLE and error.code not in WORTH_ANOTHER_TRY:
            raise StopError(error) from None
        raise
    except AirflowException:
        raise  # logged already, or no failure: a skip
    except Exception as problem:
        _tell(told(problem))
        raise


def _tell(error: OverstapError) -> None:
    leave_frames_out()
    log.error("%s | %s", error.code, error.message_nl)
    log.error("Nu doen | %s", error.do_nl)
    log.error("%s | %s %s", error.code, error.message_en, error.do_en)


def say(subject: str, counted: Counter[str]) -> None:
    """Log the results of a task.

    Args:
        subject: subject of the line.
        counted: counts by name.
    """
    said = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()) if count)
    log.info("%s: %s", subject, said or "niets nieuws (nothing new)")
