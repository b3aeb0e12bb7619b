"""Tests of `--json` of commands that read a ledger: one document, with what the text says."""

import json
from pathlib import Path
from typing import Any

import pytest
from test_walk import REGION, ROUND, VO, accept_all, incoming, inspect, register, release, seal, send, supply
from typer.testing import CliRunner

from overstap.cli import app
from overstap.ledger import Ledger
from overstap.ledger.dossiers.reference import reference


@pytest.fixture
def sent(ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Send one of two dossiers; return its reference."""
    supply(ledger, incoming(), incoming("123456782", las_key="18"))
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    send(ledger)
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(ledger._where_keys_are))
    monkeypatch.setenv("OVERSTAP_REGIONS", str(tmp_path))
    with ledger.unit(REGION, "test") as unit:
        [dossier] = unit.one("select dossier from overstap.delivery limit 1")
    return reference(dossier)


def _told(*words: str, exit_code: int = 0) -> Any:
    done = CliRunner().invoke(app, [*words, "--json"], catch_exceptions=False)
    assert done.exit_code == exit_code, done.output
    return json.loads(done.stdout)


def test_what_a_command_finds_is_one_document(sent: str) -> None:
    [checked] = _told("ledger", "check", "--region", REGION)
    assert checked["region"] == REGION
    assert checked["audit_lines"] > 10
    assert checked["breaches"] == []
    [found] = _told("review", "find", sent, "--region", REGION)
    assert found["round_id"] == ROUND
    disclosed = _told("audit", "who-saw", REGION, sent)
    assert [(one["action"], one["to"]) for one in disclosed] == [("delivery.send", VO)]
    assert _told("audit", "who-saw", REGION, "0000-0000", exit_code=1) == []
    assert _told("second", "list", "--region", REGION) == []
    assert _told("school", "list", "--region", REGION) == []
    kept = _told("ledger", "retain", REGION, "--content-days", "90", "--traces-days", "730")
    assert [one["round_id"] for one in kept["rounds"]] == [ROUND]
    assert "erased" not in kept
    erased = _told("ledger", "retain", REGION, "--content-days", "90", "--traces-days", "730", "--erase")
    assert erased["erased"] == {"content": 0, "traces": 0, "of_rounds": 0}


def test_a_check_reports_every_row_that_it_said_it_would_read(sent: str, ledger: Ledger) -> None:
    from overstap.ledger.invariants import check, extent

    told: list[int] = []
    with ledger.unit(REGION, "test") as unit:
        expected = extent(unit)
        check(unit, advance=told.append)
    assert sum(told) >= expected - 1  # a receipt is counted where there is something that verifies it
