"""Revocation lists (CRL, RFC 5280 section 5): cached on disk, signed by the authority, usable without a network."""

import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from overstap.errors import OverstapError
from overstap.pki.certificates import label


def _read(path: Path) -> x509.CertificateRevocationList:
    try:
        data = path.read_bytes()
        return x509.load_pem_x509_crl(data) if data.startswith(b"-----") else x509.load_der_x509_crl(data)
    except (OSError, ValueError) as error:
        raise OverstapError("TRUST-014", file=path.name, folder=path.parent.name) from error


def _is_signed_by(found: x509.CertificateRevocationList, issuer: x509.Certificate) -> bool:
    key = issuer.public_key()
    if found.issuer != issuer.subject or not isinstance(key, ec.EllipticCurvePublicKey | rsa.RSAPublicKey):
        return False
    return found.is_signature_valid(key)


@dataclass(frozen=True, slots=True)
class _List:
    """A list, read once: the library looks through all of it for each certificate, and an authority's can be long."""

    revoked: dict[int, datetime]
    """Serial number to the moment from which it was revoked."""
    until: datetime | None

    @classmethod
    def of(cls, found: x509.CertificateRevocationList) -> "_List":
        return cls({one.serial_number: one.revocation_date_utc for one in found}, found.next_update_utc)


class RevocationLists:
    """The revocation lists of a folder; a file that was replaced is read again by itself.

    Args:
        folder: where `*.crl` files lie.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: frozenset[tuple[str, int]] = frozenset()
        self._lists: list[x509.CertificateRevocationList] = []
        self._newest: dict[x509.Certificate, _List | None] = {}

    def refresh(self) -> None:
        """Read the folder again if a list in it changed."""
        with os.scandir(self._folder) as entries:
            seen = frozenset((one.name, one.stat().st_mtime_ns) for one in entries if one.name.endswith(".crl"))
        if seen != self._seen:
            self._lists = [_read(self._folder / name) for name, _ in sorted(seen)]
            self._newest, self._seen = {}, seen

    def _current(self, issuer: x509.Certificate) -> _List | None:
        """Return the newest list that this very authority signed."""
        if issuer not in self._newest:
            signed = [one for one in self._lists if _is_signed_by(one, issuer)]
            newest = max(signed, key=lambda one: one.last_update_utc, default=None)
            self._newest[issuer] = _List.of(newest) if newest is not None else None
        return self._newest[issuer]

    def covers(self, certificate: x509.Certificate, issuer: x509.Certificate, at: datetime) -> bool:
        """Check that a certificate was not revoked at a moment, as far as the lists go.

        A revocation holds from its date on, so that what was signed before it stays provable.

        Args:
            certificate: the one in question.
            issuer: the authority that issued it.
            at: the moment.

        Returns:
            Whether a list of this authority covers the moment. If not, it is not known whether it was revoked.

        Raises:
            OverstapError: TRUST-008 revoked.
        """
        current = self._current(issuer)
        if current is None:
            return False
        since = current.revoked.get(certificate.serial_number)
        if since is not None and since <= at:
            raise OverstapError("TRUST-008", subject=label(certificate), on=f"{since:%Y-%m-%d}")
        return current.until is not None and current.until >= at

    def until(self, issuer: x509.Certificate) -> datetime | None:
        """Return until when the newest list of an authority counts, or None when there is none."""
        current = self._current(issuer)
        return current.until if current is not None else None
