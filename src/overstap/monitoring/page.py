"""Page with the panels of the dashboard, for where there is no Grafana: HTML and SVG, without a script."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from overstap.clock import dutch_time, format_moment, moment_formats
from overstap.monitoring import charts
from overstap.monitoring.dashboard import Panel, panels
from overstap.monitoring.figures import Axis, Language, axis, in_words
from overstap.monitoring.prometheus import Prometheus, Series
from overstap.progress import Advance, counted, unwatched
from overstap.resources import INCLUDE
from overstap.texts import texts, with_counts

_POINTS = 240
"""Of a line: more would not be seen."""
_LEAST_STEP = 15
MOST_LINES = 24
"""Of a chart: as many as can be told apart by colour and dashes. Those with the highest last values are drawn."""
_EVERY_REGION = ".*"


@dataclass(frozen=True, slots=True)
class Figure:
    """A series beside a chart, or a value of this moment.

    Args:
        name: of the series; "" where a panel has one only.
        said: the last value in words.
        highest: the highest value in words; "" for a value of this moment.
        until: time of the last value, where it is not that of the end of the period.
        tone: "good" or "bad" where the panel has bounds, else "".
        look: number of the line's colour and dashes.
    """

    name: str
    said: str
    highest: str = ""
    until: str = ""
    tone: str = ""
    look: int = 0


@dataclass(frozen=True, slots=True)
class DrawnPanel:
    """A panel with what was found.

    Args:
        panel: the panel.
        figures: one for each series; none where there are no values.
        chart: the lines; None for values of this moment, and where there are no values.
        axis: the axis of values of the chart.
        left_out: how many series are not drawn.
    """

    panel: Panel
    figures: Sequence[Figure]
    chart: charts.Chart | None = None
    axis: Axis | None = None
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be shown.

    Args:
        last: end of the period, aware.
        hours: its length, at least 1.
        language: of the page.
        region: a region's id; None for all.
    """

    last: datetime
    hours: int
    language: Language = "nl"
    region: str | None = None

    @property
    def first(self) -> datetime:
        """Beginning of the period."""
        return self.last - timedelta(hours=self.hours)

    @property
    def step(self) -> int:
        """Seconds between two points."""
        return max(_LEAST_STEP, -(-self.hours * 3600 // _POINTS))


def draw(server: Prometheus, wanted: Wanted, advance: Advance = unwatched) -> list[DrawnPanel]:
    """Ask the server what each panel of the dashboard asks for.

    Args:
        server: the server.
        wanted: period, language and region.
        advance: is told of each panel.

    Raises:
        OverstapError: METRICS-002, METRICS-003, as `Prometheus`.
    """
    return [
        (_values if panel.kind == "stat" else _lines)(server, panel, wanted)
        for panel in counted(panels(), advance, every=1)
    ]


def page(drawn: Sequence[DrawnPanel], address: str, wanted: Wanted) -> str:
    """Return the page as HTML.

    Args:
        drawn: the panels.
        address: of the server, to be shown.
        wanted: period, language and region.
    """
    words, language = texts("monitoring/dashboard"), wanted.language
    forms = moment_formats(language)

    def say(key: str, **facts: Any) -> str:
        return str(words["page"][key][language]).format(**with_counts(facts))

    return _environment().get_template("dashboard.html.j2").render(
        drawn=drawn,
        language=language,
        words=_in(words["panels"], language),
        say=say,
        period=say("period", first=format_moment(wanted.first, forms), last=format_moment(wanted.last, forms)),
        address=address,
        region=wanted.region,
        step=in_words(wanted.step, "s", language),
        width=charts.WIDTH,
        height=charts.HEIGHT,
    )  # fmt: skip


def _in(panel_words: Mapping[str, Any], language: Language) -> dict[str, tuple[str, str]]:
    return {title: (said["name"][language], said["what"][language]) for title, said in panel_words.items()}


def _values(server: Prometheus, panel: Panel, wanted: Wanted) -> DrawnPanel:
    found = [
        (target.name(one.labels), one.points[0][1])
        for target in panel.targets
        for one in server.at(_query(target.query, wanted), wanted.last)
        if one.points
    ]
    figures = []
    for name, value in sorted(found):
        colour = panel.colour(value)
        word = panel.names.get(value)
        said = texts("monitoring/dashboard")["values"][word][wanted.language] if word else None
        tone = {"green": "good", "red": "bad"}.get(colour or "", "")
        figures.append(Figure(name, said or in_words(value, panel.unit, wanted.language), tone=tone))
    return DrawnPanel(panel, figures)


def _lines(server: Prometheus, panel: Panel, wanted: Wanted) -> DrawnPanel:
    found = [
        (target.name(one.labels), one)
        for target in panel.targets
        for one in server.between(_query(target.query, wanted), wanted.first, wanted.last, wanted.step)
        if one.points
    ]
    found.sort(key=lambda one: (-one[1].points[-1][1], one[0]))
    shown = found[:MOST_LINES]
    if not shown:
        return DrawnPanel(panel, [])
    values = axis([value for _, one in shown for _, value in one.points], panel.unit, wanted.language)
    chart = charts.chart([one.points for _, one in shown], values, wanted.first, wanted.last, wanted.step)
    figures = [_figure(look, name, one, panel, wanted) for look, (name, one) in enumerate(shown)]
    return DrawnPanel(panel, figures, chart, values, len(found) - len(shown))


def _figure(look: int, name: str, series: Series, panel: Panel, wanted: Wanted) -> Figure:
    at, value = series.points[-1]
    ended = wanted.last.timestamp() - at > 2 * wanted.step
    local = dutch_time(datetime.fromtimestamp(at, wanted.last.tzinfo))
    return Figure(
        name,
        in_words(value, panel.unit, wanted.language),
        in_words(max(one for _, one in series.points), panel.unit, wanted.language),
        f"{local:%d-%m %H:%M}" if ended else "",
        look=look,
    )


def _query(query: str, wanted: Wanted) -> str:
    return query.replace("$region", wanted.region or _EVERY_REGION)


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(INCLUDE / "templates" / "monitoring"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
