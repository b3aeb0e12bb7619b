"""Numbers of institutions in Dutch education, in one place: BRIN, BRIN with branch, and a partnership's number.

BRIN (Basisregistratie Instellingen): two digits and two letters, `99AB`; a branch adds two digits, `99AB00`. A
partnership (samenwerkingsverband) has no BRIN but an administration number such as `PO9901`.
"""

import re

BRIN = r"[0-9]{2}[A-Z]{2}"
SCHOOL = rf"{BRIN}[0-9]{{2}}"
PARTNERSHIP = r"(?:PO|VO)[0-9]{4}"
PARTICIPANT = rf"(?:{SCHOOL}|{PARTNERSHIP})"
"""Regular expressions, without anchors: who may take part in an exchange."""

_BRIN, _SCHOOL, _PARTICIPANT = (re.compile(form) for form in (BRIN, SCHOOL, PARTICIPANT))
# OSO's own form of a partnership's number leaves more room than the numbers that DUO gave out
_PARTNERSHIP = re.compile(r"(?:PO|VO)[0-9A-Z]{4}")
_BETWEEN = re.compile(r"[\s.\-/]")


def is_brin(text: str) -> bool:
    """Tell whether this has the form of an institution code, such as `99AB`."""
    return _BRIN.fullmatch(text) is not None


def is_school_id(text: str) -> bool:
    """Tell whether this has the form of a BRIN with branch, such as `99AB00`."""
    return _SCHOOL.fullmatch(text) is not None


def is_partnership(text: str) -> bool:
    """Tell whether this has the form of a partnership's number (samenwerkingsverband), such as `PO9901`."""
    return _PARTNERSHIP.fullmatch(text) is not None


def is_participant(text: str) -> bool:
    """Tell whether this is the number of somebody who may take part in an exchange: a school or a partnership."""
    return _PARTICIPANT.fullmatch(text) is not None


def school_id_in(text: str) -> str | None:
    """Return the school that a person wrote, such as `99ab 00` or `99AB-00`; None when it is none."""
    bare = _BETWEEN.sub("", text).upper()
    return bare if is_school_id(bare) else None


def nearest_school_id(written: str) -> str | None:
    """Return how a school's number is probably meant: capitals, branch 00, the letter O for a zero or the reverse."""
    bare = re.sub(r"[^0-9A-Z]", "", written.upper())
    if len(bare) == 4:
        bare += "00"
    digits, letters = str.maketrans("OIL", "011"), str.maketrans("01", "OI")
    meant = bare[:2].translate(digits) + bare[2:4].translate(letters) + bare[4:].translate(digits)
    return meant if is_school_id(meant) else None
