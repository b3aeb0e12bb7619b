"""Signing and verification with CMS SignedData (docs/envelope.md, part "Signature")."""

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from overstap.envelope import cms
from overstap.envelope.der import (
    CONTEXT_0,
    GENERALIZED_TIME,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    UTC_TIME,
    tlv,
)
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.errors import OverstapError
from overstap.pki import Role, SigningIdentity, TrustStore
from overstap.pki.certificates import UNREADABLE, check_key, oin_in
from overstap.pki.key_files import PublicKey

_VERSION = 1
_FIRST_GENERALIZED_YEAR = 2050  # RFC 5652 section 11.3
_ECDSA = ec.ECDSA(hashes.SHA256())
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


@dataclass(frozen=True, slots=True)
class SignedContent:
    """Content whose signature, signed attributes and signer's certificate were verified."""

    content: bytes
    signer: x509.Certificate
    oin: str
    """OIN of the signer, from its certificate."""
    signed_at: datetime
    """The signing time that the signer states, in whole seconds."""


@dataclass(frozen=True, slots=True)
class _Template:
    """Constant parts of every signature with one certificate, DER."""

    key: PublicKey
    oin: str
    issuer_and_serial: bytes
    fingerprint: bytes
    before_attributes: bytes
    """Fields of SignerInfo before the attributes: version, signer, digest algorithm."""
    certificate_attribute: bytes
    algorithm: bytes
    certificates: bytes


_ONE = tlv(INTEGER, b"\x01")
_DIGESTS = tlv(SET, cms.SHA256)
_DATA, _SIGNED_DATA = cms.oid(cms.DATA), cms.oid(cms.SIGNED_DATA)
_TYPE_ATTRIBUTE = tlv(SEQUENCE, cms.oid(cms.CONTENT_TYPE), tlv(SET, _DATA))
_TIME_KIND = cms.oid(cms.SIGNING_TIME)
_BEFORE_DIGEST = tlv(SEQUENCE, cms.oid(cms.MESSAGE_DIGEST), tlv(SET, tlv(OCTET_STRING, bytes(32))))[:-32]


@lru_cache(maxsize=4096)
def _template(certificate: x509.Certificate) -> _Template:
    check_key(certificate)
    key, fingerprint = certificate.public_key(), certificate.fingerprint(hashes.SHA256())
    issuer_and_serial = cms.issuer_and_serial(certificate)
    is_rsa = isinstance(key, rsa.RSAPublicKey)
    signing_certificate = tlv(SEQUENCE, tlv(SEQUENCE, tlv(SEQUENCE, tlv(OCTET_STRING, fingerprint))))
    return _Template(
        key=key,  # type: ignore[arg-type]  # check_key admits these two kinds only
        oin=oin_in(certificate) or "",
        issuer_and_serial=issuer_and_serial,
        fingerprint=fingerprint,
        before_attributes=_ONE + issuer_and_serial + cms.SHA256,
        certificate_attribute=tlv(SEQUENCE, cms.oid(cms.SIGNING_CERTIFICATE_V2), tlv(SET, signing_certificate)),
        algorithm=cms.PSS_SHA256 if is_rsa else cms.ECDSA_SHA256,
        certificates=tlv(CONTEXT_0, certificate.public_bytes(serialization.Encoding.DER)),
    )


def sign(content: bytes, identity: SigningIdentity, *, at: datetime) -> bytes:
    """Sign content.

    Args:
        content: the content, of any length.
        identity: key and certificate of the signer.
        at: the signing time, aware; truncated to whole seconds.

    Returns:
        DER of a ContentInfo with SignedData, which contains the content.
    """
    template = _template(identity.certificate)
    attributes = b"".join(  # sorted as DER requires for a set; the encodings differ in their length octet first
        (
            _TYPE_ATTRIBUTE,
            _time_attribute(at.replace(microsecond=0)),
            _BEFORE_DIGEST,
            hashlib.sha256(content).digest(),
            template.certificate_attribute,
        )
    )
    to_sign = tlv(SET, attributes)  # signed as a SET, sent as [0]: RFC 5652 section 5.4
    if isinstance(identity.key, rsa.RSAPrivateKey):
        signature = identity.key.sign(to_sign, _PSS, hashes.SHA256())
    else:
        signature = identity.key.sign(to_sign, _ECDSA)
    signer = tlv(
        SEQUENCE,
        template.before_attributes,
        tlv(CONTEXT_0, attributes),
        template.algorithm,
        tlv(OCTET_STRING, signature),
    )
    encapsulated = tlv(SEQUENCE, _DATA, tlv(CONTEXT_0, tlv(OCTET_STRING, content)))
    signed = tlv(SEQUENCE, _ONE, _DIGESTS, encapsulated, template.certificates, tlv(SET, signer))
    return tlv(SEQUENCE, _SIGNED_DATA, tlv(CONTEXT_0, signed))


@lru_cache(maxsize=64)
def _time_attribute(at: datetime) -> bytes:
    moment = at.astimezone(UTC)
    if moment.year < _FIRST_GENERALIZED_YEAR:
        time = tlv(UTC_TIME, moment.strftime("%y%m%d%H%M%SZ").encode())
    else:
        time = tlv(GENERALIZED_TIME, moment.strftime("%Y%m%d%H%M%SZ").encode())
    return tlv(SEQUENCE, _TIME_KIND, tlv(SET, time))


def verify(data: bytes, *, trust: TrustStore, at: datetime) -> SignedContent:
    """Verify a signature, its signed attributes and its signer's certificate.

    The caller must compare `SignedContent.oin` with the expected signer.

    Args:
        data: DER of a ContentInfo.
        trust: trust store that checks the signer's certificate.
        at: the moment at which that certificate must be valid.

    Raises:
        EnvelopeError: MALFORMED, NOT_SIGNED, ALGORITHM, SIGNED_ATTRIBUTES, SIGNATURE, or SIGNER with the trust
            store's error as its cause.
    """
    try:
        return _verify(data, trust, at)
    except UNREADABLE as error:  # the library parses some parts of a certificate only when they are read
        raise EnvelopeError(OpeningFailure.MALFORMED) from error


def _verify(data: bytes, trust: TrustStore, at: datetime) -> SignedContent:
    signed = cms.decode_content(data, cms.SIGNED_DATA, OpeningFailure.NOT_SIGNED, cms.SignedData)
    certificates, signers = signed.certificates.as_list(), signed.signers.as_list()
    if len(signers) != 1 or len(certificates) != 1:
        raise EnvelopeError(OpeningFailure.NOT_SIGNED)
    signer, certificate = signers[0], certificates[0]
    digests = [cms.der_of(one) for one in (*signed.digest_algorithms.as_list(), signer.digest_algorithm)]
    if (
        signed.version != _VERSION
        or signer.version != _VERSION
        or len(digests) != 2
        or not cms.ANY_SHA256.issuperset(digests)
    ):
        raise EnvelopeError(OpeningFailure.ALGORITHM)
    try:
        template = _template(certificate)
    except (OverstapError, UnsupportedAlgorithm) as error:
        raise EnvelopeError(OpeningFailure.ALGORITHM) from error
    if asn1.encode_der(signer.signer) != template.issuer_and_serial:
        raise EnvelopeError(OpeningFailure.SIGNED_ATTRIBUTES)
    signed_at = _check_attributes(signer.signed_attributes.as_list(), signed.encapsulated, certificate)
    _check_signature(signer, template.key)
    try:
        trust.check(certificate, role=Role.SIGNING, oin=template.oin, at=at)
    except OverstapError as error:
        raise EnvelopeError(OpeningFailure.SIGNER) from error
    return SignedContent(signed.encapsulated.content, certificate, template.oin, signed_at)


def _check_signature(signer: cms.SignerInfo, key: PublicKey) -> None:
    """Check the signature over the encoded attributes; strict DER has only one encoding, so encoding again is safe."""
    algorithm = cms.der_of(signer.signature_algorithm)
    signed = asn1.encode_der(signer.signed_attributes)
    try:
        if isinstance(key, rsa.RSAPublicKey) and algorithm in cms.ANY_PSS_SHA256:
            key.verify(signer.signature, signed, _PSS, hashes.SHA256())
        elif isinstance(key, ec.EllipticCurvePublicKey) and algorithm == cms.ECDSA_SHA256:
            key.verify(signer.signature, signed, _ECDSA)
        else:
            raise EnvelopeError(OpeningFailure.ALGORITHM)
    except InvalidSignature as error:
        raise EnvelopeError(OpeningFailure.SIGNATURE) from error


def _check_attributes(
    attributes: list[cms.Attribute], encapsulated: cms.EncapsulatedContent, certificate: x509.Certificate
) -> datetime:
    """Check that each of the four attributes occurs once and matches; return the signing time."""
    values = {one.kind: one.values.as_list() for one in attributes}
    kinds = {cms.CONTENT_TYPE, cms.MESSAGE_DIGEST, cms.SIGNING_TIME, cms.SIGNING_CERTIFICATE_V2}
    if len(attributes) != len(kinds) or values.keys() != kinds or any(len(one) != 1 for one in values.values()):
        raise EnvelopeError(OpeningFailure.SIGNED_ATTRIBUTES)
    try:
        kind = values[cms.CONTENT_TYPE][0].parse(cms.Oid)
        digest = values[cms.MESSAGE_DIGEST][0].parse(bytes)
        identifiers = values[cms.SIGNING_CERTIFICATE_V2][0].parse(cms.SigningCertificate).certificates
        time = values[cms.SIGNING_TIME][0]
        is_generalized = time.tag_bytes == b"\x18"
        signed_at = time.parse(asn1.GeneralizedTime if is_generalized else asn1.UTCTime).as_datetime()
    except ValueError as error:
        raise EnvelopeError(OpeningFailure.SIGNED_ATTRIBUTES) from error
    fits = (
        kind == encapsulated.kind == cms.DATA
        and digest == hashlib.sha256(encapsulated.content).digest()
        and len(identifiers) == 1
        and identifiers[0].digest == _template(certificate).fingerprint
        and (identifiers[0].issuer_serial is None or identifiers[0].issuer_serial.serial == certificate.serial_number)
    )
    if not fits:
        raise EnvelopeError(OpeningFailure.SIGNED_ATTRIBUTES)
    return signed_at
