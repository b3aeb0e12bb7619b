"""Time stamps of an outside service (RFC 3161): that bytes were there at a moment, without trust in our own clock."""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from rfc3161_client import TimestampRequestBuilder, VerificationError, VerifierBuilder, decode_timestamp_response
from rfc3161_client.tsp import PKIStatus

from overstap.errors import OverstapError
from overstap.pki.bounded_http import RequestBounds, fetch

_BOUNDS = RequestBounds(seconds=30.0, max_bytes=64 * 1024, schemes=frozenset({"http", "https"}))
_GRANTED = (PKIStatus.GRANTED, PKIStatus.GRANTED_WITH_MODS)


def time_stamp(url: str, content: bytes) -> bytes:
    """Ask for a time stamp of some bytes; the service sees their SHA-512 alone.

    Args:
        url: the service, `http://...` or `https://...`: its answer is signed, so the way to it needs no protection.
        content: what is stamped.

    Returns:
        The service's answer (TimeStampResp, DER), as `openssl ts -verify` reads it.

    Raises:
        OverstapError: CLOSING-002 when it does not answer, refuses, or stamps something else than was asked.
    """
    asked = TimestampRequestBuilder().data(content).nonce(nonce=True).cert_request(cert_request=True).build()
    try:
        answer = fetch(
            url,
            _BOUNDS,
            method="POST",
            body=asked.as_bytes(),
            kind="application/timestamp-query",
            answer="application/timestamp-reply",
        )
        said = decode_timestamp_response(answer)
        is_granted = PKIStatus(said.status) in _GRANTED
        is_ours = is_granted and (said.tst_info.nonce, said.tst_info.message_imprint.message) == (
            asked.nonce,
            asked.message_imprint.message,
        )
    except (OSError, ValueError) as problem:
        raise OverstapError("CLOSING-002", why=type(problem).__name__) from problem
    if not is_ours:
        raise OverstapError("CLOSING-002", why="refused" if not is_granted else "another question's answer")
    return answer


def stamped_at(answer: bytes, content: bytes, roots: Sequence[x509.Certificate]) -> datetime:
    """Return the moment at which a service saw some bytes.

    Args:
        answer: what `time_stamp` gave.
        content: what was stamped.
        roots: the authorities that are trusted for it.

    Raises:
        OverstapError: CLOSING-003 when it is no stamp of these bytes by a service of these authorities.
    """
    builder = VerifierBuilder()
    for root in roots:
        builder = builder.add_root_certificate(root)
    try:
        said = decode_timestamp_response(answer)
        builder.build().verify_message(said, content)
    except (VerificationError, ValueError) as problem:
        raise OverstapError("CLOSING-003") from problem
    return said.tst_info.gen_time
