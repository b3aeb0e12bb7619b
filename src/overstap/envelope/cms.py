"""ASN.1 structures and algorithm identifiers of Cryptographic Message Syntax (CMS) that the envelope format uses.

RFC 5652 (SignedData), RFC 5083 and 5084 (AuthEnvelopedData, AES-GCM), RFC 5753 (ECDH), RFC 4055 and 4056 (OAEP, PSS),
RFC 5035 (signing certificate). Each structure has only the fields of the format, so that everything else that CMS
permits fails to decode. The declarative ASN.1 of `cryptography` reads strict DER: no indefinite lengths, no overruns,
no unsorted sets, no trailing data.
"""

from typing import Annotated, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1

from overstap.envelope.der import (
    CONTEXT_0,
    CONTEXT_1,
    CONTEXT_2,
    INTEGER,
    NULL,
    OCTET_STRING,
    SEQUENCE,
    tlv,
)
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.pki.certificates import UNREADABLE

Oid = x509.ObjectIdentifier

DATA = Oid("1.2.840.113549.1.7.1")
SIGNED_DATA = Oid("1.2.840.113549.1.7.2")
AUTH_ENVELOPED_DATA = Oid("1.2.840.113549.1.9.16.1.23")

CONTENT_TYPE = Oid("1.2.840.113549.1.9.3")
MESSAGE_DIGEST = Oid("1.2.840.113549.1.9.4")
SIGNING_TIME = Oid("1.2.840.113549.1.9.5")
SIGNING_CERTIFICATE_V2 = Oid("1.2.840.113549.1.9.16.2.47")

EC_PUBLIC_KEY = Oid("1.2.840.10045.2.1")
AES_256_GCM = Oid("2.16.840.1.101.3.4.1.46")

_T = TypeVar("_T")


@asn1.sequence
class ContentInfo:
    """RFC 5652 section 3."""

    kind: Oid
    content: Annotated[asn1.TLV, asn1.Explicit(0)]


@asn1.sequence
class EncapsulatedContent:
    """RFC 5652 section 5.2, with the content inside."""

    kind: Oid
    content: Annotated[bytes, asn1.Explicit(0)]


@asn1.sequence
class Attribute:
    """RFC 5652 section 5.3."""

    kind: Oid
    values: asn1.SetOf[asn1.TLV]


@asn1.sequence
class IssuerAndSerial:
    """RFC 5652 section 10.2.4."""

    issuer: asn1.TLV
    serial: int


@asn1.sequence
class SignerInfo:
    """RFC 5652 section 5.3, without unsigned attributes."""

    version: int
    signer: IssuerAndSerial
    digest_algorithm: asn1.TLV
    signed_attributes: Annotated[asn1.SetOf[Attribute], asn1.Implicit(0)]
    signature_algorithm: asn1.TLV
    signature: bytes


@asn1.sequence
class SignedData:
    """RFC 5652 section 5.1, with the signer's certificate and no revocation lists."""

    version: int
    digest_algorithms: asn1.SetOf[asn1.TLV]
    encapsulated: EncapsulatedContent
    certificates: Annotated[asn1.SetOf[x509.Certificate], asn1.Implicit(0)]
    signers: asn1.SetOf[SignerInfo]


@asn1.sequence
class IssuerSerial:
    """RFC 5035 section 5; optional, since the digest identifies the certificate already."""

    issuer: list[asn1.TLV]
    serial: int


@asn1.sequence
class EssCertificateId:
    """RFC 5035 section 4, with the default digest: SHA-256."""

    digest: bytes
    issuer_serial: IssuerSerial | None


@asn1.sequence
class SigningCertificate:
    """RFC 5035 section 3."""

    certificates: list[EssCertificateId]


@asn1.sequence
class KeyTransport:
    """RFC 5652 section 6.2.1: the content key encrypted with an RSA key."""

    version: int
    recipient: IssuerAndSerial
    algorithm: asn1.TLV
    encrypted_key: bytes


@asn1.sequence
class _OriginatorAlgorithm:
    algorithm: Oid


@asn1.sequence
class _OriginatorKey:
    algorithm: _OriginatorAlgorithm
    point: asn1.BitString


@asn1.sequence
class _Originator:
    key: Annotated[_OriginatorKey, asn1.Implicit(1)]


@asn1.sequence
class RecipientEncryptedKey:
    """RFC 5652 section 6.2.2."""

    recipient: IssuerAndSerial
    encrypted_key: bytes


@asn1.sequence
class KeyAgreement:
    """RFC 5652 section 6.2.2, RFC 5753 section 3.1: the content key wrapped with a key agreed by ECDH."""

    version: int
    originator: Annotated[_Originator, asn1.Implicit(0)]
    algorithm: asn1.TLV
    encrypted_keys: list[RecipientEncryptedKey]


@asn1.sequence
class GcmParameters:
    """RFC 5084 section 3.2."""

    nonce: bytes
    tag_bytes: Annotated[int, asn1.Default(12)]


@asn1.sequence
class GcmAlgorithm:
    """AES in Galois/Counter mode with its parameters."""

    algorithm: Oid
    parameters: GcmParameters


@asn1.sequence
class EncryptedContentInfo:
    """RFC 5652 section 6.1."""

    kind: Oid
    algorithm: GcmAlgorithm
    ciphertext: Annotated[bytes, asn1.Implicit(0)]


@asn1.sequence
class AuthEnvelopedData:
    """RFC 5083 section 2.1, without attributes."""

    version: int
    recipients: asn1.SetOf[KeyTransport | Annotated[KeyAgreement, asn1.Implicit(1)]]
    content: EncryptedContentInfo
    tag: bytes


def oid(value: Oid) -> bytes:
    """Encode an object identifier as DER."""
    return asn1.encode_der(value)


def issuer_and_serial(certificate: x509.Certificate) -> bytes:
    """Return the IssuerAndSerialNumber of a certificate (RFC 5652 section 10.2.4), DER."""
    return tlv(SEQUENCE, certificate.issuer.public_bytes(), asn1.encode_der(certificate.serial_number))


def der_of(element: asn1.TLV) -> bytes:
    """Encode an ASN.1 element as DER."""
    return asn1.encode_der(element)


def decode(kind: type[_T], data: bytes) -> _T:
    """Decode strict DER.

    Raises:
        EnvelopeError: MALFORMED when the data are not strict DER of this structure.
    """
    try:
        return asn1.decode_der(kind, data)
    except UNREADABLE as error:
        raise EnvelopeError(OpeningFailure.MALFORMED) from error


def decode_content(data: bytes, kind: Oid, wrong_kind: OpeningFailure, into: type[_T]) -> _T:
    """Decode the content of a ContentInfo.

    Args:
        data: DER of the ContentInfo.
        kind: the required content type.
        wrong_kind: the failure for another content type.
        into: the structure of the content.

    Raises:
        EnvelopeError: MALFORMED, or `wrong_kind`.
    """
    element = decode(ContentInfo, data)
    if element.kind != kind:
        raise EnvelopeError(wrong_kind)
    try:
        return element.content.parse(into)
    except UNREADABLE as error:  # certificates inside raise other exceptions than ValueError too
        raise EnvelopeError(OpeningFailure.MALFORMED) from error


# -- algorithm identifiers, compared byte by byte; RFC 4055 and 5754 permit NULL parameters to be absent


def _algorithm(oid: str, *parameters: bytes) -> bytes:
    return tlv(SEQUENCE, asn1.encode_der(Oid(oid)), *parameters)


def _with_sha256(oid: str, sha256: bytes, *more: bytes) -> bytes:
    mgf1 = _algorithm("1.2.840.113549.1.1.8", sha256)
    return _algorithm(oid, tlv(SEQUENCE, tlv(CONTEXT_0, sha256), tlv(CONTEXT_1, mgf1), *more))


_SHA256_NULL = _algorithm("2.16.840.1.101.3.4.2.1", NULL)
_SALT_32 = tlv(CONTEXT_2, tlv(INTEGER, b"\x20"))
_PSS, _OAEP = "1.2.840.113549.1.1.10", "1.2.840.113549.1.1.7"
_AES_256_WRAP = _algorithm("2.16.840.1.101.3.4.1.45")

SHA256 = _algorithm("2.16.840.1.101.3.4.2.1")
PSS_SHA256 = _with_sha256(_PSS, _SHA256_NULL, _SALT_32)
OAEP_SHA256 = _with_sha256(_OAEP, _SHA256_NULL)
ECDSA_SHA256 = _algorithm("1.2.840.10045.4.3.2")
ECDH_SHA256_AES_256_WRAP = _algorithm("1.3.132.1.11.1", _AES_256_WRAP)

ANY_SHA256 = frozenset({SHA256, _SHA256_NULL})
ANY_PSS_SHA256 = frozenset({PSS_SHA256, _with_sha256(_PSS, SHA256, _SALT_32)})
ANY_OAEP_SHA256 = frozenset({OAEP_SHA256, _with_sha256(_OAEP, SHA256)})

SHARED_INFO = tlv(SEQUENCE, _AES_256_WRAP, tlv(CONTEXT_2, tlv(OCTET_STRING, (256).to_bytes(4, "big"))))
"""ECC-CMS-SharedInfo of RFC 5753 section 7.2, without entityUInfo: the wrap algorithm and its key length in bits."""
