"""OCSP client (RFC 6960), for certificates whose status no revocation list states at the moment.

A response is accepted only when the issuing authority or its delegated responder signed it, for this certificate and
the present moment. Without such a response the status is unknown: the certificate is neither used nor refused.
"""

import logging
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, SignatureAlgorithmOID

from overstap.bounded_http import FetchError, RequestBounds, fetch
from overstap.errors import OverstapError
from overstap.pki.certificates import UNREADABLE, label

_NONCE_BYTES = 32  # RFC 9654 section 2.1
_SKEW = timedelta(minutes=5)
_DEFAULT_VALIDITY = timedelta(hours=1)  # of a response without nextUpdate
_PAUSE_SECONDS = 60.0  # after a failed request, so that sealing does not send thousands
_CACHE_SIZE = 10_000
BOUNDS = RequestBounds(seconds=8.0, max_bytes=64 * 1024)
"""Limits of one OCSP request. No redirects: RFC 6960 has none, and they would turn the POST into a GET without body."""
_STRONG = (hashes.SHA256, hashes.SHA384, hashes.SHA512)
_PKCS1 = frozenset(
    {
        SignatureAlgorithmOID.RSA_WITH_SHA256,
        SignatureAlgorithmOID.RSA_WITH_SHA384,
        SignatureAlgorithmOID.RSA_WITH_SHA512,
    }
)
_ECDSA = frozenset(
    {
        SignatureAlgorithmOID.ECDSA_WITH_SHA256,
        SignatureAlgorithmOID.ECDSA_WITH_SHA384,
        SignatureAlgorithmOID.ECDSA_WITH_SHA512,
    }
)
_SMALLEST_RSA = 2048  # bits of a responder's key, whose responses are valid for hours only
_log = logging.getLogger(__name__)


class NoOcspResponseError(Exception):
    """There is no acceptable response; the message is for the log."""


@dataclass(frozen=True, slots=True)
class OcspStatus:
    """Verified status of one certificate from an OCSP response (thisUpdate to nextUpdate)."""

    status: ocsp.OCSPCertStatus
    revoked_at: datetime | None
    since: datetime
    until: datetime


class OcspClient:
    """Client of the OCSP services that certificates name, with a cache of valid responses.

    Args:
        now: the clock, against which a response must be current, whatever moment is checked.
        random: returns random bytes, for the nonce.
        monotonic: monotonic clock in seconds, for the pause after a failure.
        bounds: limits of one request.
    """

    def __init__(
        self,
        now: Callable[[], datetime],
        *,
        random: Callable[[int], bytes] = os.urandom,
        monotonic: Callable[[], float] = time.monotonic,
        bounds: RequestBounds = BOUNDS,
    ) -> None:
        self._now = now
        self._random = random
        self._monotonic = monotonic
        self._bounds = bounds
        self._cache: dict[x509.Certificate, OcspStatus] = {}
        self._paused_until: dict[str, float] = {}

    def check(self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> None:
        """Check that a certificate was not revoked at a moment.

        Args:
            certificate: a certificate whose chain was verified, so that the URL of the service is its authority's.
            issuer: the authority that issued it.
            at: the moment. A certificate that is good now was good before, since revocations are final.

        Raises:
            OverstapError: TRUST-008 revoked; TRUST-019 unknown to the service (F42); TRUST-009 no acceptable response.
                After the last two the caller must wait (`REVOCATION_UNKNOWN`).
        """
        status = self._cache.get(certificate)
        if status is None or status.until < max(at, self._now()):
            status = self._query(certificate, issuer, at)
        if status.status is ocsp.OCSPCertStatus.UNKNOWN:
            raise OverstapError("TRUST-019", subject=label(certificate), authority=label(issuer))
        if status.revoked_at is not None and status.revoked_at <= at:
            raise OverstapError("TRUST-008", subject=label(certificate), on=f"{status.revoked_at:%Y-%m-%d}")

    def _query(self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> OcspStatus:
        try:
            status = self._request(certificate, issuer)
            if status.until < at:
                raise NoOcspResponseError("the response expires before the moment in question")
        except NoOcspResponseError as problem:
            _log.warning("no revocation status of %s: %s", label(certificate), problem)
            raise OverstapError("TRUST-009", subject=label(certificate), authority=label(issuer)) from problem
        if status.status is ocsp.OCSPCertStatus.UNKNOWN:  # the service may not know a new certificate yet
            status = replace(status, until=self._now() + timedelta(seconds=_PAUSE_SECONDS))
        if len(self._cache) >= _CACHE_SIZE:
            self._cache.clear()
        self._cache[certificate] = status
        return status

    def _request(self, certificate: x509.Certificate, issuer: x509.Certificate) -> OcspStatus:
        url = ocsp_url_of(certificate)
        if url is None:
            raise NoOcspResponseError("no current list, and the certificate names no OCSP service")
        if self._paused_until.get(url, 0) > self._monotonic():
            raise NoOcspResponseError(f"{url} gave no answer a moment ago")
        nonce = self._random(_NONCE_BYTES)
        # SHA-1 identifies the certificate and protects nothing; services support it (RFC 5019 section 2.1.1)
        builder = ocsp.OCSPRequestBuilder().add_certificate(certificate, issuer, hashes.SHA1())  # noqa: S303
        request = builder.add_extension(x509.OCSPNonce(nonce), critical=False).build()
        try:
            data = fetch(
                url,
                self._bounds,
                method="POST",
                body=request.public_bytes(serialization.Encoding.DER),
                kind="application/ocsp-request",
                answer="application/ocsp-response",
            )
        except FetchError as problem:
            self._paused_until[url] = self._monotonic() + _PAUSE_SECONDS
            raise NoOcspResponseError(f"{url}: {problem}") from problem
        try:
            return verified_status(data, request, certificate, issuer, nonce=nonce, now=self._now())
        except UNREADABLE as problem:
            raise NoOcspResponseError(f"{url} answers with something else") from problem


def ocsp_url_of(certificate: x509.Certificate) -> str | None:
    """Return the URL of the OCSP service that a certificate names (RFC 5280 section 4.2.2.1), or None."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return None
    for one in found:
        if one.access_method == AuthorityInformationAccessOID.OCSP and isinstance(
            one.access_location, x509.UniformResourceIdentifier
        ):
            return str(one.access_location.value)
    return None


def verified_status(
    data: bytes,
    request: ocsp.OCSPRequest,
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    *,
    nonce: bytes,
    now: datetime,
) -> OcspStatus:
    """Verify a response with every check of RFC 6960 section 3.2, and return the status that it states.

    Args:
        data: DER of the response.
        request: the request.
        certificate: the certificate in question.
        issuer: the authority that issued it.
        nonce: nonce of the request; a response has the same one or none (RFC 6960 section 4.4.1).
        now: the present moment.

    Raises:
        NoOcspResponseError: the response is not acceptable.
        ValueError: the data are not DER of a response.
    """
    answer = ocsp.load_der_ocsp_response(data)
    if answer.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        raise NoOcspResponseError(f"the service says {answer.response_status.name}")
    found = [one for one in answer.responses if _is_about(one, request)]
    if len(found) != 1:
        raise NoOcspResponseError("it is about another certificate")
    _check_signature(answer, issuer, now)
    try:
        stated = answer.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        stated = nonce
    if stated != nonce:
        raise NoOcspResponseError("it answers another question (nonce)")
    [one] = found
    since = one.this_update_utc
    until = one.next_update_utc or since + _DEFAULT_VALIDITY
    if since > now + _SKEW or until < now - _SKEW:
        raise NoOcspResponseError(f"it holds from {since:%Y-%m-%dT%H:%MZ} to {until:%Y-%m-%dT%H:%MZ}, which is not now")
    return OcspStatus(one.certificate_status, one.revocation_time_utc, since, until)


def _is_about(one: ocsp.OCSPSingleResponse, request: ocsp.OCSPRequest) -> bool:
    return (
        one.serial_number == request.serial_number
        and one.hash_algorithm.name == request.hash_algorithm.name
        and one.issuer_key_hash == request.issuer_key_hash
        and one.issuer_name_hash == request.issuer_name_hash
    )


def _check_signature(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> None:
    """Check the signature, by the authority or by its delegated responder (RFC 6960 section 4.2.2.2)."""
    signer = issuer
    if answer.responder_name is not None:
        is_issuer = answer.responder_name == issuer.subject
    else:
        key = x509.SubjectKeyIdentifier.from_public_key(issuer.public_key())
        is_issuer = answer.responder_key_hash == key.digest
    if not is_issuer:
        signer = _delegated_responder(answer, issuer, now)
    key_of = signer.public_key()
    algorithm, digest = answer.signature_algorithm_oid, answer.signature_hash_algorithm
    try:
        if digest is None or not isinstance(digest, _STRONG):
            raise NoOcspResponseError("it is signed with a weak digest")
        if isinstance(key_of, rsa.RSAPublicKey) and algorithm in _PKCS1 and key_of.key_size >= _SMALLEST_RSA:
            key_of.verify(answer.signature, answer.tbs_response_bytes, padding.PKCS1v15(), digest)
        elif isinstance(key_of, ec.EllipticCurvePublicKey) and algorithm in _ECDSA:
            key_of.verify(answer.signature, answer.tbs_response_bytes, ec.ECDSA(digest))
        else:
            raise NoOcspResponseError("it is signed with an algorithm that is not used here")
    except (InvalidSignature, UnsupportedAlgorithm) as problem:
        raise NoOcspResponseError("its signature is not in order") from problem


def _delegated_responder(answer: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime) -> x509.Certificate:
    """Return the certificate of the delegated responder that signed.

    It must be issued by this authority, be valid, and have the extended key usage OCSPSigning. It must also have the
    extension OCSPNoCheck (section 4.2.2.2.1), since its own status is not checked.
    """
    for one in answer.certificates:
        name = answer.responder_name
        if name is not None and one.subject != name:
            continue
        if name is None:
            key = x509.SubjectKeyIdentifier.from_public_key(one.public_key())
            if key.digest != answer.responder_key_hash:
                continue
        try:
            one.verify_directly_issued_by(issuer)
            uses = one.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
            one.extensions.get_extension_for_class(x509.OCSPNoCheck)
        except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
            continue
        if ExtendedKeyUsageOID.OCSP_SIGNING in uses and one.not_valid_before_utc <= now <= one.not_valid_after_utc:
            return one
    raise NoOcspResponseError("it is signed by a responder that the authority did not delegate")
