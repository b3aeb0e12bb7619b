"""Reading and writing of certificates and private keys; key files are readable by their owner only."""

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
    """Read all certificates of a file, the first being the subject's own: PEM, or one in DER, as Windows exports it.

    Raises:
        OverstapError: TRUST-014 when the file holds no readable certificate.
    """
    try:
        data = path.read_bytes()
        return [x509.load_der_x509_certificate(data)] if is_der(data) else x509.load_pem_x509_certificates(data)
    except (OSError, ValueError) as error:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name) from error


def is_der(data: bytes) -> bool:
    """Tell whether a file is in DER, which begins with the mark of a sequence (X.690 clause 8.9); PEM is text."""
    return data[:1] == b"\x30"


def check_mode(path: Path) -> None:
    """Check that a file is there and that nobody but its owner can read it.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others may read it.
    """
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise OverstapError("TRUST-002", file=path.name, folder=path.parent.name) from error
    if mode & 0o077:
        raise OverstapError("TRUST-003", file=path.name, folder=path.parent.name, mode=f"{mode & 0o777:04o}")


def read_key(path: Path) -> PrivateKey:
    """Read a private key from a file that nobody but its owner can read.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others may read it; TRUST-014 unreadable; TRUST-012 a kind of key
            that is not used here.
    """
    check_mode(path)
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise OverstapError("TRUST-012", subject=path.stem)
    return key
