"""Search for other persons' citizen service numbers (BSN) in text.

One in eleven numbers of nine digits passes the eleven test by chance. A match is therefore certain only near a word
such as "BSN"; there, numbers with dots or spaces are recognised too, which elsewhere would match amounts and
references.
"""

import re
from collections.abc import Iterator
from enum import Enum

from overstap.oso.identifiers import is_bsn

_ZEROS = bytes(48 if 48 <= byte <= 57 else 32 for byte in range(256))
_NINE = b"0" * 9
_DIGITS = re.compile(b"0++")
# the text of two table cells can be joined without a space: BSN999900031
_SAYS_BSN = re.compile(r"\bbsn(?![^\W\d])|burger\s?service|sofi", re.IGNORECASE)
_BSN_WORDS = ("bsn", "burger", "sofi")
_WRITTEN = re.compile(
    r"(?<![0-9])(?:[0-9]{9}|[0-9]{4}([ .-])[0-9]{2}\1[0-9]{3}|[0-9]{3}([ .-])[0-9]{3}\2[0-9]{3})(?![0-9])"
)
_LONGEST = 12
_LAYOUT = str.maketrans("", "", " .-")
_NEAR_CHARS = 70


class ForeignNumbers(Enum):
    """Result of the search for other persons' numbers in a text."""

    NONE = "none"
    POSSIBLE = "possible"
    """A number that passes the eleven test."""
    NAMED = "named"
    """A number that passes the eleven test, near a word that names it a BSN."""


def find_foreign_numbers(text: str, own: str | None) -> ForeignNumbers:
    """Search a text for the numbers of other persons.

    Args:
        text: the text.
        own: number of the pupil, which is ignored; None when unknown.
    """
    if len(text) < len(_NINE):
        return ForeignNumbers.NONE
    if any(number != own and is_bsn(number) for number in _named(text)):
        return ForeignNumbers.NAMED
    possible = any(number != own and is_bsn(number) for number in _of_nine(text))
    return ForeignNumbers.POSSIBLE if possible else ForeignNumbers.NONE


def _of_nine(text: str) -> Iterator[str]:
    """Yield the runs of exactly nine digits."""
    # one byte per character, all digits equal: searching that is several times as fast as a regular expression
    alike = text.encode("ascii", "replace").translate(_ZEROS)
    at = alike.find(_NINE)
    while at >= 0:
        run = _DIGITS.match(alike, at)
        end = run.end() if run else at + len(_NINE)
        if end - at == len(_NINE):
            yield text[at:end]
        at = alike.find(_NINE, end)


def _named(text: str) -> Iterator[str]:
    """Yield the numbers near a word such as "BSN", without their dots and spaces."""
    low = text.lower()
    if not any(word in low for word in _BSN_WORDS):
        return
    begin = end = 0
    for mention in _SAYS_BSN.finditer(text):
        if mention.start() - _NEAR_CHARS > end:
            yield from _within(text, begin, end)
            begin = mention.start() - _NEAR_CHARS
        end = mention.end() + _NEAR_CHARS
    yield from _within(text, begin, end)


def _within(text: str, begin: int, end: int) -> Iterator[str]:
    """Yield the numbers that start within a part of a text."""
    # the last number can extend beyond the part, plus one character for the look-ahead
    for found in _WRITTEN.finditer(text, max(0, begin), max(0, end + _LONGEST + 1)):
        if found.start() < end:
            yield found[0].translate(_LAYOUT)
