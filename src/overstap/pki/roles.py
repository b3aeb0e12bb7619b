"""Purposes of certificates (key usage and extended key usage); one key per purpose limits the harm of a stolen one."""

from enum import StrEnum

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

_DOCUMENT_SIGNING = x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")  # RFC 9336


class Role(StrEnum):
    """Purpose of a certificate; the value is its name in file names and messages."""

    SIGNING = "signing"
    DECRYPTION = "decryption"
    TLS = "tls"
    """TLS server of a school or desk; a school also uses it as TLS client."""
    CLIENT = "client"
    """TLS client."""

    @property
    def file_stem(self) -> str:
        """Start of the file names for this purpose; client and server share one certificate."""
        return "tls" if self is Role.CLIENT else self.value


_EXTENDED = {
    Role.SIGNING: frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION, _DOCUMENT_SIGNING}),
    Role.DECRYPTION: frozenset({ExtendedKeyUsageOID.EMAIL_PROTECTION}),
    Role.TLS: frozenset({ExtendedKeyUsageOID.SERVER_AUTH}),
    Role.CLIENT: frozenset({ExtendedKeyUsageOID.CLIENT_AUTH}),
}


def uses_of(role: Role) -> frozenset[x509.ObjectIdentifier]:
    """Return the extended key usages of a role; a certificate needs one of them."""
    return _EXTENDED[role]


def has_purpose(certificate: x509.Certificate, role: Role) -> bool:
    """Return whether a certificate's extensions permit a role.

    Key usage and extended key usage must both be present (RFC 5280 4.2.1.3 and 4.2.1.12).
    """
    try:
        usage = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        extended = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    if usage.key_cert_sign or usage.crl_sign or not _EXTENDED[role] & set(extended):
        return False
    signs = usage.digital_signature or usage.content_commitment
    opens = usage.key_encipherment or usage.key_agreement
    match role:
        case Role.SIGNING:
            return signs and not opens
        case Role.DECRYPTION:
            rsa_key = isinstance(certificate.public_key(), rsa.RSAPublicKey)
            return (usage.key_encipherment if rsa_key else usage.key_agreement) and not signs
        case _:
            return usage.digital_signature


def key_usage(role: Role, *, rsa_key: bool) -> x509.KeyUsage:
    """Return the key usage of a new certificate for a role."""
    decrypts = role is Role.DECRYPTION
    return x509.KeyUsage(
        digital_signature=not decrypts,
        content_commitment=role is Role.SIGNING,
        key_encipherment=decrypts and rsa_key,
        data_encipherment=False,
        key_agreement=decrypts and not rsa_key,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def extended_key_usage(role: Role) -> x509.ExtendedKeyUsage:
    """Return the extended key usages of a new certificate for a role."""
    if role is Role.TLS:  # a school is also a TLS client: of the desk
        return x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    return x509.ExtendedKeyUsage(sorted(_EXTENDED[role] - {_DOCUMENT_SIGNING}, key=lambda oid: oid.dotted_string))
