"""Client of time stamp services (RFC 3161), whose time stamps prove that bytes existed at a moment."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response
from rfc3161_client.tsp import PKIStatus

from overstap.bounded_http import RequestBounds, fetch
from overstap.errors import OverstapError

_BOUNDS = RequestBounds(seconds=30.0, max_bytes=64 * 1024, schemes=frozenset({"http", "https"}))
_GRANTED = (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS)


def time_stamp(url: str, content: bytes) -> bytes:
    """Request a time stamp of some bytes, of which the service receives the SHA-512 digest only.

    Args:
        url: URL of the service, `http://...` or `https://...`; its response is signed, so TLS is not needed.
        content: the bytes.

    Returns:
        The response (TimeStampResp, DER), as `openssl ts -verify` reads it.

    Raises:
        OverstapError: CLOSING-002 when the service does not respond, refuses, or stamps other bytes.
    """
    request = TimestampRequestBuilder().data(content).nonce(nonce=True).cert_request(cert_request=True).build()
    try:
        answer = fetch(
            url,
            _BOUNDS,
            method="POST",
            body=request.as_bytes(),
            kind="application/timestamp-query",
            answer="application/timestamp-reply",
        )
        response = decode_timestamp_response(answer)
        is_granted = PKIStatus(response.status) in _GRANTED
        is_ours = is_granted and (response.tst_info.nonce, response.tst_info.message_imprint.message) == (
            request.nonce,
            request.message_imprint.message,
        )
    except (OSError, ValueError) as problem:
        raise OverstapError("CLOSING-002", why=type(problem).__name__) from problem
    if not is_ours:
        raise OverstapError("CLOSING-002", why="refused" if not is_granted else "another question's answer")
    return answer


def stamped_at(answer: bytes, content: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """Verify a time stamp and return its moment.

    Args:
        answer: as `time_stamp` returns it.
        content: the stamped bytes.
        roots: trusted root certificates of time stamp services.

    Raises:
        OverstapError: CLOSING-003 when it is no time stamp of these bytes under these roots.
    """
    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        response = decode_timestamp_response(answer)
        builder.build().verify_message(response, content)
    except (VerificationError, ValueError) as problem:
        raise OverstapError("CLOSING-003") from problem
    return response.tst_info.gen_time
