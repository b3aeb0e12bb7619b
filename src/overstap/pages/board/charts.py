"""Coordinates of the board's charts, which are inline SVG."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from overstap.clock import dutch_time, short_month
from overstap.pages.board import formatting
from overstap.pages.board.funnel import REACHED, FunnelDay, FunnelLayer
from overstap.pages.board.rounds import RoundView

WIDTH = 960
ROW = 64
TOP = 34
LEFT = 190
_LETTER, _WORD = 8, 14
"""Width of a letter of a name, and half of the word at the line of today with some room."""
_MARGIN = 0.04


@dataclass(frozen=True, slots=True)
class MilestoneMark:
    """A milestone on the timeline."""

    x: float
    name: str
    moment: datetime
    has_passed: bool


@dataclass(frozen=True, slots=True)
class RoundLane:
    """Lane of one round on the timeline; coordinates in SVG user units.

    Args:
        view: the round.
        y: middle of the lane.
        start: x of the opening.
        end: x of the moment at which receipts are due.
        now: x up to which the lane is filled; equal to `start` when the round has not opened.
        marks: its milestones.
    """

    view: RoundView
    y: float
    start: float
    end: float
    now: float
    marks: Sequence[MilestoneMark]


@dataclass(frozen=True, slots=True)
class Timeline:
    """Timeline of all rounds of a region; coordinates in SVG user units.

    Args:
        width: of the drawing.
        height: of the drawing.
        lanes: the rounds.
        months: x of the beginning of each month, or of each day of a short span, with its name.
        today: x of the line of today; None when it is outside.
    """

    width: int
    height: int
    lanes: Sequence[RoundLane]
    months: Sequence[tuple[float, str]]
    today: float | None


def timeline(views: Sequence[RoundView], now: datetime) -> Timeline | None:
    """Return the timeline of rounds; None when there are none.

    Args:
        views: the rounds, in the order of their lanes.
        now: the present moment, aware.
    """
    if not views:
        return None
    first = min(min(view.milestones.opens for view in views), now)
    last = max(max(view.milestones.receipts_due for view in views), now)
    span = max(last - first, timedelta(minutes=1))
    first, last = first - span * _MARGIN, last + span * _MARGIN
    span = last - first

    def at(moment: datetime) -> float:
        return round(LEFT + (WIDTH - LEFT - 12) * ((moment - first) / span), 1)

    lanes = []
    for place, view in enumerate(views):
        start, end = at(view.milestones.opens), at(view.milestones.receipts_due)
        marks = [
            MilestoneMark(at(moment), name, moment, moment <= now)
            for name in view.kind.milestones
            for moment in (getattr(view.milestones, name),)
        ]
        filled = min(max(at(now), start), end) if view.opened_at else start
        lanes.append(RoundLane(view, TOP + ROW * place + ROW / 2, start, end, filled, marks))
    ticks = [(at(m), "" if _is_at(at(now), at(m), label) else label) for m, label in _ticks(first, last)]
    return Timeline(WIDTH, TOP + ROW * len(views) + 8, lanes, ticks, at(now))


def _is_at(today: float, tick: float, label: str) -> bool:
    """Tell whether the word at the line of today would stand on a tick's name, which begins right of its line."""
    return tick - _WORD <= today <= tick + _LETTER * len(label) + _WORD


def _ticks(first: datetime, last: datetime) -> list[tuple[datetime, str]]:
    """Return beginnings of months; of days where there are few months; of nothing within a day."""
    local, end = dutch_time(first), dutch_time(last)
    months = []
    moment = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    while moment <= end:
        if moment >= local:
            months.append((moment, short_month(moment.date())))
        moment = (moment + timedelta(days=32)).replace(day=1)
    if len(months) > 1:
        return months
    days = (end.date() - local.date()).days
    every = max(1, days // 8)
    first_day = local.replace(hour=0, minute=0, second=0, microsecond=0)
    return [
        (moment, formatting.day(moment.date(), moment.date()))
        for number in range(1, days + 1, every)
        for moment in (first_day + timedelta(days=number),)
    ]


@dataclass(frozen=True, slots=True)
class ChartSeries:
    """Series of one funnel layer over the days.

    Args:
        layer: the layer.
        points: "x,y x,y ..." of an SVG polyline.
        last: its last point, for the label.
        count: the number at the end.
    """

    layer: FunnelLayer
    points: str
    last: tuple[float, float]
    count: int


@dataclass(frozen=True, slots=True)
class ProgressChart:
    """Chart of the progress of a round by day.

    Args:
        width: of the drawing.
        height: of the drawing.
        lines: the layers.
        levels: y of the horizontal lines, with their numbers.
        ticks: x of the days, with their names.
        deadlines: x of the milestones, with their names.
        days: the same figures for a table.
    """

    width: int
    height: int
    lines: Sequence[ChartSeries]
    levels: Sequence[tuple[float, int]]
    ticks: Sequence[tuple[float, str]]
    deadlines: Sequence[tuple[float, str]]
    days: Sequence[FunnelDay]


_HEIGHT, _FOOT, _SIDE = 240, 28, 48


def progress(days: Sequence[FunnelDay], expected: int, view: RoundView, today: date) -> ProgressChart | None:
    """Return the progress chart of a round; None before there are two days to draw.

    Args:
        days: the funnel at the end of each day.
        expected: number of expected pupils, for the height.
        view: the round, for its milestones.
        today: today's date, for the names of days.
    """
    if len(days) < 2:
        return None
    first, last = days[0].day, days[-1].day
    top = _ceiling(max(expected, *(one.counts[FunnelLayer.SUPPLIED] for one in days), 1))
    reach = (last - first).days

    def x(day: date) -> float:
        return round(_SIDE + (WIDTH - 2 * _SIDE) * ((day - first).days / reach), 1)

    def y(count: int) -> float:
        return round(8 + (_HEIGHT - _FOOT - 8) * (1 - count / top), 1)

    lines = [
        ChartSeries(
            layer,
            " ".join(f"{x(one.day)},{y(one.counts[layer])}" for one in days),
            (x(last), y(days[-1].counts[layer])),
            days[-1].counts[layer],
        )
        for layer in REACHED
    ]
    every = max(1, reach // 8)
    return ProgressChart(
        WIDTH,
        _HEIGHT,
        lines,
        [(y(top * part // 4), top * part // 4) for part in range(5)],
        [(x(one.day), formatting.day(one.day, today)) for one in days[::every]],
        [
            (x(moment), name)
            for name in view.kind.milestones
            for moment in (dutch_time(getattr(view.milestones, name)).date(),)
            if first <= moment <= last
        ],
        days,
    )


def _ceiling(number: int) -> int:
    """Return the next round number above, so that its quarters are whole."""
    step = 4
    while step * 5 < number:
        step *= 10 if str(step)[0] == "4" else 1
    return -(-number // step) * step
