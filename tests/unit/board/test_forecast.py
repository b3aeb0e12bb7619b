"""Tests of forecasts by pace, each outcome with the figures of its reasoning."""

from datetime import UTC, datetime, timedelta

import pytest

from overstap.pages.board.forecast import LOOKS_BACK, Outlook, forecast, looks_back_to

NOW = datetime(2027, 3, 10, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def judged(goal: int, done: int, recently: int, *, began: float = -10, ends: float = 2) -> tuple[Outlook, str]:
    found = forecast(
        goal=goal, done=done, recently=recently, started=NOW + began * DAY, deadline=NOW + ends * DAY, now=NOW
    )
    return found.outlook, found.why


@pytest.mark.parametrize(
    ("arguments", "outlook", "told"),
    [
        ({"goal": 0, "done": 0, "recently": 0}, Outlook.TOO_EARLY, "nog niet bekend"),
        ({"goal": 30, "done": 30, "recently": 0}, Outlook.DONE, "Alles is klaar (30)"),
        ({"goal": 30, "done": 31, "recently": 0}, Outlook.DONE, "Alles is klaar (30)"),
        ({"goal": 30, "done": 20, "recently": 5, "ends": -1}, Outlook.MISSED, "20 van 30 klaar"),
        ({"goal": 30, "done": 0, "recently": 0, "began": 1, "ends": 9}, Outlook.TOO_EARLY, "nog niet beginnen"),
        ({"goal": 30, "done": 0, "recently": 0, "began": -1, "ends": 9}, Outlook.TOO_EARLY, "nog vroeg"),
        ({"goal": 30, "done": 0, "recently": 0, "began": -8, "ends": 2}, Outlook.MISSES, "80% van de tijd"),
        ({"goal": 30, "done": 10, "recently": 0}, Outlook.MISSES, "kwam er niets bij"),
        # 10 in five days is 2 a day: 20 more take ten days, and there are two.
        ({"goal": 30, "done": 10, "recently": 10}, Outlook.MISSES, "bijgekomen: 10. Ontbreekt nog: 20"),
        # 10 in five days: 2 more take one day of two.
        ({"goal": 30, "done": 28, "recently": 10}, Outlook.MAKES_IT, "1 dag voor de termijn"),
        # 4 more take exactly the two days that are left.
        ({"goal": 30, "done": 26, "recently": 10}, Outlook.NARROW, "Ontbreekt nog: 4"),
    ],
)
def test_outlooks(arguments: dict, outlook: Outlook, told: str) -> None:
    found, why = judged(**arguments)
    assert found is outlook
    assert told in why


def test_the_pace_is_that_of_the_last_days() -> None:
    assert looks_back_to(NOW - 30 * DAY, NOW) == NOW - LOOKS_BACK
    assert looks_back_to(NOW - DAY, NOW) == NOW - DAY


def test_a_round_of_minutes_is_judged_in_minutes() -> None:
    outlook, why = judged(20, 10, 10, began=-20 / 1440, ends=60 / 1440)
    assert outlook is Outlook.MAKES_IT
    assert "20 minuten" in why
