"""Reading of what people write in a form: dates, addresses, numbers, yes and no.

A text that is understood is returned in the form of the standard and in the form in which people read it again. What
is ambiguous is not guessed: the form asks again.
"""

import re
from dataclasses import dataclass, field
from datetime import date
from functools import cache

from babel.dates import get_month_names

from overstap.oso.catalogue import Field
from overstap.tabular.values import NumberFormatError, digits

_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_NUMBERS = re.compile(r"(?P<day>[0-9]{1,2})\s*[-/. ]\s*(?P<month>[0-9]{1,2})\s*[-/. ]\s*(?P<year>[0-9]{4})")
_ISO = re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})")
_WORDS = re.compile(r"(?P<day>[0-9]{1,2})[ .-]*(?P<month>[a-z]{3,})\.?[ ,.-]*(?P<year>[0-9]{4})")
_DAY_NAME = re.compile(r"^(?:maan|dins|woens|donder|vrij|zater|zon)dag,?\s+")
_MONTH = re.compile(
    r"(?:(?P<month>[0-9]{1,2})\s*[-/ ]\s*(?P<year>[0-9]{4})|(?P<year2>[0-9]{4})-(?P<month2>[0-9]{1,2}))"
)
_MONTH_WORD = re.compile(r"(?P<month>[a-z]{3,})\.?\s+(?P<year>[0-9]{4})")
_SCHOOL_YEAR = re.compile(r"(?P<first>[0-9]{4}|[0-9]{2})\s*[-/]\s*(?P<last>[0-9]{4}|[0-9]{2})")
_POSTCODE = re.compile(r"([1-9][0-9]{3})\s*([A-Za-z]{2})")
_HOUSE_NUMBER = re.compile(r"(?<=[\s,])([0-9]{1,5})(?![0-9])")
_SHORT_MONTHS = {"mrt": 3, "mar": 3, "sept": 9, "okt": 10, "oct": 10, "mei": 5}
_YES, _NO = frozenset({"ja", "j", "true", "1"}), frozenset({"nee", "n", "false", "0"})


class NotUnderstoodError(Exception):
    """A text is not understood.

    Args:
        why: key of the sentence in `include/texts/school/typed.yaml`, under `fault`.
    """

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Street:
    """Street, number and addition of an address; the addition is empty without one."""

    street: str = field(repr=False)
    number: str = field(repr=False)
    addition: str = field(repr=False)


@cache
def _months() -> dict[str, int]:
    found = dict(_SHORT_MONTHS)
    for number, name in get_month_names("wide", locale="nl").items():
        found[name.lower()] = number
        found[name.lower()[:3]] = number
    return found


def read_day(text: str) -> date:
    """Read a date: `3 mei 2014`, `03-05-2014`, `3/5/2014` (day first) or `2014-05-03`.

    Raises:
        NotUnderstoodError: `date`; `year` when its year has two digits; `no_such_day` when the calendar lacks it.
    """
    plain = _DAY_NAME.sub("", " ".join(text.translate(_DASHES).lower().split()))
    found = _NUMBERS.fullmatch(plain) or _ISO.fullmatch(plain)
    month = int(found["month"]) if found else 0
    if found is None:
        found = _WORDS.fullmatch(plain)
        month = _months().get(found["month"], 0) if found else 0
        if found is None or not month:
            short = re.fullmatch(r"[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ][0-9]{2}|[0-9]{1,2} [a-z.]{3,} '?[0-9]{2}", plain)
            raise NotUnderstoodError("year" if short else "date")
    try:
        return date(int(found["year"]), month, int(found["day"]))
    except ValueError:
        raise NotUnderstoodError("no_such_day") from None


def read_month(text: str) -> tuple[int, int]:
    """Read a year and month: `mei 2014`, `05-2014` or `2014-05`.

    Raises:
        NotUnderstoodError: `month`.
    """
    plain = " ".join(text.translate(_DASHES).lower().split())
    found = _MONTH.fullmatch(plain)
    if found is not None:
        year, month = int(found["year"] or found["year2"]), int(found["month"] or found["month2"])
    else:
        word = _MONTH_WORD.fullmatch(plain)
        month = _months().get(word["month"], 0) if word else 0
        year = int(word["year"]) if word else 0
    if not 1 <= month <= 12:
        raise NotUnderstoodError("month")
    return year, month


def read_street(text: str) -> Street:
    """Read street and house number on one line: `Dorpsstraat 12a`, `1e Dwarsstraat 3-II`, `Plein 1944 7 bis`.

    The last number that can be a house number is it; what follows is the addition.

    Raises:
        NotUnderstoodError: `street` without a house number.
    """
    plain = " ".join(text.translate(_DASHES).split())
    numbers = list(_HOUSE_NUMBER.finditer(plain))
    if not numbers:
        raise NotUnderstoodError("street")
    last = numbers[-1]
    street, number, rest = plain[: last.start()].rstrip(" ,"), last[1], plain[last.end() :].strip(" -/,")
    if not street:
        raise NotUnderstoodError("street")
    return Street(street, number, rest)


def read_number(text: str, base: str) -> str:
    """Read a number: `7,5` or `7.5` for a decimal, digits for others; spaces are ignored.

    Raises:
        NotUnderstoodError: `number`, or `whole` for a decimal where a whole number is asked.
    """
    plain = "".join(text.translate(_DASHES).split()).replace(",", ".")
    if not re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", plain):
        raise NotUnderstoodError("number")
    if base != "decimal" and "." in plain:
        raise NotUnderstoodError("whole")
    return plain


def read_text(of: Field, text: str) -> str:
    """Return a text in the form of the standard, where people write it in several ways.

    Postcode `1234ab` becomes `1234 AB`, a BRIN gets capitals, a citizen service number loses its dots, a school year
    `25/26` becomes `2025-2026`. Anything else stays as it is; the rules judge it.

    Args:
        of: the field.
        text: what somebody wrote, without spaces around it.
    """
    kind = of.type.name if of.type is not None else ""
    if of.name == "postcode" and (found := _POSTCODE.fullmatch(text)):
        return f"{found[1]} {found[2].upper()}"
    if of.name in ("bsn", "onderwijsnummer"):
        try:
            return digits(text)
        except NumberFormatError:
            return text
    if kind == "brin":
        return "".join(text.split()).upper()
    if kind == "branch" and text.isascii() and text.isdigit():
        return text.zfill(2)
    if kind == "school_year" and (found := _SCHOOL_YEAR.fullmatch(text.translate(_DASHES))):
        return "-".join(part if len(part) == 4 else f"20{part}" for part in (found["first"], found["last"]))
    return text


def read_yes_no(text: str) -> str:
    """Return `true` or `false`.

    Raises:
        NotUnderstoodError: `yes_no`.
    """
    plain = text.strip().lower()
    if plain in _YES:
        return "true"
    if plain in _NO:
        return "false"
    raise NotUnderstoodError("yes_no")
