"""Fonts of PDF documents, for all letters of the Dutch population register and for Arabic."""

import unicodedata
from functools import cache
from importlib.resources import files

from fontTools.ttLib import TTFont

_OPEN_SANS = files("ttf_opensans") / "ttf"
REGULAR = str(_OPEN_SANS / "OpenSans-Regular.ttf")
BOLD = str(_OPEN_SANS / "OpenSans-Bold.ttf")
ITALIC = str(_OPEN_SANS / "OpenSans-Italic.ttf")
FALLBACKS = {
    "wide": str(files("fontpkg_noto_sans") / "files" / "NotoSans[wdth,wght].ttf"),
    "arabic": str(files("fontpkg_noto_sans_arabic") / "files" / "NotoSansArabic[wdth,wght].ttf"),
}
"""Fallback fonts, in this order, for characters that Open Sans lacks; variable fonts in their default instance."""
_UNKNOWN = "\ufffd"
MOST_MARKS = 8
"""Signs without a width that are printed in a row, such as combining marks on one letter. No language has more; a line
of thousands never ends, and measuring it takes the square of their number: 15 seconds of processor time for 20,000."""


@cache
def _known() -> frozenset[int]:
    """Return the code points that the fonts cover."""
    known: set[int] = set()
    for path in (REGULAR, *FALLBACKS.values()):
        with TTFont(path, lazy=True) as font:
            known |= set(font.getBestCmap())
    return frozenset(known)


def printable(text: str) -> str:
    """Return a text in NFC, with U+FFFD for characters that no font covers, such as an emoji in a name.

    Args:
        text: any text; line ends are kept, and of signs without a width in a row the first `MOST_MARKS`.
    """
    composed = _without_stacks(unicodedata.normalize("NFC", text))
    return "".join(sign if ord(sign) in _known() or sign in "\n\t" else _UNKNOWN for sign in composed)


def _without_stacks(text: str) -> str:
    kept, marks = [], 0
    for sign in text:
        marks = marks + 1 if unicodedata.category(sign) in ("Mn", "Me", "Cf") else 0
        if marks <= MOST_MARKS:
            kept.append(sign)
    return "".join(kept)


def needs_shaping(text: str) -> bool:
    """Return whether a text needs text shaping: right-to-left scripts, joining letters, or combining marks."""
    return any(
        sign > "\u0590" and (unicodedata.bidirectional(sign) in ("R", "AL", "AN") or unicodedata.combining(sign))
        for sign in text
    )
