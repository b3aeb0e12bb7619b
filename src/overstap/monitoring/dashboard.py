"""Panels of the shipped Grafana dashboard: what is asked, in which unit it is, and how it is named."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from overstap.resources import INCLUDE

_IN_PACKAGE = INCLUDE / "monitoring" / "overstap.json"
_IN_CHECKOUT = INCLUDE.parent / "deploy" / "monitoring" / "grafana" / "overstap.json"
DASHBOARD = _IN_PACKAGE if _IN_PACKAGE.is_file() else _IN_CHECKOUT
"""The file that Grafana reads; a wheel has it as well."""
_PLACE = re.compile(r"\{\{\s*(\w+)\s*\}\}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel.

    Args:
        query: PromQL; `$region` stands for a regular expression of regions.
        legend: name of a series, with `{{label}}` for the value of a label.
    """

    query: str
    legend: str

    def name(self, labels: Mapping[str, str]) -> str:
        """Return the name of a series.

        Args:
            labels: its labels; one that is missing is left out, as in Grafana.
        """
        return _PLACE.sub(lambda found: labels.get(found[1], ""), self.legend).strip()


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel.

    Args:
        title: its name.
        kind: "stat" for values of this moment, "timeseries" for lines.
        targets: its queries.
        unit: Grafana's word for the unit: "short" (a number), "s", "reqps", "ms", "percentunit".
        thresholds: bounds from below and the colour from there on; the first has no bound.
        names: words that stand for values.
    """

    title: str
    kind: str
    targets: Sequence[Target]
    unit: str
    thresholds: Sequence[tuple[float, str]]
    names: Mapping[float, str]

    def colour(self, value: float) -> str | None:
        """Return the colour of a value: "green" or "red"; None where the panel has no bounds."""
        reached = [colour for bound, colour in self.thresholds if value >= bound]
        return reached[-1] if reached else None


@cache
def panels() -> tuple[Panel, ...]:
    """Return the panels in reading order."""
    read = json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    return tuple(_panel(one) for one in sorted(read, key=lambda one: (one["gridPos"]["y"], one["gridPos"]["x"])))


def hours_shown() -> int:
    """Return how many hours back the dashboard shows unless somebody chooses otherwise.

    Raises:
        ValueError: the file says it otherwise than in hours.
    """
    said = json.loads(DASHBOARD.read_text(encoding="utf-8"))["time"]["from"]
    match = re.fullmatch(r"now-(\d+)h", said)
    if match is None:
        raise ValueError(f"{DASHBOARD.name}: the time does not begin so many hours ago: {said}")
    return int(match[1])


def _panel(read: Mapping[str, Any]) -> Panel:
    told = read["fieldConfig"]["defaults"]
    steps = told.get("thresholds", {}).get("steps", [])
    bounds = [(float("-inf") if one["value"] is None else float(one["value"]), one["color"]) for one in steps]
    names = {
        float(value): one["text"]
        for mapping in told.get("mappings", [])
        if mapping["type"] == "value"
        for value, one in mapping["options"].items()
    }
    targets = [Target(one["expr"], one["legendFormat"]) for one in read["targets"]]
    return Panel(read["title"], read["type"], targets, told["unit"], bounds, names)
