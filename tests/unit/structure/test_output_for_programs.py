"""Tests of output for programs: which commands print JSON, and how progress is told."""

import io
import json
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
        *("notice preview", "quality page", "report school", "review print", "review proof"),
    },
    "it does one thing, and the exit code says whether": {
        *("access sync", "audit stamped", "deploy init", "deploy prepare", "intake roster-missing"),
        *("intake roster-off", "intake roster-on", "ledger backed-up", "ledger erase", "ledger hold"),
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
TOOLS = {"bench", "demo", "local"}
"""Commands of the tools, which are not installed where people automate."""


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
    monkeypatch.setattr(_output.time, "monotonic", lambda: next(moments))
    written = io.StringIO()
    lines = _output._Lines(Console(file=written, highlight=False), "dossiers", 5_000)
    for _ in range(4):
        lines.advance(1_000)
    assert written.getvalue().splitlines() == [
        "dossiers: 2,000 of 5,000, 100/s, 30 s left",
        "dossiers: 4,000 of 5,000, 100/s, 10 s left",
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
