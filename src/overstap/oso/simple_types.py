"""Validation of leaf values against the simple types of the standard.

Base, pattern and bounds of each type are data in `include/schemas/oso/types.csv`; this module implements the base types
of XML Schema 1.0 part 2. It accepts the same texts as libxml2, which receivers use.
"""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property

# Part 2, 3.2.9: a year has at least four digits, no leading zero beyond four; libxml2 supports years up to a C long
_DATE = re.compile(r"(-?)([0-9]{4,19})-([0-9]{2})-([0-9]{2})(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?0*([0-9]+)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_LONGEST_YEAR = 2**63 - 1
_SPACE = " \t\n\r"
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_CACHE_SIZE = 5_000
"""Largest number of accepted texts that are cached per type, since dates and codes repeat."""


def _is_date(text: str) -> bool:
    found = _DATE.fullmatch(text)
    if not found:
        return False
    year = int(found[2])
    if year == 0 or year > _LONGEST_YEAR or (len(found[2]) > 4 and found[2][0] == "0"):
        return False
    month, day = int(found[3]), int(found[4])
    if not 1 <= month <= 12:
        return False
    leap = month == 2 and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return 1 <= day <= _DAYS[month - 1] + leap


def _number(text: str) -> int | None:
    """Parse an integer; return None for other texts and for numbers longer than any bound."""
    found = _INTEGER.fullmatch(text)
    if found is None or len(found[1]) > 20:
        return None
    return int(text)


def _is_int(text: str) -> bool:
    number = _number(text)
    return number is not None and -(2**31) <= number < 2**31


_BASES = {
    "string": lambda _: True,
    "boolean": lambda text: text in ("true", "false", "1", "0"),
    "date": _is_date,
    "integer": lambda text: _INTEGER.fullmatch(text) is not None,
    "int": _is_int,
    "decimal": lambda text: _DECIMAL.fullmatch(text) is not None,
}


@dataclass(frozen=True)
class SimpleType:
    """A simple type, such as `brin` or `text_280`.

    Args:
        name: name in types.csv.
        base: base type of XML Schema: `string`, `boolean`, `date`, `integer`, `int` or `decimal`.
        pattern: regular expression for the whole text, or None.
        shortest: smallest length, in characters.
        longest: largest length, in characters, or None.
        least: smallest number, or None.
        most: largest number, or None; bounds of an `integer` or `int` are whole.
        label: Dutch description.
        accepted: cache of accepted texts.
    """

    name: str
    base: str
    pattern: re.Pattern[str] | None
    shortest: int
    longest: int | None
    least: Decimal | None
    most: Decimal | None
    label: str
    accepted: set[str] = field(default_factory=set, compare=False, repr=False)
    """Accepted texts so far; free texts are not cached, so that no personal data stays in memory."""

    @cached_property
    def is_bounded_only(self) -> bool:
        """Whether only the length is restricted, as for most leaves; the tree builder checks that itself."""
        return self.base == "string" and self.pattern is None

    def accepts(self, text: str) -> bool:
        """Return whether a text is valid for this type."""
        if text in self.accepted:
            return True
        good = self._judge(text)
        if good and (self.base != "string" or self.pattern is not None) and len(self.accepted) < _CACHE_SIZE:
            self.accepted.add(text)
        return good

    def _judge(self, text: str) -> bool:
        # White space is collapsed first (part 2, 4.3.6), except that libxml2 does not do so for a date without pattern,
        # and an accepted dossier must be valid at every receiver
        if self.base != "string" and not (self.base == "date" and self.pattern is None):
            text = text.strip(_SPACE)
        if not _BASES[self.base](text):
            return False
        if self.pattern is not None and not self.pattern.fullmatch(text):
            return False
        if self.base == "string":
            return len(text) >= self.shortest and (self.longest is None or len(text) <= self.longest)
        return (self.least is None and self.most is None) or self._is_within(text)

    def _is_within(self, text: str) -> bool:
        number = Decimal(text) if self.base == "decimal" else _number(text)
        if number is None or (self.least is not None and number < self.least):
            return False
        return self.most is None or number <= self.most
