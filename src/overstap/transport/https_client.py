"""HTTPS client with mutual TLS that authenticates the server by OIN.

Every request has one deadline from beginning to end, and a limit on the size of its answer, so that a slow or endless
server delays its own requests only.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from http.client import HTTPConnection, HTTPException, HTTPResponse
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from overstap import SOFTWARE
from overstap.errors import OverstapError
from overstap.pki import TlsIdentity, TrustStore
from overstap.transport.pinned_tls import KnownContext, KnownSocket, NoConnectionError, connected

CONNECT_SECONDS = 10.0
DEADLINE_SECONDS = 60.0
_KEEP_ALIVE_SECONDS = 20.0  # shorter than the reference endpoint keeps an idle connection
_PART_BYTES = 64 * 1024
_HTTPS_PORT = 443


class TransportProblem(StrEnum):
    """Reason for which there is no answer. The request may have arrived, so a retry sends the same bytes."""

    UNREACHABLE = "unreachable"
    """No connection: address, network, or server down."""
    IDENTITY = "identity"
    """The server's certificate or host key is not valid, or is another party's. Nothing was sent."""
    TIMEOUT = "timeout"
    """The deadline passed."""
    DISCONNECTED = "disconnected"
    """The connection was lost, which is also how a server refuses a client certificate."""
    NO_RECEIPT = "no_receipt"
    """A success status without the expected content."""
    ANSWER_TOO_LARGE = "answer_too_large"
    WRONG_STATUS = "wrong_status"
    """A status without an answer: refused, busy, server error."""
    LOGIN = "login"
    """The server refuses the login, or there is no key to log in with."""
    STORAGE = "storage"
    """The folder cannot be written: missing, no permission, or full."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Result of one request: an answer or a problem."""

    status: int | None
    """HTTP status; None without an HTTP answer."""
    body: bytes
    media_type: str
    headers: Mapping[str, str]
    problem: TransportProblem | None = None
    cause: str | None = None
    """Code of the trust store's error; None without one."""


class HttpsClient:
    """HTTPS connection to one party, kept open between requests. For one thread at a time.

    Args:
        oins: permitted OINs in the server's certificate.
        trust: trust store that checks that certificate.
        client: certificate and key of the client.
        at: the moment against which the server's certificate is checked when connecting.
        deadline_seconds: limit of one request from beginning to end.
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
        self._context = KnownContext.of(oins=oins, trust=trust, client=client, at=at)
        self._deadline_seconds = deadline_seconds
        self._place: tuple[str, int] | None = None
        self._socket: KnownSocket | None = None
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
        self._place = self._connection = self._socket = None

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
        """Send a request and return the answer. Problems of the server's side are in the result, not raised.

        Args:
            url: `https://...`.
            content: the body.
            headers: of the request.
            limit: most bytes of the answer's body.
            judge: returns the problem of a status and media type, before the body is read; None when there is none.
            at: the moment, for the check of a certificate when it connects anew; as given before when None.
        """
        self._context.at = at or self._context.at
        try:
            reply = self._post(url, content, headers, limit, judge)
        except OverstapError as error:
            reply = _without(TransportProblem.IDENTITY, cause=error.code)
        except NoConnectionError as error:
            reply = _without(TransportProblem.IDENTITY if error.is_other else TransportProblem.UNREACHABLE)
        except TimeoutError:
            reply = _without(TransportProblem.TIMEOUT)
        except (HTTPException, OSError, ValueError):
            reply = _without(TransportProblem.DISCONNECTED)
        if reply.problem is not None:  # whatever of this answer is under way must not be taken for the next one's
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
            raise ValueError("a line is over HTTPS")
        connection, line = self._connected((parts.hostname, parts.port or _HTTPS_PORT))
        path = parts.path or "/"
        connection.request(
            "POST",
            f"{path}?{parts.query}" if parts.query else path,
            body=content,
            headers={"User-Agent": SOFTWARE, "Accept-Encoding": "identity", **headers},
        )
        with connection.getresponse() as response:
            media_type = (response.headers.get("content-type") or "").partition(";")[0].strip().lower()
            if problem := judge(response.status, media_type):
                return _without(problem, response.status)
            body = _body(response, limit)
            if body is None:
                return _without(TransportProblem.ANSWER_TOO_LARGE, response.status)
            said = {name.lower(): value for name, value in response.headers.items()}
            if response.will_close:
                self.close()
        line.rest()
        return Reply(response.status, body, media_type, said)

    def _connected(self, place: tuple[str, int]) -> tuple[HTTPConnection, KnownSocket]:
        """Return the connection to a place, a new one where there is none that can be used."""
        if self._connection is not None and self._socket is not None:
            if self._place == place and self._socket.is_usable(idle_seconds=_KEEP_ALIVE_SECONDS):
                self._socket.hurry(self._deadline_seconds)
                return self._connection, self._socket
            self.close()
        seconds = min(CONNECT_SECONDS, self._deadline_seconds)
        self._socket = connected(place, self._context, connect_seconds=seconds, deadline_seconds=self._deadline_seconds)
        self._connection = HTTPConnection(*place)
        self._connection.auto_open = 0  # never by itself: it would be without TLS
        self._connection.sock = self._socket
        self._place = place
        return self._connection, self._socket


def _body(response: HTTPResponse, limit: int) -> bytes | None:
    """Read an answer's body; None when it is longer than it may be.

    Raises:
        HTTPException, OSError, ValueError: it is not whole.
    """
    stated = response.headers.get_all("content-length") or []
    if any(not one.strip().isdigit() for one in stated) or len(set(stated)) > 1:
        raise ValueError("a length of another form")
    if response.length is not None and response.length > limit:
        return None
    body = bytearray()
    while part := response.read(min(_PART_BYTES, limit + 1 - len(body))):
        body += part
        if len(body) > limit:
            return None
    if response.length:  # so many bytes were stated and did not come
        raise ValueError("an answer that was cut off")
    return bytes(body)


def _without(problem: TransportProblem, status: int | None = None, *, cause: str | None = None) -> Reply:
    return Reply(status, b"", "", {}, problem, cause)
