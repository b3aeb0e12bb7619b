"""What the trust store hands out: certificates and keys that have passed every check at the moment asked for."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from overstap.trust.keyfiles import PrivateKey


@dataclass(frozen=True, slots=True, eq=False)
class SigningIdentity:
    """The key with which a school signs, and its certificate."""

    school: str
    oin: str
    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class RecipientCertificate:
    """A school's certificate to seal for, checked for that use."""

    school: str
    oin: str
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True, eq=False)
class DecryptionIdentity:
    """A key with which a school opens what was sealed for its certificate."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


class KeyRing:
    """A school's decryption keys, newest first. Each one that has not expired opens, so that rotation loses nothing."""

    def __init__(self, school: str, oin: str, identities: tuple[DecryptionIdentity, ...]) -> None:
        self.school = school
        self.oin = oin
        self._identities = {
            (found.certificate.issuer.public_bytes(), found.certificate.serial_number): found for found in identities
        }

    def __iter__(self) -> Iterator[DecryptionIdentity]:
        return iter(self._identities.values())

    def find(self, issuer: bytes, serial: int) -> DecryptionIdentity | None:
        """Return the key for a certificate named by its issuer (DER of the name) and serial number."""
        return self._identities.get((issuer, serial))


@dataclass(frozen=True, slots=True, eq=False)
class TlsIdentity:
    """Certificate and key files for a TLS connection; the TLS library reads them itself."""

    oin: str
    certificate: x509.Certificate
    certificate_file: Path
    """With the certificates between it and the root, so that the other side can build the chain."""
    key_file: Path
