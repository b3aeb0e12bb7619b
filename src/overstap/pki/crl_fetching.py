"""Fetching of revocation lists (CRL) from the addresses that certificates name, into the trust folder.

A list comes over a connection that anybody may have touched. It is stored only when an authority of the folder that
uses this address signed it, when it counts at the moment, and when it is no older than the list of that address that
is there already. Everything else leaves the folder as it is.
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
from overstap.pki.bounded_http import FetchError, FetchProblem, RequestBounds, fetch
from overstap.pki.certificates import UNREADABLE
from overstap.pki.revocation import is_signed_by, load
from overstap.pki.trust_store import TrustStore
from overstap.texts import texts

BOUNDS = RequestBounds(seconds=60.0, max_bytes=32 * 1024 * 1024, redirects=3, schemes=frozenset({"http", "https"}))
"""Limits of one list: an authority with a million certificates has lists of some tens of megabytes."""
_SKEW = timedelta(minutes=5)
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9]+")


class CrlFetchOutcome(StrEnum):
    """What came of one address."""

    STORED = "stored"
    UNCHANGED = "unchanged"
    """The list that is there already, to the byte."""
    UNREADABLE = "unreadable"
    FOREIGN = "foreign"
    """No authority of the folder that uses this address signed it."""
    OLDER = "older"
    """It was made before the list that is there."""
    NOT_NOW = "not_now"
    """It has ended, states no end, or is from the future."""


@dataclass(frozen=True, slots=True)
class CrlFetchResult:
    """The result for one address."""

    url: str
    path: Path
    """Where the list of this address is kept."""
    outcome: CrlFetchOutcome | FetchProblem
    until: datetime | None = None
    """Until when the list counts, where it was stored or unchanged."""
    detail: str = ""
    """Technical words on a request without an answer."""

    @property
    def is_good(self) -> bool:
        """Whether the folder has this address's current list now."""
        return self.outcome in (CrlFetchOutcome.STORED, CrlFetchOutcome.UNCHANGED)


def fetch_revocation_lists(
    store: TrustStore, *, at: datetime, more: Iterable[str] = (), bounds: RequestBounds = BOUNDS
) -> Iterator[CrlFetchResult]:
    """Fetch the list of every address, one after the other, and yield what came of each.

    The addresses are those of the distribution points (RFC 5280 section 4.2.1.13) and freshest lists (section
    4.2.1.15) in the certificates of the trust folder that an authority of the folder issued.

    Args:
        store: the trust store; its folder `ca/` gets the lists, as `fetched-<name>-<digest of the address>.crl`.
        at: the moment at which a list must count.
        more: further addresses, whose list any authority of the folder may have signed.
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
    """Return the http and https addresses at which a certificate says that its issuer's lists are."""
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
    """Return what came of one address, and what to do, in one or two sentences.

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
    """Return when a kept list was made; a file that is no list any more is replaced."""
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
    """Return the file name of an address: its last part to read by, a digest because two may end alike."""
    stem = _NOT_IN_A_NAME.sub("-", PurePosixPath(urlsplit(url).path).stem.lower()).strip("-")[:40]
    return f"fetched-{stem or 'list'}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.crl"
