"""Output of benchmarks: a table of rates on one and on two cores, with peers and budgets."""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console
from rich.table import Table

from overstap_tools.bench.together import Measured, Work, together


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLine:
    """Rates of one piece of work.

    Args:
        what: the work.
        one: per second in one process.
        two: per second in two processes at the same time; None where it was not measured.
        per_cpu: per second of processor time in one process; None where another process does the work.
        budget: what it should be at least; None where nothing was agreed.
        is_budget_for_two: whether the budget is for two cores.
        is_peer: whether it is a program or a way of working beside ours, on the same data in the same run.
    """

    what: str
    one: float
    two: float | None = None
    per_cpu: float | None = None
    budget: float | None = None
    is_budget_for_two: bool = False
    is_peer: bool = False

    @property
    def is_kept(self) -> bool | None:
        """Whether the budget is kept; None without one."""
        found = self.two if self.is_budget_for_two else self.one
        return None if self.budget is None or found is None else found >= self.budget


def line(
    what: str,
    work: Work,
    arguments: Callable[[int], tuple[Any, ...]],
    *,
    runs: int,
    is_alone: bool = True,
    **more: Any,
) -> RateLine:
    """Measure work on one core and on two.

    Args:
        what: the work's name.
        work: see `together`.
        arguments: gives the arguments of process 0 or 1.
        runs: how many times; the median counts, since other programs of the machine take their time in some of them.
        is_alone: whether the process does all the work itself, so that its own processor time tells something.
        more: further fields of the line.
    """
    one: list[Measured] = [together(work, [arguments(0)]) for _ in range(runs)]
    two = [together(work, [arguments(0), arguments(1)]) for _ in range(runs)]
    return RateLine(
        what=what,
        one=statistics.median(measured.rate for measured in one),
        two=statistics.median(measured.rate for measured in two),
        per_cpu=statistics.median(measured.cpu_rate for measured in one) if is_alone else None,
        **more,
    )


def show(console: Console, title: str, lines: Sequence[RateLine], *notes: str) -> None:
    """Print lines as a table.

    Args:
        console: where.
        title: what is measured, in which unit.
        lines: the rates.
        notes: sentences below the table.
    """
    table = Table(title=title, title_justify="left")
    table.add_column("work")
    for name in ("1 core /s", "2 cores /s", "per CPU second", "budget /s"):
        table.add_column(name, justify="right")
    for one in lines:
        kept = {None: "", True: " kept", False: " missed"}[one.is_kept]
        agreed = "" if one.budget is None else f"{one.budget:,.0f} on {2 if one.is_budget_for_two else 1}{kept}"
        measured = ("-" if rate is None else f"{rate:,.0f}" for rate in (one.one, one.two, one.per_cpu))
        table.add_row(f"peer: {one.what}" if one.is_peer else one.what, *measured, agreed)
    console.print(table)
    for note in notes:
        console.print(f"  {note}", highlight=False)
