"""Parsing of numbers, dates and moments in cells, in unambiguous forms only.

A number that a spreadsheet stored as a quantity ("10000094.0", "1,0E+08") may have lost digits; it is refused and never
corrected.
"""

import re
from datetime import date, datetime, time
from enum import StrEnum

# A spreadsheet writes ="012345678" or '012345678 to keep a leading zero.
_PROTECTED = re.compile(r"=\"(?P<formula>[^\"]*)\"|'(?P<quoted>.*)", re.DOTALL)
_DIGITS = re.compile(r"[0-9]+")
# As printed on official papers (1234.56.789), and with thousands separators as spreadsheets show it
_GROUPED = re.compile(r"[0-9]{4}([. ])[0-9]{2}\1[0-9]{3}|[0-9]{1,3}(?:([. ])[0-9]{3})(?:\2[0-9]{3})*")
_DECIMAL = re.compile(r"[0-9]+[.,][0-9]{1,2}|[0-9]{1,3}(?:[.,][0-9]{3})*[.,]0+")
_EXPONENT = re.compile(r"[0-9]+(?:[.,][0-9]+)?[eE][+-]?[0-9]+")

_MOMENT = re.compile(
    r"(?:(?P<year>[0-9]{4})(?P<dash>-?)(?P<month>[0-9]{2})(?P=dash)(?P<day>[0-9]{2})"
    r"|(?P<day_nl>[0-9]{1,2})-(?P<month_nl>[0-9]{1,2})-(?P<year_nl>[0-9]{4}))"
    r"(?:(?:T|[ ]+)(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"[ ]?(?P<zone>Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2212", "-"))
"""Dashes that word processors substitute for the hyphen in dates."""


class NumberFault(StrEnum):
    """Why a cell is not a valid identification number."""

    DECIMAL = "decimal"
    EXPONENT = "exponent"
    OTHER = "other"


class NumberFormatError(Exception):
    """A cell is not an identification number in an accepted form.

    Args:
        cause: the form that it has instead.
    """

    def __init__(self, cause: NumberFault) -> None:
        self.cause = cause
        super().__init__(cause.value)


def unprotected(text: str) -> str:
    """Return a cell without the markers that make a spreadsheet keep it as text: `="0123"`, `'0123`."""
    found = _PROTECTED.fullmatch(text)
    return (found["formula"] if found["formula"] is not None else found["quoted"]).strip() if found else text


def digits(text: str) -> str:
    """Return the digits of an identification number, such as a BSN.

    Args:
        text: digits only; as printed on official papers (1234.56.789, 1234 56 789); or in threes (123.456.789).

    Raises:
        NumberFormatError: the text has another form.
    """
    text = unprotected(text.strip())
    if _DIGITS.fullmatch(text):
        return text
    if _GROUPED.fullmatch(text):
        return text.replace(".", "").replace(" ", "")
    if _EXPONENT.fullmatch(text):
        raise NumberFormatError(NumberFault.EXPONENT)
    if _DECIMAL.fullmatch(text):
        raise NumberFormatError(NumberFault.DECIMAL)
    raise NumberFormatError(NumberFault.OTHER)


def moment(text: str) -> datetime:
    """Parse a moment: `2027-03-26 9:05`, `26-3-2027 9:05:00`, or a date, which gives its first moment.

    Returns:
        An aware moment when the text states a time zone, else a naive one.

    Raises:
        ValueError: the text is not a moment, or is ambiguous (3/4/2027, 26-3-27).
    """
    found = _MOMENT.fullmatch(unprotected(text.strip()).translate(_DASHES))
    if found is None:
        raise ValueError("no moment")
    day = date(
        int(found["year"] or found["year_nl"]),
        int(found["month"] or found["month_nl"]),
        int(found["day"] or found["day_nl"]),
    )
    if found["hour"] is None:
        return datetime.combine(day, time())
    micro = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    clock = time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0), micro)
    zone = found["zone"]
    return datetime.combine(day, clock, datetime.fromisoformat(f"2000-01-01T00:00{zone}").tzinfo if zone else None)


def day(text: str) -> date:
    """Parse a date: `2015-03-30` or `30-3-2015`; a time of day after it, which some programs add, is ignored.

    Raises:
        ValueError: the text is not a date, or is ambiguous.
    """
    return moment(text).date()
