"""Test that each of the 76 faults has a test that bears its number, and a row in docs/faults.md that names its file."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import fault_table
import pytest

from overstap_tools.project import PROJECT

TESTS = PROJECT / "tests"


def is_mark(node: ast.AST) -> bool:
    """Whether a node is a call of `pytest.mark.fault`."""
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.fault"


def marked(path: Path) -> Iterator[str]:
    """Yield the numbers that tests of a file bear, on a test itself or on its parameters."""
    module = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("test_"):
            wrong = [one for one in node.decorator_list if is_mark(one)]
            assert not wrong, f"{path.name}: {node.name} is no test, so its mark counts for nothing"
        if is_mark(node) and isinstance(node, ast.Call):
            assert node.args, f"{path.name}: a mark without a number"
            for argument in node.args:
                assert isinstance(argument, ast.Constant), f"{path.name}: a number is written out"
                yield str(argument.value)


@pytest.fixture(scope="module")
def files() -> dict[str, set[str]]:
    """The files with tests of each number."""
    found: dict[str, set[str]] = defaultdict(set)
    for path in sorted(TESTS.rglob("test_*.py")):
        for number in marked(path):
            found[number].add(path.relative_to(PROJECT).as_posix())
    return found


def test_each_number_has_a_test(files: dict[str, set[str]]) -> None:
    assert sorted(files) == list(fault_table.NUMBERS)


def test_each_number_has_a_row_that_names_the_files_of_its_tests(files: dict[str, set[str]]) -> None:
    rows = list(fault_table.page_rows())
    assert [row.number for row in rows] == list(fault_table.NUMBERS)
    wrong = {row.number: row.files ^ files[row.number] for row in rows if row.files != files[row.number]}
    assert not wrong


def test_the_table_counts_by_number() -> None:
    class Report:
        def __init__(self, numbers: str, reason: str = "") -> None:
            self.user_properties = [("fault", numbers)]
            self.longrepr = ("file", 1, f"Skipped: {reason}")

    lines = fault_table.table(
        {
            "passed": [Report("F01"), Report("F01 F02"), Report("")],
            "failed": [Report("F02")],
            "skipped": [Report("F02", "no root")],
            "": [Report("F01")],
        }
    )
    assert [line.split(" | ")[0] + " | " + " | ".join(line.split(" | ")[2:]) for line in lines[2:]] == [
        "| F01 | 2 | 2 | 0 | 0 |",
        "| F02 | 2 | 1 | 1 | 1: no root |",
    ]
