"""When a round starts by itself: once, at the opening that the region agreed."""

from datetime import datetime, timedelta

import pendulum

# `airflow.sdk.EventsTimetable` cannot be serialised in Airflow 3.3.2 (apache/airflow PR 69401); this one can.
from airflow.timetables.events import EventsTimetable

from overstap.clock import spoken


def at_opening(opens: datetime) -> EventsTimetable:
    """Return a timetable with one run, at a round's opening.

    Args:
        opens: the agreed moment, aware.
    """
    return EventsTimetable([pendulum.instance(opens)], description=spoken(opens))


def before_opening(opens: datetime) -> datetime:
    """Return a start date just before the opening, so that the opening itself is the first and only run."""
    return opens - timedelta(days=1)
