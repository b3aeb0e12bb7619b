"""Forms of the board with what an attacker or a broken browser sends, each with its own valid token."""

# ruff: noqa: F401, F811 (fixtures of another module)

import logging
from pathlib import Path
from urllib.parse import quote_from_bytes, urlencode
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from overstap.pages.board.app import Board

from .conftest import Alone
from .test_at_hand import dossier, keys_here
from .test_contacts import mark, round_id, schools, with_keys

STRANGE = {
    "template": b"{{ 7*7 }}${7*7}%(x)s{0.__class__}",
    "markup": b"<script>alert(1)</script>",
    "sql": b"' or 1=1; drop table overstap.board_note; --",
    "nul": b"a\x00b",
    "terminal": b"\x1b[2J\r\n2027-01-01 ERROR forged",
    "surrogate": b"\xed\xa0\x80",
    "no UTF-8": b"\xff\xfe\x80",
    "digits": "٣٤٥".encode(),
    "number": b"9" * 5_000,
    "moment": b"9999-12-31T23:59:59-23:59",
    "long": "ü".encode() * 40_000,
    "empty": b"",
}
FORMS = {
    "/leerling/alfa": ({}, ("number",)),
    "/leerling/alfa/{dossier}": ({"do": "note", "note_id": "{id}"}, ("do", "note_id", "note")),
    "/ronde/{round}/contact/{school}": (
        {"do": "call", "call": "{id}", "at": "2026-11-20T10:00", "spoke_with": "M.", "note": "x", "note_id": "{id}"},
        ("do", "call", "at", "spoke_with", "note", "name", "email", "phone", "note_id"),
    ),
    "/ronde/{round}/bericht": (
        {"do": "send", "message": "{id}", "to": "{school}", "subject": "x", "text": "x"},
        ("do", "message", "to", "subject", "text"),
    ),
    "/ronde/{round}/gasten": (
        {"do": "invite", "school": "98ZZ00", "name": "Kim", "email": "a@example.org", "pupils": "Jan"},
        ("do", "school", "name", "email", "pupils", "guest", "dossiers"),
    ),
}


@pytest.mark.parametrize("path", FORMS)
def test_what_is_strange_is_refused_or_kept_as_text(
    client: TestClient, dossier: UUID, round_id: str, owner_dsn: str, caplog: pytest.LogCaptureFixture, path: str
) -> None:
    caplog.set_level(logging.INFO, "overstap")
    given, fields = FORMS[path]
    places = {"dossier": str(dossier), "round": round_id, "school": schools(owner_dsn, "PO")[0]}
    address = path.format(**places)
    for field in fields:
        for name, value in STRANGE.items():
            page = client.get(address)
            assert page.status_code == 200, page.text
            form = {key: text.format(id=uuid4(), **places) for key, text in given.items()} | {"mark": mark(page.text)}
            form.pop(field, None)
            body = f"{urlencode(form)}&{field}={quote_from_bytes(value)}"
            answer = client.post(address, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
            assert answer.status_code in (200, 303, 400, 404, 409, 422), (field, name, answer.status_code, answer.text)
            assert "<script>alert" not in answer.text, (field, name)
            assert answer.headers["cache-control"] == "no-store", (field, name)
            assert "\n" not in answer.headers.get("location", ""), (field, name)
    own = [one.getMessage() for one in caplog.records if one.name.startswith("overstap")]
    assert not [one for one in own if "\n" in one or "\r" in one or "\x1b" in one or "999999999" in one]
    with psycopg.connect(owner_dsn) as owner:  # nothing was dropped, and what was kept is encrypted
        assert b"script" not in b"".join(
            bytes(row[0]) for row in owner.execute("select content from overstap.board_note")
        )
