"""A line over HTTPS with mutual TLS to somebody who is known by the OIN in the certificate, not only by host name.

Whoever is slow, hangs, drips or pours at the other end does harm to its own conversation only: every request ends by
its deadline, and an answer is read no further than it was allowed to be long.
"""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Self

import httpx
from cryptography import x509

from overstap.delivery.receipt import SOFTWARE
from overstap.errors import OverstapError
from overstap.trust import Role, TlsIdentity, TrustStore
from overstap.trust.certificates import UNREADABLE, oin_in

CONNECT_SECONDS = 10.0
DEADLINE_SECONDS = 60.0
_KEEP_ALIVE_SECONDS = 20.0  # shorter than the reference endpoint keeps an idle connection


class Problem(StrEnum):
    """Why there is no answer. After any of these what was sent may or may not have arrived: send the same again."""

    UNREACHABLE = "unreachable"
    """No connection: address, network, or server down."""
    IDENTITY = "identity"
    """The server is not who it has to be, or its certificate or host key is not in order. Nothing was sent."""
    TIMEOUT = "timeout"
    """Not done by the deadline."""
    DISCONNECTED = "disconnected"
    """The connection broke under way, which is also how a server refuses a client certificate."""
    NO_RECEIPT = "no_receipt"
    """A good status with something else than was asked for, or with nothing."""
    ANSWER_TOO_LARGE = "answer_too_large"
    WRONG_STATUS = "wrong_status"
    """A status that carries no answer: not allowed, busy, broken."""
    LOGIN = "login"
    """The server does not let our account in, or there is no key to log in with."""
    STORAGE = "storage"
    """The place does not take it: missing, not ours to write in, or full."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What came of one request: an answer, or a problem."""

    status: int | None
    """HTTP status, where there was one."""
    body: bytes
    media_type: str
    headers: Mapping[str, str]
    problem: Problem | None = None
    cause: str | None = None
    """Code of the trust store's error, where there was one."""


class _KnownContext(ssl.SSLContext):
    """TLS settings for one party: checks during the handshake, before a byte is sent, who it is."""

    oins: frozenset[str]
    trust: TrustStore
    at: datetime
    current: ssl.SSLSocket | None = None

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(sock, *args, **{**options, "do_handshake_on_connect": False})
        self.current = wrapped  # before the handshake, which a hostile server can stretch
        wrapped.do_handshake()
        try:
            certificate = x509.load_der_x509_certificate(wrapped.getpeercert(binary_form=True) or b"")
            named = oin_in(certificate)
            # Not one of those expected: the check then says whose it is instead
            oin = named if named in self.oins else min(self.oins)
            self.trust.check(certificate, role=Role.TLS, oin=oin, at=self.at)
        except UNREADABLE as error:
            wrapped.close()
            raise OverstapError("TRUST-018", role=Role.TLS) from error
        except OverstapError:
            wrapped.close()
            raise
        return wrapped

    def cut(self) -> None:
        """End the connection under whoever is waiting for it."""
        if self.current is not None:
            # not SSLSocket.shutdown: that one also takes the TLS state away from the thread that is reading
            try:
                socket.socket.shutdown(self.current, socket.SHUT_RDWR)
            except OSError:
                return  # already ended by the other side


class Line:
    """A line to one party, kept open between requests. For one thread at a time.

    Args:
        oins: who must answer: one of these OINs is in the server's certificate.
        trust: says whether that certificate is in order.
        client: who is calling.
        at: the moment against which the server's certificate is checked when connecting.
        deadline_seconds: how long one request may take from beginning to end.
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
            raise ValueError("a line leads to somebody")
        context = _KnownContext(ssl.PROTOCOL_TLS_CLIENT)
        context.oins, context.trust, context.at = oins, trust, at
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(trust.authorities_file(at=at))
        client.load_into(context)
        self._context = context
        self._deadline_seconds = deadline_seconds
        self._client = httpx.Client(
            verify=context,
            timeout=httpx.Timeout(deadline_seconds, connect=min(CONNECT_SECONDS, deadline_seconds)),
            limits=httpx.Limits(max_connections=1, keepalive_expiry=_KEEP_ALIVE_SECONDS),
            follow_redirects=False,
            trust_env=False,  # no proxy and no other certificates from the environment
            headers={"User-Agent": SOFTWARE, "Accept-Encoding": "identity"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the line."""
        self._client.close()

    def post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        *,
        limit: int,
        judge: Callable[[int, str], Problem | None] = lambda status, media_type: None,
        at: datetime | None = None,
    ) -> Reply:
        """Send a request and return what came back. Raises nothing for what the other side does.

        Args:
            url: `https://...`.
            content: the body.
            headers: of the request.
            limit: how long the answer's body may be, in bytes.
            judge: looks at status and media type before the body is read; a problem ends the reading.
            at: the moment, for the check of a certificate when it connects anew; as given before when None.
        """
        self._context.at = at or self._context.at
        ran_out = threading.Event()

        def out_of_time() -> None:
            ran_out.set()
            self._context.cut()

        timer = threading.Timer(self._deadline_seconds, out_of_time)
        timer.daemon = True
        timer.start()
        try:
            reply = self._post(url, content, headers, limit, judge)
        except OverstapError as error:
            reply = _without(Problem.IDENTITY, cause=error.code)
        except httpx.TimeoutException:
            reply = _without(Problem.TIMEOUT)
        except httpx.ConnectError as error:
            reply = _without(_connect_problem(error))
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError):
            reply = _without(Problem.DISCONNECTED)
        finally:
            timer.cancel()
        if ran_out.is_set() and reply.problem is not None:
            return _without(Problem.TIMEOUT, reply.status)
        return reply

    def _post(
        self,
        url: str,
        content: bytes,
        headers: Mapping[str, str],
        limit: int,
        judge: Callable[[int, str], Problem | None],
    ) -> Reply:
        with self._client.stream("POST", url, content=content, headers=dict(headers)) as response:
            status = response.status_code
            media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if problem := judge(status, media_type):
                return _without(problem, status)
            body = bytearray()
            for part in response.iter_raw():
                body += part
                if len(body) > limit:
                    return _without(Problem.ANSWER_TOO_LARGE, status)
        return Reply(status, bytes(body), media_type, response.headers)


def _without(problem: Problem, status: int | None = None, *, cause: str | None = None) -> Reply:
    return Reply(status, b"", "", {}, problem, cause)


def _connect_problem(error: httpx.ConnectError) -> Problem:
    """Tell a server that cannot be reached from one that shows the wrong certificate."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Problem.IDENTITY
        cause = cause.__cause__ or cause.__context__
    return Problem.UNREACHABLE
