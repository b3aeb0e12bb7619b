"""docs/outside-inputs.md names tests that are there, for each kind of input, with relatives that nobody reported."""

import re
from collections.abc import Iterator

from pages import PROJECT

PAGE = PROJECT / "docs" / "outside-inputs.md"
_NAME = re.compile(r"`(?P<file>tests/[a-z0-9_/]+\.py)?::(?P<test>test_\w+)`")


def _named(text: str) -> Iterator[tuple[str, str]]:
    """Yield file and name of each test; a name without a file is of the file before it."""
    file = ""
    for found in _NAME.finditer(text):
        file = found["file"] or file
        yield file, found["test"]


def _rows() -> list[list[str]]:
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]


def test_each_test_that_is_named_is_there() -> None:
    missing = [
        f"{file}::{test}"
        for row in _rows()
        for file, test in _named(" ".join(row))
        if not (PROJECT / file).is_file() or f"def {test}(" not in (PROJECT / file).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_each_kind_has_what_was_reported_and_three_relatives() -> None:
    kinds = {int(row[0].partition(".")[0]): row for row in _rows() if row[0][0].isdigit()}
    assert sorted(kinds) == list(range(1, 14))
    for number, (_, reported, relatives) in kinds.items():
        assert list(_named(reported)), f"kind {number}: no test of what was reported"
        said = re.sub(r"`[^`]*`|\([^)]*\)", "", relatives)
        assert len(list(_named(relatives))) >= 3, f"kind {number}: fewer than three tests of relatives"
        assert len(re.split(r", | and ", said)) >= 3, f"kind {number}: fewer than three relatives"


def test_each_reader_has_a_generated_test() -> None:
    readers = {row[0] for row in _rows() if len(row) == 3 and not row[0][0].isdigit()} - {"kind", "reader"}
    assert {"CSV", "workbook", "ZIP", "PDF", "office files", "delivery reports", "revocation lists"} <= readers
    assert "agreements" in readers
