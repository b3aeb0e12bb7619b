"""Certificates and keys of schools and conductors: holder (OIN), purpose, validity and revocation.

Certificates and private keys are files below one folder:

    ca/                      root and issuing certificates (*.crt, *.cer) and their revocation lists (*.crl)
    schools/<school id>/     signing-<n>, decryption-<n>, tls-<n>: .crt and, for one's own school, .key (mode 0600);
                             or both in one .p12 (mode 0600), with its password in .password (mode 0600)
    conductor/<region>/      tls-<n>: the region's conductor as TLS client and server; signing-<n> for checkpoints;
                             sftp.key (mode 0600) to log in to schools' SFTP servers

The highest n is the newest: it is used for signing and sealing; every unexpired decryption key still decrypts. This
package does not depend on what is signed or sealed.
"""

from overstap.pki.authority import DevelopmentAuthority, KeyKind, make_development_certificates
from overstap.pki.identities import DecryptionIdentity, KeyRing, RecipientCertificate, SigningIdentity, TlsIdentity
from overstap.pki.oin import oin_of, school_of
from overstap.pki.roles import Role
from overstap.pki.trust_store import REVOCATION_UNKNOWN, TrustStore

__all__ = [
    "REVOCATION_UNKNOWN",
    "DecryptionIdentity",
    "DevelopmentAuthority",
    "KeyKind",
    "KeyRing",
    "RecipientCertificate",
    "Role",
    "SigningIdentity",
    "TlsIdentity",
    "TrustStore",
    "make_development_certificates",
    "oin_of",
    "school_of",
]
