"""Certificates and keys that the trust store checked for a purpose: signing, sealing, decryption and TLS."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from overstap.pki.key_files import PrivateKey


@dataclass(frozen=True, slots=True, eq=False)
class SigningIdentity:
    """Signing key of a school or conductor, with its certificate."""

    school: str
    oin: str
    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class RecipientCertificate:
    """Decryption certificate of a school, for which envelopes are sealed."""

    school: str
    oin: str
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True, eq=False)
class DecryptionIdentity:
    """Decryption key of a school, with its certificate."""

    certificate: x509.Certificate
    key: PrivateKey = field(repr=False)


class KeyRing:
    """Unexpired decryption keys of a school, newest first, so that envelopes still open after a key rotation.

    Args:
        school: BRIN and branch.
        oin: OIN of the school.
        identities: the keys with their certificates, newest first.
    """

    def __init__(self, school: str, oin: str, identities: tuple[DecryptionIdentity, ...]) -> None:
        self.school = school
        self.oin = oin
        self._identities = {
            (found.certificate.issuer.public_bytes(), found.certificate.serial_number): found for found in identities
        }

    def __iter__(self) -> Iterator[DecryptionIdentity]:
        return iter(self._identities.values())

    def find(self, issuer: bytes, serial: int) -> DecryptionIdentity | None:
        """Return the key of a certificate by its issuer (name, DER) and serial number; None without one."""
        return self._identities.get((issuer, serial))


@dataclass(frozen=True, slots=True, eq=False)
class TlsIdentity:
    """Certificate and key for a TLS connection."""

    oin: str
    certificate: x509.Certificate
    certificate_file: Path
    """File with the certificate and its intermediate authorities, from which the peer builds the chain."""
    key_file: Path
    key: PrivateKey | None = field(repr=False, default=None)
    """The key, when its file is a PKCS#12 file, which OpenSSL's TLS interface does not read; else None."""
    chain: tuple[x509.Certificate, ...] = ()
    """The certificates of `certificate_file`, when it is a PKCS#12 file."""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Load certificate and key into a TLS context.

        `ssl` loads them from files only. The content of a PKCS#12 file is written to a temporary file, readable by its
        owner only and encrypted with a random password.
        """
        if self.key is None:
            context.load_cert_chain(self.certificate_file, self.key_file)
            return
        password = os.urandom(32).hex()
        pem = self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(password.encode()),
        )
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:  # made with mode 0600
            file.write(pem + b"".join(one.public_bytes(serialization.Encoding.PEM) for one in self.chain))
            file.flush()
            context.load_cert_chain(file.name, password=password)
