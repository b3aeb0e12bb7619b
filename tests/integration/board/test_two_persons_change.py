"""A changed agreement file, applied by command, and the two coordinators who confirm it on the board's pages."""

import json
import re
from dataclasses import replace
from datetime import timedelta

import psycopg
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from overstap.agreements import RoundKind
from overstap.agreements.change_verdicts import shifted
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rounds.rounds import get_round
from overstap.pages.board.app import Board
from overstap.simulation.synthetic.agreement import write_agreement

from .conftest import COORDINATOR, Alone

PAGE, ROUND = "/toezicht/alfa", "alfa.2026-2027.advice"
SECOND = replace(COORDINATOR, account="c.tweede", key="9")


def test_two_accounts_confirm_what_a_file_changes(
    client: TestClient,
    airflow: Alone,
    board: Board,
    ledger: Ledger,
    owner_dsn: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    people = [{"account": one.account, "name": "x", "email": "x@example.org"} for one in (COORDINATOR, SECOND)]
    change = json.dumps({"four_eyes": ["agreement_change"], "coordinators": people})
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("update overstap.round_agreement set agreement = agreement || %s::jsonb", [change])
    with ledger.unit("alfa", "test") as unit:
        before = get_round(unit, ROUND).agreement
    due = before.round(RoundKind.ADVICE).milestones.receipts_due + timedelta(hours=3)
    path = board.settings.regions / "alfa" / "2026-2027.yaml"
    write_agreement(shifted(before, RoundKind.ADVICE, {"receipts_due": due}), board.settings.regions)
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(ledger._where_keys_are))
    for _ in range(2):
        done = CliRunner().invoke(app, ["agreement", "apply", str(path)])
        assert isinstance(done.exception, OverstapError), done.output
        assert done.exception.code == "LEDGER-021", done.exception
        assert "receipts_due" in done.output

    def press(account: str) -> str:
        airflow.asks = replace(COORDINATOR, account=account, key=account)
        page = client.get(PAGE).text
        assert "de afspraken van een ronde veranderen" in page
        assert "<li>" in page.partition("de afspraken van een ronde veranderen")[2].partition("<form")[0]
        action = re.search(r'action="/rondes(/toezicht/alfa/bevestigen/[0-9a-f-]{36})"', page)
        mark = re.search(r'name="mark" value="([^"]+)"', page)
        assert action
        assert mark
        return client.post(action[1], data={"mark": mark[1]}).headers["location"]

    assert "Iemand met toegang tot het bestand wil" in client.get(PAGE).text
    assert press(COORDINATOR.account).endswith("gedaan=adopted")
    assert "Het verzoek staat nu op uw naam" in client.get(f"{PAGE}?gedaan=adopted").text
    assert "Bevestigen<" not in client.get(PAGE).text, "not twice by one account"
    with ledger.unit("alfa", "test") as unit:
        assert get_round(unit, ROUND).agreement.round(RoundKind.ADVICE).milestones.receipts_due != due
    assert press(SECOND.account).endswith("gedaan=done")
    with ledger.unit("alfa", "test") as unit:
        assert get_round(unit, ROUND).agreement.round(RoundKind.ADVICE).milestones.receipts_due == due
        lines = unit.rows(
            "select l.said ->> 'action', l.said ->> 'actor' from (select payload::jsonb as said, seq "
            "from overstap.audit_line) l where l.said ->> 'action' ~ '^(second|agreement)[.]' order by l.seq"
        )
    assert lines == [
        ("second.ask", "overstap agreement apply"),
        ("second.adopt", COORDINATOR.account),
        ("second.confirm", SECOND.account),
        ("agreement.file", SECOND.account),
    ]
    assert CliRunner().invoke(app, ["agreement", "apply", str(path)]).exit_code == 0
