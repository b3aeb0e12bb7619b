"""TLS socket to a party known by certificate, with one deadline for everything.

Before each wait it is given no more than the time that is left: an end that drips a byte a minute gains nothing by it.
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


class NoConnectionError(Exception):
    """There is no connection: address, network, or server down; or it does not speak TLS as it should.

    Args:
        is_other: its certificate is nobody's who may be there.
    """

    def __init__(self, *, is_other: bool = False) -> None:
        super().__init__()
        self.is_other = is_other


class KnownSocket(ssl.SSLSocket):
    """A TLS connection with a deadline for all that is done with it until the next one is set."""

    _ends = _used = 0.0

    def hurry(self, seconds: float) -> None:
        """Set the deadline."""
        self._ends = time.monotonic() + seconds

    def rest(self) -> None:
        """Note that it is idle from now on."""
        self._used = time.monotonic()

    def is_usable(self, *, idle_seconds: float) -> bool:
        """Tell whether it can be used again: not idle for too long, and nothing came that nobody asked for.

        The end of the connection is such a thing, too.
        """
        if time.monotonic() - self._used > idle_seconds or self.fileno() < 0:
            return False
        waiting = select.poll()
        waiting.register(self, select.POLLIN)
        return not waiting.poll(0)

    def recv_into(self, buffer: "WriteableBuffer", nbytes: int | None = None, flags: int = 0) -> int:
        """Receive, within the time that is left."""
        self._limit()
        return super().recv_into(buffer, nbytes, flags)

    def send(self, data: "ReadableBuffer", flags: int = 0) -> int:
        """Send, within the time that is left."""
        self._limit()
        return super().send(data, flags)

    def _limit(self) -> None:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(left)


class KnownContext(ssl.SSLContext):
    """TLS settings for one party: checks during the handshake, before a byte is sent, who it is."""

    oins: frozenset[str]
    trust: TrustStore
    at: datetime

    @classmethod
    def of(cls, *, oins: frozenset[str], trust: TrustStore, client: TlsIdentity, at: datetime) -> Self:
        """Make the settings.

        Args:
            oins: one of these OINs is in the server's certificate.
            trust: says whether that certificate is in order.
            client: who is calling.
            at: the moment against which it is checked.
        """
        context = cls(ssl.PROTOCOL_TLS_CLIENT)
        context.oins, context.trust, context.at = oins, trust, at
        context.sslsocket_class = KnownSocket
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(trust.authorities_file(at=at))
        client.load_into(context)
        return context

    def check(self, shown: bytes) -> None:
        """Check the certificate that a server showed.

        Args:
            shown: DER.

        Raises:
            OverstapError: TRUST-nnn.
        """
        try:
            certificate = x509.load_der_x509_certificate(shown)
            named = oin_in(certificate)
            # Not one of those expected: the check then says whose it is instead
            oin = named if named in self.oins else min(self.oins)
            self.trust.check(certificate, role=Role.TLS, oin=oin, at=self.at)
        except UNREADABLE as error:
            raise OverstapError("TRUST-018", role=Role.TLS) from error


def connected(
    place: tuple[str, int], context: KnownContext, *, connect_seconds: float, deadline_seconds: float
) -> KnownSocket:
    """Connect to a place and see who is there; nothing is sent to anybody else.

    Args:
        place: host and port.
        context: who it must be.
        connect_seconds: how long it may take until the network answers.
        deadline_seconds: how long all of it may take, and what is done next with the connection.

    Raises:
        NoConnectionError: there is none.
        TimeoutError: not within the time.
        OverstapError: TRUST-nnn when it is somebody else, or the certificate is not in order.
    """
    ends = time.monotonic() + deadline_seconds
    plain = _reached(place, min(ends, time.monotonic() + connect_seconds))
    wrapped: Any = None
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.settimeout(
            max(ends - time.monotonic(), 0.001)
        )  # of the handshake as a whole: a hostile end can stretch it
        wrapped = context.wrap_socket(plain, server_hostname=place[0], do_handshake_on_connect=False)
        wrapped.do_handshake()
        context.check(wrapped.getpeercert(binary_form=True) or b"")
    except BaseException as error:
        (wrapped or plain).close()
        if isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise NoConnectionError(is_other=isinstance(error, ssl.SSLCertVerificationError)) from error
        raise
    found: KnownSocket = wrapped
    found.hurry(ends - time.monotonic())
    return found


def _reached(place: tuple[str, int], ends: float) -> socket.socket:
    """Return a connection to the first address of a place that answers, all of them within the time."""
    problem: Exception | None = None
    try:
        addresses = socket.getaddrinfo(*place, type=socket.SOCK_STREAM)
    except OSError as error:
        raise NoConnectionError from error
    for *_, address in addresses:
        left = ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        try:
            return socket.create_connection((str(address[0]), int(address[1])), timeout=left)
        except OSError as error:
            problem = error
    if isinstance(problem, TimeoutError):
        raise problem
    raise NoConnectionError from problem
