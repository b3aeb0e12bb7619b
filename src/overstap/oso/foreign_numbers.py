"""Search for other persons' citizen service numbers (BSN) in text.

One in eleven of all numbers of nine digits passes the eleven test, so that alone says little: only a number beside
which the text says that it is one is sure. Those may be written with dots or spaces; elsewhere that would be too
much like an amount or a place on a page.
"""

import re
from collections.abc import Iterator
from enum import Enum

from overstap.oso.identifiers import is_bsn

_ZEROS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_NINE = b"0" * 9
_DIGITS = re.compile(b"0++")
# two cells of a table stand together without a space: BSN999900031
_SAYS_BSN = re.compile(r"\bbsn(?![^\W\d])|burger\s?service|sofi", re.IGNORECASE)
_SPOKEN = ("bsn", "burger", "sofi")
_WRITTEN = re.compile(
    r"(?<![0-9])(?:[0-9]{9}|[0-9]{4}([ .-])[0-9]{2}\1[0-9]{3}|[0-9]{3}([ .-])[0-9]{3}\2[0-9]{3})(?![0-9])"
)
_LONGEST = 12
_LAYOUT = str.maketrans("", "", " .-")
_NEAR_CHARS = 70


class Numbers(Enum):
    """What a text holds of others' numbers."""

    NONE = "none"
    POSSIBLE = "possible"
    """A number that can be one."""
    NAMED = "named"
    """A number that can be one, with a word beside it that says so."""


def numbers_in(text: str, own: str | None) -> Numbers:
    """Tell whether a text holds a number that is another person's.

    Args:
        text: the text.
        own: the number of the person whom the text is about, if known.
    """
    if len(text) < len(_NINE):
        return Numbers.NONE
    if any(number != own and is_bsn(number) for number in _named(text)):
        return Numbers.NAMED
    possible = any(number != own and is_bsn(number) for number in _of_nine(text))
    return Numbers.POSSIBLE if possible else Numbers.NONE


def _of_nine(text: str) -> Iterator[str]:
    """Yield the runs of exactly nine digits."""
    # one byte per character, digits alike: then finding them takes a fraction of what an expression takes
    alike = text.encode("ascii", "replace").translate(_ZEROS)
    at = alike.find(_NINE)
    while at >= 0:
        run = _DIGITS.match(alike, at)
        end = run.end() if run else at + len(_NINE)
        if end - at == len(_NINE):
            yield text[at:end]
        at = alike.find(_NINE, end)


def _named(text: str) -> Iterator[str]:
    """Yield the numbers near to a word that says that they are one, without their dots and spaces."""
    low = text.lower()
    if not any(word in low for word in _SPOKEN):
        return
    begin = end = 0
    for said in _SAYS_BSN.finditer(text):
        if said.start() - _NEAR_CHARS > end:
            yield from _within(text, begin, end)
            begin = said.start() - _NEAR_CHARS
        end = said.end() + _NEAR_CHARS
    yield from _within(text, begin, end)


def _within(text: str, begin: int, end: int) -> Iterator[str]:
    """Yield the numbers that begin within a part of a text."""
    # as far as the last of them can reach, with the character behind it
    for found in _WRITTEN.finditer(text, max(0, begin), max(0, end + _LONGEST + 1)):
        if found.start() < end:
            yield found[0].translate(_LAYOUT)
