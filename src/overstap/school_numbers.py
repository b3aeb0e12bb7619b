"""Forms of school numbers in Dutch education: BRIN, BRIN with branch, and the number of a partnership.

BRIN (Basisregistratie Instellingen): two digits and two letters, `99AB`; a branch adds two digits, `99AB00`. A
partnership (samenwerkingsverband) has no BRIN but an administration number such as `PO9901`.
"""

import re

BRIN = r"[0-9]{2}[A-Z]{2}"
SCHOOL = rf"{BRIN}[0-9]{{2}}"
PARTNERSHIP = r"(?:PO|VO)[0-9]{4}"
PARTICIPANT = rf"(?:{SCHOOL}|{PARTNERSHIP})"
"""Regular expressions without anchors. A participant in an exchange is a school (BRIN and branch) or a partnership."""

_BRIN, _SCHOOL, _PARTICIPANT = (re.compile(form) for form in (BRIN, SCHOOL, PARTICIPANT))
# The OSO standard also allows letters in the last four characters, which numbers issued by DUO do not have
_PARTNERSHIP = re.compile(r"(?:PO|VO)[0-9A-Z]{4}")
_BETWEEN = re.compile(r"[\s.\-/]")


def is_brin(text: str) -> bool:
    """Return whether a text has the form of a BRIN (institution code), such as `99AB`."""
    return _BRIN.fullmatch(text) is not None


def is_school_id(text: str) -> bool:
    """Return whether a text has the form of a BRIN with branch, such as `99AB00`."""
    return _SCHOOL.fullmatch(text) is not None


def is_partnership(text: str) -> bool:
    """Return whether a text has the form of a partnership's number (samenwerkingsverband), such as `PO9901`."""
    return _PARTNERSHIP.fullmatch(text) is not None


def is_participant(text: str) -> bool:
    """Return whether a text has the form of a participant's number: a school or a partnership."""
    return _PARTICIPANT.fullmatch(text) is not None


def school_id_in(text: str) -> str | None:
    """Return the BRIN and branch in a text that a person wrote, such as `99ab 00` or `99AB-00`; None without one."""
    bare = _BETWEEN.sub("", text).upper()
    return bare if is_school_id(bare) else None


def nearest_school_id(written: str) -> str | None:
    """Return the likely BRIN and branch for a mistyped one: capitals, missing branch 00, O for zero or the reverse.

    Args:
        written: the text as written.

    Returns:
        The suggestion, or None when none has the right form.
    """
    bare = re.sub(r"[^0-9A-Z]", "", written.upper())
    if len(bare) == 4:
        bare += "00"
    digits, letters = str.maketrans("OIL", "011"), str.maketrans("01", "OI")
    meant = bare[:2].translate(digits) + bare[2:4].translate(letters) + bare[4:].translate(digits)
    return meant if is_school_id(meant) else None
