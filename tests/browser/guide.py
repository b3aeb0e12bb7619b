"""Walks of the guide's pages: what a page prints in bold is found on the screen, by its own words."""

import re
from collections.abc import Set
from functools import cache

from overstap_tools.project import PROJECT

GUIDE = PROJECT / "docs" / "nl"


@cache
def words_of(page: str) -> frozenset[str]:
    """Return what a page of the guide prints in bold."""
    text = re.sub(r"\s+", " ", (GUIDE / f"{page}.md").read_text(encoding="utf-8"))
    return frozenset(re.findall(r"\*\*(.+?)\*\*", text))


class Walk:
    """Goes where a page of the guide says, by the page's own words."""

    def __init__(self, guide_page: str, at_another_moment: Set[str] = frozenset()) -> None:
        self.page = guide_page
        self.used: set[str] = set()
        self.at_another_moment = at_another_moment

    def __call__(self, words: str) -> str:
        assert words in words_of(self.page), f"{self.page}.md does not say {words!r}"
        self.used.add(words)
        return words

    def has_all(self) -> None:
        assert words_of(self.page) - self.used - self.at_another_moment == set()
