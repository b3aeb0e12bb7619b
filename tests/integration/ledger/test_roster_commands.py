"""`overstap intake roster --round`, and what a person decides about its pupils with the command."""

from pathlib import Path

import pytest
from test_rosters_collected import HEADER, on, table
from test_walk import PO, REGION, ROUND, agreement
from typer.testing import CliRunner

from overstap.agreements.model import RoundKind
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rosters.entries import all_entries
from overstap.ledger.rounds.rounds import open_round
from overstap.simulation.synthetic.numbers import bsn

NUMBERS = [bsn(position) for position in range(1, 9)]


@pytest.fixture
def opened(ledger: Ledger, app_dsn: str, keys_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Ledger:
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(keys_folder))
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement(), RoundKind.ADVICE)
    return ledger


def run(*arguments: str, typed: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(
        app, ["intake", *arguments, "--round", ROUND, "--school", PO, "--by", "beheer"], input=typed
    )
    if done.exception is not None and not isinstance(done.exception, SystemExit | OverstapError):
        raise done.exception
    return done.exit_code, done.output


def test_a_roster_is_taken_in_and_people_decide_about_its_pupils(opened: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "lijst.csv"
    file.write_bytes(table(*NUMBERS))
    code, said = run("roster", str(file))
    assert (code, "8 leerlingen vertrekken" in said) == (0, True), said
    assert "gold al" in run("roster", str(file))[1]
    assert on(opened) == NUMBERS
    file.write_bytes(table(*NUMBERS[:2]))
    assert "niet meer genoemd, en er is niets verwijderd: 6" in run("roster", str(file))[1]
    assert on(opened) == NUMBERS
    assert run("roster-missing", "--left") == (0, "6 leerlingen vastgelegd\n")
    assert run("roster-missing", "--left")[0] == 1
    assert on(opened) == NUMBERS[:2]
    code, said = run("roster-off", "--reason", "moved", typed=f"{NUMBERS[0]}\n{NUMBERS[0]}\n\n")
    assert (code, said.count("van de leerlingenlijst gehaald"), said.count("er is niets veranderd")) == (1, 1, 1)
    assert on(opened) == [NUMBERS[1]]
    assert run("roster-on", typed=f"{NUMBERS[0]}\n\n")[0] == 0
    assert on(opened) == NUMBERS[:2]
    assert run("roster-off", "--reason", "verhuisd")[0] != 0
    other = CliRunner().invoke(
        app, ["intake", "roster", str(file), "--round", ROUND, "--school", "99ZZ00", "--by", "beheer"]
    )
    assert "INTAKE-079" in str(other.exception)
    with opened.unit(REGION, "test") as unit:
        assert {one.off_why for one in all_entries(unit, "2026-2027", PO)} == {None, "not_stated"}


def test_without_a_round_nothing_is_stored(opened: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "lijst.csv"
    file.write_bytes(f"{HEADER}\n{NUMBERS[0]};Vis;2015-03-30;8\n".encode())
    assert CliRunner().invoke(app, ["intake", "roster", str(file)]).exit_code == 0
    assert on(opened) == []
