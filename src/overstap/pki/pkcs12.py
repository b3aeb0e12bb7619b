"""PKCS#12 files (RFC 7292): a private key with its certificates."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from overstap.errors import OverstapError
from overstap.pki.keyfiles import PrivateKey, check_mode

PASSWORD_SUFFIX = ".password"  # noqa: S105 - an ending of a file name


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a PKCS#12 holds."""

    key: PrivateKey = field(repr=False)
    certificates: tuple[x509.Certificate, ...]
    """The key's own first, then those between it and the root."""


def read_pkcs12(path: Path) -> Bundle:
    """Read a PKCS#12 that nobody but its owner can read.

    Its password is the first line of the file of the same name that ends in `.password`, which only its owner can read
    either; a bundle without a password has no such file.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others may read the bundle or its password; TRUST-020 it does not
            open with this password; TRUST-014 it lacks the key or the certificate; TRUST-012 a kind of key that is not
            used here.
    """
    check_mode(path)
    beside = path.with_suffix(PASSWORD_SUFFIX)
    password = None
    if beside.exists():
        check_mode(beside)
        password = (beside.read_bytes().splitlines() or [b""])[0] or None
    try:
        key, certificate, more = pkcs12.load_key_and_certificates(path.read_bytes(), password)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise OverstapError("TRUST-020", file=path.name, folder=path.parent.name, password=beside.name) from error
    if key is None or certificate is None:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise OverstapError("TRUST-012", subject=path.stem)
    return Bundle(key, (certificate, *more))
