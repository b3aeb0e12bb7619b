"""Development certificate authority, for demonstrations and tests; its certificates are refused in production.

A deployment uses certificates from PKIoverheid or ODOC; `TrustStore(production=True)` refuses those of this module.
"""

import ipaddress
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import AuthorityInformationAccessOID, NameOID

from overstap.atomic_files import write_atomically
from overstap.errors import OverstapError
from overstap.pki.certificates import DEVELOPMENT_ORGANISATION, DEVELOPMENT_POLICY
from overstap.pki.key_files import PrivateKey, key_bytes, read_certificates, read_key
from overstap.pki.oin import development_oin_of_region, oin_of
from overstap.pki.pkcs12 import SUFFIXES
from overstap.pki.roles import Role, extended_key_usage, key_usage
from overstap.progress import Advance, unwatched

LOOPBACK = ("localhost", "127.0.0.1")
_HOLDS_CERTIFICATE = (".crt", *SUFFIXES)
_AUTHORITY_DAYS = 3650
_HOLDER_DAYS = 730
_LIST_DAYS = 90
_SLACK = timedelta(hours=1)  # for clocks of different machines in one demonstration


class KeyKind(StrEnum):
    """The kinds of key that the envelope format permits."""

    P256 = "p256"
    RSA3072 = "rsa3072"
    RSA4096 = "rsa4096"


def new_key(kind: KeyKind) -> PrivateKey:
    """Generate a private key with the operating system's random generator."""
    if kind is KeyKind.P256:
        return ec.generate_private_key(ec.SECP256R1())
    return rsa.generate_private_key(public_exponent=65537, key_size=int(kind.value.removeprefix("rsa")))


class DevelopmentAuthority:
    """A root and an issuing authority in a folder, created when missing.

    Args:
        folder: the trust folder.
        at: the start of the validity of new certificates.
        ocsp: URL of the OCSP service that new certificates name, or None.
        lists: URL of the revocation list that new certificates name, or None.

    Raises:
        OverstapError: TRUST-016 when the folder holds certificates of an authority whose key is elsewhere.
    """

    def __init__(self, folder: Path, *, at: datetime, ocsp: str | None = None, lists: str | None = None) -> None:
        self.folder = folder
        self.at = at
        self._ocsp = ocsp
        self._lists = lists
        ca = folder / "ca"
        if not (ca / "issuing.key").exists():
            if ca.exists() and any(ca.glob("*.crt")):  # another authority, whose key is elsewhere
                raise OverstapError("TRUST-016", folder=ca.name)
            self._create(ca)
        self._issuing = read_certificates(ca / "issuing.crt")[0]
        self._issuing_key = read_key(ca / "issuing.key")
        if not (ca / "issuing.crl").exists():
            self.publish_revocations()

    def school(self, school: str, *, kind: KeyKind = KeyKind.P256, hosts: Iterable[str] = LOOPBACK) -> None:
        """Issue a school's signing, decryption and TLS certificates, as far as it does not have them.

        Args:
            school: BRIN and branch.
            kind: kind of its signing and decryption keys; the TLS key is always P-256.
            hosts: host names and IP addresses of its endpoint.
        """
        for role in (Role.SIGNING, Role.DECRYPTION, Role.TLS):
            folder = self.folder / "schools" / school
            if not any((folder / f"{role}-1{suffix}").exists() for suffix in _HOLDS_CERTIFICATE):
                self.renew(school, role, kind=kind, hosts=hosts)

    def renew(
        self,
        school: str,
        role: Role,
        *,
        kind: KeyKind = KeyKind.P256,
        hosts: Iterable[str] = LOOPBACK,
        days: int = _HOLDER_DAYS,
    ) -> Path:
        """Issue a further certificate of a role to a school, as its newest one.

        Args:
            school: BRIN and branch.
            role: the purpose.
            kind: kind of the key; a TLS key is always P-256.
            hosts: host names and IP addresses of its endpoint.
            days: validity in days.

        Returns:
            The certificate file.
        """
        oin = oin_of(school)
        folder = self.folder / "schools" / school
        return self._issue(
            folder, role, oin, f"{school} {role}", KeyKind.P256 if role is Role.TLS else kind, hosts, days
        )

    def conductor(self, region: str, *, hosts: Iterable[str] = LOOPBACK) -> None:
        """Issue the TLS and signing certificates of a region's conductor, as far as it does not have them.

        Args:
            region: region id.
            hosts: host names and IP addresses of its desk.
        """
        folder = self.folder / "conductor" / region
        oin = development_oin_of_region(region)
        for role in (Role.TLS, Role.SIGNING):
            if not (folder / f"{role.file_stem}-1.crt").exists():
                self._issue(folder, role, oin, f"conductor {region}", KeyKind.P256, hosts, _HOLDER_DAYS)

    def revoke(self, certificate: x509.Certificate) -> None:
        """Revoke a certificate as of this authority's moment, and publish the revocation list."""
        self.publish_revocations(certificate.serial_number)

    def publish_revocations(self, *serials: int, days: int = _LIST_DAYS) -> None:
        """Publish both revocation lists with their entries so far, and add serial numbers to the issuing authority's.

        Args:
            serials: serial numbers of certificates to revoke.
            days: validity of the lists in days.
        """
        ca = self.folder / "ca"
        root, root_key = read_certificates(ca / "root.crt")[0], read_key(ca / "root.key")
        self._write_list(ca / "root.crl", root, root_key, (), days)
        self._write_list(ca / "issuing.crl", self._issuing, self._issuing_key, serials, days)

    def _write_list(
        self, path: Path, issuer: x509.Certificate, key: PrivateKey, serials: Iterable[int], days: int
    ) -> None:
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(issuer.subject)
            .last_update(self.at - _SLACK)
            .next_update(self.at + timedelta(days=days))
        )
        known = list(x509.load_pem_x509_crl(path.read_bytes())) if path.exists() else []
        for entry in known:
            builder = builder.add_revoked_certificate(entry)
        for serial in set(serials) - {entry.serial_number for entry in known}:
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(self.at).build()
            builder = builder.add_revoked_certificate(entry)
        builder = builder.add_extension(_key_identifier_of(issuer), critical=False)
        builder = builder.add_extension(x509.CRLNumber(int(self.at.timestamp() * 1000)), critical=False)
        write_atomically(path, builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM), mode=0o644)

    def _create(self, ca: Path) -> None:
        root_key, issuing_key = new_key(KeyKind.P256), new_key(KeyKind.P256)
        root_name, issuing_name = _name("development root"), _name("development issuing authority")
        root = self._authority(root_name, root_key, root_name, root_key, root_key, length=1)
        issuing = self._authority(issuing_name, issuing_key, root_name, root_key, root_key, length=0)
        pem = serialization.Encoding.PEM
        write_atomically(ca / "root.key", key_bytes(root_key), mode=0o600)
        write_atomically(ca / "root.crt", root.public_bytes(pem), mode=0o644)
        write_atomically(ca / "issuing.crt", issuing.public_bytes(pem), mode=0o644)
        write_atomically(ca / "authorities.pem", root.public_bytes(pem) + issuing.public_bytes(pem), mode=0o644)
        # Written last: its presence means that the other files are complete
        write_atomically(ca / "issuing.key", key_bytes(issuing_key), mode=0o600)

    def _authority(
        self,
        subject: x509.Name,
        key: PrivateKey,
        issuer: x509.Name,
        issuer_key: PrivateKey,
        signer: PrivateKey,
        *,
        length: int,
    ) -> x509.Certificate:
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        return (
            self._base(subject, key, issuer, _AUTHORITY_DAYS)
            .add_extension(x509.BasicConstraints(ca=True, path_length=length), critical=True)
            .add_extension(usage, critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False)
            .sign(signer, hashes.SHA256())
        )

    def _issue(
        self, folder: Path, role: Role, oin: str, name: str, kind: KeyKind, hosts: Iterable[str], days: int
    ) -> Path:
        key = new_key(kind)
        subject = _name(name, oin)
        builder = (
            self._base(subject, key, self._issuing.subject, days)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(key_usage(role, rsa_key=isinstance(key, rsa.RSAPrivateKey)), critical=True)
            .add_extension(extended_key_usage(role), critical=False)
            .add_extension(_key_identifier_of(self._issuing), critical=False)
        )
        if self._ocsp:
            where = x509.UniformResourceIdentifier(self._ocsp)
            service = x509.AccessDescription(AuthorityInformationAccessOID.OCSP, where)
            builder = builder.add_extension(x509.AuthorityInformationAccess([service]), critical=False)
        if self._lists:
            point = x509.DistributionPoint([x509.UniformResourceIdentifier(self._lists)], None, None, None)
            builder = builder.add_extension(x509.CRLDistributionPoints([point]), critical=False)
        names = [general_name(host) for host in hosts] if role is Role.TLS else []
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._issuing_key, hashes.SHA256())
        stem = role.file_stem
        numbers = [
            path.stem.rpartition("-")[2]
            for path in folder.glob(f"{stem}-*")
            if path.suffix.lower() in _HOLDS_CERTIFICATE
        ]
        number = 1 + max((int(one) for one in numbers if one.isdigit()), default=0)
        chain = certificate, *((self._issuing,) if stem == "tls" else ())
        pem = b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain)
        write_atomically(folder / f"{stem}-{number}.key", key_bytes(key), mode=0o600)
        write_atomically(folder / f"{stem}-{number}.crt", pem, mode=0o644)
        return folder / f"{stem}-{number}.crt"

    def _base(self, subject: x509.Name, key: PrivateKey, issuer: x509.Name, days: int) -> x509.CertificateBuilder:
        policy = x509.PolicyInformation(DEVELOPMENT_POLICY, None)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.at - _SLACK)
            .not_valid_after(self.at + timedelta(days=days))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.CertificatePolicies([policy]), critical=False)
        )


def make_development_certificates(
    folder: Path,
    *,
    schools: Iterable[str],
    regions: Iterable[str] = (),
    at: datetime,
    kind: KeyKind = KeyKind.P256,
    hosts: Iterable[str] = LOOPBACK,
    advance: Advance = unwatched,
) -> None:
    """Create a development authority with certificates for schools and conductors; existing files stay.

    Args:
        folder: the trust folder.
        schools: school ids (BRIN and branch).
        regions: ids of regions whose conductor gets certificates.
        at: the start of the validity.
        kind: kind of the schools' signing and decryption keys.
        hosts: host names and IP addresses of the endpoints.
        advance: is told of each school and conductor.

    Raises:
        OverstapError: TRUST-016 when the folder holds an authority made elsewhere.
    """
    authority = DevelopmentAuthority(folder, at=at)
    hosts = tuple(hosts)
    for school in schools:
        authority.school(school, kind=kind, hosts=hosts)
        advance(1)
    for region in regions:
        authority.conductor(region, hosts=hosts)
        advance(1)


def _name(common: str, oin: str | None = None) -> x509.Name:
    parts = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "NL"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, DEVELOPMENT_ORGANISATION),
        x509.NameAttribute(NameOID.COMMON_NAME, common),
    ]
    return x509.Name([*parts, *([x509.NameAttribute(NameOID.SERIAL_NUMBER, oin)] if oin else [])])


def general_name(host: str) -> x509.GeneralName:
    """Return a host name or IP address as a name for the extension subjectAltName."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _key_identifier_of(issuer: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    found = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(found.value)
