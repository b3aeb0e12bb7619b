"""DUO's order of advice: the level of a code, of a value of the Doorstroomtoets API, or of a test advice in words."""

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from overstap.resources import INCLUDE

_FILE = INCLUDE / "schemas" / "oso" / "advice-order.yaml"
_TYPES = (
    ("vso", re.compile(r"\bvso\b")),
    ("pro", re.compile(r"\b(?:pro|praktijkonderwijs)\b")),
    ("bb", re.compile(r"\b(?:bb|bbl|basis|basisberoeps\w*)\b")),
    ("kb", re.compile(r"\b(?:kb|kbl|kader|kaderberoeps\w*)\b")),
    ("gltl", re.compile(r"\b(?:gl|tl|gt|gltl|gemengde?|theoretische?|mavo)\b")),
    ("havo", re.compile(r"\bhavo\b")),
    ("vwo", re.compile(r"\b(?:vwo|gymnasium|atheneum)\b")),
)


@dataclass(frozen=True, slots=True)
class AdviceLevel:
    """A level of advice.

    Args:
        key: its name in the data, such as "kb_gltl".
        rank: its place in DUO's order; a higher one is a higher advice.
        dutch: what users read.
    """

    key: str
    rank: int
    dutch: str


@cache
def _rows() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return found


@cache
def levels() -> dict[str, AdviceLevel]:
    """Return the levels by key, the lowest first (include/schemas/oso/advice-order.yaml)."""
    return {key: AdviceLevel(key, int(str(row["rank"])), str(row["nl"])) for key, row in _rows().items()}


@cache
def _by_code(kind: str) -> dict[str, str]:
    return {str(code): key for key, row in _rows().items() for code in row[kind]}


def level_of_code(code: str) -> AdviceLevel | None:
    """Return the level of an advice of code list 2; None for a code without one.

    Args:
        code: such as "34".
    """
    key = _by_code("codes").get(code)
    return None if key is None else levels()[key]


def api_value_of_code(code: str) -> str | None:
    """Return the value of the Doorstroomtoets API for an advice of code list 2; None for a code without one.

    Of a level that the API writes in two ways the second is with learning support, as the odd codes of the list are.

    Args:
        code: such as "34".
    """
    key = _by_code("codes").get(code)
    if key is None:
        return None
    values = [str(value) for value in _rows()[key]["api"]]
    return values[int(code) % 2] if len(values) > 1 else values[0]


def level_of_text(text: str) -> AdviceLevel | None:
    """Return the level of a test advice in words or of a value of the API; None when no type of school is named.

    Args:
        text: such as "vmbo kb/vmbo gl-tl", "HAVO_TM_VWO" or "havo".
    """
    key = _by_code("api").get(text.strip().upper())
    if key is None:
        plain = re.sub(r"[_\W]+", " ", text.lower())
        found = [name for name, pattern in _TYPES if pattern.search(plain)]
        if not found:
            return None
        key = found[0] if len(found) == 1 else f"{found[0]}_{found[-1]}"
    return levels().get(key)


def name_of(key: str) -> str:
    """Return what users read for a level, Dutch; the key itself for one that is not in the data (any more)."""
    found = levels().get(key)
    return key if found is None else found.dutch


def place_of(key: str) -> int:
    """Return the rank of a level, for sorting; one that is not in the data comes last."""
    found = levels().get(key)
    return 1_000 if found is None else found.rank
