"""Tests of SFTP servers with different status codes for missing files."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import paramiko
import pytest

from overstap.clock import now
from overstap.delivery.channels.channel import ChannelError
from overstap.delivery.channels.sftp_channel import SftpChannel
from overstap.envelope.file_names import AnswerKind, answer_name, envelope_name, revocation_name
from overstap.envelope.message_ids import message_id
from overstap.pki import TrustStore
from overstap.pki.ssh_keys import make_ssh_key
from overstap.transport.https_client import TransportProblem

from .conftest import REGION
from .sftp_server import Running

BEHAVIOURS = {
    "no such file": (paramiko.SFTP_NO_SUCH_FILE, True),
    "no such file, without renaming over": (paramiko.SFTP_NO_SUCH_FILE, False),
    "failure": (paramiko.SFTP_FAILURE, True),
    "failure, without renaming over": (paramiko.SFTP_FAILURE, False),
    "permission denied": (paramiko.SFTP_PERMISSION_DENIED, True),
    "permission denied, without renaming over": (paramiko.SFTP_PERMISSION_DENIED, False),
    "no such path, as in later versions": (10, True),
    "no such path, without renaming over": (10, False),
    "not supported": (paramiko.SFTP_OP_UNSUPPORTED, True),
    "an unknown code": (31, False),
}


@pytest.fixture(scope="module", autouse=True)
def key(trust_folder: Path) -> None:
    make_ssh_key(trust_folder, REGION)


@pytest.fixture(params=BEHAVIOURS, ids=str)
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Running]:
    absent, has_posix_rename = BEHAVIOURS[request.param]
    running = Running(tmp_path, absent, has_posix_rename=has_posix_rename)
    yield running
    running.stop()


@pytest.fixture
def opened(server: Running, trust: TrustStore) -> Iterator[Callable[[str], SftpChannel]]:
    ways = []

    def way(folder: str) -> SftpChannel:
        ways.append(SftpChannel(server.place(folder), region=REGION, trust=trust))
        return ways[-1]

    yield way
    for one in ways:
        one.close()


def test_an_envelope_and_its_answer(opened, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    way, identity, envelope = opened("in"), message_id(now(), os.urandom(10)), os.urandom(200_000)
    for _ in range(2):
        assert way.hand_over(envelope, message_id=identity, at=now()).is_offered
    assert (tmp_path / "in" / envelope_name(identity)).read_bytes() == envelope
    (tmp_path / "in" / answer_name(identity, AnswerKind.RECEIPT)).write_bytes(b"receipt")
    [answer] = way.answers({identity}, at=now())
    assert answer.content == b"receipt"


def test_an_envelope_of_another_length_is_written_over(opened, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    way, identity = opened("in"), message_id(now(), os.urandom(10))
    (tmp_path / "in" / envelope_name(identity)).write_bytes(b"half of i")
    assert way.hand_over(b"the whole of it", message_id=identity, at=now()).is_offered
    assert (tmp_path / "in" / envelope_name(identity)).read_bytes() == b"the whole of it"


def test_taking_back_what_the_school_took_away(opened, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    way, identity = opened("in"), message_id(now(), os.urandom(10))
    assert way.take_back(b"statement", message_id=identity, at=now()).is_offered
    assert (tmp_path / "in" / revocation_name(identity)).read_bytes() == b"statement"
    (tmp_path / "in" / envelope_name(identity)).write_bytes(b"came late")
    assert way.take_back(b"statement", message_id=identity, at=now()).is_offered
    assert not (tmp_path / "in" / envelope_name(identity)).exists()


def test_a_folder_that_is_not_there_is_told_as_such(opened) -> None:
    """The tolerance is for questions: what cannot be written is a problem of the place, and not of who we are."""
    way, identity = opened("nowhere"), message_id(now(), os.urandom(10))
    assert way.hand_over(b"x", message_id=identity, at=now()).problem is TransportProblem.STORAGE
    with pytest.raises(ChannelError) as problem:
        list(way.answers({identity}, at=now()))
    assert problem.value.problem is TransportProblem.STORAGE
