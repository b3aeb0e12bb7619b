"""Checks of pupil numbers (BSN, onderwijsnummer) and postcodes; school numbers are in `school_numbers`."""

import re

from stdnum.nl import bsn as _bsn
from stdnum.nl import onderwijsnummer as _onderwijsnummer

_NINE = re.compile(r"[0-9]{9}")
# SA, SD and SS are not issued
_POSTCODE = re.compile(r"[1-9][0-9]{3} ?(?!SA|SD|SS)[A-Z]{2}")


def is_bsn(text: str) -> bool:
    """Return whether a text is nine digits that pass the eleven test of the citizen service number (BSN)."""
    # only the checksum of the library; the regular expression replaces the other steps of its `is_valid`
    return _NINE.fullmatch(text) is not None and _bsn.checksum(text) == 0 and text != "000000000"


def is_onderwijsnummer(text: str) -> bool:
    """Return whether a text is nine digits in the form of an onderwijsnummer: starts with 10, eleven test leaves 5."""
    return _NINE.fullmatch(text) is not None and _onderwijsnummer.is_valid(text)


def with_zeros(digits: str) -> str | None:
    """Return a BSN or onderwijsnummer with the leading zeros that a spreadsheet takes away; None when it is neither.

    A BSN has at most two zeros in front. The eleven test says whether the number with them is one: of shorter digits it
    would say so by chance too often to mean anything.

    Args:
        digits: the digits as they are written.
    """
    if is_bsn(digits) or is_onderwijsnummer(digits):
        return digits
    filled = digits.zfill(9)
    return filled if len(digits) in (7, 8) and is_bsn(filled) else None


def is_postcode(text: str) -> bool:
    """Return whether a text has the form of a Dutch postcode, with or without a space."""
    return _POSTCODE.fullmatch(text) is not None
