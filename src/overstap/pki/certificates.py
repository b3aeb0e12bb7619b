"""Checks of a single certificate: holder, validity, key, and marks of development certificates."""

from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from overstap.errors import OverstapError

DEVELOPMENT_POLICY = x509.ObjectIdentifier("2.999.7.1")
"""Certificate policy of development certificates, below the arc 2.999 for examples (ITU-T X.660)."""
DEVELOPMENT_ORGANISATION = "Overstap DEVELOPMENT ONLY"

UNREADABLE = (
    ValueError,
    TypeError,  # a name's part of the wrong string type
    x509.InvalidVersion,
    x509.DuplicateExtension,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
)
"""Exceptions of the library for malformed certificates; it raises some only when the malformed part is read."""

_RSA_BITS = frozenset({3072, 4096})


@dataclass(frozen=True, slots=True)
class CertificateChain:
    """Certification path from a certificate to a trusted root, with the period in which all of it is valid."""

    certificates: tuple[x509.Certificate, ...]
    """From the end-entity certificate to the root."""
    not_before: datetime
    not_after: datetime


def oin_in(certificate: x509.Certificate) -> str | None:
    """Return the OIN in a certificate: the only serialNumber of its subject (PKIoverheid); None without one."""
    found = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    return str(found[0].value) if len(found) == 1 else None


def label(certificate: x509.Certificate) -> str:
    """Return the name of a certificate for messages: its common name, or else its serial number."""
    found = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(found[0].value)[:80] if found else f"{certificate.serial_number:x}"


def is_for_development(certificate: x509.Certificate) -> bool:
    """Return whether a certificate is a development certificate, by its policy, issuer or subject."""
    for name in (certificate.subject, certificate.issuer):
        if any(part.value == DEVELOPMENT_ORGANISATION for part in name):
            return True
    try:
        policies = certificate.extensions.get_extension_for_class(x509.CertificatePolicies).value
    except x509.ExtensionNotFound:
        return False
    return any(policy.policy_identifier == DEVELOPMENT_POLICY for policy in policies)


def check_key(certificate: x509.Certificate) -> None:
    """Check that the key is EC P-256, or RSA of 3072 or 4096 bits.

    Raises:
        OverstapError: TRUST-012 for any other key.
    """
    key = certificate.public_key()
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return
    if isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS and key.public_numbers().e == 65537:
        return
    raise OverstapError("TRUST-012", subject=label(certificate))


def check_time(certificate: x509.Certificate, at: datetime) -> None:
    """Check that a certificate is valid at a moment.

    Raises:
        OverstapError: TRUST-006 when it is not.
    """
    if not certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
        raise OverstapError(
            "TRUST-006",
            subject=label(certificate),
            since=f"{certificate.not_valid_before_utc:%Y-%m-%d}",
            until=f"{certificate.not_valid_after_utc:%Y-%m-%d}",
        )
