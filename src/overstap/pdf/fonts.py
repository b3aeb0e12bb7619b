"""Fonts for all letters of Dutch registers, and Arabic; installed as packages."""

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
"""Asked in this order for a letter that the fonts above do not have; variable fonts, used as they are by default."""
_UNKNOWN = "\ufffd"


@cache
def _known() -> frozenset[int]:
    """Return every letter that some font has."""
    known: set[int] = set()
    for path in (REGULAR, *FALLBACKS.values()):
        with TTFont(path, lazy=True) as font:
            known |= set(font.getBestCmap())
    return frozenset(known)


def printable(text: str) -> str:
    """Return a text with composed letters, and a mark for what no font has, such as a picture in a name.

    Args:
        text: any text; line ends are kept.
    """
    composed = unicodedata.normalize("NFC", text)
    return "".join(sign if ord(sign) in _known() or sign in "\n\t" else _UNKNOWN for sign in composed)


def needs_shaping(text: str) -> bool:
    """Tell whether a text has letters that join, run from right to left, or carry marks of their own."""
    return any(
        sign > "\u0590" and (unicodedata.bidirectional(sign) in ("R", "AL", "AN") or unicodedata.combining(sign))
        for sign in text
    )
