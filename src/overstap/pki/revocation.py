"""Checks against the revocation lists (CRL, RFC 5280 sections 5 and 6.3) in the trust folder, without network access.

A list applies within its scope: an issuing distribution point can limit it to some certificates or reasons, and a delta
list adds to its base list. Outside its scope a list proves nothing about a certificate. A list with an unknown critical
extension is ignored.
"""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from overstap.errors import OverstapError
from overstap.pki.certificates import UNREADABLE, label

_LIST_EXTENSIONS = (
    x509.AuthorityKeyIdentifier,
    x509.CRLNumber,
    x509.DeltaCRLIndicator,
    x509.IssuingDistributionPoint,
    x509.FreshestCRL,
    x509.AuthorityInformationAccess,
    x509.IssuerAlternativeName,
)
_ENTRY_EXTENSIONS = (x509.CRLReason, x509.InvalidityDate, x509.CertificateIssuer)
_PEM_BEGIN = b"-----BEGIN X509 CRL-----"
_PEM = re.compile(_PEM_BEGIN + rb"[^-]*-----END X509 CRL-----")
_REASONS = frozenset(x509.ReasonFlags) - {x509.ReasonFlags.unspecified, x509.ReasonFlags.remove_from_crl}
"""All that `onlySomeReasons` can name (RFC 5280 section 4.2.1.13)."""


def load(data: bytes) -> x509.CertificateRevocationList:
    """Read a list in PEM or DER.

    Raises:
        ValueError: the data are not a list; also other exceptions of `certificates.UNREADABLE`.
    """
    [found] = load_all(data)
    return found


def load_all(data: bytes) -> list[x509.CertificateRevocationList]:
    """Read all lists of a file: one in DER, or any number in PEM, also with explanatory text around them (RFC 7468).

    Raises:
        ValueError: the file contains no list; also other exceptions of `certificates.UNREADABLE`.
    """
    blocks = _PEM.findall(data)
    if data.count(_PEM_BEGIN) > len(blocks):
        raise ValueError("truncated PEM")
    return [x509.load_pem_x509_crl(block) for block in blocks] or [x509.load_der_x509_crl(data)]


def is_signed_by(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    """Return whether a list names an authority as its issuer and has a valid signature of its key (EC or RSA)."""
    key = issuer.public_key()
    if found.issuer != issuer.subject or not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return False
    return found.is_signature_valid(key)


def _read(path: Path) -> list[x509.CertificateRevocationList]:
    try:
        return load_all(path.read_bytes())
    except (OSError, *UNREADABLE) as error:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name) from error


@dataclass(frozen=True, slots=True)
class _Entry:
    since: datetime
    is_removal: bool
    """The delta list removes the entry (removeFromCRL): a hold has ended, or the certificate has expired."""


@dataclass(frozen=True, slots=True)
class _Scope:
    """Certificates and reasons that a list covers (RFC 5280 section 5.2.5)."""

    only_users: bool = False
    only_authorities: bool = False
    only_attributes: bool = False
    is_indirect: bool = False
    reasons: frozenset[x509.ReasonFlags] = _REASONS
    names: frozenset[x509.GeneralName] | None = None
    """Of its distribution point; None when it states none."""

    def has(self, certificate: x509.Certificate) -> bool:
        """Return whether the list covers a certificate."""
        is_authority = _is_authority(certificate)
        if self.only_attributes or (self.only_users and is_authority) or (self.only_authorities and not is_authority):
            return False
        return self.names is None or bool(self.names & _points_of(certificate))


@dataclass(frozen=True, slots=True)
class _List:
    """A revocation list with its entries by serial number; the library would search all entries for each lookup."""

    number: int | None
    base: int | None
    """For a delta list: the number of the base list that it adds to (RFC 5280 section 5.2.4)."""
    scope: _Scope
    entries: Mapping[int, _Entry] = field(repr=False)
    since: datetime
    until: datetime | None

    @classmethod
    def of(cls, found: x509.CertificateRevocationList, issuer: x509.Certificate) -> "_List | None":
        """Read a list of an authority; None when it has an unknown critical extension."""
        known = {one.oid: one.value for one in found.extensions if isinstance(one.value, _LIST_EXTENSIONS)}
        if any(one.critical and one.oid not in known for one in found.extensions):
            return None
        scope = _scope_of(known.get(x509.IssuingDistributionPoint.oid))
        number, delta = known.get(x509.CRLNumber.oid), known.get(x509.DeltaCRLIndicator.oid)
        entries = _entries(found, issuer) if scope is not None else None
        if scope is None or entries is None:
            return None
        return cls(
            number.crl_number if isinstance(number, x509.CRLNumber) else None,
            delta.crl_number if isinstance(delta, x509.DeltaCRLIndicator) else None,
            scope,
            entries,
            found.last_update_utc,
            found.next_update_utc,
        )

    def with_delta(self, deltas: Iterable["_List"]) -> "_List":
        """Return a base list with the newest delta list that adds to it."""
        fitting = [
            one
            for one in deltas
            if one.scope == self.scope
            and one.base is not None
            and self.number is not None
            and one.base <= self.number <= (one.number or 0)
        ]
        if not fitting:
            return self
        delta = max(fitting, key=lambda one: (one.number or 0, one.since))
        entries = {**self.entries, **delta.entries}
        ends = [one.until for one in (self, delta) if one.until is not None]
        return _List(delta.number, None, self.scope, entries, delta.since, max(ends, default=None))


def _entries(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> dict[int, _Entry] | None:
    """Return the entries about an authority's certificates; None when one has an unknown critical extension.

    In an indirect list an entry can name another authority, which also holds for the entries after it (RFC 5280 section
    5.3.3).
    """
    entries = {}
    about = issuer.subject
    for one in found:
        is_removal = False
        for extension in one.extensions:
            if not isinstance(extension.value, _ENTRY_EXTENSIONS):
                if extension.critical:
                    return None
            elif isinstance(extension.value, x509.CertificateIssuer):
                names = extension.value.get_values_for_type(x509.DirectoryName)
                about = names[0] if names else about
            elif isinstance(extension.value, x509.CRLReason):
                is_removal = extension.value.reason is x509.ReasonFlags.remove_from_crl
        if about == issuer.subject:
            entries[one.serial_number] = _Entry(one.revocation_date_utc, is_removal)
    return entries


def _scope_of(stated: object) -> _Scope | None:
    """Return a list's scope; None when it is stated in an unsupported form."""
    if not isinstance(stated, x509.IssuingDistributionPoint):
        return _Scope()
    if stated.relative_name is not None:
        return None
    return _Scope(
        stated.only_contains_user_certs,
        stated.only_contains_ca_certs,
        stated.only_contains_attribute_certs,
        stated.indirect_crl,
        _REASONS if stated.only_some_reasons is None else frozenset(stated.only_some_reasons),
        frozenset(stated.full_name) if stated.full_name is not None else None,
    )


def _points_of(certificate: x509.Certificate) -> frozenset[x509.GeneralName]:
    """Return the names of a certificate's distribution points; without any, its issuer's (RFC 5280 section 6.3.3)."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return frozenset({x509.DirectoryName(certificate.issuer)})
    return frozenset(name for point in points for name in point.full_name or ())


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


class RevocationLists:
    """Revocation lists of a folder. Changed files are read again.

    Args:
        folder: folder with `*.crl` files (in any case), each with one or more lists.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: frozenset[tuple[str, int]] = frozenset()
        self._lists: list[x509.CertificateRevocationList] = []
        self._read: dict[x509.Certificate, list[_List]] = {}

    def refresh(self) -> None:
        """Read the folder again if a list in it changed."""
        with os.scandir(self._folder) as entries:
            seen = frozenset((one.name, one.stat().st_mtime_ns) for one in entries if one.name.lower().endswith(".crl"))
        if seen != self._seen:
            self._lists = [found for name, _ in sorted(seen) for found in _read(self._folder / name)]
            self._read, self._seen = {}, seen

    def _of(self, issuer: x509.Certificate) -> list[_List]:
        """Return the newest list per scope that this authority signed, each with its delta list.

        A delta list without its base revokes the certificates that it names, and proves nothing else.
        """
        if issuer not in self._read:
            self._read[issuer] = list(_newest(self._signed_by(issuer)))
        return self._read[issuer]

    def _signed_by(self, issuer: x509.Certificate) -> Iterator[_List]:
        for one in self._lists:
            try:
                found = _List.of(one, issuer) if is_signed_by(one, issuer) else None
            except UNREADABLE:  # a malformed extension, which the library parses only when it is read
                found = None
            if found is not None:
                yield found

    def covers(self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
        """Check a certificate against the lists at a moment.

        A revocation applies from its date on, so that earlier signatures stay valid. It applies whatever the scope of
        its list, since an authority uses a serial number once.

        Args:
            certificate: the certificate.
            issuer: the authority that issued it.
            at: the moment.

        Returns:
            Whether lists of this authority cover the certificate, for every reason, at the moment. If not, its status
            is unknown.

        Raises:
            OverstapError: TRUST-008 revoked.
        """
        covered: set[x509.ReasonFlags] = set()
        for one in self._of(issuer):
            entry = one.entries.get(certificate.serial_number)
            if entry is not None and not entry.is_removal and entry.since <= at:
                raise OverstapError("TRUST-008", subject=label(certificate), on=f"{entry.since:%Y-%m-%d}")
            if one.base is None and one.until is not None and one.until >= at and one.scope.has(certificate):
                covered |= one.scope.reasons
        return covered >= _REASONS

    def valid_until(self, issuer: x509.Certificate) -> datetime | None:
        """Return the expiry (nextUpdate) of an authority's lists for end-entity certificates; None without a list."""
        ends = [
            one.until
            for one in self._of(issuer)
            if one.base is None and one.until is not None and not one.scope.only_attributes
        ]
        users = [
            one.until
            for one in self._of(issuer)
            if one.base is None and one.until is not None and not one.scope.only_attributes
            and not one.scope.only_authorities
        ]  # fmt: skip
        return max(users or ends, default=None)


def _newest(lists: Iterable[_List]) -> Iterator[_List]:
    by_scope: dict[_Scope, list[_List]] = {}
    for one in lists:
        by_scope.setdefault(one.scope, []).append(one)
    for found in by_scope.values():
        bases = [one for one in found if one.base is None]
        deltas = [one for one in found if one.base is not None]
        if bases:
            newest = max(bases, key=lambda one: one.since).with_delta(deltas)
            yield newest
            deltas = [one for one in deltas if one.since > newest.since]
        yield from deltas
