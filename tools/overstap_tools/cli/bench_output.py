"""Output of benchmarks: tables for people, and with `--json` one document with the same figures for programs."""

import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from overstap.cli._output import print_json

_WIDTH = 110
"""A table of rates that is cut at 80 characters, as it would be in a file, cannot be read."""
_gathered: ContextVar[list[dict[str, Any]] | None] = ContextVar("_gathered", default=None)
"""Documents of benchmarks that run one after another, which become one; None where one runs by itself."""


class BenchConsole(Console):
    """Console of a benchmark, which keeps what it prints.

    Args:
        is_for_programs: print on standard error, since standard output is the document's.
    """

    def __init__(self, *, is_for_programs: bool) -> None:
        super().__init__(highlight=False, stderr=is_for_programs, width=max(Console().width, _WIDTH))
        self.tables: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.results: list[Any] = []

    def add(self, found: object) -> None:
        """Keep what a benchmark returned.

        Args:
            found: dataclasses, alone or in lists, tuples and dicts, or plain values; nothing of None.
        """
        if found is not None:
            self.results += _plain(found) if isinstance(found, (list, tuple)) else [_plain(found)]

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, and keep the rows of a table, or the sentences of anything else."""
        for one in objects:
            if isinstance(one, Table):
                self.tables.append(_read(one))
            else:
                self.notes.append(Text.from_markup(str(one)).plain.strip())
        super().print(*objects, **options)

    def document(self, command: str) -> dict[str, Any]:
        """Return what was measured, as one document.

        Args:
            command: name of the benchmark.
        """
        machine = {"processors": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
        return {
            "command": command,
            "machine": machine,
            "results": self.results,
            "tables": self.tables,
            "notes": self.notes,
        }


@contextmanager
def measured(command: str, *, as_json: bool) -> Iterator[BenchConsole]:
    """Give a benchmark its console; with `as_json` print its document at the end, also where a budget ends it with 1.

    Args:
        command: name of the benchmark.
        as_json: whether the document is wanted.
    """
    console = BenchConsole(is_for_programs=as_json or _gathered.get() is not None)
    try:
        yield console
    except SystemExit:
        _tell(console, command, as_json=as_json)
        raise
    _tell(console, command, as_json=as_json)


@contextmanager
def one_document(*, as_json: bool) -> Iterator[None]:
    """Make one document of benchmarks that run one after another.

    Args:
        as_json: whether it is wanted.
    """
    if not as_json:
        yield
        return
    documents: list[dict[str, Any]] = []
    token = _gathered.set(documents)
    try:
        yield
    finally:
        _gathered.reset(token)
    print_json(documents)


def _tell(console: BenchConsole, command: str, *, as_json: bool) -> None:
    gathered = _gathered.get()
    if gathered is not None:
        gathered.append(console.document(command))
    elif as_json:
        print_json(console.document(command))


def _read(table: Table) -> dict[str, Any]:
    names = [str(column.header) for column in table.columns]
    rows = zip(*(column.cells for column in table.columns), strict=True)
    return {
        "title": str(table.title or ""),
        "rows": [{name: _value(cell) for name, cell in zip(names, row, strict=True)} for row in rows],
    }


def _value(cell: object) -> float | str | None:
    """Return a cell as a number where it is one, and None where it says that there is none."""
    text = str(cell)
    if text in ("", "-"):
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return text


def _plain(found: object) -> Any:
    """Return dataclasses as dicts with their properties, which are rates, ratios and whether a budget is kept.

    A field that is not shown (`repr=False`), such as the wait of each request, is left out.
    """
    if isinstance(found, (list, tuple)):
        return [_plain(one) for one in found]
    if isinstance(found, Mapping):
        return {str(name): _plain(one) for name, one in found.items()}
    if not is_dataclass(found) or isinstance(found, type):
        return found
    kind = type(found)
    names = [one.name for one in fields(found) if one.repr]
    names += [name for name in vars(kind) if isinstance(getattr(kind, name), property)]
    return {name: _plain(getattr(found, name)) for name in names}
