"""What a secondary school may tell back of a pupil who left a primary school: years, fields and profiles, as data."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from overstap.resources import INCLUDE

_FILE = INCLUDE / "schemas" / "progress.yaml"


@dataclass(frozen=True, slots=True)
class PermittedYear:
    """A year after leaving of which may be told back.

    Args:
        after: number of years.
        ground: the legal ground, Dutch.
        source: where that was found, as schools read it.
    """

    after: int
    ground: str
    source: str


@dataclass(frozen=True, slots=True)
class PermittedField:
    """A field that may be told back.

    Args:
        name: its name in the data.
        dutch: what users read.
        ground: the legal ground, Dutch.
        source: where that was found, as schools read it.
    """

    name: str
    dutch: str
    ground: str
    source: str


@cache
def _data() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


def permitted_years() -> tuple[PermittedYear, ...]:
    """Return the years of which may be told back."""
    return tuple(PermittedYear(int(one["after"]), one["ground"], one["source"]) for one in _data()["years"])


def permitted_fields() -> dict[str, PermittedField]:
    """Return the fields that may be told back, by name."""
    return {
        name: PermittedField(name, one["nl"], one["ground"], one["source"]) for name, one in _data()["fields"].items()
    }


def profiles() -> dict[str, str]:
    """Return the profiles by code, Dutch."""
    return dict(_data()["profiles"])


def left_in(about_year: str, after: int) -> str:
    """Return the school year in which a pupil left so many years before another.

    Args:
        about_year: such as "2027-2028".
        after: number of years.
    """
    first = int(about_year[:4]) - after
    return f"{first}-{first + 1}"
