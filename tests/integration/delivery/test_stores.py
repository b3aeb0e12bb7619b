"""Tests of both stores of a receiving school: idempotent, durable, with repeated answers."""

import hashlib
import os
import secrets
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from forked import Process, popen

from overstap.clock import now
from overstap.delivery.channels.push import PushChannel
from overstap.envelope.envelope import open_envelope
from overstap.envelope.manifest import EnvelopeKind
from overstap.envelope.message_ids import message_id
from overstap.envelope.receipt import Refusal
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.receiver.arrived import Arrived
from overstap.receiver.folder_store import FolderStore
from overstap.receiver.postgres_store import PostgresStore, set_up
from overstap.receiver.reception import Reception, ReceptionStatus
from overstap.receiver.store import ReceiverStore, open_store
from overstap_tools.local.postgres import EmbeddedPostgres

from .conftest import SCHOOL, Maker, Message, free_port, wait_until_open


@pytest.fixture
def database(postgres: EmbeddedPostgres) -> Iterator[str]:
    """A school's own database, set up."""
    name = f"school_{secrets.token_hex(6)}"
    postgres.create_database(name, "postgres")
    dsn = postgres.superuser_dsn(name)
    for _ in range(2):
        set_up(dsn)
    yield dsn
    with psycopg.connect(postgres.superuser_dsn("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


@pytest.fixture(params=["folder", "database"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> ReceiverStore:
    if request.param == "folder":
        return FolderStore(tmp_path / "store")
    return PostgresStore(request.getfixturevalue("database"))


def test_an_envelope_is_there_once(store: ReceiverStore, trust: TrustStore, make: Maker) -> None:
    reception = Reception(SCHOOL, trust=trust, store=store)
    message, test = make(), make(kind=EnvelopeKind.TEST)
    assert store.envelope_of(message.id) is None
    answers = []

    def take() -> None:
        answers.append(reception.receive(message.sealed.envelope, message_id=message.id, at=now()))

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(answer.status for answer in answers) == [*[ReceptionStatus.REPEATED] * 7, ReceptionStatus.STORED]
    assert len({answer.receipt for answer in answers}) == 1
    assert store.receipt_for(message.id) == (message.sealed.envelope_sha256, answers[0].receipt)
    assert store.envelope_of(message.id) == message.sealed.envelope
    assert reception.receive(test.sealed.envelope, message_id=test.id, at=now()).status is ReceptionStatus.STORED
    assert [one.message_id for one in store.stored()] == [message.id]
    assert [one.message_id for one in store.stored(EnvelopeKind.TEST)] == [test.id]
    other = make(identity=message.id, content=b"<another/>")
    for _ in range(2):
        conflict = reception.receive(other.sealed.envelope, message_id=message.id, at=now())
        assert conflict.status is ReceptionStatus.CONFLICT
    assert store.alarms() == 1
    assert reception.receive(b"x", message_id=make().id, at=now()).status is ReceptionStatus.REFUSED
    store.keep_result(message.id, b"what became of it")
    assert store.clean(at=now()) == 0


def test_notifications_and_what_was_had(store: ReceiverStore, trust: TrustStore, make: Maker) -> None:
    message = make()
    for _ in range(2):
        store.keep_notification(message.id, b"{}")
    store.keep_notification(message_id(now(), os.urandom(10)), b"{}")
    assert store.pending_notifications() == 2
    Reception(SCHOOL, trust=trust, store=store).receive(message.sealed.envelope, message_id=message.id, at=now())
    assert store.pending_notifications() == 1
    assert store.salt() == store.salt() != bytes(32)
    handle, moment = os.urandom(32), datetime(2027, 3, 10, 9, tzinfo=UTC)
    assert store.newest_sealed_at(handle) is None
    store.record_newest(handle, moment.replace(year=2026))
    store.record_newest(handle, moment)
    assert store.newest_sealed_at(handle) == moment


def test_a_store_has_to_be_named_and_set_up(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    for folder, database in ((None, None), (tmp_path, "dbname=school")):
        with pytest.raises(OverstapError) as told:
            open_store(folder, database)
        assert told.value.code == "DELIVERY-059"
    secret = f"host=127.0.0.1 port={free_port()} user=school password=geheim"
    for dsn in (postgres.superuser_dsn("postgres"), secret):
        with pytest.raises(OverstapError) as told:
            open_store(None, dsn)
        assert told.value.code == "DELIVERY-060"
        assert "geheim" not in str(told.value)


def test_an_endpoint_on_a_database_is_killed_and_goes_on(
    database: str, trust_folder: Path, tmp_path: Path, make: Maker, pusher: Callable[..., PushChannel]
) -> None:
    """What was confirmed is there after kill -9, with the receipt that was given; the rest comes again."""
    port = free_port()
    command = ["-m", "overstap", "receive", "serve", "--school", SCHOOL, "--port", str(port)]
    command += ["--trust", str(trust_folder)]

    def start() -> Process:
        with (tmp_path / "log").open("ab") as log:
            process = popen(command, stdout=log, stderr=log, env=os.environ | {"OVERSTAP_RECEIVED": database})
        wait_until_open(process, port, tmp_path / "log")
        return process

    url = f"https://127.0.0.1:{port}/v1/envelopes"
    messages = [make() for _ in range(4)]
    process = start()
    first = [pusher(url).push(one.sealed.envelope, message_id=one.id).receipt_unverified for one in messages[:2]]
    process.kill()
    process.wait()
    process = start()
    try:
        line = pusher(url)
        again = [line.push(one.sealed.envelope, message_id=one.id).receipt_unverified for one in messages]
    finally:
        process.kill()
        process.wait()
    assert again[:2] == first
    with psycopg.connect(database) as connection:
        rows = connection.execute(
            "select m.message_id, m.receipt, f.content from overstap_received.message m "
            "join overstap_received.file f using (message_id) where f.name = 'dossier.xml' order by m.message_id"
        ).fetchall()
    assert [(UUID(str(row[0])), row[1]) for row in rows] == sorted(
        zip([one.id for one in messages], again, strict=True)
    )
    assert all(row[2] == b"<dossier/>" for row in rows)


def test_what_is_taken_back_is_gone_and_stays_answered(store: ReceiverStore, trust: TrustStore, make: Maker) -> None:
    """The content goes; receipt and manifest stay, and the same statement gets the same answer."""
    reception = Reception(SCHOOL, trust=trust, store=store)
    message = make()
    took = reception.receive(message.sealed.envelope, message_id=message.id, at=now())
    evidence = store.evidence(message.id)
    assert evidence is not None
    receipt, manifest, envelope = evidence
    assert (receipt, envelope) == (took.receipt, message.sealed.envelope)
    assert hashlib.sha256(manifest).digest() == message.sealed.manifest_sha256
    assert store.manifest_of(message.id) == manifest
    assert not store.is_withdrawn(message.id)
    assert not store.forget_withdrawn(message.id), "nobody took it back"

    asked: list[bool] = []

    def answer(had: bool) -> bytes:
        asked.append(had)
        return b"answer %d" % len(asked)

    answers = {store.withdraw(message.id, b"statement", answer, unique=os.urandom(8)) for _ in range(3)}
    assert answers == {b"answer 1"}
    assert asked == [True]
    assert store.withdraw(message.id, b"in other bytes", answer, unique=os.urandom(8)) == b"answer 2"
    assert asked == [True, True]
    assert store.is_withdrawn(message.id)
    assert store.envelope_of(message.id) is None
    assert store.evidence(message.id) is None
    assert list(store.stored()) == []
    assert store.manifest_of(message.id) == manifest
    assert store.receipt_for(message.id) == (message.sealed.envelope_sha256, receipt)
    again = reception.receive(message.sealed.envelope, message_id=message.id, at=now())
    assert (again.status, again.receipt) == (ReceptionStatus.REPEATED, receipt), "that it arrived is still so"
    assert store.envelope_of(message.id) is None


def test_what_is_taken_back_before_it_comes_is_refused_when_it_comes(
    store: ReceiverStore, trust: TrustStore, make: Maker
) -> None:
    reception = Reception(SCHOOL, trust=trust, store=store)
    message, other = make(), make()
    had: list[bool] = []
    store.withdraw(message.id, b"statement", lambda there: had.append(there) or b"no", unique=os.urandom(8))  # type: ignore[func-returns-value]
    assert had == [False]
    assert store.is_withdrawn(message.id)
    assert store.receipt_for(message.id) is None
    assert store.manifest_of(message.id) is None
    took = reception.receive(message.sealed.envelope, message_id=message.id, at=now())
    assert (took.status, message.receipt(took.receipt).refusal) == (ReceptionStatus.REFUSED, Refusal.WITHDRAWN)
    assert list(store.stored()) == []
    assert reception.receive(other.sealed.envelope, message_id=other.id, at=now()).status is ReceptionStatus.STORED
    assert store.is_withdrawn(other.id) is store.forget_withdrawn(other.id) is False
    assert [one.message_id for one in store.stored()] == [other.id]


def test_a_crash_while_it_is_taken_back_leaves_nothing_after_the_next_start(
    store: ReceiverStore, trust: TrustStore, make: Maker
) -> None:
    """It was stored, and the process ended before it saw that it had been taken back."""
    message, other = make(), make()
    keyring = trust.keyring(SCHOOL, at=now())
    store.withdraw(message.id, b"statement", lambda had: b"not", unique=os.urandom(8))
    for one in (message, other):
        opened = open_envelope(one.sealed.envelope, keyring=keyring, trust=trust, school=SCHOOL, at=now())
        assert store.add_all([Arrived(opened, one.sealed.envelope, b"receipt", os.urandom(8))]) == [True]
    assert store.clean(at=now()) == 1
    assert store.clean(at=now()) == 0
    assert store.envelope_of(message.id) is None
    assert [one.message_id for one in store.stored()] == [other.id]


def test_arriving_and_being_taken_back_at_once_leaves_nothing(
    store: ReceiverStore, trust: TrustStore, make: Maker
) -> None:
    """Whichever is first, nothing of it is there afterwards, and nobody was told otherwise."""
    reception = Reception(SCHOOL, trust=trust, store=store)
    with ThreadPoolExecutor(3) as threads:
        for message in [make() for _ in range(12)]:
            begin = threading.Barrier(3)

            def take(message: Message = message, begin: threading.Barrier = begin) -> ReceptionStatus:
                begin.wait()
                return reception.receive(message.sealed.envelope, message_id=message.id, at=now()).status

            def back(message: Message = message, begin: threading.Barrier = begin) -> bytes:
                begin.wait()
                return store.withdraw(
                    message.id, b"statement", lambda had: b"had" if had else b"not", unique=os.urandom(8)
                )

            took, first, second = (threads.submit(what) for what in (take, back, back))
            assert took.result() in (ReceptionStatus.STORED, ReceptionStatus.REFUSED, ReceptionStatus.REPEATED)
            assert first.result() == second.result() in (b"had", b"not")
            assert store.envelope_of(message.id) is None
    assert list(store.stored()) == []


def test_two_groups_at_once_in_opposite_orders(store: ReceiverStore, trust: TrustStore, make: Maker) -> None:
    """A zombie and its retry: each envelope is stored once, with one receipt, and neither waits for ever."""
    reception = Reception(SCHOOL, trust=trust, store=store)
    for _ in range(4):
        messages, begin = [make() for _ in range(8)], threading.Barrier(2)

        def take(ordered: list[Message], begin: threading.Barrier = begin) -> dict[UUID, bytes]:
            begin.wait()
            found = reception.receive_all([(one.id, one.sealed.envelope) for one in ordered], at=now())
            return {one.id: it.receipt for one, it in zip(ordered, found, strict=True)}  # type: ignore[union-attr]

        with ThreadPoolExecutor(2) as threads:
            one, other = threads.submit(take, messages), threads.submit(take, messages[::-1])
            assert one.result() == other.result()
        assert {each.message_id for each in store.stored()} >= {each.id for each in messages}
