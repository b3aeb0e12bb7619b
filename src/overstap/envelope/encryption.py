"""Authenticated encryption for one recipient: CMS AuthEnvelopedData (docs/envelope.md, part "Encryption")."""

import os
from dataclasses import dataclass
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat import asn1
from cryptography.hazmat.primitives import hashes, keywrap, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.x963kdf import X963KDF

from overstap.envelope import cms
from overstap.envelope.der import (
    BIT_STRING,
    CONTEXT_0,
    CONTEXT_0_PRIMITIVE,
    CONTEXT_1,
    INTEGER,
    OCTET_STRING,
    SEQUENCE,
    SET,
    tlv,
)
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.pki import KeyRing, RecipientCertificate
from overstap.pki.key_files import PublicKey

_VERSION = 0
_TRANSPORT_VERSION, _AGREEMENT_VERSION = 0, 3
_KEY_BYTES, _NONCE_BYTES, _TAG_BYTES = 32, 12, 16
_POINT_BYTES, _UNCOMPRESSED, _WRAPPED_BYTES = 65, 0x04, 40
_OAEP = padding.OAEP(mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=None)


def encrypt(content: bytes, recipient: RecipientCertificate) -> bytes:
    """Encrypt content for one recipient.

    Content key, nonce and ephemeral key come from the operating system's random generator. They are no arguments, since
    reuse would break the encryption.

    Args:
        content: the plaintext, of any length.
        recipient: the recipient's decryption certificate.

    Returns:
        DER of a ContentInfo.
    """
    content_key, nonce = os.urandom(_KEY_BYTES), os.urandom(_NONCE_BYTES)
    sealed = AESGCM(content_key).encrypt(nonce, content, None)
    algorithm = _BEFORE_NONCE + nonce + _TAG_LENGTH
    encrypted = tlv(SEQUENCE, _DATA, algorithm, tlv(CONTEXT_0_PRIMITIVE, sealed[:-_TAG_BYTES]))
    recipients = tlv(SET, _for_recipient(recipient.certificate, content_key))
    enveloped = tlv(SEQUENCE, _ZERO, recipients, encrypted, tlv(OCTET_STRING, sealed[-_TAG_BYTES:]))
    return tlv(SEQUENCE, _AUTH_ENVELOPED_DATA, tlv(CONTEXT_0, enveloped))


_DATA, _AUTH_ENVELOPED_DATA = cms.oid(cms.DATA), cms.oid(cms.AUTH_ENVELOPED_DATA)
_TAG_LENGTH = tlv(INTEGER, bytes((_TAG_BYTES,)))
_BEFORE_NONCE = tlv(
    SEQUENCE, cms.oid(cms.AES_256_GCM), tlv(SEQUENCE, tlv(OCTET_STRING, bytes(_NONCE_BYTES)), _TAG_LENGTH)
)[: -_NONCE_BYTES - len(_TAG_LENGTH)]
_ZERO, _THREE = tlv(INTEGER, b"\x00"), tlv(INTEGER, b"\x03")
_EC_KEY = tlv(SEQUENCE, cms.oid(cms.EC_PUBLIC_KEY))


@dataclass(frozen=True, slots=True)
class _Template:
    """Constant bytes of every RecipientInfo for one certificate; it has a fixed length and two variable parts."""

    key: PublicKey
    before: bytes
    """For EC: the bytes before the ephemeral point. For RSA: the bytes before the encrypted content key."""
    between: bytes
    """For EC: the bytes between the ephemeral point and the wrapped content key, which comes last."""


@lru_cache(maxsize=4096)
def _template(certificate: x509.Certificate) -> _Template:
    key, name = certificate.public_key(), cms.issuer_and_serial(certificate)
    if isinstance(key, rsa.RSAPublicKey):
        hole = bytes(key.key_size // 8)
        whole = tlv(SEQUENCE, _ZERO, name, cms.OAEP_SHA256, tlv(OCTET_STRING, hole))
        return _Template(key, whole[: -len(hole)], b"")
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TypeError("the trust store returns EC and RSA certificates only")
    encrypted_key = tlv(SEQUENCE, tlv(SEQUENCE, name, tlv(OCTET_STRING, bytes(_WRAPPED_BYTES))))
    rest = cms.ECDH_SHA256_AES_256_WRAP + encrypted_key
    originator = tlv(CONTEXT_0, tlv(CONTEXT_1, _EC_KEY, tlv(BIT_STRING, b"\x00", bytes(_POINT_BYTES))))
    whole = tlv(CONTEXT_1, _THREE, originator, rest)
    return _Template(key, whole[: -len(rest) - _POINT_BYTES], rest[:-_WRAPPED_BYTES])


def _for_recipient(certificate: x509.Certificate, content_key: bytes) -> bytes:
    """Return the RecipientInfo with the content key encrypted for one certificate (RFC 5652 section 6.2)."""
    template = _template(certificate)
    key = template.key
    if isinstance(key, rsa.RSAPublicKey):
        return template.before + key.encrypt(content_key, _OAEP)
    ephemeral = ec.generate_private_key(key.curve)
    wrapped = keywrap.aes_key_wrap(_agreed(ephemeral, key), content_key)
    point = ephemeral.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
    return b"".join((template.before, point, template.between, wrapped))


def _agreed(private: ec.EllipticCurvePrivateKey, public: ec.EllipticCurvePublicKey) -> bytes:
    """Derive the key encryption key from an ECDH agreement (RFC 5753 section 7.1, X9.63 with SHA-256)."""
    secret = private.exchange(ec.ECDH(), public)
    return X963KDF(algorithm=hashes.SHA256(), length=_KEY_BYTES, sharedinfo=cms.SHARED_INFO).derive(secret)


def decrypt(data: bytes, keyring: KeyRing) -> bytes:
    """Decrypt with the key of the ring that the recipient information names.

    Args:
        data: DER of a ContentInfo.
        keyring: the decryption keys.

    Returns:
        The plaintext. Its integrity is verified, its sender is not: anybody can encrypt for a public key.

    Raises:
        EnvelopeError: MALFORMED, NOT_AUTHENTICATED, ALGORITHM, RECIPIENTS, NOT_FOR_THIS_KEY or DECRYPTION.
    """
    enveloped = cms.decode_content(
        data, cms.AUTH_ENVELOPED_DATA, OpeningFailure.NOT_AUTHENTICATED, cms.AuthEnvelopedData
    )
    algorithm = enveloped.content.algorithm
    fixed = (
        enveloped.version == _VERSION
        and enveloped.content.kind == cms.DATA
        and algorithm.algorithm == cms.AES_256_GCM
        and algorithm.parameters.tag_bytes == _TAG_BYTES == len(enveloped.tag)
        and len(algorithm.parameters.nonce) == _NONCE_BYTES
    )
    if not fixed:
        raise EnvelopeError(OpeningFailure.ALGORITHM)
    recipients = enveloped.recipients.as_list()
    if len(recipients) != 1:
        raise EnvelopeError(OpeningFailure.RECIPIENTS)
    content_key = _content_key(recipients[0], keyring)
    try:
        return AESGCM(content_key).decrypt(
            algorithm.parameters.nonce, enveloped.content.ciphertext + enveloped.tag, None
        )
    except InvalidTag as error:
        raise EnvelopeError(OpeningFailure.DECRYPTION) from error


def _point(recipient: asn1.BitString) -> ec.EllipticCurvePublicKey:
    """Decode an uncompressed point; the library also accepts hybrid and compressed points, other bytes for the same.

    Raises:
        EnvelopeError: ALGORITHM for another form.
        ValueError: the point is not on the curve.
    """
    encoded = recipient.as_bytes()
    if recipient.padding_bits() or len(encoded) != _POINT_BYTES or encoded[0] != _UNCOMPRESSED:
        raise EnvelopeError(OpeningFailure.ALGORITHM)
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), encoded)


def _content_key(recipient: cms.KeyTransport | cms.KeyAgreement, keyring: KeyRing) -> bytes:
    if isinstance(recipient, cms.KeyTransport):
        right = recipient.version == _TRANSPORT_VERSION and cms.der_of(recipient.algorithm) in cms.ANY_OAEP_SHA256
        name = recipient.recipient
    else:
        right = (
            recipient.version == _AGREEMENT_VERSION and cms.der_of(recipient.algorithm) == cms.ECDH_SHA256_AES_256_WRAP
        )
        right = right and recipient.originator.key.algorithm.algorithm == cms.EC_PUBLIC_KEY
        if len(recipient.encrypted_keys) != 1:
            raise EnvelopeError(OpeningFailure.RECIPIENTS)
        name = recipient.encrypted_keys[0].recipient
    if not right:
        raise EnvelopeError(OpeningFailure.ALGORITHM)
    identity = keyring.find(cms.der_of(name.issuer), name.serial)
    if identity is None:
        raise EnvelopeError(OpeningFailure.NOT_FOR_THIS_KEY)
    try:
        if isinstance(recipient, cms.KeyTransport) and isinstance(identity.key, rsa.RSAPrivateKey):
            key = identity.key.decrypt(recipient.encrypted_key, _OAEP)
        elif isinstance(recipient, cms.KeyAgreement) and isinstance(identity.key, ec.EllipticCurvePrivateKey):
            point = _point(recipient.originator.key.point)
            key = keywrap.aes_key_unwrap(_agreed(identity.key, point), recipient.encrypted_keys[0].encrypted_key)
        else:
            raise EnvelopeError(OpeningFailure.ALGORITHM)
    except (ValueError, keywrap.InvalidUnwrap) as error:
        raise EnvelopeError(OpeningFailure.DECRYPTION) from error
    if len(key) != _KEY_BYTES:
        raise EnvelopeError(OpeningFailure.ALGORITHM)
    return key
