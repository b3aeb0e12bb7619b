"""Reading of certificate and private key files in PEM; a key file must be readable by its owner only."""

from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from overstap.errors import OverstapError

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey


def key_bytes(key: PrivateKey) -> bytes:
    """Return a private key as unencrypted PKCS#8 PEM; the file mode is its protection."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def read_certificates(path: Path) -> list[x509.Certificate]:
    """Read all certificates of a file, that of the subject first: PEM, or one in DER, as Windows exports it.

    Raises:
        OverstapError: TRUST-014 when the file contains no readable certificate.
    """
    try:
        data = path.read_bytes()
        return [x509.load_der_x509_certificate(data)] if is_der(data) else x509.load_pem_x509_certificates(data)
    except (OSError, ValueError) as error:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name) from error


def is_der(data: bytes) -> bool:
    """Return whether a file is DER, which starts with the tag of a SEQUENCE (X.690 clause 8.9); PEM is text."""
    return data[:1] == b"\x30"


def check_mode(path: Path) -> None:
    """Check that a file exists and that only its owner can read it.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others can read it.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise OverstapError("TRUST-002", file=path.name, folder=path.parent.name) from error
    if mode & 0o077:
        raise OverstapError("TRUST-003", file=path.name, folder=path.parent.name, mode=f"{mode & 0o777:04o}")


def read_key(path: Path) -> PrivateKey:
    """Read a private key from a file that only its owner can read.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others can read it; TRUST-014 unreadable; TRUST-012 a kind of key
            that is not permitted.
    """
    check_mode(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise OverstapError("TRUST-012", subject=path.stem)
    return key
