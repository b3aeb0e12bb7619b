"""Conversion between a school's BRIN and branch and its OIN (Organisatie-identificatienummer).

An OIN has 20 characters: a prefix of 8 that names the register, a main part of 9 and a suffix of 3. Prefix 00000007 is
the BRIN register (Logius OIN-Stelsel, chapter 6); the main part is BRIN and branch, padded with zeros on the left.
A partnership has no BRIN; its own number, such as PO9901, takes that place. This mapping is ours: the OIN-Stelsel names
no register for partnerships (docs/envelope.md).
"""

import re
import zlib

from overstap.errors import OverstapError
from overstap.school_numbers import PARTICIPANT, is_participant

_BRIN_REGISTER = "00000007"
_TRADE_REGISTER = "00000003"
_SCHOOL_OIN = re.compile(rf"00000007000({PARTICIPANT})[0-9]{{3}}")


def oin_of(school: str) -> str:
    """Return the 20-character OIN of a school or partnership.

    Args:
        school: BRIN and branch, such as 99AB00, or a partnership's number, such as PO9901.

    Raises:
        OverstapError: TRUST-015 when `school` does not have that form.
    """
    if not is_participant(school):
        raise OverstapError("TRUST-015", school=school[:20])
    return f"{_BRIN_REGISTER}000{school}000"


def school_of(oin: str) -> str | None:
    """Return the school or partnership in an OIN; None for an OIN of another kind."""
    match = _SCHOOL_OIN.fullmatch(oin)
    return match.group(1) if match else None


def development_oin_of_region(region: str) -> str:
    """Return a fictitious OIN for a region's conductor, in the form of the trade register (main part of 8)."""
    return f"{_TRADE_REGISTER}99{zlib.crc32(region.encode()) % 1_000_000:06}0000"
