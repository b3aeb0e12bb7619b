"""Selection of the agreements for DAGs, and the timetable of a round: one run, at its opening."""

from collections.abc import Iterable
from datetime import datetime, timedelta

import pendulum
from airflow.sdk import get_parsing_context

# `airflow.sdk.EventsTimetable` cannot be serialised in Airflow 3.3.2 (apache/airflow PR 69401); this one can.
from airflow.timetables.events import EventsTimetable

from overstap.agreements import Agreement
from overstap.clock import format_moment, now
from overstap.orchestration.last_agreed import last_agreed
from overstap.settings import Settings

LINGERS = timedelta(days=60)
"""How long DAGs of a school year are kept after its last `receipts_due`, so that tasks can be cleared."""


def current(agreements: Iterable[Agreement], at: datetime) -> list[Agreement]:
    """Return the agreement of each region for its DAGs: the oldest whose rounds have not ended.

    Next year's file may exist while this year's rounds run, and must not replace it.

    Args:
        agreements: any number of school years, sorted by them.
        at: the present moment.
    """
    chosen: dict[str, Agreement] = {}
    for agreement in agreements:
        known = chosen.get(agreement.region)
        if known is None or _is_over(known, at):
            chosen[agreement.region] = agreement
    return list(chosen.values())


def agreed_now() -> list[Agreement]:
    """Return the agreements of which DAGs are made at present; see `last_agreed` for a file that cannot be read.

    A worker that is about to run one task reads the DAG file again, and needs one DAG: it reads one region.
    """
    settings = Settings()
    dag_id = get_parsing_context().dag_id
    region = dag_id.split("__")[1] if dag_id and "__" in dag_id else None
    return current(last_agreed(settings, region), now())


def _is_over(agreement: Agreement, at: datetime) -> bool:
    return all(at > agreed.milestones.receipts_due + LINGERS for agreed in agreement.rounds.values())


def at_opening(opens: datetime) -> EventsTimetable:
    """Return a timetable with one run, at a round's opening.

    Args:
        opens: the agreed moment, aware.
    """
    return EventsTimetable([pendulum.instance(opens)], description=format_moment(opens))


def first_opening(agreement: Agreement) -> datetime:
    """Return the start date of a region's background work: just before its first round opens."""
    return before_opening(min(agreed.milestones.opens for agreed in agreement.rounds.values()))


def before_opening(opens: datetime) -> datetime:
    """Return a start date just before the opening, so that the opening itself is the first and only run."""
    return opens - timedelta(days=1)
