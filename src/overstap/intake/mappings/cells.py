"""Conversion of the cells of an export to the texts of fields; nothing is guessed, and no message quotes a cell."""

import re
from collections.abc import Mapping as Named
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from overstap.intake.mappings.model import ColumnRule, Kind
from overstap.oso.identifiers import with_zeros
from overstap.tabular.values import NumberFault, NumberFormatError, day, digits, moment, unprotected

YES = frozenset({"ja", "j", "yes", "y", "true", "waar", "1", "x"})
NO = frozenset({"nee", "n", "no", "false", "onwaar", "0"})
_PARTS = re.compile(r"([0-9]{1,4})[-/. ]([0-9]{1,2})[-/. ]([0-9]{1,4})(?:[T ].*)?", re.DOTALL)
_COMPACT = re.compile(r"[0-9]{8}")
_SERIAL = re.compile(r"([0-9]{1,6})(?:[.,]0*)?")
_FIRST_DAY = date(1899, 12, 30)
"""Day 0 of spreadsheets, as it counts for every day from March 1900 on."""
_DECIMAL = re.compile(r"[+-]?[0-9]+(?:[.,][0-9]+)?")
_WHOLE = re.compile(r"[+-]?[0-9]+(?:[.,]0+)?")
_DIGITS = 9


class CellFault(Exception):  # noqa: N818 (no error of the program: the row is refused, and the reading goes on)
    """A cell that cannot become the text of its field.

    Args:
        code: error code.
        facts: values for the sentences of the code.
    """

    def __init__(self, code: str, **facts: Any) -> None:
        self.code, self.facts = code, facts
        super().__init__(code)


@dataclass(frozen=True, slots=True)
class Converted:
    """The text of a field.

    Args:
        text: the text; empty for an empty cell.
        is_restored: whether leading zeros came back that a spreadsheet had taken away.
    """

    text: str = field(repr=False)
    is_restored: bool = False


def converted(cell: str, kind: Kind, rule: ColumnRule, codes: Named[str, str]) -> Converted:
    """Return the text of a field.

    Args:
        cell: the cell, normalised.
        kind: how it is read.
        rule: the rule of its column.
        codes: the codes of the field's code list, with their labels; empty without one.

    Raises:
        CellFault: INTAKE-103 an unknown value, -104 no date, -105 and -110 a number that fails its test, -043 a number
            written as a quantity, -106 another form.
    """
    text = unprotected(cell)
    if not text:
        return Converted("")
    if kind is Kind.CODE:
        return Converted(_code(text, rule, codes))
    if kind is Kind.NUMBER:
        return _number(text)
    if kind is Kind.DATE:
        return Converted(_date(text, rule).isoformat())
    if kind is Kind.MOMENT:
        return Converted(_moment(text, rule))
    if kind is Kind.DECIMAL:
        if not _DECIMAL.fullmatch(text):
            raise CellFault("INTAKE-106", example="7,5")
        return Converted(text.replace(",", ".").removeprefix("+"))
    if kind is Kind.WHOLE:
        if not _WHOLE.fullmatch(text):
            raise CellFault("INTAKE-106", example="12")
        return Converted(re.split("[.,]", text)[0].removeprefix("+"))
    if kind is Kind.FLAG:
        said = text.casefold()
        if said not in YES | NO:
            raise CellFault("INTAKE-106", example="Ja, Nee")
        return Converted("true" if said in YES else "false")
    return Converted(text)


def value_key(text: str) -> str:
    """Return a value as it is compared: in any case, with single spaces."""
    return " ".join(text.split()).casefold()


def _code(text: str, rule: ColumnRule, codes: Named[str, str]) -> str:
    known = {value_key(value): code for value, code in rule.codes.items()}
    key = value_key(text)
    if key in known:
        code = known[key]
        if code is None:
            raise CellFault("INTAKE-103")
        return code
    if text in codes:
        return text
    raise CellFault("INTAKE-103")


def _number(text: str) -> Converted:
    try:
        number = digits(text)
    except NumberFormatError as wrong:
        raise CellFault("INTAKE-043" if wrong.cause is not NumberFault.OTHER else "INTAKE-105") from None
    full = with_zeros(number)
    if full is not None:
        return Converted(full, is_restored=full != number)
    raise CellFault("INTAKE-110" if len(number) < _DIGITS else "INTAKE-105")


def _date(text: str, rule: ColumnRule) -> date:
    try:
        if rule.order is None:
            return day(text)
        if rule.order == "serial":
            found = _SERIAL.fullmatch(text)
            # A cell that is formatted as a date comes as one, also where others of its column are numbers
            return _FIRST_DAY + timedelta(days=int(found[1])) if found else day(text)
        if _COMPACT.fullmatch(text):
            text = f"{text[:4]}-{text[4:6]}-{text[6:]}" if rule.order == "ymd" else f"{text[:2]}-{text[2:4]}-{text[4:]}"
        parts = _PARTS.fullmatch(text)
        if parts is None:
            raise ValueError("no date")
        if len(parts[1]) == 4:  # the year comes first, whatever the others do
            return date(int(parts[1]), int(parts[2]), int(parts[3]))
        numbers = dict(zip(rule.order, (int(parts[1]), int(parts[2]), int(parts[3])), strict=True))
        if len(parts[3]) != 4:
            raise ValueError("a year has four digits")
        return date(numbers["y"], numbers["m"], numbers["d"])
    except (ValueError, OverflowError):
        raise CellFault("INTAKE-104") from None


def _moment(text: str, rule: ColumnRule) -> str:
    try:
        found: datetime = moment(text)
    except ValueError:
        return _date(text, rule).isoformat()
    return found.isoformat()
