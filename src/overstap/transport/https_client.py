"""HTTPS client with mutual TLS that authenticates the server by OIN.

Every request has one deadline from start to end, and a limit on the size of the response, so that a slow or endless
server delays its own requests only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from overstap import SOFTWARE
from overstap.errors import OverstapError
from overstap.pki import TlsIdentity, TrustStore
from overstap.telemetry.trace import HEADER, traceparent
from overstap.transport.pinned_tls import ConnectionFailedError, DeadlineSocket, PinnedContext, connect

CONNECT_SECONDS = 10.0
DEADLINE_SECONDS = 60.0
_KEEP_ALIVE_SECONDS = 20.0  # shorter than the reference endpoint keeps an idle connection
_PART_BYTES = 64 * 1024
_JOINED_BYTES = 64 * 1024
"""Headers and body up to this size are copied into one piece."""
_HTTPS_PORT = 443


class TransportProblem(StrEnum):
    """Reason for which there is no usable response. The request may have arrived, so a retry sends the same bytes."""

    UNREACHABLE = "unreachable"
    """No connection: address, network, or server down."""
    IDENTITY = "identity"
    """The server's certificate or host key is not valid, or is another party's. Nothing was sent."""
    TIMEOUT = "timeout"
    """The response was not complete at the deadline."""
    DISCONNECTED = "disconnected"
    """The connection was lost, which is also how a server refuses a client certificate."""
    NO_RECEIPT = "no_receipt"
    """A success status without the expected content."""
    ANSWER_TOO_LARGE = "answer_too_large"
    WRONG_STATUS = "wrong_status"
    """An HTTP status without usable content: refused, busy, or server error."""
    LOGIN = "login"
    """The server refuses the login, or there is no key to log in with."""
    STORAGE = "storage"
    """The folder cannot be written: missing, no permission, or full."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Result of one request: a response or a problem."""

    status: int | None
    """HTTP status; None without an HTTP response."""
    body: bytes
    media_type: str
    headers: Mapping[str, str]
    problem: TransportProblem | None = None
    cause: str | None = None
    """Code of the trust store's error; None without one."""


class _JoiningConnection(HTTPConnection):
    """HTTP connection that sends headers and a small body together: one TLS record, and one read at the server."""

    _parts: list[bytes] | None = None

    def endheaders(self, message_body: Any = None, *, encode_chunked: bool = False) -> None:
        """Send the headers and the body."""
        parts: list[bytes] = []
        self._parts = parts
        try:
            super().endheaders(message_body, encode_chunked=encode_chunked)
        finally:
            self._parts = None
        for data in [b"".join(parts)] if sum(map(len, parts)) <= _JOINED_BYTES else parts:
            self.send(data)

    def send(self, data: Any) -> None:
        """Send data, or keep it until the body is there."""
        if self._parts is None:
            super().send(data)
        else:
            self._parts.append(data)


class HttpsClient:
    """HTTPS connection to one party, kept open between requests. Use it in one thread at a time.

    Args:
        oins: permitted OINs in the server's certificate.
        trust: trust store that checks that certificate.
        client: certificate and key of the client.
        at: the moment against which the server's certificate is checked when connecting.
        deadline_seconds: limit of one request from start to end.

    Raises:
        ValueError: `oins` is empty.
    """

    def __init__(
        self,
        *,
        oins: frozenset[str],
        trust: TrustStore,
        client: TlsIdentity,
        at: datetime,
        deadline_seconds: float = DEADLINE_SECONDS,
    ) -> None:
        if not oins:
            raise ValueError("at least one OIN is needed")
        self._context = PinnedContext.of(oins=oins, trust=trust, client=client, at=at)
        self._deadline_seconds = deadline_seconds
        self._address: tuple[str, int] | None = None
        self._socket: DeadlineSocket | None = None
        self._connection: HTTPConnection | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
        if self._socket is not None:
            self._socket.close()
        self._address = self._connection = self._socket = None

    def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        limit: int,
        judge: Callable[[int, str], TransportProblem | None] = lambda status, media_type: None,
        at: datetime | None = None,
    ) -> Reply:
        """Send a POST request and return the response. Network and server problems are in the result, not raised.

        Args:
            url: `https://...`.
            content: body of the request.
            headers: headers of the request.
            limit: largest response body, in bytes.
            judge: returns the problem with a status and media type, before the body is read; None without a problem.
            at: the moment against which the certificate of a new connection is checked; the previous one when None.
        """
        self._context.at = at or self._context.at
        try:
            reply = self._post(url, content, headers, limit, judge)
        except OverstapError as error:
            reply = _failed(TransportProblem.IDENTITY, cause=error.code)
        except ConnectionFailedError as error:
            reply = _failed(TransportProblem.IDENTITY if error.is_wrong_party else TransportProblem.UNREACHABLE)
        except TimeoutError:
            reply = _failed(TransportProblem.TIMEOUT)
        except (HTTPException, OSError, ValueError):
            reply = _failed(TransportProblem.DISCONNECTED)
        if reply.problem is not None:  # bytes of this response that still arrive must not be read as the next response
            self.close()
        return reply

    def _post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        limit: int,
        judge: Callable[[int, str], TransportProblem | None],
    ) -> Reply:
        parts = urlsplit(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError("the URL is not an https URL with a host")
        connection, tls_socket = self._open_connection((parts.hostname, parts.port or _HTTPS_PORT))
        path = parts.path or "/"
        connection.request(
            "POST",
            f"{path}?{parts.query}" if parts.query else path,
            body=content,
            headers={"User-Agent": SOFTWARE, "Accept-Encoding": "identity", **_trace(), **headers},
        )
        with connection.getresponse() as response:
            media_type = (response.headers.get("content-type") or "").partition(";")[0].strip().lower()
            if problem := judge(response.status, media_type):
                return _failed(problem, response.status)
            body = _body(response, limit)
            if body is None:
                return _failed(TransportProblem.ANSWER_TOO_LARGE, response.status)
            headers_in = {name.lower(): value for name, value in response.headers.items()}
            if response.will_close:
                self.close()
        tls_socket.mark_idle()
        return Reply(response.status, body, media_type, headers_in)

    def _open_connection(self, address: tuple[str, int]) -> tuple[HTTPConnection, DeadlineSocket]:
        """Return a usable connection to an address (host, port); open a new one where needed."""
        if self._connection is not None and self._socket is not None:
            if self._address == address and self._socket.is_usable(idle_seconds=_KEEP_ALIVE_SECONDS):
                self._socket.set_deadline(self._deadline_seconds)
                return self._connection, self._socket
            self.close()
        seconds = min(CONNECT_SECONDS, self._deadline_seconds)
        self._socket = connect(address, self._context, connect_seconds=seconds, deadline_seconds=self._deadline_seconds)
        self._connection = _JoiningConnection(*address)
        self._connection.auto_open = 0  # HTTPConnection would reconnect without TLS
        self._connection.sock = self._socket
        self._address = address
        return self._connection, self._socket


def _trace() -> dict[str, str]:
    """Return the header by which both sides log one trace id."""
    sent = traceparent()
    return {HEADER: sent} if sent else {}


def _body(response: HTTPResponse, limit: int) -> bytes | None:
    """Read the body of a response; return None when it exceeds the limit, in bytes.

    Raises:
        HTTPException, OSError, ValueError: the body is incomplete.
    """
    stated = response.headers.get_all("content-length") or []
    if any(not one.strip().isdigit() for one in stated) or len(set(stated)) > 1:
        raise ValueError("Content-Length is not one number")
    if response.length is not None and response.length > limit:
        return None
    body = bytearray()
    while part := response.read(min(_PART_BYTES, limit + 1 - len(body))):
        body += part
        if len(body) > limit:
            return None
    if response.length:  # bytes that Content-Length announced and that did not arrive
        raise ValueError("the response is truncated")
    return bytes(body)


def _failed(problem: TransportProblem, status: int | None = None, *, cause: str | None = None) -> Reply:
    return Reply(status, b"", "", {}, problem, cause)
