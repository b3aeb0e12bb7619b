"""Tests of output for programs: which commands print JSON, and how progress is told."""

import inspect
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from overstap.cli import _output, app
from overstap.progress import counted
from overstap_tools.project import PROJECT

WITHOUT_JSON = {
    "a server, until stopped": {
        *("deliver serve", "keys serve", "metrics serve", "receive serve", "review serve", "school serve"),
    },
    "its output is a file or a text, asked for as such": {
        *("agreement document", "agreement new", "agreement schema", "audit export", "calendar write"),
        *("dossier cut", "dossier document", "dossier show", "intake workbook", "metrics dashboard"),
        *(
            "applications answer",
            "applications ask",
            "notice preview",
            "quality page",
            "report school",
            "review print",
            "review proof",
        ),
    },
    "it does one thing, and the exit code says whether": {
        *(
            "access sync",
            "applications read",
            "audit stamped",
            "deploy init",
            "deploy prepare",
            "intake roster-missing",
        ),
        *("intake roster-off", "intake roster-on", "ledger backed-up", "ledger erase", "ledger erase-notes"),
        "ledger hold",
        *(
            "ledger board-keys",
            "ledger keys",
            "ledger lift",
            "ledger migrate",
            "ledger password",
            "receive result",
            "receive setup",
        ),
        *("review decide", "school account", "school end", "school recover", "second confirm", "second withdraw"),
        *("trust accept", "trust crl", "trust dev-authority", "trust request", "trust sftp-key"),
    },
}
WITHOUT_PROGRESS = {
    "a server, until stopped": WITHOUT_JSON["a server, until stopped"],
    "it tells each thing as it happens, on standard error with --json": {"agreement rehearse"},
    "it is about one pupil, dossier, school or account": {
        *("audit who-saw", "delivery resend", "delivery withdraw", "dossier cut", "dossier diff"),
        *("dossier show", "intake roster", "intake roster-off", "intake roster-on"),
        *("intake workbook", "ledger erase", "ledger erase-notes", "ledger hold", "ledger lift"),
        *("privacy access", "privacy register"),
        *("quality page", "receive result", "report school", "review find"),
        *("review print", "review proof", "school account", "school end", "school recover"),
        *("second confirm", "second withdraw"),
    },
    "it reads or writes one agreement, list, file, certificate or setting": {
        *("agreement apply", "agreement diff", "agreement document"),
        *("agreement new", "agreement schema", "agreement versions"),
        *("applications elsewhere", "audit checkpoint"),
        *("audit stamped", "calendar write", "deploy init", "doctor", "dossier document"),
        *("ledger backed-up", "ledger board-keys", "ledger keys", "ledger password"),
        *("metrics show", "notice outbox", "notice preview", "receive setup"),
        *("standard add", "standard check", "standard fill", "standard list", "trust accept", "trust crl"),
        *("trust request", "trust sftp-key", "trust watch"),
    },
    "it lists what one query of the ledger gives": {
        *("deliver results", "delivery no-receiver", "delivery not-collected", "delivery sent-in-vain"),
        *("intake roster-missing", "school list", "second list"),
    },
}
"""Commands that show no progress, each with its reason; all others do."""
WIDE = os.environ | {"COLUMNS": "200"}
TOOLS = {"demo", "local"}
"""Commands of the tools that people run by hand, where nobody automates."""


def _commands(command: Any, name: str = "") -> Iterator[tuple[str, bool]]:
    has_json = any("--json" in parameter.opts for parameter in command.params)
    if children := getattr(command, "commands", None):
        if has_json:
            yield name, True
        for child, each in children.items():
            yield from _commands(each, f"{name} {child}".strip())
    else:
        yield name, has_json


def test_each_command_that_finds_something_out_tells_programs_too() -> None:
    found = dict(_commands(typer.main.get_command(app)))
    found = {name: has_json for name, has_json in found.items() if name.split()[0] not in TOOLS}
    without = [name for names in WITHOUT_JSON.values() for name in names]
    assert len(without) == len(set(without))
    assert {name for name, has_json in found.items() if not has_json} == set(without)


def _callbacks(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if callback := command.callback:
        yield name, inspect.unwrap(callback)
    for child, each in (getattr(command, "commands", None) or {}).items():
        yield from _callbacks(each, f"{name} {child}".strip())


def _sources(callback: Any) -> Iterator[str]:
    """Yield the source of a command, and of the private functions of its module that it calls."""
    yield inspect.getsource(callback)
    for name in callback.__code__.co_names:
        other = callback.__globals__.get(name)
        if name.startswith("_") and inspect.isfunction(other):
            yield inspect.getsource(other)


def test_each_command_that_takes_long_shows_how_far_it_has_come() -> None:
    every = {name: callback for name, callback in _callbacks(typer.main.get_command(app)) if name}
    every = {name: callback for name, callback in every.items() if name.split()[0] not in TOOLS | {"bench"}}
    groups = {name for name in every if any(other.startswith(f"{name} ") for other in every)}
    shows = {name for name, callback in every.items() if any("progress(" in one for one in _sources(callback))}
    without = [name for names in WITHOUT_PROGRESS.values() for name in names]
    assert len(without) == len(set(without))
    assert shows >= {"audit export", "audit verify", "dossier check", "ledger check", "ledger retain", "open", "synth"}
    assert set(every) - groups - shows == set(without)


_LOADED = """
import sys
from typer.testing import CliRunner
from overstap.cli import app
print(CliRunner().invoke(app, sys.argv[1:]).output)
print(*(name for name in sys.modules if name.startswith("overstap.cli.")))
"""


@pytest.mark.parametrize(
    ("words", "said", "module"),
    [
        ("--version", "Overstap", None),
        ("dossier check --help", "--json", "dossier"),
        ("open --help", "overstap open", "open"),
        ("dossir", "'dossier'", None),
    ],
)
def test_a_start_loads_the_command_that_was_asked_for_alone(words: str, said: str, module: str | None) -> None:
    """All of them take twice as long, and each start of the program would pay for it."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED, *words.split()], capture_output=True, text=True, check=True, env=WIDE
    )
    assert said in done.stdout
    loaded = {name.rpartition(".")[2] for name in done.stdout.splitlines()[-1].split()}
    assert {name for name in loaded if not name.startswith("_")} == ({module} if module else set())


@pytest.mark.parametrize(
    ("words", "exit_code", "holds"),
    [
        (["calendar", "--region", "haaglanden", "--from", "2026-09-01"], 0, "milestone"),
        (["standard", "list"], 0, "based_on"),
    ],
)
def test_standard_output_is_one_document(
    words: list[str], exit_code: int, holds: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OVERSTAP_REGIONS", str(PROJECT / "include" / "regions"))
    done = CliRunner().invoke(app, [*words, "--json"])
    assert done.exit_code == exit_code, done.output
    found = json.loads(done.stdout)
    assert found
    assert all(holds in one for one in found)


def test_a_synthetic_region_is_told_of_in_json(tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["synth", "--pupils", "8", "--primary", "3", "--out", str(tmp_path / "x"), "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert sum(school["pupils"] for school in told["schools"]) == 8
    assert Path(told["written"]["agreement"]).is_file()


class _Word(StrEnum):
    GOOD = "good"


def test_values_become_what_programs_read(capsys: pytest.CaptureFixture[str]) -> None:
    at, name = datetime(2026, 11, 30, 12, tzinfo=UTC), UUID(int=7)
    _output.print_json({"at": at, "id": name, "word": _Word.GOOD, "path": Path("a/b"), "rows": ({1},)})
    told = json.loads(capsys.readouterr().out)
    assert told == {"at": "2026-11-30T12:00:00Z", "id": str(name), "word": "good", "path": "a/b", "rows": [[1]]}


def test_counted_reports_all_that_was_taken_and_nothing_else() -> None:
    told: list[int] = []
    assert list(counted(range(25), told.append, every=10)) == list(range(25))
    assert told == [10, 10, 5]
    told.clear()
    assert list(counted([], told.append)) == []
    assert told == []


def test_a_log_gets_lines_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 4.0, 20.0, 25.0, 40.0])
    monkeypatch.setattr("overstap.cli._output.time.monotonic", lambda: next(moments))
    written = io.StringIO()
    lines = _output._Lines(Console(file=written, highlight=False), "dossiers", 5_000)
    for _ in range(4):
        lines.advance(1_000)
    assert written.getvalue().splitlines() == [
        "dossiers: 2,000 of 5,000, 100/s, 30 s left",
        "dossiers: 4,000 of 5,000, 100/s, 10 s left",
    ]


def test_without_a_total_a_log_gets_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 20.0])
    monkeypatch.setattr("overstap.cli._output.time.monotonic", lambda: next(moments))
    written = io.StringIO()
    _output._Lines(Console(file=written, highlight=False), "dossiers", None).advance(1_000)
    assert written.getvalue() == "dossiers: 1,000, 50/s\n"


def test_a_slow_rate_has_a_decimal_and_none_is_nought(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0.0, 20.0, 40.0])
    monkeypatch.setattr("overstap.cli._output.time.monotonic", lambda: next(moments))
    written = io.StringIO()
    lines = _output._Lines(Console(file=written, highlight=False), "tasks ended", 100)
    for count in (0, 32):
        lines.advance(count)
    assert written.getvalue().splitlines() == [
        "tasks ended: 0 of 100, 0/s, 0 s left",
        "tasks ended: 32 of 100, 0.8/s, 85 s left",
    ]


def test_a_terminal_gets_a_bar_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()

    def console(**_: object) -> Console:
        return Console(file=written, force_terminal=True, width=100, color_system=None)

    monkeypatch.setattr(_output, "Console", console)
    with _output.progress("dossiers", 40) as advance:
        advance(10)
        advance(20)
    assert "dossiers" in written.getvalue()
    assert "30/40" in written.getvalue()
    assert "/s" in written.getvalue()
