"""Benchmark of checking dossiers, with lxml + XSD and Saxon + XSLT on the same files in the same run.

The official schema, sheets and examples are found through OVERSTAP_OFFICIAL; missing ones are skipped with a message.
"""

import importlib
import importlib.util
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

from lxml import etree
from rich.console import Console
from rich.table import Table

from overstap.oso.reading import read
from overstap.oso.structure import check
from overstap.oso.xml_parser import parse
from overstap.quality.engine import layout
from overstap.quality.rule_context import RuleContext
from overstap.quality.rules import by_rules, judge
from overstap_tools.bench.together import peak_bytes

VERSION = "2019.1"
OURS, STRUCTURE = "overstap: parse, structure, all rules", "overstap: parse, structure"
SHUT = "overstap: the same, attachments shut"
XSD, SAXON = "lxml + XSD: parse, structure", "Saxon + XSLT: parse, official rules"
SHEETS = {"OV": "OV/ValideerOverstapprofielen.xsl", "PaO": "PaO/ValideerSwvPaO-profielen.xsl"}


@dataclass(frozen=True, slots=True)
class CheckRates:
    """How many dossiers one program checks per second.

    Args:
        program: what it is and does.
        file: which file.
        size_bytes: how large the file is.
        one_core: dossiers per second on one core.
        two_cores: on two, None where it was not measured.
        per_cpu: dossiers per second of processor time on one core, in the best of twenty parts: what other programs
            on the machine change least.
    """

    program: str
    file: str
    size_bytes: int
    one_core: float
    two_cores: float | None
    per_cpu: float


def overstap(data: bytes, *, today: date) -> None:
    """Parse, check the structure and judge all rules."""
    dossier = read(data)
    check(dossier)
    judge(dossier, today=today)


def shut(data: bytes, *, today: date) -> None:
    """The same without opening attachments, as the official schema and sheets leave them."""
    dossier = read(data)
    check(dossier)
    by_rules(RuleContext(dossier, layout(dossier.version), today), dossier.version)


def structure_only(data: bytes) -> None:
    """Parse and check the structure."""
    check(read(data))


class _Schema:
    """lxml with the official schema; made anew in each process, since a schema cannot cross."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._schema: etree.XMLSchema | None = None

    def __call__(self, data: bytes) -> None:
        if self._schema is None:
            self._schema = etree.XMLSchema(etree.parse(self.path))
        self._schema.validate(parse(data))

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return type(self), (self.path,)


class _Saxon:
    """SaxonC with the official sheet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._processor: Any = None
        self._sheet: Any = None

    def __call__(self, data: bytes) -> None:
        if self._sheet is None:
            self._processor = importlib.import_module("saxonche").PySaxonProcessor(license=False)
            self._sheet = self._processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=str(self.path))
        node = self._processor.parse_xml(xml_text=data.decode("utf-8"))
        self._sheet.transform_to_string(xdm_node=node)

    def __reduce__(self) -> tuple[type, tuple[Path]]:
        return type(self), (self.path,)


_PARTS = 20


def _part(work: Callable[[bytes], None], data: bytes, count: int) -> tuple[float, float]:
    """Do the work once to warm up and then `count` times; return seconds by the clock and of processor time."""
    work(data)
    begin, cpu = time.perf_counter(), time.process_time()
    for _ in range(count):
        work(data)
    return time.perf_counter() - begin, max(time.process_time() - cpu, 1e-9)


def _by_turns(work: Mapping[str, Callable[[bytes], None]], data: bytes, count: int) -> dict[str, tuple[float, float]]:
    """Do each program's work `count` times, turn about in twenty parts: what else the machine does meets them all.

    Returns:
        Per program how many a second by the clock, and per second of processor time in its best part: other programs
        share a core's caches, so the best part is nearest to what a core of one's own gives.
    """
    size = max(1, count // _PARTS)
    parts: dict[str, list[tuple[float, float]]] = {program: [] for program in work}
    for _ in range(_PARTS):
        for program, one in work.items():
            parts[program].append(_part(one, data, size))
    return {
        program: (size * _PARTS / sum(clock for clock, _ in found), size / min(cpu for _, cpu in found))
        for program, found in parts.items()
    }


def _alone(work: Callable[[bytes], None], data: bytes, count: int) -> float:
    """Return how many a second one process does by the clock."""
    return count / _part(work, data, count)[0]


def measure(
    file: str, data: bytes, work: Mapping[str, Callable[[bytes], None]], count: int, *, two: bool
) -> list[CheckRates]:
    """Measure programs on one file.

    Args:
        file: the file's name.
        data: the file.
        work: per program what it does with a file; must be able to cross to another process.
        count: how often.
        two: whether to measure two processes at the same time as well.
    """
    one = _by_turns(work, data, count)
    both: dict[str, float] = {}
    if two:
        for program, each in work.items():
            with ProcessPoolExecutor(2) as pool:
                both[program] = sum(pool.map(partial(_alone, each, count=max(1, count // 5)), [data, data]))
    return [
        CheckRates(program, file, len(data), clock, both.get(program), per_cpu)
        for program, (clock, per_cpu) in one.items()
    ]


def programs(file: str, official: Path | None, today: date) -> dict[str, Callable[[bytes], None]]:
    """Return what there is to compare on a file: ours always, the others where their files are at hand."""
    found: dict[str, Callable[[bytes], None]] = {
        OURS: partial(overstap, today=today),
        SHUT: partial(shut, today=today),
        STRUCTURE: structure_only,
    }
    if official is None:
        return found
    schema = official / VERSION / "OSO_gegevensset.xsd"
    if schema.is_file():
        found[XSD] = _Schema(schema)
    sheet = official / VERSION / SHEETS["PaO" if "PaO" in file else "OV"]
    if sheet.is_file() and importlib.util.find_spec("saxonche"):
        found[SAXON] = _Saxon(sheet)
    return found


def absent(official: Path | None) -> list[str]:
    """Return what a full comparison lacks on this machine, in words."""
    if official is None:
        return ["the official schema, sheets and examples: set OVERSTAP_OFFICIAL to a folder that holds 2019.1/"]
    home = official / VERSION
    wanted = [home / "OSO_gegevensset.xsd", *(home / path for path in SHEETS.values())]
    lacking = [f"{path.relative_to(official)} in {official}" for path in wanted if not path.is_file()]
    if importlib.util.find_spec("saxonche") is None:
        lacking.append("the package saxonche, which runs the sheets")
    return lacking


def run(
    console: Console,
    *,
    today: date,
    official: Path | None,
    files: Mapping[str, bytes] | None = None,
    count: int = 2_000,
    two: bool = True,
    many: int = 0,
    varied: Sequence[bytes] = (),
) -> list[CheckRates]:
    """Print the rates, and return them.

    Args:
        console: where to print.
        today: the day on which dossiers are judged.
        official: folder with the official files per version (OVERSTAP_OFFICIAL), None without them.
        files: dossiers by name; the official examples when None.
        count: how often each file is checked; files over 50 kB a tenth of that.
        two: whether to measure on two cores as well.
        many: when given, check that many dossiers in one process and print how its memory grew.
        varied: the dossiers for that, over and over; the files themselves when there are none.
    """
    if files is None:
        found = sorted((official / VERSION / "examples").glob("*.xml")) if official else []
        files = {path.name: path.read_bytes() for path in found}
    if not files:
        console.print("no dossiers at hand: set OVERSTAP_OFFICIAL, or give files")
        return []
    for lacking in absent(official):
        console.print(f"not compared with {lacking}", highlight=False, soft_wrap=True)
    rates: list[CheckRates] = []
    for file, data in files.items():
        times = count if len(data) < 50_000 else max(1, count // 10)
        table = Table(title=f"{_short(file)}, {len(data) / 1000:,.1f} kB", title_justify="left")
        columns = ("program", "1 core /s", "2 cores /s", "per CPU second", "overstap is", "with attachments shut")
        for name in columns:
            table.add_column(name, justify="left" if name == "program" else "right")
        mine = measure(file, data, programs(file, official, today), times, two=two)
        if both := _both(mine):
            mine.append(both)
        for rate in mine:
            two_cores = "" if rate.two_cores is None else f"{rate.two_cores:,.0f}"
            table.add_row(
                rate.program,
                f"{rate.one_core:,.0f}",
                two_cores,
                f"{rate.per_cpu:,.0f}",
                _ratio(mine, rate, OURS),
                _ratio(mine, rate, SHUT),
            )
        console.print(table)
        rates += mine
    if many:
        _memory(console, varied or list(files.values()), many, today)
    return rates


def _both(mine: list[CheckRates]) -> CheckRates | None:
    """Return the rate of the official validators one after the other: neither alone checks a dossier."""
    named = {rate.program: rate for rate in mine}
    if XSD not in named or SAXON not in named:
        return None
    schema, sheet = named[XSD], named[SAXON]

    def after(first: float, second: float) -> float:
        return 1 / (1 / first + 1 / second)

    two = None if schema.two_cores is None or sheet.two_cores is None else after(schema.two_cores, sheet.two_cores)
    return CheckRates(
        "official: XSD, then XSLT",
        schema.file,
        schema.size_bytes,
        after(schema.one_core, sheet.one_core),
        two,
        after(schema.per_cpu, sheet.per_cpu),
    )


def _ratio(mine: list[CheckRates], rate: CheckRates, ours: str) -> str:
    """Return how many times as fast overstap does what this program does."""
    named = {each.program: each.per_cpu for each in mine}
    if rate.program.startswith("overstap"):
        return ""
    return f"{named[STRUCTURE if rate.program == XSD else ours] / rate.per_cpu:.1f} x"


def _short(file: str) -> str:
    return file.removeprefix("Voorbeelddossier_").removesuffix(".xml")


def _memory(console: Console, dossiers: Sequence[bytes], many: int, today: date) -> None:
    """Check many dossiers in a row and print the largest memory of the process ten times on the way."""
    table = Table(title=f"Memory of one process over {many:,} dossiers", title_justify="left")
    table.add_column("dossiers", justify="right")
    table.add_column("MB at most", justify="right")
    step = max(1, many // 10)
    for number in range(many):
        overstap(dossiers[number % len(dossiers)], today=today)
        if number % step == step - 1:
            table.add_row(f"{number + 1:,}", f"{peak_bytes() / 1e6:,.1f}")
    console.print(table)
