"""Lookup tables of the rules: ranks of advices, and words that name a diagnosis."""

import csv
from functools import cache
from pathlib import Path

from overstap.resources import INCLUDE

_SCHEMAS = INCLUDE / "schemas" / "oso"


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def advice_rows() -> list[dict[str, str]]:
    """Return the rows of the table of advices: code, rank, lwoo and meaning."""
    return _rows(_SCHEMAS / "advice-ranks.csv")


@cache
def advice_ranks() -> dict[str, float | None]:
    """Return the rank of each advice of code list 2; None for an advice without rank.

    The scale is basis 1, kader 3, gemengd and theoretisch 6, havo 9, vwo 11; a combined advice has the mean of its two.
    It is our own interpretation of public research code, see docs/rules.md.
    """
    return {row["code"]: float(row["rank"]) if row["rank"] else None for row in advice_rows()}


@cache
def support_advices() -> frozenset[str]:
    """Return the advices of code list 2 that come with learning support (LWOO)."""
    return frozenset(row["code"] for row in advice_rows() if row["lwoo"] == "yes")


@cache
def diagnosis_words() -> frozenset[str]:
    """Return Dutch words and abbreviations that name a diagnosis, in lower case."""
    text = (_SCHEMAS / "diagnosis-words.txt").read_text(encoding="utf-8")
    return frozenset(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
