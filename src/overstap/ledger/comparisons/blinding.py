"""Blinded pseudonyms by Diffie-Hellman on P-256 (NIST SP 800-186), computed by the library `cryptography`.

A pupil's number is hashed to a point of the curve, and a region multiplies it by an exponent that only it knows. Two
regions that multiply one after the other, in either order, come to the same point, as in a key agreement. Neither can
tell from a point of the other whose it is, not even by trying every number, since it lacks the other's exponent.

Points are x-coordinates of 32 bytes. The order of the curve is prime, so every x-coordinate on it is of full order.
"""

import hashlib
import hmac
import secrets
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overstap.errors import OverstapError

POINT_BYTES = 32
TAG_BYTES = 16
CONTENT_BYTES = 128
LABEL_BYTES = TAG_BYTES + CONTENT_BYTES + 16
"""Tag, encrypted content, and the authentication tag of AES-GCM."""

_CURVE = ec.SECP256R1()
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # SP 800-186, 3.2.1.3
_EVEN = b"\x02"  # SEC 1, 2.3.4: either ordinate serves, since the x-coordinate of the product is the same for both
_TO_POINT = b"overstap comparison/1 point"
_TO_LABEL = b"overstap comparison/1 label"
_KEY_BYTES = 32
_NONCE = bytes(12)  # each key encrypts one label


class Exponent:
    """A number by which points are multiplied; it does not appear in its representation.

    Args:
        value: the number, reduced to 1 .. order - 1.
    """

    def __init__(self, value: int) -> None:
        self._value = value % (_ORDER - 1) + 1
        self._key = ec.derive_private_key(self._value, _CURVE)

    @classmethod
    def random(cls) -> "Exponent":
        """Return a new one, for one question or one answer."""
        return cls(secrets.randbelow(_ORDER - 1))

    @classmethod
    def of_bytes(cls, data: bytes) -> "Exponent":
        """Return the one that `to_bytes` gave."""
        return cls(int.from_bytes(data) - 1)

    def to_bytes(self) -> bytes:
        """Return it as 32 bytes, to be encrypted and kept."""
        return self._value.to_bytes(POINT_BYTES)

    def times(self, other: "Exponent") -> "Exponent":
        """Return the product, which multiplies by both."""
        return Exponent(self._value * other._value % _ORDER - 1)

    def inverse(self) -> "Exponent":
        """Return the exponent that undoes this one."""
        return Exponent(pow(self._value, -1, _ORDER) - 1)

    def apply(self, point: bytes) -> bytes:
        """Multiply a point.

        Args:
            point: an x-coordinate, 32 bytes.

        Raises:
            OverstapError: COMPARE-005 when it is not on the curve.
        """
        try:
            there = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, _EVEN + point)
        except ValueError:
            raise OverstapError("COMPARE-005") from None
        return self._key.exchange(ec.ECDH(), there)


def point_of(number: str) -> bytes:
    """Hash a pupil's number to a point whose logarithm nobody knows, by trying until an x-coordinate is on the curve.

    Args:
        number: BSN or onderwijsnummer, nine digits.
    """
    tried = 0
    while True:
        candidate = hashlib.sha256(b"\0".join((_TO_POINT, tried.to_bytes(2), number.encode()))).digest()
        try:
            ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, _EVEN + candidate)
        except ValueError:
            tried += 1
        else:
            return candidate


def seal_label(shared: bytes, comparison: UUID, content: bytes) -> bytes:
    """Return a label that only who has the point of the same pupil can find and open: tag and encrypted content.

    Args:
        shared: the pupil's point under the exponents of the answer.
        comparison: id of the comparison.
        content: 128 bytes.
    """
    tag, key = _label_key(shared, comparison)
    return tag + AESGCM(key).encrypt(_NONCE, content, comparison.bytes)


def tag_of(shared: bytes, comparison: UUID) -> bytes:
    """Return the tag under which the label of a point is found, 16 bytes."""
    return _label_key(shared, comparison)[0]


def open_label(shared: bytes, comparison: UUID, label: bytes) -> bytes:
    """Return the content of the label of a point.

    Raises:
        OverstapError: COMPARE-005 when it was not made with this point.
    """
    try:
        return AESGCM(_label_key(shared, comparison)[1]).decrypt(_NONCE, label[TAG_BYTES:], comparison.bytes)
    except InvalidTag:
        raise OverstapError("COMPARE-005") from None


def _label_key(shared: bytes, comparison: UUID) -> tuple[bytes, bytes]:
    # RFC 5869, 2.2, with SHA-512: what is extracted suffices for both
    made = hmac.digest(comparison.bytes + _TO_LABEL, shared, "sha512")
    return made[:TAG_BYTES], made[TAG_BYTES : TAG_BYTES + _KEY_BYTES]
