"""The coordinators' guide names buttons, headings, tasks and places as the product does, and has no commands."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from pages import PROJECT

from overstap.resources import INCLUDE
from overstap.texts import TEXTS, read_yaml

GUIDE = sorted((PROJECT / "docs" / "nl").glob("*.md"))
each_page = pytest.mark.parametrize("page", GUIDE, ids=lambda path: path.stem)
_SHOWN_IN = ("board", "closing", "orchestration", "agreements", "notices", "school")
"""Folders of texts that coordinators see, and what a school that they help sees."""


def words_of(page: Path) -> list[str]:
    """Return what a page prints in bold: what stands on a screen, to the letter."""
    return re.findall(r"\*\*(.+?)\*\*", re.sub(r"\s+", " ", page.read_text(encoding="utf-8")))


def leaves(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict):
        for value in part.values():
            yield from leaves(value)


@cache
def on_screen() -> frozenset[str]:
    """Return every text that a screen of the board or of Airflow in Dutch can show, be it ours or Airflow's."""
    found: set[str] = set()
    for folder in _SHOWN_IN:
        for path in (TEXTS / folder).glob("*.yaml"):
            found |= set(leaves(read_yaml(path)))
    for path in (INCLUDE / "templates" / "board").glob("*.j2"):
        text = re.sub(r"{[{%].*?[%}]}", "\n", path.read_text(encoding="utf-8"))
        found |= {line.strip(" ;") for line in re.sub(r"<[^>]*>", "\n", text).splitlines()}
    airflow = Path(str(find_spec("airflow").submodule_search_locations[0]))  # type: ignore[union-attr,index]
    for path in (airflow / "ui" / "dist" / "i18n" / "locales" / "nl").glob("*.json"):
        found |= set(leaves(json.loads(path.read_text(encoding="utf-8"))))
    return frozenset(found)


def is_shown(words: str) -> bool:
    """Tell whether a screen shows these words: alone, before a name ("Wis {{type}}"), or behind a region's name."""
    return any(
        shown == words or shown.startswith(f"{words} ") or shown == f"{{region}}: {words}" for shown in on_screen()
    )


@each_page
def test_what_a_page_names_is_on_a_screen(page: Path) -> None:
    assert [words for words in words_of(page) if not is_shown(words)] == []


def test_words_that_no_screen_has_are_found() -> None:
    assert not is_shown("Ronde bijsturen")
    assert not is_shown("Aanvaarden")
    assert sum(len(words_of(page)) for page in GUIDE) > 80


@each_page
def test_a_command_is_for_the_administrator(page: Path) -> None:
    """A command reads the server's settings: a coordinator has none of them."""
    for paragraph in re.split(r"\n\s*\n|\n(?=\d\. |- )", page.read_text(encoding="utf-8")):
        if re.search(r"`(overstap|make|python) ", paragraph):
            assert "beheerder" in paragraph, paragraph


def test_every_page_is_walked_in_a_browser() -> None:
    tests = "".join(path.read_text(encoding="utf-8") for path in (PROJECT / "tests" / "browser").glob("*.py"))
    walked = set(re.findall(r'[Ww]alk\("([a-z-]+)"', tests))
    assert walked == {path.stem for path in GUIDE} - {"README"}


@each_page
def test_its_pictures_are_there(page: Path) -> None:
    shown = re.findall(r"\]\((beeld/[a-z-]+\.png)\)", page.read_text(encoding="utf-8"))
    assert [name for name in shown if not (page.parent / name).exists()] == []


def test_every_picture_is_shown() -> None:
    shown = {name for page in GUIDE for name in re.findall(r"beeld/([a-z-]+)\.png", page.read_text(encoding="utf-8"))}
    assert shown == {path.stem for path in (PROJECT / "docs" / "nl" / "beeld").glob("*.png")}
