"""Reading of PKCS#12 files (RFC 7292), which hold a private key with its certificates."""

from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from overstap.errors import OverstapError
from overstap.pki.key_files import PrivateKey, check_mode

PASSWORD_SUFFIX = ".password"  # noqa: S105 - an ending of a file name
SUFFIXES = (".p12", ".pfx")
"""Extensions of PKCS#12 files, in upper or lower case."""
_MARKS = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig"))


@dataclass(frozen=True, slots=True)
class Pkcs12Content:
    """Content of a PKCS#12 file."""

    key: PrivateKey = field(repr=False)
    certificates: tuple[x509.Certificate, ...]
    """The end-entity certificate first, then the intermediate authorities."""


def is_pkcs12(path: Path) -> bool:
    """Return whether a file is a PKCS#12 file, by its extension."""
    return path.suffix.lower() in SUFFIXES


def pkcs12_beside(path: Path) -> Path | None:
    """Return the PKCS#12 file with the same stem as a file, or None."""
    if is_pkcs12(path):
        return path
    found = (path.parent / f"{path.stem}{suffix}" for one in SUFFIXES for suffix in (one, one.upper(), one.title()))
    return next((one for one in found if one.exists()), None)


def read_pkcs12(path: Path) -> Pkcs12Content:
    """Read a PKCS#12 file that only its owner can read.

    Its password is the first line of the file with the same stem and the extension `.password`, which only its owner
    can read either; a file without a password has none.

    Raises:
        OverstapError: TRUST-002 no file; TRUST-003 others can read the file or its password; TRUST-020 it does not open
            with this password; TRUST-014 it lacks the key or the certificate; TRUST-012 a kind of key that is not
            permitted.
    """
    check_mode(path)
    beside = path.with_suffix(PASSWORD_SUFFIX)
    password = None
    if beside.exists():
        check_mode(beside)
        password = _first_line(beside.read_bytes()) or None
    try:
        key, certificate, more = pkcs12.load_key_and_certificates(path.read_bytes(), password)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise OverstapError("TRUST-020", file=path.name, folder=path.parent.name, password=beside.name) from error
    if key is None or certificate is None:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name)
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise OverstapError("TRUST-012", subject=path.stem)
    return Pkcs12Content(key, (certificate, *more))


def _first_line(data: bytes) -> bytes:
    """Return the first line of a text file, without byte order mark; UTF-16 is converted to UTF-8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            data = data.decode(encoding, errors="replace").encode()
            break
    return (data.splitlines() or [b""])[0]
