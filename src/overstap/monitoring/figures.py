"""Values in words, by the dashboard's units, and the levels of an axis; numbers and units by CLDR (Babel)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from babel.numbers import format_decimal

from overstap.texts import noun, texts

Language = Literal["nl", "en"]
_FORM = "#,##0.##"
_SPANS = (("day", 86_400.0, 2), ("hour", 3_600.0, 2), ("minute", 60.0, 2), ("second", 1.0, 1))
"""Units of time from the largest, and how many of it are needed before it is used."""
_MOST_LEVELS = 5


@dataclass(frozen=True, slots=True)
class Axis:
    """Axis of values.

    Args:
        unit: what its numbers count, in words.
        bottom: its lowest value.
        top: its highest value.
        levels: values with a line, and their numbers in words.
    """

    unit: str
    bottom: float
    top: float
    levels: Sequence[tuple[float, str]]


def in_words(value: float, unit: str, language: Language) -> str:
    """Return a value with its unit: "3,5 dagen", "12", "0,4 per seconde".

    Args:
        value: the value.
        unit: the dashboard's word for the unit.
        language: the reader's.

    Raises:
        KeyError: the unit has no words in include/texts/monitoring/dashboard.yaml.
    """
    if unit == "s":
        name, length = _span(abs(value))
        form = "#,##0.#" if name != "millisecond" else "#,##0"
        count = format_decimal(value / length, format=form, locale=language)
        # What is written decides, so that 0.99 days do not become "1 days"
        rounded = round(value / length, 0 if name == "millisecond" else 1)
        return f"{count} {noun(rounded, texts('monitoring/dashboard')['spans'][name][language])}"
    number = format_decimal(value, format=_form(value), locale=language)
    return str(texts("monitoring/dashboard")["units"][unit]["value"][language]).format(number=number)


def axis(values: Sequence[float], unit: str, language: Language) -> Axis:
    """Return an axis from zero that has room for all values.

    Args:
        values: at least one.
        unit: the dashboard's word for the unit.
        language: the reader's.
    """
    words = texts("monitoring/dashboard")
    lowest, highest = min(0.0, *values), max(0.0, *values)
    length, said = 1.0, str(words["units"][unit]["axis"][language])
    if unit == "s":
        name, length = _span(max(-lowest, highest))
        said = words["spans"][name]["axis"][language]
    are_whole = unit == "short" and all(value.is_integer() for value in values)
    step = _step((highest - lowest) / length, are_whole) * length
    bottom, top = math.floor(lowest / step), max(1, math.ceil(highest / step))
    return Axis(
        said,
        bottom * step,
        top * step,
        [
            (place * step, format_decimal(place * step / length, format=_form(step / length), locale=language))
            for place in range(bottom, top + 1)
        ],
    )


def _span(seconds: float) -> tuple[str, float]:
    found = next(((name, length) for name, length, count in _SPANS if seconds >= count * length), None)
    return found or (("second", 1.0) if seconds == 0 else ("millisecond", 0.001))


def _step(reach: float, are_whole: bool) -> float:
    """Return the smallest of 1, 2, 5, 10, ... that needs no more than five levels."""
    if reach == 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(reach / _MOST_LEVELS))
    step = next(power * times for times in (1, 2, 5, 10, 20) if reach / (power * times) <= _MOST_LEVELS)
    return max(step, 1.0) if are_whole else step


def _form(value: float) -> str:
    """Return a pattern with at least two digits that count."""
    if value == 0 or abs(value) >= 0.1:
        return _FORM
    return "0." + "#" * min(12, 1 - math.floor(math.log10(abs(value))))
