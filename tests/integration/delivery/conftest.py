"""Fixtures of delivery tests: certificates, envelopes, and an endpoint as a process."""

import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from forked import Process, popen

from overstap.clock import now
from overstap.delivery.channels.push import PushChannel
from overstap.envelope.envelope import SealedEnvelope, seal
from overstap.envelope.message_ids import message_id
from overstap.envelope.over_https import ENVELOPES as PATH
from overstap.envelope.receipt import Receipt, verify_receipt
from overstap.pki import TrustStore, make_development_certificates

SENDER, SCHOOL, OTHER, REGION = "99AB00", "98XA00", "98XB00", "waterland"


@pytest.fixture(scope="session")
def trust_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trust")
    make_development_certificates(folder, schools=[SENDER, SCHOOL, OTHER], regions=[REGION, "elders"], at=now())
    return folder


@pytest.fixture(scope="session")
def trust(trust_folder: Path) -> TrustStore:
    return TrustStore(trust_folder, production=False)


@dataclass(frozen=True)
class Message:
    """A sealed dossier under its message id."""

    id: UUID
    sealed: SealedEnvelope
    trust: TrustStore

    def receipt(self, data: bytes | None) -> Receipt:
        assert data is not None
        return verify_receipt(
            data,
            message_id=self.id,
            envelope_sha256=self.sealed.envelope_sha256,
            manifest_sha256=self.sealed.manifest_sha256,
            receiver=SCHOOL,
            trust=self.trust,
            at=now(),
        )


Maker = Callable[..., Message]


@pytest.fixture
def make(trust: TrustStore) -> Maker:
    """Seal a new message; the same id can be given again with another content."""

    def made(
        *, identity: UUID | None = None, content: bytes = b"<dossier/>", to: str = SCHOOL, **changes: Any
    ) -> Message:
        identity = identity or message_id(now(), os.urandom(10))
        at = now()
        sealed = seal(
            {"dossier.xml": content},
            message_id=identity,
            round_id="waterland/2026-2027/advice",
            sender=trust.signing_identity(SENDER, at=at),
            recipient=trust.recipient(to, at=at),
            oso_version="2019.1",
            created_at=at,
            **changes,
        )
        return Message(identity, sealed, trust)

    return made


@dataclass
class Endpoint:
    """`overstap receive serve` as a process."""

    process: Process
    port: int
    store: Path
    log: Path

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}{PATH}"

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until_open(process: Process, port: int, log: Path) -> None:
    """Wait until a server takes connections."""
    for _ in range(400):
        if process.poll() is not None:
            break
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"the endpoint did not start: {log.read_text()}")


def start(trust_folder: Path, store: Path, log: Path, *, environment: dict[str, str] | None = None) -> Endpoint:
    port = free_port()
    command = ["-m", "overstap", "receive", "serve"]
    command += ["--school", SCHOOL, "--trust", str(trust_folder), "--store", str(store), "--port", str(port)]
    with log.open("ab") as out:
        process = popen(command, stdout=out, stderr=out, env=os.environ | (environment or {}))
    wait_until_open(process, port, log)
    return Endpoint(process, port, store, log)


@pytest.fixture
def endpoint(trust_folder: Path, tmp_path: Path) -> Iterator[Endpoint]:
    started = start(trust_folder, tmp_path / "store", tmp_path / "endpoint.log")
    yield started
    started.kill()


@pytest.fixture
def pusher(trust: TrustStore) -> Iterator[Callable[..., PushChannel]]:
    """Make lines to an endpoint; they are closed afterwards."""
    lines: list[PushChannel] = []

    def line(url: str, *, school: str = SCHOOL, region: str = REGION, deadline_seconds: float = 20) -> PushChannel:
        client = trust.conductor_identity(region, at=now())
        made = PushChannel(url, school=school, trust=trust, client=client, at=now(), deadline_seconds=deadline_seconds)
        lines.append(made)
        return made

    yield line
    for made in lines:
        made.close()
