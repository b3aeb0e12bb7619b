"""Tests of channels for collection: a folder, and an OpenSSH SFTP server."""

import contextlib
import os
import socket
import struct
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from overstap.clock import now
from overstap.delivery.channels.channel import Channel, ChannelError
from overstap.delivery.channels.folder import FolderChannel
from overstap.delivery.channels.sftp import Sftp
from overstap.delivery.channels.sftp_channel import SftpChannel
from overstap.envelope.file_names import MAX_BYTES, AnswerKind
from overstap.envelope.message_ids import message_id
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.pki.ssh_keys import make_ssh_key
from overstap.transport.https_client import TransportProblem

from . import sshd
from .conftest import REGION


@pytest.fixture(scope="module")
def server(trust_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Sshd]:
    started = sshd.start(tmp_path_factory.mktemp("sshd"), make_ssh_key(trust_folder, REGION))
    yield started
    started.stop()


@pytest.fixture(params=["folder", "sftp"])
def way(request: pytest.FixtureRequest, trust: TrustStore, tmp_path: Path) -> Iterator[tuple[Channel, Path]]:
    """Each way, with the folder that its school sees."""
    place = tmp_path / "place"
    place.mkdir()
    if request.param == "folder":
        opened: Channel = FolderChannel(place)
    else:
        server = request.getfixturevalue("server")
        opened = SftpChannel(server.place(place), region=REGION, trust=trust)
    yield opened, place
    opened.close()


def new_id():
    return message_id(now(), os.urandom(10))


def test_an_envelope_is_whole_or_not_there(way: tuple[Channel, Path]) -> None:
    opened, place = way
    envelope, identity = os.urandom(300_000), new_id()
    (place / f".{identity}.part").write_bytes(b"left behind by a sender that was killed")
    for _ in range(2):  # the second time is a sender that was killed before it could say so
        assert opened.hand_over(envelope, message_id=identity, at=now()).is_offered
        assert [path.name for path in place.iterdir()] == [f"{identity}.cms"]
        assert (place / f"{identity}.cms").read_bytes() == envelope


def test_answers_that_lie_there_are_found_and_nothing_else_is_read(way: tuple[Channel, Path], tmp_path: Path) -> None:
    opened, place = way
    awaited, other, large = new_id(), new_id(), new_id()
    secret = tmp_path / "secret"
    secret.write_text("not for reading")
    (place / f"{awaited}.receipt.cms").write_bytes(b"receipt")
    (place / f"{awaited}.result.cms").write_bytes(b"result")
    (place / f"{other}.receipt.cms").write_bytes(b"nobody waits for it")
    (place / f"{large}.receipt.cms").write_bytes(bytes(MAX_BYTES + 1))
    (place / f"{new_id()}.result.cms").symlink_to(secret)
    (place / f"{new_id()}.result.cms").mkdir()
    os.mkfifo(place / f"{new_id()}.result.cms")
    (place / "Lezen.txt").write_text("a note of the school")
    found = {(one.message_id, one.kind): one.content for one in opened.answers({awaited, large}, at=now())}
    assert found == {(awaited, AnswerKind.RECEIPT): b"receipt", (awaited, AnswerKind.RESULT): b"result"}
    assert secret.exists()


def test_a_place_that_is_gone_is_told(way: tuple[Channel, Path]) -> None:
    opened, place = way
    place.rmdir()
    place.write_text("somebody made a file of it")
    handed = opened.hand_over(b"x", message_id=new_id(), at=now())
    assert handed.problem is TransportProblem.STORAGE
    assert handed.error(school="98XA00", message_id=new_id()).code == "DELIVERY-029"
    with pytest.raises(ChannelError) as told:
        list(opened.answers(set(), at=now()))
    assert told.value.problem is TransportProblem.STORAGE


# -- a server that is not as it should be


def test_another_host_key_ends_it_before_anything_is_sent(server: sshd.Sshd, trust: TrustStore, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "k")], check=True)
    kind, key, *_ = (tmp_path / "k.pub").read_text().split()
    way = SftpChannel(server.place(tmp_path, host_key=f"{kind} {key}"), region=REGION, trust=trust)
    assert way.hand_over(b"x", message_id=new_id(), at=now()).problem is TransportProblem.IDENTITY
    assert not list(tmp_path.glob("*.cms"))
    way.close()


def test_an_account_that_does_not_know_our_key(server: sshd.Sshd, trust: TrustStore, tmp_path: Path) -> None:
    keys = server.folder / "authorized_keys"
    kept = keys.read_text()
    keys.write_text("")
    way = SftpChannel(server.place(tmp_path), region=REGION, trust=trust)
    try:
        assert way.hand_over(b"x", message_id=new_id(), at=now()).problem is TransportProblem.LOGIN
    finally:
        keys.write_text(kept)
        way.close()


def test_a_key_file_that_others_may_read_is_not_used(trust_folder: Path, server: sshd.Sshd, trust: TrustStore) -> None:
    key = trust_folder / "conductor" / REGION / "sftp.key"
    key.chmod(0o640)
    try:
        with pytest.raises(OverstapError) as told:
            SftpChannel(server.place(), region=REGION, trust=trust)
    finally:
        key.chmod(0o600)
    assert told.value.code == "TRUST-003"


def test_a_server_that_is_down_and_comes_back(server: sshd.Sshd, trust: TrustStore, tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
    way = SftpChannel(server.place(tmp_path, port=port), region=REGION, trust=trust)
    assert way.hand_over(b"x", message_id=new_id(), at=now()).problem is TransportProblem.UNREACHABLE
    with pytest.raises(ChannelError):
        list(way.answers(set(), at=now()))
    way.close()


def hang(line: socket.socket) -> None:
    line.recv(1)
    threading.Event().wait(10)


def drip(line: socket.socket) -> None:
    line.sendall(b"SSH-2.0-drip")
    while True:
        line.sendall(b"x")
        threading.Event().wait(0.05)


def pour(line: socket.socket) -> None:
    while True:
        line.sendall(b"SSH-2.0-pours\r\n" * 1000)


def reset(line: socket.socket) -> None:
    line.recv(1)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def huge(line: socket.socket) -> None:
    line.sendall(b"SSH-2.0-huge\r\n" + b"\xff\xff\xff\xff" + bytes(64))
    threading.Event().wait(10)


@pytest.mark.parametrize("behave", [hang, drip, pour, reset, huge], ids=lambda one: one.__name__)
def test_a_server_that_misbehaves_ends_by_the_deadline(
    behave: Callable[[socket.socket], None], server: sshd.Sshd, trust: TrustStore, tmp_path: Path
) -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            try:
                behave(connection)
            except OSError:
                return

    threading.Thread(target=serve, daemon=True).start()
    place: Sftp = server.place(tmp_path, port=listener.getsockname()[1])
    way = SftpChannel(place, region=REGION, trust=trust, deadline_seconds=1)
    handed = way.hand_over(b"x", message_id=new_id(), at=now())
    assert handed.problem in (TransportProblem.TIMEOUT, TransportProblem.DISCONNECTED)
    way.close()
    listener.close()


def test_what_the_stock_client_puts_there_is_fetched(server: sshd.Sshd, trust: TrustStore, tmp_path: Path) -> None:
    """The other side with OpenSSH's own sftp: takes the envelope, leaves a receipt."""
    place = tmp_path / "school"
    place.mkdir()
    way = SftpChannel(server.place(place), region=REGION, trust=trust)
    identity, envelope = new_id(), os.urandom(50_000)
    assert way.hand_over(envelope, message_id=identity, at=now()).is_offered
    (tmp_path / "receipt").write_bytes(b"a receipt")
    (tmp_path / "known").write_text(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    (tmp_path / "batch").write_text(
        f"get {place}/{identity}.cms {tmp_path}/got\nput {tmp_path}/receipt {place}/{identity}.receipt.cms\n"
    )
    key = trust.folder / "conductor" / REGION / "sftp.key"
    done = subprocess.run(
        [
            *("sftp", "-q", "-b", str(tmp_path / "batch"), "-P", str(server.port), "-i", str(key)),
            *("-o", f"UserKnownHostsFile={tmp_path / 'known'}", "-o", "StrictHostKeyChecking=yes"),
            f"{server.place().user}@127.0.0.1",
        ],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "got").read_bytes() == envelope
    [found] = way.answers({identity}, at=now())
    assert found.content == b"a receipt"
    way.close()


# -- a server that lets us in, and lies then


class _Lying(paramiko.ServerInterface):
    """Lets everybody in, and answers SFTP with one lie."""

    def __init__(self, lie: Callable[[paramiko.Channel], None]) -> None:
        self._lie = lie

    def get_allowed_auths(self, username: str) -> str:
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_subsystem_request(self, channel: paramiko.Channel, name: str) -> bool:
        threading.Thread(target=self._serve, args=(channel,), daemon=True).start()
        return True

    def _serve(self, channel: paramiko.Channel) -> None:
        try:
            self._lie(channel)
        except (OSError, EOFError, paramiko.SSHException):
            return


VERSION = struct.pack(">IBI", 5, 2, 3)


def declares_too_much(channel: paramiko.Channel) -> None:
    channel.sendall(VERSION + struct.pack(">I", 15 << 20))  # paramiko itself refuses from 16 MiB on
    threading.Event().wait(10)


def never_speaks(channel: paramiko.Channel) -> None:
    threading.Event().wait(10)


def speaks_once(channel: paramiko.Channel) -> None:
    channel.sendall(VERSION)
    threading.Event().wait(10)


def drips(channel: paramiko.Channel) -> None:
    channel.sendall(VERSION + struct.pack(">I", 200_000))
    while True:
        channel.sendall(b"x")
        threading.Event().wait(0.05)


@pytest.mark.parametrize(
    ("lie", "problem"),
    [
        (declares_too_much, TransportProblem.DISCONNECTED),  # not read at all: else it is waited for until time is up
        (never_speaks, TransportProblem.TIMEOUT),
        (speaks_once, TransportProblem.TIMEOUT),
        (drips, TransportProblem.TIMEOUT),
    ],
    ids=["declares too much", "never speaks", "speaks once", "drips"],
)
def test_a_server_that_lies_after_the_login_ends_by_the_deadline(
    lie: Callable[[paramiko.Channel], None], problem: TransportProblem, trust: TrustStore, trust_folder: Path
) -> None:
    make_ssh_key(trust_folder, REGION)
    host_key = paramiko.ECDSAKey.generate()
    listener = socket.create_server(("127.0.0.1", 0))
    lines: list[paramiko.Transport] = []

    def serve() -> None:
        with contextlib.suppress(OSError, EOFError, paramiko.SSHException):
            while True:
                connection, _ = listener.accept()
                transport = paramiko.Transport(connection)
                transport.add_server_key(host_key)
                lines.append(transport)
                transport.start_server(server=_Lying(lie))

    threading.Thread(target=serve, daemon=True).start()
    place = Sftp(
        way="sftp",
        host="127.0.0.1",
        port=listener.getsockname()[1],
        user="overstap",
        host_key=f"{host_key.get_name()} {host_key.get_base64()}",
    )
    way = SftpChannel(place, region=REGION, trust=trust, deadline_seconds=2)
    assert way.hand_over(b"x", message_id=new_id(), at=now()).problem is problem
    with pytest.raises(ChannelError) as told:
        list(way.answers(set(), at=now()))
    assert told.value.problem is problem
    way.close()
    for line in lines:
        line.close()
    listener.close()
