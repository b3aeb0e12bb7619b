"""The numbers and codes of the field, and whether they can be right (DOMAIN section 5)."""

import re

from stdnum.nl import bsn as _bsn
from stdnum.nl import onderwijsnummer as _onderwijsnummer

_NINE = re.compile(r"[0-9]{9}")
_BRIN = re.compile(r"[0-9]{2}[A-Z]{2}")
_SCHOOL = re.compile(r"[0-9]{2}[A-Z]{2}[0-9]{2}")
_PARTNERSHIP = re.compile(r"(?:PO|VO)[0-9A-Z]{4}")
# Letter pairs that the postal service never gave out
_POSTCODE = re.compile(r"[1-9][0-9]{3} ?(?!SA|SD|SS)[A-Z]{2}")


def is_bsn(text: str) -> bool:
    """Tell whether nine digits pass the eleven test of the citizen service number."""
    # the library's own checksum; what `is_valid` does beside it is done here by the expression
    return _NINE.fullmatch(text) is not None and _bsn.checksum(text) == 0 and text != "000000000"


def is_onderwijsnummer(text: str) -> bool:
    """Tell whether nine digits can be the number of a pupil without BSN: begins with 10, eleven test leaves 5."""
    return _NINE.fullmatch(text) is not None and _onderwijsnummer.is_valid(text)


def is_brin(text: str) -> bool:
    """Tell whether this has the form of an institution code, such as `99AB`."""
    return _BRIN.fullmatch(text) is not None


def is_school_id(text: str) -> bool:
    """Tell whether this has the form of a BRIN with branch, such as `99AB00`."""
    return _SCHOOL.fullmatch(text) is not None


def is_partnership(text: str) -> bool:
    """Tell whether this has the form of a partnership's number (samenwerkingsverband), such as `PO9901`."""
    return _PARTNERSHIP.fullmatch(text) is not None


def is_postcode(text: str) -> bool:
    """Tell whether this is a Dutch postcode, with or without its space."""
    return _POSTCODE.fullmatch(text) is not None
