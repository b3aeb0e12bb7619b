"""Current versions of dossiers: number, moments of review, and released content."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class CurrentVersion:
    """The current version of one dossier.

    Args:
        ref: dossier and number.
        closes_at: when its review closes; None when it is in no review.
        opens_at: when its review opens; None: at its release.
    """

    ref: VersionRef
    closes_at: datetime | None
    opens_at: datetime | None


@dataclass(frozen=True, slots=True)
class ReleasedContent:
    """The version of a dossier that a coordinator released.

    Args:
        ref: dossier and number.
        content: OSO XML.
        digest: SHA-256 of all but the inspection block (32 bytes).
        closes_at: when its review closes; None when it is in no review.
    """

    ref: VersionRef
    content: bytes = field(repr=False)
    digest: bytes
    closes_at: datetime | None


def current_versions(unit: UnitOfWork, dossiers: Sequence[UUID]) -> list[CurrentVersion]:
    """Return the current versions of dossiers, in the order of their ids; those that are not there are left out."""
    return [
        CurrentVersion(VersionRef(dossier, number), closes_at, opens_at)
        for dossier, number, closes_at, opens_at in unit.rows(
            "select dossier, version, review_closes_at, review_opens_at from overstap.dossier "
            "where dossier = any(%(ids)b) order by dossier",
            ids=list(dossiers),
        )
    ]


def released_content(unit: UnitOfWork, dossier: UUID) -> ReleasedContent | None:
    """Return the content of a dossier's current version when it was released, else None.

    Raises:
        OverstapError: LEDGER-002, LEDGER-003 or LEDGER-014 when it cannot be read.
    """
    found = unit.rows(
        "select d.version, v.key_id, v.content, v.content_digest, d.review_closes_at from overstap.dossier d "
        "join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version "
        "where d.dossier = %(id)s and v.released_by is not null",
        id=dossier,
    )
    if not found:
        return None
    number, key_id, content, digest, closes_at = found[0]
    ref = VersionRef(dossier, number)
    return ReleasedContent(ref, unit.keys.decrypt(EncryptedContent(key_id, content), ref.bound_to), digest, closes_at)


def numbers_of(unit: UnitOfWork, dossiers: Sequence[UUID]) -> dict[UUID, VersionRef]:
    """Return the current version of each dossier, by its id; one that is not there is left out."""
    rows = unit.rows("select dossier, version from overstap.dossier where dossier = any(%(ids)b)", ids=list(dossiers))
    return {dossier: VersionRef(dossier, version) for dossier, version in rows}
