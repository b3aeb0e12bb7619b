"""Tests of what a benchmark tells programs: one document with results, tables and notes."""

import json
from dataclasses import dataclass, field

import pytest
from rich.table import Table
from typer.testing import CliRunner

from overstap.cli import app
from overstap_tools.bench.lines import RateLine
from overstap_tools.cli.bench_output import measured, one_document


@dataclass(frozen=True)
class _Timing:
    what: str
    waits: tuple[float, ...] = field(repr=False)

    @property
    def longest(self) -> float:
        return max(self.waits)


def test_a_benchmark_prints_one_document() -> None:
    done = CliRunner().invoke(app, ["bench", "synth", "--pupils", "40", "--runs", "1", "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert told["command"] == "synth"
    assert told["machine"]["processors"] > 0
    [line] = told["results"]
    assert line["one"] > 0
    assert line["is_kept"] is None
    [table] = told["tables"]
    assert table["rows"][0]["budget /s"] is None
    assert table["rows"][0]["1 core /s"] == pytest.approx(line["one"], abs=0.5)


def test_without_it_the_same_is_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    with measured("seal", as_json=False) as console:
        console.print("  nobody reads this as JSON")
    told = capsys.readouterr()
    assert told.out.strip() == "nobody reads this as JSON"
    assert not told.err


def test_results_are_dataclasses_with_their_properties(capsys: pytest.CaptureFixture[str]) -> None:
    table = Table("what", "ms", title="Times")
    table.add_row("first", "1,908.5")
    with measured("board", as_json=True) as console:
        console.print(table)
        console.print("  [b]kept[/b]")
        console.add([_Timing("first", (3.0, 5.0)), RateLine(what="it", one=2.0, budget=3.0)])
        console.add({"compare": 4.5})
        console.add(None)
    told = capsys.readouterr()
    found = json.loads(told.out)
    assert found["results"][0] == {"what": "first", "longest": 5.0}
    assert found["results"][1]["is_kept"] is False
    assert found["results"][2:] == [{"compare": 4.5}]
    assert found["tables"] == [{"title": "Times", "rows": [{"what": "first", "ms": 1908.5}]}]
    assert found["notes"] == ["kept"]
    assert "1,908.5" in told.err


def test_a_budget_that_ends_it_with_1_is_told_of_too(capsys: pytest.CaptureFixture[str]) -> None:
    def too_much() -> None:
        with measured("applications", as_json=True) as console:
            console.print("too much memory")
            raise SystemExit(1)

    with pytest.raises(SystemExit):
        too_much()
    assert json.loads(capsys.readouterr().out)["notes"] == ["too much memory"]


def test_several_benchmarks_are_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    with one_document(as_json=True):
        for name in ("synth", "seal"):
            with measured(name, as_json=False) as console:
                console.add(1)
    assert [one["command"] for one in json.loads(capsys.readouterr().out)] == ["synth", "seal"]
