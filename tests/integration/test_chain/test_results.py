"""The endpoint for results of the test: who may send, about whom, and what becomes of what should not be sent."""

import copy
import json
import logging
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import doorstroomtoets
import httpx
import psycopg
import pytest
from owned import by_owner

from overstap.agreements import RoundKind
from overstap.clock import now
from overstap.key_service.permissions import CLIENTS, kind_of
from overstap.ledger import Ledger
from overstap.ledger.dossiers import pupil_tests, test_registrations
from overstap.ledger.dossiers.test_registrations import SentResult
from overstap.ledger.invariants import check
from overstap.ledger.region_keys import EncryptedContent, RegionKeys
from overstap.ledger.rounds import refused_lists
from overstap.ledger.rounds.rounds import open_round
from overstap.test_chain.endpoint import MAX_BYTES, RESULTS, ResultTaker

from .conftest import (
    KEYS,
    NUMBERS,
    OTHER,
    REGION,
    SCHOOL,
    SECOND,
    SUPPLIER,
    SUPPLIER_OIN,
    VO,
    WAITS,
    YEAR,
    agreement,
    client_context,
)

PARTIES = {"edu-to": KEYS[SCHOOL], "edu-from": "0000000700099AB00000"}
NOBODYS_KEY = "5f0c2a44-7d0b-4e1c-9a0e-2f7d1c6b8e35"
"""No registration has it; always the same, since every process that collects the tests must find the same names."""
Send = Callable[..., httpx.Response]


def result(key: str, advice: str = "havo", at: datetime | None = None, **other: object) -> dict[str, Any]:
    """A result as a supplier makes one."""
    moment = (at or now()).isoformat(timespec="seconds")
    said: dict[str, Any] = {
        "datumtijd": moment,
        "auteur": "Toetsbureau",
        "versie": "Doorstroomtoetsketen_v1.1",
        "profiel": "Leerlingtoetsresultaat",
        "schooljaar": YEAR,
        "resultatenscores": {
            "id": "resultatenscores-1",
            "deelnemerref": [{"label": "LAS-key", "onderwijsdeelnemerID": key}],
            "versie": "Definitief",
            "datumtijd": moment,
            "toetsdefinitie": "ICE",
            "afnamecontext": {"afname": {"id": "afname-1", "afnametijdstip": moment}},
            "resultaten": {"resultaten": [{"label": "Toetsadvies", "waarde": advice}]},
        },
        "toets": {"label": "Doorstroomtoets", "id": "ICE", "naam": "IEP Doorstroomtoets"},
    }
    return {**said, **other}


@pytest.fixture
def send(endpoint: int, trust_folder: Path) -> Send:
    def sent(
        content: object, parties: dict[str, Any] = PARTIES, *, by: str = f"conductor/{SUPPLIER}/tls-1", **headers: str
    ) -> httpx.Response:
        body = content if isinstance(content, bytes) else json.dumps(content, default=str).encode()
        with httpx.Client(verify=client_context(trust_folder, by), trust_env=False, timeout=WAITS) as client:
            return client.post(
                f"https://127.0.0.1:{endpoint}{RESULTS}",
                params=parties,
                content=body,
                headers={"Content-Type": "application/json", **headers},
            )

    return sent


def known(ledger: Ledger) -> dict[str, str]:
    """What is known of tests: school and level."""
    with ledger.unit(REGION, "test") as unit:
        assert check(unit) == []
        return {one.pupil.hex(): one.level for one in pupil_tests.known(unit, YEAR)}


def test_a_result_is_known_when_202_is_said(send: Send, keys: list[str], opened: Ledger) -> None:
    answer = send(result(keys[0]))
    assert (answer.status_code, list(answer.json())) == (202, ["melding"])
    with opened.unit(REGION, "test") as unit:
        [found] = pupil_tests.known(unit, YEAR)
        numbers = {unit.keys.lookup("pupil", number) for number in NUMBERS[:3]}
    assert (found.primary_school, found.level, found.test, found.source) == (SCHOOL, "havo", "ICE", "message")
    assert found.pupil in numbers
    assert list(known(opened).values()) == ["havo"]


def test_both_directions_are_as_described(send: Send, keys: list[str], judge: doorstroomtoets.Judge) -> None:
    call, said = "/leerlingresultaat", result(keys[0])
    judge.request(call, PARTIES, json.dumps(said).encode())
    for answer in (
        send(said),
        send(said, {**PARTIES, "edu-from": "0000000700099AC00000"}),
        send(said, {**PARTIES, "edu-to": "0000000700099AZ00900"}),
        send(b"{}"),
    ):
        judge.answer(call, answer.status_code, answer.content)
    example = copy.deepcopy(judge.description["paths"][call]["post"]["requestBody"]["content"]["application/json"])
    of_them = example["examples"]["Leerlingresultaat"]["value"]
    of_them["schooljaar"], of_them["resultatenscores"]["deelnemerref"] = YEAR, said["resultatenscores"]["deelnemerref"]
    assert send(of_them).status_code == 202


def test_the_same_again_and_an_older_one_change_nothing(send: Send, keys: list[str], opened: Ledger) -> None:
    first = result(keys[0], "havo")
    older = result(keys[0], "vwo", now() - timedelta(hours=3))
    for said in (first, first, older):
        assert send(said).status_code == 202
        assert list(known(opened).values()) == ["havo"]
    assert send(result(keys[0], "havo_tm_vwo", now() + timedelta(seconds=5))).status_code == 202
    assert list(known(opened).values()) == ["havo_vwo"]


@pytest.mark.parametrize(
    ("by", "status"),
    [("conductor/vreemd/tls-1", 403), (f"conductor/{REGION}/tls-1", 403), (f"schools/{SCHOOL}/tls-1", 403)],
)
def test_another_certificate_is_not_let_in(send: Send, keys: list[str], opened: Ledger, by: str, status: int) -> None:
    assert send(result(keys[0]), by=by).status_code == status
    assert known(opened) == {}


def test_a_secondary_school_asks_here_and_sends_no_results(send: Send, keys: list[str], opened: Ledger) -> None:
    assert send(result(keys[0]), by=f"schools/{VO}/tls-1").status_code == 401
    assert known(opened) == {}


def test_a_supplier_gets_no_dossier(endpoint: int, trust_folder: Path) -> None:
    context = client_context(trust_folder, f"conductor/{SUPPLIER}/tls-1")
    with httpx.Client(verify=context, trust_env=False, timeout=WAITS) as client:
        for path in ("/v1/requests", "/v1/receipts", "/v1/results", "/v1/taken-back"):
            assert client.post(f"https://127.0.0.1:{endpoint}{path}", content=b"{}").status_code == 403


def test_without_a_certificate_nobody_is_heard(endpoint: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with httpx.Client(verify=context, trust_env=False, timeout=WAITS) as client, pytest.raises(httpx.TransportError):
        client.post(f"https://127.0.0.1:{endpoint}{RESULTS}", params=PARTIES, content=b"{}")


@pytest.mark.parametrize(
    ("parties", "status"),
    [
        ({**PARTIES, "edu-to": "0000000700099AZ00900"}, 405),
        ({**PARTIES, "edu-from": "0000000700099AC00000"}, 401),
        ({"edu-to": KEYS[SECOND], "edu-from": "0000000700099AB00000"}, 401),
        ({"edu-to": KEYS[SECOND], "edu-from": "0000000700099AC00000"}, 422),  # a pupil of the other school
        ({"edu-to": KEYS[SCHOOL]}, 422),
        ({"edu-to": [KEYS[SCHOOL], KEYS[SECOND]], "edu-from": PARTIES["edu-from"]}, 422),
        ({**PARTIES, "edu-to": "' or 1=1 --"}, 405),
        ({**PARTIES, "edu-to": "\x00"}, 405),
    ],
)
def test_results_come_for_the_school_that_was_registered_alone(
    send: Send, keys: list[str], opened: Ledger, parties: dict[str, Any], status: int
) -> None:
    assert send(result(keys[0]), parties).status_code == status
    assert known(opened) == {}


def of_key(key: object) -> dict[str, Any]:
    said = result("x")
    said["resultatenscores"]["deelnemerref"][0]["onderwijsdeelnemerID"] = key
    return said


@pytest.mark.parametrize(
    "key",
    [
        NOBODYS_KEY,
        NUMBERS[0],
        "",
        "\x00",
        "\u202e" + NOBODYS_KEY,
        5,
        None,
        ["x"],
        "x" * 300,
        "'; drop table overstap.pupil_test; --",
        "{0.__class__}",
    ],
)
def test_who_was_not_registered_has_no_result(send: Send, keys: list[str], opened: Ledger, key: object) -> None:
    answer = send(of_key(key))
    assert answer.status_code == 422
    assert list(answer.json()) == ["melding"]
    assert str(key)[:20] not in answer.text or not key
    assert known(opened) == {}


def test_another_year_and_a_forgotten_pupil_have_no_result(send: Send, keys: list[str], opened: Ledger) -> None:
    assert send(result(keys[0], schooljaar="2025-2026")).status_code == 422
    by_owner(opened, "delete from overstap.test_registration")
    assert send(result(keys[0])).status_code == 422
    with opened.unit(REGION, "test") as unit:
        assert list(pupil_tests.known(unit, YEAR)) == []


def test_a_mandate_that_ended_takes_no_more_results(send: Send, keys: list[str], opened: Ledger) -> None:
    by_owner(
        opened,
        "update overstap.round_agreement set agreement = agreement #- '{test_suppliers,0,mandates,0}' where true",
    )
    assert send(result(keys[0])).status_code == 405
    by_owner(opened, "update overstap.round_agreement set agreement = agreement - 'test_suppliers' where true")
    assert send(result(keys[0])).status_code == 403, "then the supplier is not known at all"


DEEP = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
TWICE = json.dumps(result("KEY")).replace('"schooljaar"', '"versie": "Doorstroomtoetsketen_v1.1", "schooljaar"')


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 422),
        (b"\xff\xfe", 422),
        (b"null", 422),
        (b"[]", 422),
        (b"NaN", 422),
        (DEEP[:200_000], 422),
        (b'{"a":' * 20_000 + b"1" + b"}" * 20_000, 422),
        (b"[" * 100_000 + b"]" * 100_000, 422),
        (b" " * (MAX_BYTES + 1), 413),
        (b"x" * 5_000_000, 413),
        (b'{"a": ' + b"9" * 5000 + b"}", 422),
    ],
)
def test_what_is_no_message_is_refused(send: Send, keys: list[str], opened: Ledger, body: bytes, status: int) -> None:
    answer = send(body)
    assert (answer.status_code, list(answer.json())) == (status, ["melding"])
    assert known(opened) == {}
    assert send(result(keys[0])).status_code == 202, "and the next one is heard"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (
            lambda text: text.replace('"schooljaar"', '"versie": "Doorstroomtoetsketen_v1.1", "schooljaar"'),
            "INTAKE-124",
        ),
        (lambda text: text.replace("Doorstroomtoetsketen_v1.1", "Doorstroomtoetsketen_v1.0"), "INTAKE-124"),
        (lambda text: text.replace('"ICE"', '"ICE\\u202e"'), "INTAKE-124"),
        (lambda text: text.replace('"ICE"', '"\\u0000"'), "INTAKE-124"),
        (lambda text: text.replace('"havo"', '"onbekend"'), "INTAKE-126"),
        (lambda text: text.replace('"waarde": "havo"', '"waarde": "havo", "toetseenheid": "LEZEN"'), "INTAKE-126"),
    ],
)
def test_a_refused_result_of_a_registered_pupil_is_told_until_a_good_one_comes(
    send: Send, keys: list[str], opened: Ledger, change: Callable[[str], str], code: str
) -> None:
    text = json.dumps(result(keys[0]))
    assert change(text) != text
    assert send(change(text).encode()).status_code == 422

    def told() -> list[tuple[str, str, int]]:
        with opened.unit(REGION, "test") as unit:
            return [
                (one.school, one.code, one.count) for one in refused_lists.refused(unit, YEAR) if one.error.message_nl
            ]

    assert told() == [(SCHOOL, code, 1)]
    assert known(opened) == {}
    assert send(result(keys[0])).status_code == 202
    assert told() == []


def test_a_date_in_the_future_does_not_keep_later_ones_out(send: Send, keys: list[str], opened: Ledger) -> None:
    assert send(result(keys[0], "vwo", now() + timedelta(days=400))).status_code == 422
    assert send(result(keys[0], "havo")).status_code == 202
    assert list(known(opened).values()) == ["havo"]


def test_another_media_type_is_refused(send: Send, keys: list[str], opened: Ledger) -> None:
    assert send(result(keys[0]), **{"Content-Type": "text/plain"}).status_code == 415
    assert known(opened) == {}


def test_a_slow_body_ends_and_the_next_one_is_heard(
    endpoint: int, trust_folder: Path, send: Send, keys: list[str]
) -> None:
    context = client_context(trust_folder, f"conductor/{SUPPLIER}/tls-1")
    with (
        socket.create_connection(("127.0.0.1", endpoint), timeout=WAITS) as plain,
        context.wrap_socket(plain) as line,
    ):
        path = f"{RESULTS}?edu-to={KEYS[SCHOOL]}&edu-from=0000000700099AB00000"
        head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{{"
        line.sendall(head.encode())
        got = b""
        try:
            while part := line.recv(4096):
                got += part
        except OSError:
            pass  # closed without a word is an end too
    assert b" 202 " not in got
    assert send(result(keys[0])).status_code == 202


def test_what_was_said_between_two_equal_ones_comes_too_late(send: Send, keys: list[str], opened: Ledger) -> None:
    begun = now()
    for second, advice in ((1, "vwo"), (7, "vwo"), (6, "havo")):
        assert send(result(keys[0], advice, begun + timedelta(seconds=second))).status_code == 202
    assert list(known(opened).values()) == ["vwo"]


def test_many_at_once_keep_the_newest(send: Send, keys: list[str], opened: Ledger) -> None:
    begun = now()
    said = [
        result(keys[0], advice, begun + timedelta(seconds=place)) for place, advice in enumerate(("havo", "vwo") * 4)
    ]
    said += [result(key, "havo", begun) for key in keys[1:]]
    answers: list[int] = []
    threads = [threading.Thread(target=lambda one=one: answers.append(send(one).status_code)) for one in said]
    for one in threads:
        one.start()
    for one in threads:
        one.join(WAITS)
    assert answers == [202] * len(said)
    assert sorted(known(opened).values()) == ["havo", "havo", "vwo"]


def test_an_answer_that_was_lost_is_said_again(
    desk_ledger: Callable[[], Ledger], keys: list[str], opened: Ledger
) -> None:
    """Killed between the commit and the answer: the supplier sends the same bytes to another process."""
    body = json.dumps(result(keys[0])).encode()
    said = {
        "supplier": agreement().test_suppliers[0].oin,
        "routing_key": KEYS[SCHOOL],
        "school_oin": PARTIES["edu-from"],
    }
    first = ResultTaker(desk_ledger(), REGION)
    assert first.take(body, at=now(), **said) == "taken"
    first.ledger.close()
    before = known(opened)
    assert ResultTaker(desk_ledger(), REGION).take(body, at=now(), **said) == "taken"
    assert known(opened) == before
    with opened.unit(REGION, "test") as unit:
        [count] = unit.one("select count(*) from overstap.audit_line where payload::jsonb ->> 'action' = 'tests.take'")
    assert count == 1


def test_202_is_not_said_when_it_cannot_be_committed(
    send: Send, keys: list[str], opened: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    by_owner(opened, "alter table overstap.pupil_test add constraint nothing check (false) not valid")
    with caplog.at_level(logging.DEBUG):
        answer = send(result(keys[0]))
    assert (answer.status_code, list(answer.json())) == (503, ["melding"])
    assert keys[0] not in caplog.text
    by_owner(opened, "alter table overstap.pupil_test drop constraint nothing")
    assert send(result(keys[0])).status_code == 202
    assert len(known(opened)) == 1


def test_another_region_takes_none_of_these(desk_ledger: Callable[[], Ledger], keys: list[str], opened: Ledger) -> None:
    theirs = agreement(region=OTHER)
    with opened.unit(OTHER, "test") as unit:
        open_round(unit, theirs, RoundKind.PRE_REGISTRATION)
    taker = ResultTaker(desk_ledger(), OTHER)
    said = {"supplier": theirs.test_suppliers[0].oin, "routing_key": KEYS[SCHOOL], "school_oin": PARTIES["edu-from"]}
    assert taker.take(json.dumps(result(keys[0])).encode(), at=now(), **said) == "unknown_pupil"
    assert known(opened) == {}


def test_the_desk_reads_no_registration_and_writes_no_test(desk_ledger: Callable[[], Ledger], keys: list[str]) -> None:
    for statement in (
        "select registration from overstap.test_registration",
        "select content from overstap.pupil_test",
        "select overstap.take_tests('2026-2027', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "select overstap.announce_test_registrations('2026-2027', 'x', 'x', 'x', '{}', '{}', '{}')",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), desk_ledger().unit(REGION, "desk") as unit:
            unit.run(statement)


@pytest.mark.parametrize(
    "change",
    [
        {"supplier": "00000003999999990000"},
        {"routing_key": KEYS[SECOND]},
        {"school": SECOND},
        {"school_year": "2025-2026"},
        {"registration": uuid4()},
    ],
)
def test_the_database_itself_knows_who_was_registered_where(
    desk_ledger: Callable[[], Ledger], keys: list[str], opened: Ledger, change: dict[str, Any]
) -> None:
    sent = SentResult(YEAR, SCHOOL, SUPPLIER_OIN, KEYS[SCHOOL], UUID(keys[0]), '{"test": "ICE"}', now())
    with desk_ledger().unit(REGION, "desk") as unit:
        assert test_registrations.take_result(unit, replace(sent, **change)) == "unknown"
    with opened.unit(REGION, "test") as unit:
        assert list(pupil_tests.known(unit, YEAR)) == []


def test_a_desk_without_keys_is_given_what_a_result_needs(
    desk_ledger: Callable[[], Ledger], keys: list[str], opened: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a deployment a key service stands between: it refuses what is not permitted to the desk."""
    asked: set[tuple[str, str]] = set()
    encrypt, lookup = RegionKeys.encrypt, RegionKeys.lookup

    def noted_encrypt(self: RegionKeys, content: bytes, bound_to: str, key_id: str | None = None) -> EncryptedContent:
        asked.add(("encrypt", kind_of(bound_to)))
        return encrypt(self, content, bound_to, key_id)

    def noted_lookup(self: RegionKeys, kind: str, value: str) -> bytes:
        asked.add(("lookup", kind))
        return lookup(self, kind, value)

    monkeypatch.setattr(RegionKeys, "encrypt", noted_encrypt)
    monkeypatch.setattr(RegionKeys, "lookup", noted_lookup)
    said = {"supplier": SUPPLIER_OIN, "routing_key": KEYS[SCHOOL], "school_oin": PARTIES["edu-from"]}
    assert ResultTaker(desk_ledger(), REGION).take(json.dumps(result(keys[0])).encode(), at=now(), **said) == "taken"
    desk = CLIENTS["desk"]
    assert asked == {("encrypt", "test"), ("lookup", "test")}
    assert asked <= {("encrypt", kind) for kind in desk.encrypts} | {("lookup", kind) for kind in desk.looks_up}
