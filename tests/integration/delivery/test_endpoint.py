"""Tests of the endpoint as a process: idempotent, durable, with repeated answers."""

import os
import ssl
import threading
from pathlib import Path

import httpx
import pytest

from overstap.clock import now
from overstap.envelope.manifest import EnvelopeKind
from overstap.envelope.receipt import ReceptionOutcome, Refusal
from overstap.pki import DevelopmentAuthority, TrustStore, make_development_certificates
from overstap.receiver.folder_store import FolderStore
from overstap.transport.https_client import TransportProblem
from overstap.transport.pinned_tls import DeadlineSocket

from .conftest import OTHER, SCHOOL, Endpoint, start


def stored(endpoint: Endpoint) -> set[str]:
    return {path.name for path in (endpoint.store / "dossiers").iterdir()}


def test_a_dossier_is_stored_and_confirmed(endpoint, pusher, make) -> None:
    message = make(content=b"<dossier>one</dossier>")
    answer = pusher(endpoint.url).push(message.sealed.envelope, message_id=message.id)
    receipt = message.receipt(answer.receipt_unverified)
    assert receipt.outcome is ReceptionOutcome.ACCEPTED
    place = endpoint.store / "dossiers" / str(message.id)
    assert (place / "dossier.xml").read_bytes() == b"<dossier>one</dossier>"
    assert (place / "receipt.cms").read_bytes() == answer.receipt_unverified
    assert all(path.stat().st_mode & 0o077 == 0 for path in [place, *place.iterdir()])


@pytest.mark.fault("F14", "F19")
def test_a_repetition_gets_the_same_receipt(endpoint, pusher, make) -> None:
    message = make()
    line = pusher(endpoint.url)
    answers = {line.push(message.sealed.envelope, message_id=message.id).receipt_unverified for _ in range(3)}
    assert len(answers) == 1
    assert stored(endpoint) == {str(message.id)}


@pytest.mark.parametrize(("size", "pieces"), [(1_000, 1), (200_000, 2)])
def test_headers_and_a_small_envelope_leave_as_one_piece(
    endpoint, pusher, make, monkeypatch, size: int, pieces: int
) -> None:
    message = make(content=b"<dossier>" + os.urandom(size // 2).hex().encode() + b"</dossier>")
    line = pusher(endpoint.url)
    line.push(make().sealed.envelope, message_id=make().id)  # connects; its id is another's, so nothing is stored
    sent = []
    send = DeadlineSocket.send
    monkeypatch.setattr(
        DeadlineSocket, "send", lambda own, data, flags=0: sent.append(send(own, data, flags)) or sent[-1]
    )
    answer = line.push(message.sealed.envelope, message_id=message.id)
    assert message.receipt(answer.receipt_unverified).is_accepted
    assert len(sent) == pieces


@pytest.mark.fault("F21")
def test_twenty_at_once_are_stored_once_with_one_receipt(endpoint, pusher, make) -> None:
    """F21: a zombie worker and its replacement send the same dossier at the same moment."""
    message = make(content=b"<dossier>" + os.urandom(200_000).hex().encode() + b"</dossier>")
    lines = [pusher(endpoint.url) for _ in range(20)]
    together, answers = threading.Barrier(len(lines)), []

    def push(line) -> None:
        together.wait()
        answers.append(line.push(message.sealed.envelope, message_id=message.id))

    threads = [threading.Thread(target=push, args=(line,)) for line in lines]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert {answer.problem for answer in answers} == {None}
    assert len({answer.receipt_unverified for answer in answers}) == 1
    message.receipt(answers[0].receipt_unverified)
    assert stored(endpoint) == {str(message.id)}
    assert not list((endpoint.store / "arriving").iterdir())


def test_the_same_id_with_another_content_is_refused_and_raises_an_alarm(endpoint, pusher, make) -> None:
    first = make(content=b"<dossier>first</dossier>")
    second = make(identity=first.id, content=b"<dossier>second</dossier>")
    line = pusher(endpoint.url)
    line.push(first.sealed.envelope, message_id=first.id)
    answer = line.push(second.sealed.envelope, message_id=second.id)
    assert answer.status == 409
    assert second.receipt(answer.receipt_unverified).refusal is Refusal.CONFLICT
    assert (endpoint.store / "dossiers" / str(first.id) / "dossier.xml").read_bytes() == b"<dossier>first</dossier>"
    assert FolderStore(endpoint.store).alarms() == 1


def test_what_does_not_open_is_refused_without_a_reason(endpoint, pusher, make) -> None:
    message = make()
    spoilt = bytearray(message.sealed.envelope)
    spoilt[-1] ^= 1
    answer = pusher(endpoint.url).push(bytes(spoilt), message_id=message.id)
    assert answer.status == 422
    assert b"decryption" not in (answer.receipt_unverified or b"")
    assert "reason=decryption" in endpoint.log.read_text()
    assert stored(endpoint) == set()


@pytest.mark.parametrize("case", ["for another school", "under another id"])
def test_what_is_not_meant_to_come_here_is_refused(endpoint, pusher, make, case: str) -> None:
    message = make(to=OTHER if case == "for another school" else SCHOOL)
    identity = message.id if case == "for another school" else make().id
    answer = pusher(endpoint.url).push(message.sealed.envelope, message_id=identity)
    assert answer.status == 422
    assert stored(endpoint) == set()


def test_a_test_message_is_receipted_and_kept_apart(endpoint, pusher, make) -> None:
    message = make(kind=EnvelopeKind.TEST)
    answer = pusher(endpoint.url).push(message.sealed.envelope, message_id=message.id)
    assert message.receipt(answer.receipt_unverified).is_accepted
    assert stored(endpoint) == set()
    assert [one.message_id for one in FolderStore(endpoint.store).stored(EnvelopeKind.TEST)] == [message.id]


@pytest.mark.fault("F05", "F06", "F14")
@pytest.mark.parametrize("point", ["before the rename", "after the rename"])
def test_kill_9_around_the_commit_point(trust_folder, tmp_path, pusher, make, point: str) -> None:
    """F05, F06, F14: the process is killed by itself at the worst moment; the sender sends again."""
    patch = tmp_path / "patch"
    patch.mkdir()
    (patch / "sitecustomize.py").write_text(
        "import os, pathlib, signal\n"
        "whole = pathlib.Path.rename\n"
        "def rename(self, target):\n"
        "    if 'arriving' not in self.parts: return whole(self, target)\n"
        f"    if {point == 'after the rename'}: whole(self, target)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "pathlib.Path.rename = rename\n"
    )
    store = tmp_path / "store"
    message = make()
    killed = start(trust_folder, store, tmp_path / "1.log", environment={"PYTHONPATH": str(patch)})
    first = pusher(killed.url).push(message.sealed.envelope, message_id=message.id)
    killed.process.wait()
    assert first.problem is TransportProblem.DISCONNECTED
    assert stored(killed) == ({str(message.id)} if point == "after the rename" else set())

    again = start(trust_folder, store, tmp_path / "2.log")
    try:
        answer = pusher(again.url).push(message.sealed.envelope, message_id=message.id)
        assert message.receipt(answer.receipt_unverified).is_accepted
        kept = (store / "dossiers" / str(message.id) / "receipt.cms").read_bytes()
        assert answer.receipt_unverified == kept
        assert stored(again) == {str(message.id)}
    finally:
        again.kill()


def client_context(trust_folder: Path, certificate: str | None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=trust_folder / "ca" / "authorities.pem")
    if certificate:
        context.load_cert_chain(trust_folder / f"{certificate}.crt", trust_folder / f"{certificate}.key")
    return context


def test_without_a_client_certificate_there_is_no_conversation(endpoint, trust_folder) -> None:
    with (
        httpx.Client(verify=client_context(trust_folder, None), trust_env=False) as client,
        pytest.raises(httpx.HTTPError),
    ):
        client.get(endpoint.url.replace("/v1/envelopes", "/health"))


def test_a_school_is_no_conductor(endpoint, trust_folder, make) -> None:
    message = make()
    headers = {"Content-Type": "application/cms", "Overstap-Message-Id": str(message.id)}
    with httpx.Client(verify=client_context(trust_folder, f"schools/{OTHER}/tls-1"), trust_env=False) as client:
        answer = client.post(endpoint.url, content=message.sealed.envelope, headers=headers)
    assert answer.status_code == 403
    assert stored(endpoint) == set()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "application/cms"}, 400),
        ({"Content-Type": "application/cms", "Overstap-Message-Id": "../../etc"}, 400),
        ({"Content-Type": "application/json", "Overstap-Message-Id": "01a209cf-f3e7-7f86-985b-5e0b7eeb575d"}, 415),
    ],
)
def test_requests_of_another_form(endpoint, trust_folder, headers: dict, status: int) -> None:
    with httpx.Client(verify=client_context(trust_folder, "conductor/waterland/tls-1"), trust_env=False) as client:
        assert client.post(endpoint.url, content=b"x", headers=headers).status_code == status
        health = client.get(endpoint.url.replace("/v1/envelopes", "/health"))
    assert health.json() == {"school": SCHOOL, "status": "ok", "alarms": 0, "ready": 0}


def test_too_much_is_not_read(endpoint, pusher, make) -> None:
    answer = pusher(endpoint.url).push(bytes(33 * 1024 * 1024), message_id=make().id)
    assert answer.problem in (TransportProblem.WRONG_STATUS, TransportProblem.DISCONNECTED)
    assert stored(endpoint) == set()


@pytest.mark.fault("F41")
def test_unknown_revocation_is_no_refusal(tmp_path, make, pusher) -> None:
    """F41: a stale list at the receiver must not turn a good dossier into a refused one."""
    folder = tmp_path / "trust"
    make_development_certificates(folder, schools=["99AB00", SCHOOL], regions=["waterland"], at=now())
    started = start(folder, tmp_path / "store", tmp_path / "log")
    try:
        own = TrustStore(folder, production=False)
        from overstap.delivery.channels.push import PushChannel
        from overstap.envelope.envelope import seal

        message = make()
        sealed = seal(
            {"dossier.xml": b"<dossier/>"},
            message_id=message.id,
            round_id="r",
            sender=own.signing_identity("99AB00", at=now()),
            recipient=own.recipient(SCHOOL, at=now()),
            oso_version="2019.1",
            created_at=now(),
        )
        client = own.conductor_identity("waterland", at=now())
        line = PushChannel(started.url, school=SCHOOL, trust=own, client=client, at=now())
        line.push(b"opens the line", message_id=make().id)  # the caller is checked once per connection
        DevelopmentAuthority(folder, at=now()).publish_revocations(days=0)
        answer = line.push(sealed.envelope, message_id=message.id)
        line.close()
        assert (answer.problem, answer.status) == (TransportProblem.WRONG_STATUS, 503)
        assert stored(started) == set()
    finally:
        started.kill()
