"""Test that SQL on the ledger is in `overstap.ledger` only."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import overstap

PACKAGE = Path(overstap.__file__).parent
SQL = re.compile(r"\b(from|join|into|update|call|select|table|function) +overstap\.[a-z_]+\b(?!\.)(?! import)", re.I)
QUERIES = {"rows", "one", "run", "insert", "without_region"}
ANOTHER_DATABASE = {
    "intake/applications.py": "the view of a registration system",
    "intake/sources/las_database.py": "the view of a school's pupil administration system",
    "intake/rosters/database.py": "the roster's view of such a system",
    "orchestration/board.py": "Airflow's own, by its models",
    "orchestration/bundle.py": "Airflow's own, by its models",
    "orchestration/state.py": "Airflow's own, by its models",
    "receiver/postgres_store.py": "a receiving school's own",
    "simulation/sandbox.py": "the server, on which it makes and drops databases",
    "simulation/synthetic/las.py": "the made-up database of a school system",
}
"""Who executes statements, and in which database that is not the ledger."""


def outside() -> Iterator[tuple[str, str]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if not name.startswith("ledger/"):
            yield name, path.read_text()


def texts(tree: ast.AST) -> Iterator[str]:
    """Yield every text of a module but its docstrings; parts of one text as one."""
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.value


def queries(tree: ast.AST) -> Iterator[str]:
    """Yield calls that query a unit of work or the session: `unit.rows(...)`, `ledger.without_region(...)`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in QUERIES:
            owner = ast.unparse(node.func.value).rpartition(".")[2]
            if owner in ("unit", "ledger", "connection"):
                yield ast.unparse(node.func)


def test_sql_about_the_ledger_stands_in_the_ledger_only() -> None:
    assert [name for name, text in outside() if any(SQL.search(one) for one in texts(ast.parse(text)))] == []


def test_a_unit_of_work_is_queried_in_the_ledger_only() -> None:
    assert {name: found for name, text in outside() if (found := list(queries(ast.parse(text))))} == {}


def test_who_executes_statements_does_so_in_another_database() -> None:
    # The executor of an operator, a pool of threads or a cursor of a LAS is told from a connection by its name
    executes = re.compile(r"\b(connection|cursor|session)\.(execute|executemany|scalars?|copy)\(")
    found = {name for name, text in outside() if executes.search(text)}
    assert found == set(ANOTHER_DATABASE)


def test_the_rules_find_what_they_look_for() -> None:
    bad = ast.parse(
        'def f(unit):\n    """Read from overstap.round."""\n    return unit.rows("select 1 from " "overstap.round")'
    )
    assert [one for one in texts(bad) if SQL.search(one)]
    assert list(queries(bad)) == ["unit.rows"]
    assert not [one for one in texts(ast.parse('"""Read from overstap.round."""')) if SQL.search(one)]
