"""Columns of files are those that docs/board.md and docs/applications.md name, in order: others build on them."""

import re

import pytest

from overstap.ledger.rounds import application_list
from overstap.pages.board import exports
from overstap.pages.board.views import rosters
from overstap_tools.project import PROJECT


@pytest.mark.parametrize(
    ("section", "columns"),
    [
        ("The table of schools", exports._titles()),
        ("Pupils of whom something is missing", rosters.columns()),
    ],
)
def test_columns_are_as_the_page_says(section: str, columns: list[str]) -> None:
    page = (PROJECT / "docs" / "board.md").read_text(encoding="utf-8")
    said = page.partition(f"\n## {section}\n")[2].partition("\n## ")[0].partition("at the end:")[2]
    assert re.findall(r"`([^`]+)`", said) == columns


def test_columns_of_applications_are_as_the_page_says() -> None:
    page = (PROJECT / "docs" / "applications.md").read_text(encoding="utf-8")
    page = page.partition("\n## Columns\n")[2].partition("\n## ")[0]
    first = "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, flags=re.M))
    assert tuple(re.findall(r"`(\w+)`", first)) == application_list.COLUMNS
