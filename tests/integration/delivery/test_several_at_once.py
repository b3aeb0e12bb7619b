"""Tests of several envelopes in one request: each has its own fate, and none is confirmed before all are synced."""

import errno
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import httpx
import jsonschema
import pytest
import yaml
from integration.delivery.test_endpoint import client_context, stored
from starlette.testclient import TestClient

from overstap.clock import now
from overstap.delivery.channels.channel import HandOver, SeveralAtOnce
from overstap.delivery.channels.push import PushChannel
from overstap.envelope import several
from overstap.envelope.receipt import MAX_RECEIPT_BYTES, Refusal
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.receiver import endpoint as receiving
from overstap.receiver import folder_store
from overstap.receiver.endpoint import AT_ONCE
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.reception import Reception, ReceptionResult, ReceptionStatus
from overstap.resources import INCLUDE
from overstap.transport.body_budget import BodyBudget
from overstap.transport.https_client import TransportProblem
from overstap.transport.server_limits import ServerLimits

from .conftest import OTHER, SCHOOL, Endpoint, Maker, Message, start


def pairs(messages: list[Message]) -> list[tuple[UUID, bytes]]:
    return [(one.id, one.sealed.envelope) for one in messages]


def ready(line: PushChannel, make: Maker) -> PushChannel:
    """Hand one envelope over, by whose answer the school tells what it takes."""
    one = make()
    assert line.fitting([6_000] * 99) == 1
    assert one.receipt(line.push(one.sealed.envelope, message_id=one.id).receipt_unverified).is_accepted
    assert line.fitting([6_000] * 99) == AT_ONCE.count
    return line


def handed(line: PushChannel, messages: list[Message]) -> list[HandOver]:
    answers = line.hand_over_all(pairs(messages), at=now())
    assert answers is not None
    return answers


def test_each_is_stored_and_confirmed_by_itself(endpoint: Endpoint, pusher, make: Maker) -> None:
    line = ready(pusher(endpoint.url), make)
    assert isinstance(line, SeveralAtOnce)
    messages = [make(content=f"<dossier>{number}</dossier>".encode()) for number in range(AT_ONCE.count)]
    for message, answer in zip(messages, handed(line, messages), strict=True):
        assert message.receipt(answer.receipt_unverified).is_accepted
        place = endpoint.store / "dossiers" / str(message.id)
        assert (place / "receipt.cms").read_bytes() == answer.receipt_unverified
        assert (place / "envelope.cms").read_bytes() == message.sealed.envelope
        assert all(path.stat().st_mode & 0o077 == 0 for path in [place, *place.iterdir()])
    assert not list((endpoint.store / "arriving").iterdir())


@pytest.mark.fault("F14", "F19")
def test_a_repetition_of_half_a_request_gets_the_same_receipts(endpoint: Endpoint, pusher, make: Maker) -> None:
    """F14: the answer to a request was lost; the next request has half of it, and others."""
    line = ready(pusher(endpoint.url), make)
    messages = [make() for _ in range(9)]
    first = handed(line, messages[:6])
    second = handed(line, [*messages[5:2:-1], *messages[6:]])
    assert [one.receipt_unverified for one in second[:3]] == [one.receipt_unverified for one in first[5:2:-1]]
    for message, answer in zip(messages, [*first, *second[3:]], strict=True):
        assert message.receipt(answer.receipt_unverified).is_accepted


def test_a_bad_one_refuses_only_itself(endpoint: Endpoint, pusher, make: Maker) -> None:
    line = ready(pusher(endpoint.url), make)
    good, spoilt, elsewhere, known, renamed = make(), make(), make(to=OTHER), make(), make()
    line.push(known.sealed.envelope, message_id=known.id)
    other = make(identity=known.id, content=b"<another/>")
    broken = bytearray(spoilt.sealed.envelope)
    broken[-1] ^= 1
    sent = [
        (spoilt.id, bytes(broken)),
        (good.id, good.sealed.envelope),
        (elsewhere.id, elsewhere.sealed.envelope),
        (other.id, other.sealed.envelope),
        (make().id, renamed.sealed.envelope),
    ]
    answers = line.hand_over_all(sent, at=now())
    assert answers is not None
    assert [one.status for one in answers] == [422, 200, 422, 409, 422]
    assert good.receipt(answers[1].receipt_unverified).is_accepted
    assert other.receipt(answers[3].receipt_unverified).refusal is Refusal.CONFLICT
    assert stored(endpoint) >= {str(good.id), str(known.id)}
    assert stored(endpoint).isdisjoint(map(str, (spoilt.id, elsewhere.id, renamed.id)))
    assert FolderStore(endpoint.store).alarms() == 1
    assert "decryption" not in "".join(str(one) for one in answers)


@pytest.mark.fault("F05", "F06", "F14")
@pytest.mark.parametrize("point", ["before the rename", "after the rename"])
def test_kill_9_in_the_middle_of_a_request(trust_folder, tmp_path, pusher, make: Maker, point: str) -> None:
    """Some of a request are stored and some are not; nobody was told. The same request again completes it."""
    patch = tmp_path / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(
        "import os, pathlib, signal\n"
        "whole, calls = pathlib.Path.rename, []\n"
        "def rename(self, target):\n"
        "    if 'arriving' not in self.parts: return whole(self, target)\n"
        "    calls.append(1)\n"
        "    if len(calls) < 5: return whole(self, target)\n"
        f"    if {point == 'after the rename'}: whole(self, target)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "pathlib.Path.rename = rename\n"
    )
    store = tmp_path / "store"
    messages = [make() for _ in range(8)]
    killed = start(
        trust_folder,
        store,
        tmp_path / "1.log",
        environment={"PYTHONPATH": f"{patch}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )
    line = ready(pusher(killed.url), make)
    assert line.hand_over_all(pairs(messages), at=now()) is None
    assert line.fitting([1] * 9) == 1
    killed.process.wait()
    before = {one.id: store / "dossiers" / str(one.id) / "receipt.cms" for one in messages}
    kept = {key: path.read_bytes() for key, path in before.items() if path.exists()}
    assert len(kept) == (3 if point == "before the rename" else 4)

    again = start(trust_folder, store, tmp_path / "2.log")
    try:
        answers = handed(ready(pusher(again.url), make), messages)
        for message, answer in zip(messages, answers, strict=True):
            assert message.receipt(answer.receipt_unverified).is_accepted
            assert kept.get(message.id, answer.receipt_unverified) == answer.receipt_unverified
        assert stored(again) >= {str(one.id) for one in messages}
    finally:
        again.kill()


def test_an_endpoint_that_is_killed_while_requests_come_has_each_once(
    trust_folder, tmp_path, pusher, make: Maker
) -> None:
    store = tmp_path / "store"
    messages = [make() for _ in range(24)]
    receipts: dict[UUID, bytes] = {}
    for turn in range(4):
        running = start(trust_folder, store, tmp_path / f"{turn}.log")
        line = ready(pusher(running.url), make)
        killer = threading.Timer(0.01 + 0.03 * turn, running.kill)
        killer.start()
        for begin in range(0, len(messages), 8):
            for (name, _), answer in zip(
                pairs(messages[begin : begin + 8]),
                line.hand_over_all(pairs(messages[begin : begin + 8]), at=now()) or [],
                strict=False,
            ):
                assert answer.receipt_unverified
                assert receipts.setdefault(name, answer.receipt_unverified) == answer.receipt_unverified
        killer.join()
    running = start(trust_folder, store, tmp_path / "last.log")
    try:
        for message, answer in zip(messages, handed(ready(pusher(running.url), make), messages), strict=True):
            assert message.receipt(answer.receipt_unverified).is_accepted
            assert receipts.get(message.id, answer.receipt_unverified) == answer.receipt_unverified
    finally:
        running.kill()


# -- the order of things at the receiver -----------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path / "store")


def results(reception: Reception, messages: list[Message]) -> list[ReceptionResult | OverstapError | OSError]:
    return reception.receive_all(pairs(messages), at=now())


def test_nothing_is_renamed_before_all_are_synced(
    folder: FolderStore, trust: TrustStore, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    sync, rename, folder_sync = os.fsync, Path.rename, folder_store.sync_folder

    def counted(handle: int) -> None:
        sync(handle)
        done.append("sync")

    monkeypatch.setattr(os, "fsync", counted)
    monkeypatch.setattr(Path, "rename", lambda own, target: (done.append("rename"), rename(own, target))[1])
    monkeypatch.setattr(folder_store, "sync_folder", lambda path: (done.append("names"), folder_sync(path))[1])
    received = results(Reception(SCHOOL, trust=trust, store=folder), [make() for _ in range(7)])
    assert [one.status for one in received] == [ReceptionStatus.STORED] * 7  # type: ignore[union-attr]
    assert done == ["sync"] * 7 * 5 + ["rename"] * 7 + ["names", "sync"]


def test_without_a_sync_there_is_no_receipt(
    folder: FolderStore, trust: TrustStore, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The names of a group cannot be synced: nobody gets a receipt, also not as a repetition, until they can."""
    reception, messages = Reception(SCHOOL, trust=trust, store=folder), [make() for _ in range(4)]
    whole = folder_store.sync_folder

    def broken(path: Path) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(folder_store, "sync_folder", broken)
    for _ in range(2):
        assert all(isinstance(one, OSError) for one in results(reception, messages))
        with pytest.raises(OSError, match="broken"):
            reception.receive(messages[0].sealed.envelope, message_id=messages[0].id, at=now())
    monkeypatch.setattr(folder_store, "sync_folder", whole)
    again = results(reception, messages)
    assert [one.status for one in again] == [ReceptionStatus.REPEATED] * 4  # type: ignore[union-attr]


@pytest.mark.parametrize("broken", ["write", "fsync"])
def test_a_disk_that_fails_for_one_fails_for_that_one(
    folder: FolderStore, trust: TrustStore, make: Maker, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    reception = Reception(SCHOOL, trust=trust, store=folder)
    messages = [make() for _ in range(5)]
    victim = str(messages[2].id)
    whole = getattr(os, broken)

    def fails(handle: int, *arguments: object) -> object:
        if victim in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "full")
        return whole(handle, *arguments)

    monkeypatch.setattr(os, broken, fails)
    received = results(reception, messages)
    assert isinstance(received[2], OSError)
    assert [isinstance(one, ReceptionResult) for one in received] == [True, True, False, True, True]
    assert folder.receipt_for(messages[2].id) is None
    assert not list((folder.folder / "arriving").iterdir())
    monkeypatch.undo()
    statuses = [one.status for one in results(reception, messages)]  # type: ignore[union-attr]
    assert statuses == [ReceptionStatus.REPEATED] * 2 + [ReceptionStatus.STORED] + [ReceptionStatus.REPEATED] * 2


def test_a_group_holds_no_more_content_and_open_files_than_one_envelope_may(
    folder: FolderStore, trust: TrustStore, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sixty dossiers of a few hundred bytes with room for a thousand: they are stored a few at a time."""
    groups: list[int] = []
    whole = folder._commit
    monkeypatch.setattr(folder, "_commit", lambda part: (groups.append(len(part)), whole(part))[1])
    monkeypatch.setattr(folder_store, "_OPEN_FILES", 20)
    reception = Reception(SCHOOL, trust=trust, store=folder)
    messages = [make() for _ in range(12)]
    results(reception, messages)
    assert groups == [4, 4, 4]
    groups.clear()
    size = len(messages[0].sealed.envelope) + len(b"<dossier/>")
    reception.limits = type(reception.limits)(content_bytes=3 * size + 20)
    results(reception, [make() for _ in range(7)])
    assert max(groups) <= 3


# -- what is no request ----------------------------------------------------------------------------------------------


def headers(kind: str = several.MEDIA_TYPE) -> dict[str, str]:
    return {"Content-Type": kind, "Accept": several.ANSWERS_TYPE}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (lambda found: b"{}", 400),
        (lambda found: b"[1]", 400),
        (lambda found: b"\xff", 400),
        (lambda found: b"[" * 100_000, 400),
        (lambda found: several.envelopes_bytes([]), 400),
        (lambda found: several.envelopes_bytes([found, found]), 400),
        (lambda found: several.envelopes_bytes([found]).replace(str(found[0]).encode(), b"../../etc"), 400),
        (lambda found: several.envelopes_bytes([found]).replace(b'"envelope":"', b'"envelope":"!'), 400),
        (lambda found: several.envelopes_bytes([found]).replace(b'"message_id":"', b'"message_id":5,"x":"'), 400),
        (lambda found: several.envelopes_bytes([found]).replace(b"overstap-envelopes/1", b"overstap-envelopes/2"), 400),
        (lambda found: several.envelopes_bytes([(UUID(int=found[0].int + n), b"x") for n in range(51)]), 400),
        (lambda found: bytes(AT_ONCE.body_bytes + 1), 413),
    ],
)
def test_a_body_of_another_form_stores_nothing(
    endpoint: Endpoint, trust_folder: Path, make: Maker, body: Callable[[tuple[UUID, bytes]], bytes], status: int
) -> None:
    message = make()
    with httpx.Client(verify=client_context(trust_folder, "conductor/waterland/tls-1"), trust_env=False) as client:
        answer = client.post(endpoint.url, content=body((message.id, message.sealed.envelope)), headers=headers())
        assert answer.status_code == status
        assert client.post(
            endpoint.url, content=several.envelopes_bytes(pairs([message])), headers=headers()
        ).is_success
    assert stored(endpoint) == {str(message.id)}


def test_a_school_is_no_conductor_for_several_either(endpoint: Endpoint, trust_folder: Path, make: Maker) -> None:
    content = several.envelopes_bytes(pairs([make(), make()]))
    with httpx.Client(verify=client_context(trust_folder, f"schools/{OTHER}/tls-1"), trust_env=False) as client:
        assert client.post(endpoint.url, content=content, headers=headers()).status_code == 403
    assert stored(endpoint) == set()


def test_memory_is_counted_for_what_a_body_becomes(folder: FolderStore, trust: TrustStore, make: Maker) -> None:
    content = several.envelopes_bytes(pairs([make(), make()]))
    application = receiving.application(Reception(SCHOOL, trust=trust, store=folder))

    async def as_caller(scope, receive, send) -> None:
        scope.setdefault("state", {})["caller"] = "00000001000000000000"
        await bounded(scope, receive, send)

    for room, status in ((len(content) * 4 - 1, 503), (len(content) * 4, 200)):
        bounded = BodyBudget(application, ServerLimits(body_bytes=room, body_bytes_per_caller=room))
        answer = TestClient(as_caller).post("/v1/envelopes", content=content, headers=headers())
        assert answer.status_code == status


def test_a_fault_of_the_receivers_own_is_told_for_each_and_refuses_nobody(
    folder: FolderStore, trust: TrustStore, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reception = Reception(SCHOOL, trust=trust, store=folder)
    messages = [make() for _ in range(3)]
    whole = folder.receipt_for

    def fails(message_id: UUID) -> object:
        if message_id == messages[1].id:
            raise OverstapError("DELIVERY-060", kind="test")
        return whole(message_id)

    monkeypatch.setattr(folder, "receipt_for", fails)
    received = results(reception, messages)
    assert isinstance(received[1], OverstapError)
    assert [isinstance(one, ReceptionResult) for one in received] == [True, False, True]
    assert not list((folder.folder / "refused").iterdir())


# -- what a sender makes of an answer --------------------------------------------------------------------------------


def test_a_sender_takes_only_what_it_was_told() -> None:
    for said in (
        {},
        {"overstap-envelopes-at-once": "50"},
        {"overstap-envelopes-at-once": "50", "overstap-bytes-at-once": "-1"},
        {"overstap-envelopes-at-once": "²", "overstap-bytes-at-once": "9"},
        {"overstap-envelopes-at-once": "1", "overstap-bytes-at-once": "9000000"},
        {"overstap-envelopes-at-once": "9" * 12, "overstap-bytes-at-once": "9"},
    ):
        assert several.told_by(said) == several.ONE
    told = several.told_by({"overstap-envelopes-at-once": "3", "overstap-bytes-at-once": "30000"})
    assert told == several.AtOnce(3, 30_000)
    assert [told.fitting(sizes) for sizes in ([1] * 9, [1], [8_000] * 9, [90_000, 1], [1, 90_000])] == [3, 1, 2, 1, 1]
    for sizes in ([7_000, 7_000, 7_000], [1, 20_000, 700]):
        sent = [(UUID(int=number), bytes(size)) for number, size in enumerate(sizes)]
        assert len(several.envelopes_bytes(sent[: told.fitting(sizes)])) <= told.body_bytes


def test_an_answer_counts_for_the_envelope_it_names_and_once() -> None:
    ids = [UUID(f"019a209c-f3e7-7f86-985b-5e0b7eeb575{number}") for number in range(4)]
    answers = [several.EnvelopeAnswer(one, 200, b"receipt%d" % number) for number, one in enumerate(ids)]
    found = several.read_answers(several.answers_bytes([*answers[:3], answers[1]]), count=4)
    assert found is not None
    assert {one: it.receipt for one, it in found.items()} == {ids[0]: b"receipt0", ids[2]: b"receipt2"}
    for body in (
        b"",
        b"[]",
        several.answers_bytes([]),
        several.answers_bytes(answers).replace(b"200", b"true"),
        several.answers_bytes(answers).replace(b"overstap-answers/1", b"overstap-answers/2"),
        several.answers_bytes(answers)[:-1],
        several.answers_bytes(answers[:1]).replace(b'"receipt":"', b'"receipt":"!'),
    ):
        assert several.read_answers(body, count=4) is None
    assert several.read_answers(several.answers_bytes(answers), count=3) is None
    longest = [several.EnvelopeAnswer(one, 422, bytes(MAX_RECEIPT_BYTES), "r" * 30) for one in ids]
    assert len(several.answers_bytes(longest)) <= several.answers_limit(4)


def test_a_problem_of_one_is_told_as_for_a_request_of_its_own(pusher, make: Maker, monkeypatch) -> None:
    line, ids = pusher("https://127.0.0.1:9/v1/envelopes"), [make().id for _ in range(4)]
    answers = [several.EnvelopeAnswer(ids[0], 503), several.EnvelopeAnswer(ids[1], 200)]
    answers.append(several.EnvelopeAnswer(ids[2], 200, bytes(MAX_RECEIPT_BYTES + 1)))
    reply = type("Reply", (), {"problem": None, "body": several.answers_bytes(answers), "status": 200, "headers": {}})
    monkeypatch.setattr(line._line, "post", lambda *_, **__: reply)
    found = line.hand_over_all([(one, b"x") for one in ids], at=now())
    assert [one.problem for one in found] == [
        TransportProblem.WRONG_STATUS,
        TransportProblem.NO_RECEIPT,
        TransportProblem.ANSWER_TOO_LARGE,
        TransportProblem.NO_RECEIPT,
    ]


def test_both_messages_are_as_the_openapi_file_says(make: Maker) -> None:
    described = yaml.safe_load((INCLUDE / "schemas" / "envelope" / "openapi.yaml").read_text(encoding="utf-8"))
    messages = pairs([make(), make()])
    answers = [several.EnvelopeAnswer(messages[0][0], 200, b"receipt"), several.EnvelopeAnswer(messages[1][0], 503)]
    for name, content in (
        ("Envelopes", several.envelopes_bytes(messages)),
        ("Answers", several.answers_bytes(answers)),
    ):
        schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
        jsonschema.Draft202012Validator(schema).validate(json.loads(content))
    operation = described["paths"]["/v1/envelopes"]["post"]
    assert set(operation["requestBody"]["content"]) >= {several.MEDIA_TYPE, "application/cms"}
    assert set(operation["responses"]["200"]["headers"]) == {several.COUNT_HEADER, several.BYTES_HEADER}
    assert several.ANSWERS_TYPE in operation["responses"]["200"]["content"]
