"""Tests of which round Airflow's page of a run shows: the one that had opened last at its start."""

from datetime import UTC, datetime, timedelta

import pytest

from overstap.agreements import Milestones, RoundKind
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.views.round import at_run

NOW = datetime(2027, 3, 1, tzinfo=UTC)


def view(school_year: str, opens: datetime, *, closed: datetime | None) -> RoundView:
    milestones = Milestones(
        **{name: opens + timedelta(days=place) for place, name in enumerate(Milestones.model_fields)}
    )
    return RoundView(
        f"alfa.{school_year}.advice", "alfa", "Alfa", school_year, RoundKind.ADVICE, milestones, opens, closed
    )


@pytest.mark.parametrize(
    ("run", "school_year"),
    [
        ("scheduled__2026-02-20T08:00:00+00:00", "2025-2026"),
        ("manual__2026-06-01T08:00:00.123456+00:00", "2025-2026"),
        ("scheduled__2027-02-20T09:00:00+01:00", "2026-2027"),
        ("scheduled__2019-01-01T00:00:00+00:00", "2026-2027"),
        ("manual__2026-06-01T08:00:00", "2026-2027"),
        ("by hand", "2026-2027"),
        ("", "2026-2027"),
    ],
)
def test_a_run_shows_its_own_round(run: str, school_year: str) -> None:
    views = [
        view("2026-2027", datetime(2027, 2, 20, 8, tzinfo=UTC), closed=None),
        view("2025-2026", datetime(2026, 2, 20, 8, tzinfo=UTC), closed=datetime(2026, 5, 1, tzinfo=UTC)),
    ]
    assert at_run(views, run, NOW).school_year == school_year
