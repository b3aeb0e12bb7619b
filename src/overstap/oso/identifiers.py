"""Numbers of pupils and postcodes, and whether they can be right; numbers of schools are in `school_numbers`."""

import re

from stdnum.nl import bsn as _bsn
from stdnum.nl import onderwijsnummer as _onderwijsnummer

_NINE = re.compile(r"[0-9]{9}")
# Letter pairs that the postal service never gave out
_POSTCODE = re.compile(r"[1-9][0-9]{3} ?(?!SA|SD|SS)[A-Z]{2}")


def is_bsn(text: str) -> bool:
    """Tell whether nine digits pass the eleven test of the citizen service number."""
    # the library's own checksum; what `is_valid` does beside it is done here by the expression
    return _NINE.fullmatch(text) is not None and _bsn.checksum(text) == 0 and text != "000000000"


def is_onderwijsnummer(text: str) -> bool:
    """Tell whether nine digits can be the number of a pupil without BSN: begins with 10, eleven test leaves 5."""
    return _NINE.fullmatch(text) is not None and _onderwijsnummer.is_valid(text)


def is_postcode(text: str) -> bool:
    """Tell whether this is a Dutch postcode, with or without its space."""
    return _POSTCODE.fullmatch(text) is not None
