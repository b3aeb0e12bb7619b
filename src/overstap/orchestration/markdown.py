"""Escaping of text from files, forms and databases for Airflow's pages, which render Markdown."""

import re
from typing import Any

_MARKUP = re.compile(r"[\\`*_\[\]<>|~&]")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f]+")
_JOINER = "\u2060"
"""Word joiner: invisible, and no address is recognised across it."""
_ADDRESS = re.compile(r"(?<=[a-z])(?=://)|(?<=www)(?=\.)|(?=@)", re.IGNORECASE)


def plain(text: str) -> str:
    """Return text that renders as itself in Markdown: no link, image, HTML, emphasis or table cell begins in it.

    A backslash keeps CommonMark's inline characters literal (CommonMark 0.31, section 2.4). Addresses that GitHub's
    dialect links by themselves (GFM, section 6.9) are broken by an invisible character, since that dialect looks for
    them after the backslashes were taken out. Line breaks become spaces: only the beginning of a line can start a
    heading, a list or a table.

    Args:
        text: any text.
    """
    return _MARKUP.sub(r"\\\g<0>", _ADDRESS.sub(_JOINER, _SPACE.sub(" ", text)))


def escaped(facts: dict[str, Any]) -> dict[str, Any]:
    """Return facts for a sentence, with every text among them as `plain` gives it."""
    return {name: plain(value) if isinstance(value, str) else value for name, value in facts.items()}
