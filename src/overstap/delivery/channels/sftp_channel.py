"""Channel `sftp`: SFTP client with a pinned host key, bounded packets and a deadline.

The server's host key is pinned in the agreement, and the conductor logs in with a key, never a password. An envelope
is written under a temporary name and then renamed, so that the school never reads a part of one.
"""

import contextlib
import logging
import socket
import stat
import threading
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import paramiko
from paramiko.sftp import SFTPError

from overstap.delivery.channels.channel import OFFERED, ChannelError, HandOver, UnverifiedAnswer
from overstap.delivery.channels.sftp import Sftp
from overstap.envelope import file_names
from overstap.envelope.file_names import AnswerKind
from overstap.pki import TrustStore
from overstap.pki.ssh_keys import ssh_key_file
from overstap.transport.https_client import CONNECT_SECONDS, DEADLINE_SECONDS, TransportProblem

_MAX_PACKET_BYTES = 256 * 1024  # SFTP_MAX_MSG_LENGTH of OpenSSH
_ALGORITHMS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_log = logging.getLogger(__name__)


class _BoundedClient(paramiko.SFTPClient):
    """SFTP client that refuses packets above OpenSSH's limit: the server states the length of a packet."""

    def _read_all(self, n: int) -> bytes:
        if n > _MAX_PACKET_BYTES:
            raise SFTPError("a packet that is too large")
        return super()._read_all(n)


class SftpChannel:
    """One school's SFTP server, connected when it is first needed.

    Args:
        server: the school's block of the agreement.
        region: region whose conductor logs in.
        trust: trust store with the conductor's SFTP key.
        deadline_seconds: limit of handing over one envelope, or of reading answers once.

    Raises:
        OverstapError: TRUST-002 or TRUST-003 when the conductor's key is missing or readable by others.
    """

    def __init__(
        self, server: Sftp, *, region: str, trust: TrustStore, deadline_seconds: float = DEADLINE_SECONDS
    ) -> None:
        self._server = server
        self._key_file = ssh_key_file(trust.folder, region)
        self._deadline_seconds = deadline_seconds
        self._transport: paramiko.Transport | None = None
        self._client: paramiko.SFTPClient | None = None
        self._socket: socket.socket | None = None

    def hand_over(self, envelope: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Write an envelope to the server atomically, unless it is there already."""
        try:
            with self._in_time() as client:
                self._put(client, file_names.envelope_name(message_id), envelope, message_id)
        except ChannelError as error:
            return HandOver(None, error.problem)
        return OFFERED

    def take_back(self, statement: bytes, *, message_id: UUID, at: datetime) -> HandOver:
        """Write the revocation to the server, and remove the envelope if it is still there."""
        try:
            with self._in_time() as client:
                self._put(client, file_names.revocation_name(message_id), statement, message_id)
                path = self._path(file_names.envelope_name(message_id))
                # The school removed it, or removes it by the statement
                if not _done(client, client.remove, path) and _size(client, path) is not None:
                    _log.warning("sftp %s: an envelope may not be removed", self._server.host)
        except ChannelError as error:
            return HandOver(None, error.problem)
        return OFFERED

    def answers(self, awaited: Collection[UUID], *, at: datetime) -> Iterator[UnverifiedAnswer]:
        """Yield the answers on the server. Files that are too long or special stay, with a log line.

        Raises:
            ChannelError: the server could not be read.
        """
        found: list[UnverifiedAnswer] = []
        with self._in_time() as client:
            for name in self._names(client):
                answer = file_names.answer_of(name)
                if answer is None or (answer[1] is AnswerKind.RECEIPT and answer[0] not in awaited):
                    continue
                content = self._read(client, name)
                if content is not None:
                    found.append(UnverifiedAnswer(*answer, content))
        yield from found

    def close(self) -> None:
        """Close the connection."""
        if self._transport is not None:
            self._transport.close()
        if self._socket is not None:
            self._socket.close()
        self._transport = self._client = self._socket = None

    # -- one conversation -----------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _in_time(self) -> Iterator[paramiko.SFTPClient]:
        """Run a function on the connection within the deadline; turn its errors into a `TransportProblem`."""
        ran_out = threading.Event()

        def out_of_time() -> None:
            ran_out.set()
            self._cut()

        timer = threading.Timer(self._deadline_seconds, out_of_time)
        timer.daemon = True
        timer.start()
        try:
            yield self._connected()
        except ChannelError as error:
            self.close()
            raise ChannelError(TransportProblem.TIMEOUT if ran_out.is_set() else error.problem) from error
        except (OSError, EOFError, ValueError, paramiko.SSHException, SFTPError) as error:
            alive = self._transport is not None and self._transport.is_active()
            problem = (
                TransportProblem.STORAGE if alive and isinstance(error, OSError) else TransportProblem.DISCONNECTED
            )
            if ran_out.is_set() or isinstance(error, TimeoutError):
                problem = TransportProblem.TIMEOUT
            _log.warning("sftp %s: %s (%s)", self._server.host, problem.value, type(error).__name__)
            if problem is not TransportProblem.STORAGE:
                self.close()
            raise ChannelError(problem) from error
        finally:
            timer.cancel()

    def _cut(self) -> None:
        """Close the connection from another thread, which ends a blocked read."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)

    def _connected(self) -> paramiko.SFTPClient:
        if self._client is not None and self._transport is not None and self._transport.is_active():
            return self._client
        self.close()
        seconds = min(CONNECT_SECONDS, self._deadline_seconds)
        try:
            self._socket = socket.create_connection((self._server.host, self._server.port), timeout=seconds)
        except OSError as error:
            raise ChannelError(TransportProblem.UNREACHABLE) from error
        kind, _, key = self._server.host_key.partition(" ")
        transport = self._transport = paramiko.Transport(self._socket)
        # Only the pinned kind of host key is negotiated: a server that has several must not choose another
        transport.get_security_options().key_types = _ALGORITHMS.get(kind, (kind,))
        transport.start_client(timeout=seconds)
        if transport.get_remote_server_key().get_base64() != key:
            raise ChannelError(TransportProblem.IDENTITY)
        try:
            transport.auth_publickey(self._server.user, _private_key(self._key_file))
        except (paramiko.AuthenticationException, paramiko.PasswordRequiredException) as error:
            raise ChannelError(TransportProblem.LOGIN) from error
        client: Any = _BoundedClient.from_transport(transport)
        client.get_channel().settimeout(self._deadline_seconds)
        self._client = client
        return client

    # -- what is done there ---------------------------------------------------------------------------------------

    def _put(self, client: paramiko.SFTPClient, name: str, content: bytes, message_id: UUID) -> None:
        path = self._path(name)
        if _size(client, path) == len(content):
            return  # written by a run that was killed before it recorded so
        aside = self._path(file_names.unfinished_name(message_id))
        with client.open(aside, "wb") as out:
            out.set_pipelined(True)
            out.write(content)
            out.flush()
            written = _answer(client, out.stat)  # of the open file: it waits for all that was written
        size = _size(client, aside)
        if (written.st_size if size is None and written is not None else size) != len(content):
            raise ChannelError(TransportProblem.STORAGE)
        # A server without that extension has its own renaming, which refuses a name that is taken
        if not _done(client, client.posix_rename, aside, path) and not _done(client, client.rename, aside, path):
            _done(client, client.remove, path)
            client.rename(aside, path)

    def _names(self, client: paramiko.SFTPClient) -> list[str]:
        names = []
        for entry in client.listdir_iter(self._server.folder):
            names.append(entry.filename)
            if len(names) >= file_names.MAX_NAMES:
                _log.warning("sftp %s: more than %d names; the rest is not looked at", self._server.host, len(names))
                break
        return sorted(names)

    def _read(self, client: paramiko.SFTPClient, name: str) -> bytes | None:
        path = self._path(name)
        try:
            mode = client.lstat(path).st_mode
            if mode is None or not stat.S_ISREG(mode):
                _log.warning("sftp %s: %s is no file", self._server.host, name)
                return None
            with client.open(path, "rb") as file:
                content = file.read(file_names.MAX_BYTES + 1)
        except OSError as error:
            _pass_on_the_end(client, error)
            # Removed meanwhile, or no permission: servers report both in several ways
            _log.warning("sftp %s: %s cannot be read (%s)", self._server.host, name, type(error).__name__)
            return None
        if len(content) > file_names.MAX_BYTES:
            _log.warning("sftp %s: %s is longer than an answer can be", self._server.host, name)
            return None
        return bytes(content)

    def _path(self, name: str) -> str:
        return f"{self._server.folder.rstrip('/')}/{name}"


def _size(client: paramiko.SFTPClient, path: str) -> int | None:
    """Return the length of a file; None when there is none, or the server does not state it."""
    found = _answer(client, client.stat, path)
    return found.st_size if found is not None else None


def _done(client: paramiko.SFTPClient, request: Callable[..., Any], *words: str) -> bool:
    """Do an operation that the server may refuse; return whether it was done."""
    try:
        request(*words)
    except OSError as error:
        _pass_on_the_end(client, error)
        return False
    return True


def _answer(client: paramiko.SFTPClient, request: Callable[..., paramiko.SFTPAttributes], *words: str) -> Any:
    """Ask about a file; None for whatever says no.

    Of what is not there OpenSSH says NO_SUCH_FILE, others FAILURE or PERMISSION_DENIED, which the protocol allows
    (draft-ietf-secsh-filexfer-02 section 7): what cannot be asked about is then tried, as sftp clients do.
    """
    try:
        return request(*words)
    except OSError as error:
        _pass_on_the_end(client, error)
        return None


def _pass_on_the_end(client: paramiko.SFTPClient, error: OSError) -> None:
    """Raise an error again that is no answer of the server: deadline passed, or connection lost."""
    channel = client.get_channel()
    if isinstance(error, TimeoutError | ConnectionError) or channel is None or channel.closed:
        raise error


def _private_key(path: Path) -> paramiko.PKey:
    return paramiko.PKey.from_path(str(path))
