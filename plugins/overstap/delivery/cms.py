"""The few structures of Cryptographic Message Syntax that the format uses, and its algorithms.

RFC 5652 (SignedData), RFC 5083 and 5084 (AuthEnvelopedData, AES-GCM), RFC 5753 (ECDH), RFC 4055 and 4056 (OAEP, PSS),
RFC 5035 (signing certificate). Each structure has just the fields that the format has: what else CMS permits does not
decode, which is the point. `cryptography`'s declarative ASN.1 reads strict DER: no indefinite lengths, no overruns, no
unsorted sets, nothing behind the end.
"""

from typing import Annotated, TypeVar

from cryptography import x509
from cryptography.hazmat import asn1

from overstap.delivery.reasons import EnvelopeError, Reason

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
    """RFC 5035 section 5: repeats what the certificate's digest already binds."""

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
class EncryptedContent:
    """RFC 5652 section 6.1."""

    kind: Oid
    algorithm: GcmAlgorithm
    ciphertext: Annotated[bytes, asn1.Implicit(0)]


@asn1.sequence
class AuthEnvelopedData:
    """RFC 5083 section 2.1, without attributes."""

    version: int
    recipients: asn1.SetOf[KeyTransport | Annotated[KeyAgreement, asn1.Implicit(1)]]
    content: EncryptedContent
    tag: bytes


def originator(point: bytes) -> _Originator:
    """Return the sender's ephemeral public key in its place.

    Args:
        point: uncompressed P-256 point, 65 bytes.
    """
    key = _OriginatorKey(algorithm=_OriginatorAlgorithm(algorithm=EC_PUBLIC_KEY), point=asn1.BitString(point, 0))
    return _Originator(key=key)


def element(der: bytes) -> asn1.TLV:
    """Return one DER element as it stands."""
    return asn1.decode_der(asn1.TLV, der)


def der_of(found: asn1.TLV) -> bytes:
    """Return an element's DER."""
    return asn1.encode_der(found)


def decode(kind: type[_T], data: bytes) -> _T:
    """Decode strict DER.

    Raises:
        EnvelopeError: MALFORMED.
    """
    try:
        return asn1.decode_der(kind, data)
    except ValueError as error:
        raise EnvelopeError(Reason.MALFORMED) from error


def content_of(data: bytes, kind: Oid, otherwise: Reason, into: type[_T]) -> _T:
    """Decode a ContentInfo of one content type.

    Args:
        data: DER.
        kind: the content type it must have.
        otherwise: the reason to refuse with when it has another.
        into: the structure of that content.

    Raises:
        EnvelopeError: MALFORMED, or `otherwise`.
    """
    found = decode(ContentInfo, data)
    if found.kind != kind:
        raise EnvelopeError(otherwise)
    try:
        return found.content.parse(into)
    except ValueError as error:
        raise EnvelopeError(Reason.MALFORMED) from error


def content_info(kind: Oid, content: object) -> bytes:
    """Return the DER of a ContentInfo around a structure."""
    return asn1.encode_der(ContentInfo(kind=kind, content=element(asn1.encode_der(content))))


# -- algorithm identifiers: constants, compared byte by byte; RFC 4055 and 5754 let NULL parameters be left out


def _sequence(*parts: bytes, tag: int = 0x30) -> bytes:
    content = b"".join(parts)
    if len(content) > 0x7F:
        raise ValueError("only for short constants")
    return bytes((tag, len(content))) + content


def _algorithm(oid: str, *parameters: bytes) -> bytes:
    return _sequence(asn1.encode_der(Oid(oid)), *parameters)


def _with_sha256(oid: str, sha256: bytes, *more: bytes) -> bytes:
    mgf1 = _algorithm("1.2.840.113549.1.1.8", sha256)
    return _algorithm(oid, _sequence(_sequence(sha256, tag=0xA0), _sequence(mgf1, tag=0xA1), *more))


_SHA256_OID = "2.16.840.1.101.3.4.2.1"
_BARE, _NULL = _algorithm(_SHA256_OID), _algorithm(_SHA256_OID, b"\x05\x00")
_PSS, _SALT_32 = "1.2.840.113549.1.1.10", _sequence(b"\x02\x01\x20", tag=0xA2)
_OAEP = "1.2.840.113549.1.1.7"
_AES_256_WRAP = _algorithm("2.16.840.1.101.3.4.1.45")

SHA256 = frozenset({_BARE, _NULL})
PSS_SHA256 = frozenset({_with_sha256(_PSS, _NULL, _SALT_32), _with_sha256(_PSS, _BARE, _SALT_32)})
OAEP_SHA256 = frozenset({_with_sha256(_OAEP, _NULL), _with_sha256(_OAEP, _BARE)})
ECDSA_SHA256 = frozenset({_algorithm("1.2.840.10045.4.3.2")})
ECDH_SHA256_AES_256_WRAP = frozenset({_algorithm("1.3.132.1.11.1", _AES_256_WRAP)})

NEW_SHA256 = element(_BARE)
NEW_PSS = element(_with_sha256(_PSS, _NULL, _SALT_32))
NEW_OAEP = element(_with_sha256(_OAEP, _NULL))
NEW_ECDSA = element(_algorithm("1.2.840.10045.4.3.2"))
NEW_ECDH = element(_algorithm("1.3.132.1.11.1", _AES_256_WRAP))

SHARED_INFO = _sequence(_AES_256_WRAP, _sequence(_sequence((256).to_bytes(4, "big"), tag=0x04), tag=0xA2))
"""ECC-CMS-SharedInfo of RFC 5753 section 7.2, without entityUInfo: the wrap algorithm and its key length in bits."""
