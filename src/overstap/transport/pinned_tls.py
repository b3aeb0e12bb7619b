"""TLS client socket that accepts only permitted OINs in the server's certificate, with one deadline per request.

The timeout of each socket operation is the time left until the deadline, so that a server that sends a byte a minute
cannot extend it.
"""

import select
import socket
import ssl
import time
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from cryptography import x509

from overstap.errors import OverstapError
from overstap.pki import Role, TlsIdentity, TrustStore
from overstap.pki.certificates import UNREADABLE, oin_in

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, WriteableBuffer


class ConnectionFailedError(Exception):
    """The connection failed: name resolution, network, server down, or TLS handshake.

    Args:
        is_wrong_party: the handshake failed on the server's certificate.
    """

    def __init__(self, *, is_wrong_party: bool = False) -> None:
        super().__init__()
        self.is_wrong_party = is_wrong_party


class DeadlineSocket(ssl.SSLSocket):
    """TLS connection with one deadline for all operations until the next deadline is set."""

    _deadline = _idle_since = 0.0

    def set_deadline(self, seconds: float) -> None:
        """Set the deadline, in seconds from now."""
        self._deadline = time.monotonic() + seconds

    def mark_idle(self) -> None:
        """Record that the connection is idle from now on."""
        self._idle_since = time.monotonic()

    def is_usable(self, *, idle_seconds: float) -> bool:
        """Return whether the connection can be reused: it was not idle for too long, and no input is waiting.

        Waiting input on an idle connection is the peer's close, or a response that nobody asked for.
        """
        if time.monotonic() - self._idle_since > idle_seconds or self.fileno() < 0:
            return False
        waiting = select.poll()
        waiting.register(self, select.POLLIN)
        return not waiting.poll(0)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Receive within the time left."""
        self._limit()
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Send within the time left."""
        self._limit()
        return super().send(data, flags)

    def _limit(self) -> None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)


class PinnedContext(ssl.SSLContext):
    """TLS client settings for one party; `check` authenticates the server before any request is sent."""

    oins: frozenset[str]
    trust: TrustStore
    at: datetime

    @classmethod
    def of(cls, *, oins: frozenset[str], trust: TrustStore, client: TlsIdentity, at: datetime) -> Self:
        """Create the settings.

        Args:
            oins: permitted OINs in the server's certificate.
            trust: trust store that checks that certificate.
            client: certificate and key of the client.
            at: the moment against which the certificate is checked.
        """
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.oins, context.trust, context.at = oins, trust, at
        context.sslsocket_class = DeadlineSocket
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(trust.authorities_file(at=at))
        client.load_into(context)
        return context

    def check(self, der: bytes) -> None:
        """Check the certificate of a server.

        Args:
            der: the certificate, DER.

        Raises:
            OverstapError: TRUST-nnn; TRUST-011 when its OIN is not permitted.
        """
        try:
            certificate = x509.load_der_x509_certificate(der)
            actual = oin_in(certificate)
            # With an OIN that is not permitted, the check raises TRUST-011 with the certificate's actual holder
            oin = actual if actual in self.oins else min(self.oins)
            self.trust.check(certificate, role=Role.TLS, oin=oin, at=self.at)
        except UNREADABLE as error:
            raise OverstapError("TRUST-018", role=Role.TLS) from error


def connect(
    address: tuple[str, int], context: PinnedContext, *, connect_seconds: float, deadline_seconds: float
) -> DeadlineSocket:
    """Connect and authenticate the server; no request data are sent before that.

    Args:
        address: host and port.
        context: TLS settings with the permitted OINs.
        connect_seconds: limit of the TCP connect.
        deadline_seconds: limit of the connect, the handshake and the first request together.

    Raises:
        ConnectionFailedError: the connection failed.
        TimeoutError: the deadline passed.
        OverstapError: TRUST-nnn when the certificate is not valid or its OIN is not permitted.
    """
    deadline = time.monotonic() + deadline_seconds
    tcp = _connect_tcp(address, min(deadline, time.monotonic() + connect_seconds))
    tls: Any = None
    try:
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The timeout covers the whole handshake, which a hostile server could otherwise stretch
        tcp.settimeout(max(deadline - time.monotonic(), 0.001))
        tls = context.wrap_socket(tcp, server_hostname=address[0], do_handshake_on_connect=False)
        tls.do_handshake()
        context.check(tls.getpeercert(binary_form=True) or b"")
    except BaseException as error:
        (tls or tcp).close()
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise ConnectionFailedError(is_wrong_party=isinstance(error, ssl.SSLCertVerificationError)) from error
        raise
    connection: DeadlineSocket = tls
    connection.set_deadline(deadline - time.monotonic())
    return connection


def _connect_tcp(address: tuple[str, int], deadline: float) -> socket.socket:
    """Return a TCP connection to the first IP address of a host that accepts one before the deadline."""
    problem: Exception | None = None
    try:
        addresses = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    except OSError as error:
        raise ConnectionFailedError from error
    for *_, ip_address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((str(ip_address[0]), int(ip_address[1])), timeout=left)
        except OSError as error:
            problem = error
    if isinstance(problem, TimeoutError):
        raise problem
    raise ConnectionFailedError from problem
