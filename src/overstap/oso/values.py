"""Simple types of the standard.

The facts (base, pattern, bounds) are data in `include/schemas/oso/types.csv`; here is only what XML Schema 1.0 part 2
says about the bases. Texts are judged as libxml2 judges them, since that is what receivers run.
"""

import re
from dataclasses import dataclass, field
from functools import cached_property

# Part 2, 3.2.9: a year has at least four digits and no leading zero beyond four; libxml2 knows years up to a C long.
_DATE = re.compile(r"(-?)([0-9]{4,19})-([0-9]{2})-([0-9]{2})(Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9]|[+-]14:00)?", re.ASCII)
_INTEGER = re.compile(r"[+-]?0*([0-9]+)", re.ASCII)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)", re.ASCII)
_LONGEST_YEAR = 2**63 - 1
_SPACE = " \t\n\r"
_DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_REMEMBERED = 5_000
"""Accepted texts remembered per type: dates and codes repeat endlessly; the bound keeps memory flat."""


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
    """Return a whole number; None when it is none, or so long that it is beyond every bound."""
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
    """A type of leaf, such as `brin` or `text_280`.

    Args:
        name: its name in types.csv.
        base: `string`, `boolean`, `date`, `integer`, `int` or `decimal`, as in XML Schema.
        pattern: what the whole text must match, or None.
        shortest: fewest characters.
        longest: most characters, or None.
        least: smallest number, or None.
        most: largest number, or None.
        label: what it is, in Dutch.
    """

    name: str
    base: str
    pattern: re.Pattern[str] | None
    shortest: int
    longest: int | None
    least: int | None
    most: int | None
    label: str
    accepted: set[str] = field(default_factory=set, compare=False, repr=False)
    """Texts already found good; never holds free text, so no personal text stays behind here."""

    @cached_property
    def is_bounded_only(self) -> bool:
        """Whether only a text's length counts: so it is for most leaves, and readers test that themselves."""
        return self.base == "string" and self.pattern is None

    def accepts(self, text: str) -> bool:
        """Tell whether a leaf may hold this text."""
        if text in self.accepted:
            return True
        good = self._judge(text)
        if good and (self.base != "string" or self.pattern is not None) and len(self.accepted) < _REMEMBERED:
            self.accepted.add(text)
        return good

    def _judge(self, text: str) -> bool:
        # White space is collapsed before anything else (part 2, 4.3.6), but libxml2 forgets it for a date without
        # pattern, and a dossier that we let through must pass at every receiver.
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
        number = _number(text)
        if number is None or (self.least is not None and number < self.least):
            return False
        return self.most is None or number <= self.most
