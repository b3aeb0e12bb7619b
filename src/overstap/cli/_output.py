"""Output of commands: one JSON document for programs, and the progress of long ones for people."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from overstap.progress import Advance

AsJson = Annotated[bool, typer.Option("--json", help="One JSON document, for programs")]
_EVERY_SECONDS = 10
"""Seconds between two lines of progress where standard error is no terminal, such as a container's log."""

_SLOW = 10
"""Items per second below which a rate has a decimal."""


def print_json(value: Any) -> None:
    """Print a value as one JSON document.

    Args:
        value: dicts, lists, dataclasses, enumerations, ids and moments; a moment becomes ISO 8601 with its zone.
    """
    from pydantic_core import to_json

    typer.echo(to_json(value, indent=2).decode())


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Advance]:
    """Show on standard error how far a command has come, with rate and time left; on standard output nothing.

    In a terminal it is a bar that goes away at the end; elsewhere a line every ten seconds.

    Args:
        what: what is counted, such as "dossiers".
        total: how many there are; None where that is not known beforehand: then without time left.
    """
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield _Lines(console, what, total).advance
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)


class _Rate(ProgressColumn):
    """Column with the items per second."""

    def render(self, task: Task) -> Text:
        """Return the rate of a task; nothing before there is one."""
        return Text(_per_second(task.speed) if task.speed else "")


def _per_second(rate: float) -> str:
    """Return a rate in words; a slow one, such as that of tasks, with a decimal."""
    return f"{rate:,.0f}/s" if rate >= _SLOW or not rate else f"{rate:.1f}/s"


class _Lines:
    """Progress as lines for a log.

    Args:
        console: where they go.
        what: what is counted.
        total: how many there are; None where that is not known.
    """

    def __init__(self, console: Console, what: str, total: int | None) -> None:
        self._console, self._what, self._total = console, what, total
        self._done, self._began = 0, time.monotonic()
        self._told = self._began

    def advance(self, count: int) -> None:
        """Count items, and print a line when the last one is long enough ago."""
        self._done += count
        at = time.monotonic()
        if at - self._told < _EVERY_SECONDS:
            return
        self._told = at
        rate = self._done / (at - self._began)
        if self._total is None:
            self._console.print(f"{self._what}: {self._done:,}, {_per_second(rate)}", soft_wrap=True)
            return
        left = max(0, self._total - self._done) / rate if rate else 0
        said = f"{self._what}: {self._done:,} of {self._total:,}, {_per_second(rate)}, {left:,.0f} s left"
        self._console.print(said, soft_wrap=True)
