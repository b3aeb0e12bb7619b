"""Coordinates of the dashboard page's charts, which are inline SVG."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from overstap.clock import dutch_time, short_day
from overstap.monitoring.figures import Axis

WIDTH, HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _FOOT = 46, 12, 10, 24
_MOST_TICKS = 6
_TICKS = tuple(
    timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10_080)
)
_WITHOUT_DAYS = timedelta(hours=36)


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One series; where values are missing it is interrupted.

    Args:
        look: number of its colour and dashes.
        parts: "x,y x,y ..." of each polyline.
        dots: x and y of values that stand alone.
    """

    look: int
    parts: Sequence[str]
    dots: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """Chart of a panel; coordinates in SVG user units.

    Args:
        lines: its series.
        levels: y of the horizontal lines, with their numbers.
        ticks: x of the moments, with their names.
    """

    lines: Sequence[ChartLine]
    levels: Sequence[tuple[float, str]]
    ticks: Sequence[tuple[float, str]]


def chart(
    series: Sequence[Sequence[tuple[float, float]]], axis: Axis, first: datetime, last: datetime, step: int
) -> Chart:
    """Return the coordinates of a chart.

    Args:
        series: points of each series: seconds since 1970 and value.
        axis: the axis of values.
        first: beginning of the period.
        last: its end.
        step: seconds between two points; where more than this lies between two, values are missing.
    """
    begin, span = first.timestamp(), (last - first).total_seconds()

    def x(moment: float) -> float:
        return round(_LEFT + (WIDTH - _LEFT - _RIGHT) * (moment - begin) / span, 1)

    def y(value: float) -> float:
        return round(_TOP + (HEIGHT - _TOP - _FOOT) * (axis.top - value) / (axis.top - axis.bottom), 1)

    lines = []
    for look, points in enumerate(series):
        parts = [[(x(at), y(value)) for at, value in part] for part in _unbroken(points, step)]
        lines.append(
            ChartLine(
                look,
                [" ".join(f"{at},{value}" for at, value in part) for part in parts if len(part) > 1],
                [part[0] for part in parts if len(part) == 1],
            )
        )
    levels = [(y(value), said) for value, said in axis.levels]
    return Chart(lines, levels, [(x(moment.timestamp()), said) for moment, said in _ticks(first, last)])


def _unbroken(points: Sequence[tuple[float, float]], step: int) -> Iterator[list[tuple[float, float]]]:
    part: list[tuple[float, float]] = []
    for point in points:
        if part and point[0] - part[-1][0] > 1.5 * step:
            yield part
            part = []
        part.append(point)
    if part:
        yield part


def _ticks(first: datetime, last: datetime) -> Iterator[tuple[datetime, str]]:
    """Yield moments that are whole on a Dutch clock: times of day, or days where the period is long."""
    span = last - first
    every = next((one for one in _TICKS if span / one <= _MOST_TICKS), timedelta(days=round(span.days / _MOST_TICKS)))
    moment = dutch_time(first).replace(hour=0, minute=0, second=0, microsecond=0)
    while moment <= last:
        if moment >= first:
            yield moment, f"{moment:%H:%M}" if span <= _WITHOUT_DAYS else short_day(moment)
        moment += every  # on the clock on the wall
