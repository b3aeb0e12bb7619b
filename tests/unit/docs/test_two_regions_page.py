"""The commands by which docs/two-regions.md makes two regions that share pupils, run as they stand there."""

import csv
import shlex
import subprocess
from pathlib import Path

import pytest
from pages import PROJECT
from typer.testing import CliRunner

from overstap.agreements import load_agreement
from overstap.cli import app
from overstap.simulation.synthetic.numbers import bsn

TRYING = (PROJECT / "docs" / "two-regions.md").read_text(encoding="utf-8").partition("## Trying it")[2]
COMMANDS = TRYING.partition("```sh\n")[2].partition("```")[0].splitlines()


def numbers(path: Path) -> set[str]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["leerlingnummer"] for row in csv.DictReader(file, delimiter=";")}


def test_the_two_regions_share_the_pupils_that_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    *made, named, rehearsed = COMMANDS
    for command in made:
        program, *words = shlex.split(command)
        assert program == "overstap"
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.output
    for moment in ("applied", "placed", "withdrawn"):
        north, south = (
            numbers(tmp_path / name / "applications" / f"{name}-{moment}.csv") for name in ("noord", "zuid")
        )
        assert 10 < len(north & south) <= 20
        assert north & south <= {bsn(position) for position in range(220, 240)}
    subprocess.run(["sh", "-c", named], check=True, capture_output=True, timeout=60)
    [agreement] = (tmp_path / "noord" / "regions" / "noord").glob("*.yaml")
    assert rehearsed == "overstap agreement rehearse noord/regions/noord/*.yaml"
    assert CliRunner().invoke(app, ["agreement", "check", str(agreement)]).exit_code == 0
    assert [one.region for one in load_agreement(agreement).comparisons] == ["zuid"]
