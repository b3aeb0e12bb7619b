"""Trust store: returns certificates and keys by holder and purpose, after every check that their use requires."""

import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeVar

from cryptography import x509

from overstap.bounded_http import RequestBounds
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.pki import certificates, path_validation
from overstap.pki.certificate_files import CERTIFICATE_SUFFIXES, CertificateFiles, number_of
from overstap.pki.certificates import CertificateChain
from overstap.pki.identities import DecryptionIdentity, KeyRing, RecipientCertificate, SigningIdentity, TlsIdentity
from overstap.pki.key_files import PrivateKey, is_der, read_certificates, read_key
from overstap.pki.ocsp import BOUNDS as OCSP_BOUNDS
from overstap.pki.ocsp import OcspClient
from overstap.pki.oin import oin_of
from overstap.pki.pkcs12 import PASSWORD_SUFFIX, is_pkcs12, pkcs12_beside, read_pkcs12
from overstap.pki.revocation import RevocationLists
from overstap.pki.roles import Role, has_purpose, uses_of
from overstap.pki.token_keys import read_token_key, token_beside

REVOCATION_UNKNOWN = frozenset({"TRUST-009", "TRUST-019"})
"""Error codes of an unknown revocation status: the caller must try again later and refuse nothing."""
EXPIRY_DAYS = 14
"""Required remaining validity, in days, of a certificate for sealing, so that the receiver can still decrypt."""

_CHAINS_KEPT = 10_000  # bound of the cache, so that a sender with ever new certificates cannot exhaust memory
_REGION = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_T = TypeVar("_T")


class TrustStore:
    """Certificates and keys below one folder (its layout: `overstap.pki`).

    Files are read on first use and again when they change, so that key rotation needs no restart. The moment is always
    an argument, so that past moments can be checked.

    Args:
        folder: the trust folder.
        production: refuse development certificates.
        clock: returns the present moment, against which OCSP responses must be current.
        ocsp: limits of one OCSP request.
    """

    def __init__(
        self, folder: Path, *, production: bool, clock: Callable[[], datetime] = now, ocsp: RequestBounds = OCSP_BOUNDS
    ) -> None:
        self.folder = folder
        self.production = production
        self._revocations = RevocationLists(folder / "ca")
        self._responders = OcspClient(clock, bounds=ocsp)
        self._files: dict[Path, tuple[int, object]] = {}
        self._listings = CertificateFiles()
        self._paired: dict[Path, tuple[PrivateKey, x509.Certificate]] = {}
        self._chains: dict[tuple[x509.Certificate, Role, str], CertificateChain] = {}

    # -- identities -----------------------------------------------------------------------------------------------

    def signing_identity(self, school: str, *, at: datetime) -> SigningIdentity:
        """Return the newest signing key of a school at a moment.

        Raises:
            OverstapError: TRUST-001 to TRUST-014, by the first check that fails.
        """
        path = self._newest(self._school_folder(school), Role.SIGNING, school, at)
        certificate = self._certificates(path)[0]
        self.check(certificate, role=Role.SIGNING, oin=oin_of(school), at=at)
        return SigningIdentity(school, oin_of(school), certificate, self._key(path, certificate))

    def recipient(self, school: str, *, at: datetime, days: int = EXPIRY_DAYS) -> RecipientCertificate:
        """Return the newest decryption certificate of a school, valid for at least `days` more.

        Raises:
            OverstapError: TRUST-007 when it expires within `days`; TRUST-001 to TRUST-014 as by `check`.
        """
        path = self._newest(self._school_folder(school), Role.DECRYPTION, school, at)
        certificate = self._certificates(path)[0]
        self.check(certificate, role=Role.DECRYPTION, oin=oin_of(school), at=at, days=days)
        return RecipientCertificate(school, oin_of(school), certificate)

    def keyring(self, school: str, *, at: datetime) -> KeyRing:
        """Return every unexpired decryption key of a school, newest first.

        A revoked key still decrypts earlier envelopes; new envelopes are not sealed for it.

        Raises:
            OverstapError: TRUST-001 when there is none; TRUST-002 to TRUST-014 when a key file is not valid.
        """
        found = []
        for path in self._numbered(self._school_folder(school), Role.DECRYPTION):
            certificate = self._certificates(path)[0]
            if certificate.not_valid_before_utc <= at <= certificate.not_valid_after_utc:
                self._check_lasting(certificate, Role.DECRYPTION, oin_of(school), at)
                found.append(DecryptionIdentity(certificate, self._key(path, certificate)))
        if not found:
            raise OverstapError("TRUST-001", owner=school, role=Role.DECRYPTION)
        return KeyRing(school, oin_of(school), tuple(found))

    def tls_identity(self, school: str, *, at: datetime) -> TlsIdentity:
        """Return the certificate and key files of a school's endpoint.

        Raises:
            OverstapError: TRUST-001 to TRUST-014.
        """
        path = self._newest(self._school_folder(school), Role.TLS, school, at)
        return self._tls(path, Role.TLS, oin_of(school), at)

    def conductor_identity(self, region: str, *, at: datetime) -> TlsIdentity:
        """Return the TLS client certificate and key files of a region's conductor.

        Raises:
            OverstapError: TRUST-001 to TRUST-014.
        """
        path = self._newest(self._region_folder(region), Role.CLIENT, f"region {region}", at)
        oin = certificates.oin_in(self._certificates(path)[0])
        return self._tls(path, Role.CLIENT, oin or "", at)

    def conductor_desk(self, region: str, *, at: datetime) -> TlsIdentity:
        """Return the TLS server certificate and key files of a region's desk.

        Raises:
            OverstapError: TRUST-001 to TRUST-014.
        """
        path = self._newest(self._region_folder(region), Role.TLS, f"region {region}", at)
        oin = certificates.oin_in(self._certificates(path)[0])
        return self._tls(path, Role.TLS, oin or "", at)

    def conductor_signing(self, region: str, *, at: datetime) -> SigningIdentity:
        """Return the key with which a region's conductor signs audit checkpoints.

        Raises:
            OverstapError: TRUST-001 to TRUST-014.
        """
        path = self._newest(self._region_folder(region), Role.SIGNING, f"region {region}", at)
        certificate = self._certificates(path)[0]
        oin = certificates.oin_in(certificate) or ""
        self.check(certificate, role=Role.SIGNING, oin=oin, at=at)
        return SigningIdentity(f"region {region}", oin, certificate, self._key(path, certificate))

    def conductor_signers(self, region: str) -> tuple[x509.Certificate, ...]:
        """Return all signing certificates of a region's conductor, including older ones, for older checkpoints."""
        folder = self._region_folder(region)
        return tuple(self._certificates(path)[0] for path in self._numbered(folder, Role.SIGNING))

    def conductor_oins(self) -> frozenset[str]:
        """Return the OINs of all conductors in this folder, which are permitted callers by default."""
        folder = self.folder / "conductor"
        paths = [path for region in sorted(folder.glob("*")) for path in self._numbered(region, Role.CLIENT)]
        found = (certificates.oin_in(self._certificates(path)[0]) for path in paths)
        return frozenset(oin for oin in found if oin)

    def authorities_file(self, *, at: datetime) -> Path:
        """Return the path of the file with all authorities' certificates, for TLS libraries.

        Raises:
            OverstapError: TRUST-013 for a development authority in production; TRUST-014 when the file is missing.
        """
        for certificate in (*self._roots(), *self._intermediates()):
            self._refuse_development(certificate)
        path = self.folder / "ca" / "authorities.pem"
        if not path.exists():
            raise OverstapError("TRUST-014", file=path.name, folder="ca")
        return path

    # -- checks ---------------------------------------------------------------------------------------------------

    def check(self, certificate: x509.Certificate, *, role: Role, oin: str, at: datetime, days: int = 0) -> None:
        """Check that a certificate may be used for a role by the holder of an OIN at a moment.

        Args:
            certificate: a certificate from this folder or from a message.
            role: the intended purpose.
            oin: OIN of the required holder.
            at: the moment.
            days: required validity after that moment, in days.

        Raises:
            OverstapError: TRUST-006 outside its validity; TRUST-007 expires within `days`; TRUST-012 weak key;
                TRUST-011 another holder; TRUST-010 wrong purpose; TRUST-005 no chain to a trusted root; TRUST-021 and
                TRUST-022 a certificate in the chain fails a rule; TRUST-013 a development certificate in production;
                TRUST-008 revoked; TRUST-009 and TRUST-019 revocation status unknown (`REVOCATION_UNKNOWN`); TRUST-018
                not readable as a certificate.
        """
        try:
            self._check(certificate, role, oin, at, days)
        except certificates.UNREADABLE as error:
            raise OverstapError("TRUST-018", role=role) from error

    def _check(self, certificate: x509.Certificate, role: Role, oin: str, at: datetime, days: int) -> None:
        certificates.check_time(certificate, at)
        if certificate.not_valid_after_utc < at + timedelta(days=days):
            until = f"{certificate.not_valid_after_utc:%Y-%m-%d}"
            raise OverstapError("TRUST-007", subject=certificates.label(certificate), until=until, days=days)
        chain = self._check_lasting(certificate, role, oin, at)
        self._revocations.refresh()
        for one, issuer in zip(chain.certificates, chain.certificates[1:], strict=False):
            if not self._revocations.covers(one, issuer, at):  # lists first: they need no network access
                self._responders.check(one, issuer, at)

    def certificates_in_use(self, *, at: datetime) -> Iterator[tuple[str, Role, int, x509.Certificate]]:
        """Yield holder, role, number and certificate of each certificate in use at a moment.

        A successor whose validity has not begun is not in use.
        """
        owners = [(path.name, path, role) for path in sorted(self.folder.glob("schools/*")) for role in _SCHOOL_ROLES]
        owners += [
            (f"region {path.name}", path, role)
            for path in sorted(self.folder.glob("conductor/*"))
            for role in _CONDUCTOR_ROLES
        ]
        for owner, folder, role in owners:
            found = [(path, self._certificates(path)[0]) for path in self._numbered(folder, role)]
            current = [one for one in found if one[1].not_valid_before_utc <= at]
            for path, certificate in (current or found)[:1]:
                yield owner, role, number_of(path), certificate

    def authorities(self) -> Iterator[tuple[x509.Certificate, datetime | None]]:
        """Yield each authority's certificate with the expiry of its revocation lists; None without a list."""
        self._revocations.refresh()
        for one in self.authority_certificates():
            yield one, self._revocations.valid_until(one)

    def _check_lasting(self, certificate: x509.Certificate, role: Role, oin: str, at: datetime) -> CertificateChain:
        """Do the checks whose outcome does not change while the chain is valid; cache the outcome."""
        known = (certificate, role, oin)
        chain = self._chains.get(known)
        if chain is not None and chain.not_before <= at <= chain.not_after:
            return chain
        certificates.check_key(certificate)
        if certificates.oin_in(certificate) != oin:
            raise OverstapError("TRUST-011", subject=certificates.label(certificate), oin=oin)
        if not has_purpose(certificate, role):
            raise OverstapError("TRUST-010", subject=certificates.label(certificate), role=role)
        chain = path_validation.build_chain(
            certificate, intermediates=self._intermediates(), roots=self._roots(), at=at
        )
        path_validation.check_uses(chain, uses_of(role))
        for one in chain.certificates:
            self._refuse_development(one)
        if len(self._chains) >= _CHAINS_KEPT:
            self._chains.clear()
        self._chains[known] = chain
        return chain

    def _refuse_development(self, certificate: x509.Certificate) -> None:
        if self.production and certificates.is_for_development(certificate):
            raise OverstapError("TRUST-013", subject=certificates.label(certificate))

    # -- files ----------------------------------------------------------------------------------------------------

    def _school_folder(self, school: str) -> Path:
        oin_of(school)  # checks the form of the id, which becomes part of a path
        return self.folder / "schools" / school

    def _region_folder(self, region: str) -> Path:
        if not _REGION.fullmatch(region):
            raise OverstapError("TRUST-015", school=region[:20])
        return self.folder / "conductor" / region

    def _numbered(self, folder: Path, role: Role) -> list[Path]:
        """Return the certificate files, or else PKCS#12 files, of a role, newest first."""
        return self._listings.of(folder).get(role.file_stem, [])

    def _newest(self, folder: Path, role: Role, owner: str, at: datetime) -> Path:
        """Return the newest file whose certificate's validity has begun."""
        for path in self._numbered(folder, role):
            if self._certificates(path)[0].not_valid_before_utc <= at:
                return path
        raise OverstapError("TRUST-001", owner=owner, role=role)

    def _tls(self, path: Path, role: Role, oin: str, at: datetime) -> TlsIdentity:
        certificate = self._certificates(path)[0]
        self.check(certificate, role=role, oin=oin, at=at)
        key, key_path = self._key(path, certificate), self._key_path(path)
        if is_pkcs12(path) or is_pkcs12(key_path) or is_der(path.read_bytes()):
            return TlsIdentity(oin, certificate, path, key_path, key=key, chain=tuple(self._certificates(path)))
        return TlsIdentity(oin, certificate, path, key_path)

    def _key_path(self, path: Path) -> Path:
        """Return the path of a certificate's key file: the .key file beside it, or a PKCS#12 file."""
        key = path.with_suffix(".key")
        found = next((file for file in (key, path.with_suffix(".KEY")) if file.exists()), None)
        return found or pkcs12_beside(path) or key

    def _token_key(self, path: Path, certificate: x509.Certificate, beside: Path) -> PrivateKey:
        """Return the key of a certificate whose key is in a token, which signs and does nothing else."""
        if not path.stem.startswith(f"{Role.SIGNING.file_stem}-"):
            raise OverstapError("TRUST-025", file=beside.name, folder=beside.parent.name)

        def read(file: Path) -> PrivateKey:
            return read_token_key(file, certificate)

        key = self._cached(beside, read)
        if key.public_key() != certificate.public_key():  # another certificate came into place and this file stayed
            del self._files[beside]
            key = self._cached(beside, read)
        return key

    def _key(self, path: Path, certificate: x509.Certificate) -> PrivateKey:
        if beside := token_beside(path):
            return self._token_key(path, certificate, beside)
        key_path = self._key_path(path)
        key = self._cached(key_path, read_pkcs12).key if is_pkcs12(key_path) else self._cached(key_path, read_key)
        paired = self._paired.get(path)
        if paired is None or paired[0] is not key or paired[1] is not certificate:
            if key.public_key() != certificate.public_key():
                raise OverstapError("TRUST-004", file=key_path.name, folder=key_path.parent.name)
            self._paired[path] = key, certificate
        return key

    def _certificates(self, path: Path) -> list[x509.Certificate]:
        if is_pkcs12(path):
            return list(self._cached(path, read_pkcs12).certificates)
        return self._cached(path, read_certificates)

    def authority_certificates(self) -> list[x509.Certificate]:
        """Return the certificates of every authority in `ca/`, whether or not its revocation list can be read.

        Raises:
            OverstapError: TRUST-014 when a certificate file is not readable.
        """
        paths = sorted(path for path in (self.folder / "ca").glob("*") if path.suffix.lower() in CERTIFICATE_SUFFIXES)
        return [one for path in paths for one in self._certificates(path)]

    def _roots(self) -> list[x509.Certificate]:
        return [one for one in self.authority_certificates() if one.subject == one.issuer]

    def _intermediates(self) -> list[x509.Certificate]:
        return [one for one in self.authority_certificates() if one.subject != one.issuer]

    def _cached(self, path: Path, read: Callable[[Path], _T]) -> _T:
        """Read a file again only when it, its mode or its password changed (st_ctime)."""
        changed = _changed(path)
        if is_pkcs12(path):
            changed += _changed(path.with_suffix(PASSWORD_SUFFIX))
        known = self._files.get(path)
        if known is None or known[0] != changed or not changed:
            known = (changed, read(path))
            self._files[path] = known
        return known[1]  # type: ignore[return-value]  # what was stored under a path is what its reader gave


_SCHOOL_ROLES = (Role.SIGNING, Role.DECRYPTION, Role.TLS)
_CONDUCTOR_ROLES = (Role.CLIENT, Role.SIGNING)


def _changed(path: Path) -> int:
    """Return when a file or its mode changed (st_ctime, nanoseconds); 0 without a file."""
    try:
        return path.stat().st_ctime_ns
    except FileNotFoundError:
        return 0
