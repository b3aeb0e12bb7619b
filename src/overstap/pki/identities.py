"""Certificates and keys that passed every check at a given moment."""

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
    """Certificate and key for a TLS connection."""

    oin: str
    certificate: x509.Certificate
    certificate_file: Path
    """With the certificates between it and the root, so that the other side can build the chain."""
    key_file: Path
    key: PrivateKey | None = field(repr=False, default=None)
    """The key, where its file is a PKCS#12, which a TLS library does not read."""
    chain: tuple[x509.Certificate, ...] = ()
    """The same for the certificates."""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Give certificate and key to a TLS context.

        A TLS library takes files only. What comes from a PKCS#12 is written to one for that moment, readable for its
        owner only and encrypted with a password that nobody else ever has.
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
