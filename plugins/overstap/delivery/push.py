"""Bring an envelope to a school's endpoint over HTTPS with mutual TLS, and bring back what it answered.

What comes back is not yet a confirmation: it is bytes from elsewhere, to be judged by `receipt.verify_receipt`. A
receiver that is slow, hangs, drips or pours does harm to its own deliveries only: every push ends by its deadline, and
an answer is read no further than a receipt can be long.
"""

import socket
import ssl
import threading
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Self
from uuid import UUID

import httpx
from cryptography import x509

from overstap.delivery.receipt import MAX_RECEIPT_BYTES, MEDIA_TYPE, SOFTWARE
from overstap.errors import OverstapError
from overstap.trust import Role, TlsIdentity, TrustStore, oin_of
from overstap.trust.certificates import UNREADABLE

MESSAGE_ID_HEADER = "Overstap-Message-Id"

_CONNECT_SECONDS = 10.0
_DEADLINE_SECONDS = 60.0
_KEEP_ALIVE_SECONDS = 20.0  # shorter than the reference endpoint keeps an idle connection
_RECEIPT_STATUS = frozenset({200, 409, 422})


class Problem(StrEnum):
    """Why there is no receipt. After any of these the envelope may or may not have arrived: send the same again."""

    UNREACHABLE = "unreachable"
    """No connection: address, network, or server down."""
    IDENTITY = "identity"
    """The server is not the school, or its certificate is not in order. Nothing was sent."""
    TIMEOUT = "timeout"
    """Not done by the deadline."""
    DISCONNECTED = "disconnected"
    """The connection broke under way, which is also how a server refuses a client certificate."""
    NO_RECEIPT = "no_receipt"
    """A good status with something else than a receipt, or with nothing."""
    ANSWER_TOO_LARGE = "answer_too_large"
    WRONG_STATUS = "wrong_status"
    """A status that carries no receipt: not allowed, busy, broken."""


_CODES = {
    Problem.UNREACHABLE: "DELIVERY-021",
    Problem.IDENTITY: "DELIVERY-022",
    Problem.TIMEOUT: "DELIVERY-023",
    Problem.DISCONNECTED: "DELIVERY-024",
    Problem.NO_RECEIPT: "DELIVERY-025",
    Problem.ANSWER_TOO_LARGE: "DELIVERY-026",
    Problem.WRONG_STATUS: "DELIVERY-027",
}


@dataclass(frozen=True, slots=True)
class PushAnswer:
    """What came of one push: a receipt still to be verified, or a problem."""

    receipt_unverified: bytes | None
    problem: Problem | None
    status: int | None
    """HTTP status, where there was one."""
    cause: str | None = None
    """Code of the trust store's error, where there was one."""

    def error(self, *, school: str, message_id: UUID) -> OverstapError:
        """Return the problem in the words for people.

        Raises:
            ValueError: there is no problem.
        """
        if self.problem is None:
            raise ValueError("this push brought an answer")
        facts = {"status": self.status or "-", "cause": self.cause or "-"}
        return OverstapError(_CODES[self.problem], school=school, message=str(message_id), **facts)


class _SchoolContext(ssl.SSLContext):
    """TLS settings for one school: checks during the handshake, before a byte of the envelope is sent, who it is."""

    school: str
    trust: TrustStore
    at: datetime
    current: ssl.SSLSocket | None = None

    def wrap_socket(self, sock: socket.socket, *args: Any, **options: Any) -> ssl.SSLSocket:
        wrapped = super().wrap_socket(sock, *args, **{**options, "do_handshake_on_connect": False})
        self.current = wrapped  # before the handshake, which a hostile server can stretch
        wrapped.do_handshake()
        try:
            certificate = x509.load_der_x509_certificate(wrapped.getpeercert(binary_form=True) or b"")
            self.trust.check(certificate, role=Role.TLS, oin=oin_of(self.school), at=self.at)
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


class Pusher:
    """A line to one school's endpoint, kept open between pushes. For one thread at a time.

    Args:
        url: the address for envelopes, `https://...`.
        school: whose endpoint it must be (BRIN and branch).
        trust: says whether the server's certificate is that school's.
        client: who is calling.
        at: the moment against which the server's certificate is checked when connecting.
        deadline_seconds: how long one push may take from beginning to end.
    """

    def __init__(
        self,
        url: str,
        *,
        school: str,
        trust: TrustStore,
        client: TlsIdentity,
        at: datetime,
        deadline_seconds: float = _DEADLINE_SECONDS,
    ) -> None:
        context = _SchoolContext(ssl.PROTOCOL_TLS_CLIENT)
        context.school, context.trust, context.at = school, trust, at
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(trust.authorities_file(at=at))
        client.load_into(context)
        self._context = context
        self._url = url
        self._deadline_seconds = deadline_seconds
        self._client = httpx.Client(
            verify=context,
            timeout=httpx.Timeout(deadline_seconds, connect=min(_CONNECT_SECONDS, deadline_seconds)),
            limits=httpx.Limits(max_connections=1, keepalive_expiry=_KEEP_ALIVE_SECONDS),
            follow_redirects=False,
            trust_env=False,  # no proxy and no other certificates from the environment
            headers={"User-Agent": SOFTWARE, "Accept": MEDIA_TYPE, "Accept-Encoding": "identity"},
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

    def push(self, envelope: bytes, *, message_id: UUID, at: datetime | None = None) -> PushAnswer:
        """Send an envelope and return what came back. Raises nothing for what the other side does.

        Args:
            envelope: as `envelope.seal` made it; for a repetition the very same bytes.
            message_id: its message id.
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
            answer = self._push(envelope, message_id)
        except OverstapError as error:
            answer = PushAnswer(None, Problem.IDENTITY, None, cause=error.code)
        except httpx.TimeoutException:
            answer = PushAnswer(None, Problem.TIMEOUT, None)
        except httpx.ConnectError as error:
            answer = PushAnswer(None, _connect_problem(error), None)
        except (httpx.HTTPError, httpx.StreamError, OSError, ValueError):
            answer = PushAnswer(None, Problem.DISCONNECTED, None)
        finally:
            timer.cancel()
        if ran_out.is_set() and answer.receipt_unverified is None:
            return PushAnswer(None, Problem.TIMEOUT, answer.status)
        return answer

    def _push(self, envelope: bytes, message_id: UUID) -> PushAnswer:
        headers = {"Content-Type": MEDIA_TYPE, MESSAGE_ID_HEADER: str(message_id)}
        with self._client.stream("POST", self._url, content=envelope, headers=headers) as response:
            status = response.status_code
            if status not in _RECEIPT_STATUS:
                return PushAnswer(None, Problem.WRONG_STATUS, status)
            if response.headers.get("content-type", "").partition(";")[0].strip().lower() != MEDIA_TYPE:
                return PushAnswer(None, Problem.NO_RECEIPT, status)
            receipt = b""
            for part in response.iter_raw():
                receipt += part
                if len(receipt) > MAX_RECEIPT_BYTES:
                    return PushAnswer(None, Problem.ANSWER_TOO_LARGE, status)
        if not receipt:
            return PushAnswer(None, Problem.NO_RECEIPT, status)
        return PushAnswer(receipt, None, status)


def _connect_problem(error: httpx.ConnectError) -> Problem:
    """Tell a server that cannot be reached from one that shows the wrong certificate."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Problem.IDENTITY
        cause = cause.__cause__ or cause.__context__
    return Problem.UNREACHABLE
