"""Fetching of revocation lists (CRL) from the URLs that certificates name, into the trust folder.

The connection is not authenticated. A list is stored only when it is signed by an authority of the folder that uses its
URL, is valid at the moment, and is not older than the stored list of that URL. Otherwise the folder stays as it is.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from overstap.atomic_files import write_atomically
from overstap.bounded_http import FetchError, FetchProblem, RequestBounds, fetch
from overstap.pki.certificates import UNREADABLE
from overstap.pki.revocation import is_signed_by, load
from overstap.pki.trust_store import TrustStore
from overstap.texts import texts

BOUNDS = RequestBounds(seconds=60.0, max_bytes=32 * 1024 * 1024, redirects=3, schemes=frozenset({"http", "https"}))
"""Limits of one list: an authority with a million certificates has lists of some tens of megabytes."""
_SKEW = timedelta(minutes=5)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


class CrlFetchOutcome(StrEnum):
    """Outcome of the request for one URL."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    """The list is identical to the stored one."""
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    """The list is not signed by an authority of the folder that uses this URL."""
    OLDER = "older"
    """The list is older than the stored one."""
    NOT_NOW = "not_now"
    """The list has expired, states no expiry, or is from the future."""


@dataclass(frozen=True, slots=True)
class CrlFetchResult:
    """Result of the request for one URL."""

    url: str
    path: Path
    """File of the list of this URL."""
    outcome: CrlFetchOutcome | FetchProblem
    until: datetime | None = None
    """Expiry of the list (nextUpdate), where known."""
    detail: str = ""
    """Description of a failed request, for the log."""

    @property
    def is_good(self) -> bool:
        """Whether the folder holds the current list of this URL."""
        return self.outcome in (CrlFetchOutcome.STORED, CrlFetchOutcome.UNCHANGED)


def fetch_revocation_lists(
    store: TrustStore, *, at: datetime, more: Iterable[str] = (), bounds: RequestBounds = BOUNDS
) -> Iterator[CrlFetchResult]:
    """Fetch the revocation list of every URL in turn, and yield the result of each.

    The URLs are those of the CRL distribution points (RFC 5280 section 4.2.1.13) and freshest CRLs (section 4.2.1.15)
    in the certificates of the trust folder that an authority of the folder issued.

    Args:
        store: the trust store; lists are written to its folder `ca/` as `fetched-<name>-<digest of the URL>.crl`.
        at: the moment at which a list must be valid.
        more: further URLs, whose list any authority of the folder may sign.
        bounds: limits of one request.

    Raises:
        OverstapError: TRUST-014 when a certificate file is not readable.
        OSError: a list cannot be written.
    """
    authorities = store.authority_certificates()
    found: dict[str, set[x509.Certificate]] = {}
    for certificate in (*authorities, *(certificate for *_, certificate in store.certificates_in_use(at=at))):
        for issuer in authorities:
            if _is_issued_by(certificate, issuer):
                for url in crl_urls_of(certificate):
                    found.setdefault(url, set()).add(issuer)
    for url in more:
        found.setdefault(url, set()).update(authorities)
    for url, issuers in sorted(found.items()):
        yield _fetch_one(url, issuers, store.folder / "ca", at, bounds)


def crl_urls_of(certificate: x509.Certificate) -> list[str]:
    """Return the http and https URLs of revocation lists in a certificate."""
    found = []
    for extension in certificate.extensions:
        if not isinstance(extension.value, x509.CRLDistributionPoints | x509.FreshestCRL):
            continue
        for point in extension.value:
            for name in point.full_name or ():
                if isinstance(name, x509.UniformResourceIdentifier) and urlsplit(name.value).scheme in BOUNDS.schemes:
                    found.append(name.value)
    return found


def sentence(one: CrlFetchResult, *, language: str = "nl") -> str:
    """Describe the result of one URL and the remedy, in one or two sentences.

    Args:
        one: the result.
        language: "nl" or "en".
    """
    found: str = texts("trust/fetch")[one.outcome.value][language]
    return found.format(
        until=f"{one.until:%Y-%m-%d %H:%M}Z" if one.until else "", detail=one.detail, file=one.path.name
    )


def _fetch_one(
    url: str, issuers: set[x509.Certificate], folder: Path, at: datetime, bounds: RequestBounds
) -> CrlFetchResult:
    path = folder / _name_of(url)
    try:
        data = fetch(url, bounds)
    except FetchError as problem:
        return CrlFetchResult(url, path, problem.problem, detail=str(problem))
    try:
        made = load(data)
        is_ours = any(is_signed_by(made, one) for one in issuers)
        since, until = made.last_update_utc, made.next_update_utc
    except UNREADABLE:
        return CrlFetchResult(url, path, CrlFetchOutcome.UNREADABLE)
    if not is_ours:
        return CrlFetchResult(url, path, CrlFetchOutcome.FOREIGN)
    if until is None or until < at or since > at + _SKEW:
        return CrlFetchResult(url, path, CrlFetchOutcome.NOT_NOW, until)
    content = made.public_bytes(serialization.Encoding.DER)
    before = path.read_bytes() if path.exists() else b""
    if content == before:
        return CrlFetchResult(url, path, CrlFetchOutcome.UNCHANGED, until)
    if since < _made_at(before, since):
        return CrlFetchResult(url, path, CrlFetchOutcome.OLDER, until)
    write_atomically(path, content, mode=0o644)
    return CrlFetchResult(url, path, CrlFetchOutcome.STORED, until)


def _made_at(data: bytes, otherwise: datetime) -> datetime:
    """Return the issue time (thisUpdate) of a stored list, or `otherwise` for a damaged file, which is replaced."""
    try:
        return load(data).last_update_utc
    except UNREADABLE:
        return otherwise


def _is_issued_by(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, *UNREADABLE):
        return False
    return True


def _name_of(url: str) -> str:
    """Return the file name for a URL: the last part of its path, and a digest, since two URLs can end alike."""
    stem = _NOT_IN_A_NAME.sub("-", PurePosixPath(urlsplit(url).path).stem.lower()).strip("-")[:40]
    return f"fetched-{stem or 'list'}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.crl"
