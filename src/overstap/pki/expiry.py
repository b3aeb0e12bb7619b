"""Detection of certificates, authorities and revocation lists that expire soon."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path

from overstap.clock import format_moment, moment_formats
from overstap.pki.certificates import label
from overstap.pki.roles import Role
from overstap.pki.trust_store import EXPIRY_DAYS, TrustStore
from overstap.texts import texts, with_counts

AHEAD_DAYS = 42
"""Six weeks: obtaining a certificate takes weeks, and so does a round."""
_ALL_DAYS = 36_500
_LIST_AHEAD = timedelta(hours=24)  # lists are renewed daily or weekly


class ExpiryKind(StrEnum):
    """Kind of item that expires."""

    CERTIFICATE = "certificate"
    AUTHORITY = "authority"
    REVOCATION_LIST = "revocation_list"


@dataclass(frozen=True, slots=True)
class ExpiringItem:
    """A certificate, authority or revocation list that expires soon or has expired."""

    kind: ExpiryKind
    owner: str
    """School id, `region <name>`, or the authority's name."""
    role: Role | None
    """Purpose of a certificate; None for other kinds."""
    number: int | None
    """Number of a certificate among those of its role; None for other kinds."""
    until: datetime

    @property
    def name(self) -> str:
        """Display name: `98XA00 signing-2`."""
        return f"{self.owner} {self.role}-{self.number}" if self.role else self.owner


def expiring(store: TrustStore, *, at: datetime, days: int = AHEAD_DAYS) -> list[ExpiringItem]:
    """Return the items that expire within a number of days, the soonest first.

    Only files of the trust folder are read, without network access.

    Args:
        store: the trust store.
        at: the moment.
        days: number of days ahead; for revocation lists always one day.

    Raises:
        OverstapError: TRUST-014 when a file in the folder is not readable.
    """
    ends = at + timedelta(days=days)
    found = [
        ExpiringItem(ExpiryKind.CERTIFICATE, owner, role, number, certificate.not_valid_after_utc)
        for owner, role, number, certificate in store.certificates_in_use(at=at)
        if certificate.not_valid_after_utc < ends
    ]
    for authority, list_until in store.authorities():
        if authority.not_valid_after_utc < ends:
            found.append(
                ExpiringItem(ExpiryKind.AUTHORITY, label(authority), None, None, authority.not_valid_after_utc)
            )
        if list_until is not None and list_until < at + _LIST_AHEAD:
            found.append(ExpiringItem(ExpiryKind.REVOCATION_LIST, label(authority), None, None, list_until))
    return sorted(found, key=lambda one: (one.until, one.name))


def expiry_dates(folder: Path, *, at: datetime) -> dict[str, datetime]:
    """Return the expiry of each certificate and authority, by name.

    Args:
        folder: the trust folder.
        at: the moment.

    Raises:
        OverstapError: TRUST-014 when a file in the folder is not readable.
    """
    found = expiring(_store(folder), at=at, days=_ALL_DAYS)
    return {one.name: one.until for one in found if one.kind is not ExpiryKind.REVOCATION_LIST}


@cache
def _store(folder: Path) -> TrustStore:
    # Cached, so that the store's own cache of certificate files is kept between calls
    return TrustStore(folder, production=False)


def sentence(one: ExpiringItem, *, at: datetime, language: str = "nl") -> str:
    """Describe an expiring item in one or two sentences: name, moment, and consequence.

    Args:
        one: the item.
        at: the present moment.
        language: "nl" or "en".
    """
    words = texts("trust/watch")
    state = "over" if one.until < at else "soon"
    parts = [words[one.kind.value][state][language]]
    if one.role is Role.DECRYPTION:
        parts.append(words["sealing"][language])
    forms = moment_formats(language)
    facts = {
        "name": one.name,
        "until": format_moment(one.until, forms),
        "days": max(0, (one.until - at).days),
        "sealed_until": format_moment(one.until - timedelta(days=EXPIRY_DAYS), forms),
    }
    return " ".join(parts).format(**with_counts(facts))
