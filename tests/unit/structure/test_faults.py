"""Test that each of the 76 faults has a test that bears its number, and a row in docs/faults.md that names its file."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import fault_table
import pytest

from overstap_tools.project import PROJECT

pytest_plugins = ("pytester",)
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


class Report:
    """A report of pytest, as far as the table reads it."""

    when = "call"

    def __init__(self, outcome: str, numbers: str, reason: str = "", test: str = "test_one") -> None:
        self.outcome, self.nodeid = outcome, test
        self.passed = outcome == "passed"
        self.user_properties = [("fault", numbers)]
        self.longrepr = ("file", 1, f"Skipped: {reason}")


def counted(lines: list[str]) -> list[str]:
    """Return the rows of a table without the words for each fault."""
    return [line.split(" | ")[0] + " | " + " | ".join(line.split(" | ")[2:]) for line in lines[2:]]


def test_the_table_counts_by_number() -> None:
    stats = {
        "passed": [Report("passed", "F01"), Report("passed", "F01 F02"), Report("passed", "")],
        "failed": [Report("failed", "F02")],
        "skipped": [Report("skipped", "F02", "no root")],
        "": [Report("passed", "F01")],
    }
    assert counted(fault_table.table(fault_table.outcomes(stats))) == [
        "| F01 | 2 | 2 | 0 | 0 |",
        "| F02 | 2 | 1 | 1 | 1: no root |",
    ]


def test_a_run_in_several_sittings_counts_every_failure_and_each_skip_once(tmp_path: Path) -> None:
    path = tmp_path / "faults.jsonl"
    assert list(fault_table.read_log(path)) == []
    log = fault_table.OutcomeLog(path)
    for report in (
        Report("failed", "F01", test="a"),
        Report("passed", "F01", test="a"),
        Report("skipped", "F02", "no root", "b"),
        Report("skipped", "F02", "no root", "b"),
        Report("skipped", "F03", "no root", "c"),
        Report("passed", "F03", test="c"),
        Report("passed", "", test="d"),
    ):
        log.pytest_runtest_logreport(report)  # type: ignore[arg-type]
    assert counted(fault_table.table(fault_table.read_log(path))) == [
        "| F01 | 2 | 1 | 1 | 0 |",
        "| F02 | 0 | 0 | 0 | 1: no root |",
        "| F03 | 1 | 1 | 0 | 0 |",
    ]


def test_what_is_known_to_hold_is_not_run_again(pytester: pytest.Pytester) -> None:
    """A test that failed or was skipped is; the table of the second sitting has both."""
    pytester.makeconftest(
        """
        import sys
        sys.path.insert(0, FOLDER)
        import fault_table

        def pytest_addoption(parser):
            fault_table.add_options(parser)

        def pytest_configure(config):
            config.addinivalue_line("markers", "fault(*numbers): number")
            fault_table.keep_outcomes(config)

        def pytest_collection_modifyitems(config, items):
            fault_table.choose(config, items)

        def pytest_terminal_summary(terminalreporter, config):
            fault_table.tell(config, terminalreporter)
        """.replace("FOLDER", repr(str(TESTS)))
    )
    pytester.makepyfile(
        """
        import pytest
        from pathlib import Path

        @pytest.mark.fault("F01")
        def test_holds():
            pass

        @pytest.mark.fault("F02")
        def test_holds_later():
            assert Path("mended").exists()
        """
    )
    said = ("--faults", "--fault-log", "log", "-p", "no:cacheprovider")
    pytester.runpytest(*said).assert_outcomes(passed=1, failed=1)
    pytester.path.joinpath("mended").touch()
    second = pytester.runpytest(*said)
    second.assert_outcomes(passed=1, deselected=1)
    second.stdout.fnmatch_lines(["| F01 | * | 1 | 1 | 0 | 0 |", "| F02 | * | 2 | 1 | 1 | 0 |"])
