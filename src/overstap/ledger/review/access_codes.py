"""Access codes of persons, with the frozen version and the encrypted copy that each opens.

The parents' pages use functions of the database (include/schemas/ledger/code/07_parents_pages.sql).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class VersionInReview:
    """A released version in review, with its content."""

    ref: VersionRef
    primary_school: str
    state: str
    content: EncryptedContent = field(repr=False)
    digest: bytes
    closes_at: datetime
    shown_before: int | None
    """Number of the newest earlier version that parents could see; None: there was none."""


@dataclass(frozen=True, slots=True)
class CodeInUse:
    """An access code in use, without the code itself."""

    access: UUID
    ref: VersionRef
    person: str
    sealed_key: EncryptedContent = field(repr=False)


@dataclass(frozen=True, slots=True)
class NewCode:
    """A new access code as it is stored: hashes and an encrypted copy, never the code."""

    access: UUID
    ref: VersionRef
    person: str
    lookup_hash: bytes = field(repr=False)
    proof_hash: bytes = field(repr=False)
    sealed_key: EncryptedContent = field(repr=False)
    sealed_copy: bytes = field(repr=False)
    opens_at: datetime


_IN_REVIEW = ("in_review", "inspected", "no_receiver")


def in_review(unit: UnitOfWork, round_id: str, dossiers: Sequence[UUID]) -> dict[UUID, VersionInReview]:
    """Return those of the dossiers whose released version is in review, and lock them until the unit ends."""
    rows = unit.rows(
        "select d.dossier, d.version, d.primary_school, d.state, v.key_id, v.content, v.content_digest, "
        "d.review_closes_at, (select max(f.number) from overstap.review_frozen f where f.dossier = d.dossier "
        "and f.number < d.version) from overstap.dossier d "
        "join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version "
        "where d.round_id = %(round)s and d.dossier = any(%(ids)s) and d.state = any(%(states)s) "
        "and v.released_by is not null and d.review_closes_at is not null order by d.dossier for update of d",
        round=round_id,
        ids=list(dossiers),
        states=list(_IN_REVIEW),
    )
    return {
        row[0]: VersionInReview(
            VersionRef(row[0], row[1]), row[2], row[3], EncryptedContent(row[4], row[5]), row[6], row[7], row[8]
        )
        for row in rows
    }


def version_content(unit: UnitOfWork, ref: VersionRef) -> bytes:
    """Return a version's plain content."""
    key_id, content = unit.one(
        "select key_id, content from overstap.dossier_version where dossier = %(dossier)s and number = %(number)s",
        dossier=ref.dossier,
        number=ref.number,
    )
    return unit.keys.decrypt(EncryptedContent(key_id, content), ref.bound_to)


def freeze(unit: UnitOfWork, version: VersionInReview) -> UUID:
    """Return the id of the frozen version, which is created at the first call."""
    frozen = unit.rows(
        "insert into overstap.review_frozen (region, dossier, number, digest) "
        "values (%(region)s, %(dossier)s, %(number)s, %(digest)s) on conflict (dossier, number) do nothing "
        "returning frozen",
        region=unit.region,
        dossier=version.ref.dossier,
        number=version.ref.number,
        digest=version.digest,
    ) or unit.rows(
        "select frozen from overstap.review_frozen where dossier = %(dossier)s and number = %(number)s",
        dossier=version.ref.dossier,
        number=version.ref.number,
    )
    return UUID(str(frozen[0][0]))


def keep_attachments(unit: UnitOfWork, frozen: UUID, files: Sequence[tuple[UUID, bytes]]) -> None:
    """Store encrypted attachments of a frozen version.

    Args:
        unit: the transaction.
        frozen: id of the frozen version.
        files: id and encrypted bytes of each.
    """
    columns = {"attachment": "uuid", "region": "text", "frozen": "uuid", "content": "bytea"}
    unit.insert("review_attachment", columns, [(file, unit.region, frozen, content) for file, content in files])


def put_in_use(unit: UnitOfWork, frozen: dict[VersionRef, UUID], codes: Sequence[NewCode]) -> None:
    """Put new codes into use; earlier codes of the same persons end. The database writes the audit line of each."""
    if not codes:
        return
    columns = list(
        zip(
            *(
                (
                    *(code.access, frozen[code.ref], code.person, code.lookup_hash, code.proof_hash),
                    *(code.sealed_key.key_id, code.sealed_key.data, code.sealed_copy, code.opens_at),
                )
                for code in codes
            ),
            strict=True,
        )
    )
    names = ("accesses", "frozens", "persons", "finds", "proves", "key_ids", "keys", "copies", "opening")
    unit.rows(
        "select overstap.give_codes(%(accesses)s::uuid[], %(frozens)s::uuid[], %(persons)s::text[], "
        "%(finds)b::bytea[], %(proves)b::bytea[], %(key_ids)s::text[], %(keys)b::bytea[], %(copies)b::bytea[], "
        "%(opening)s::timestamptz[])",
        **{name: list(column) for name, column in zip(names, columns, strict=True)},
    )


def in_use(unit: UnitOfWork, dossiers: Sequence[UUID]) -> list[CodeInUse]:
    """Return the codes in use for these dossiers, with the version that each shows."""
    return [
        CodeInUse(access, VersionRef(dossier, number), person, EncryptedContent(key_id, held))
        for access, dossier, number, person, key_id, held in unit.rows(
            "select a.access, a.dossier, f.number, a.person, a.held_key_id, a.held from overstap.review_access a "
            "join overstap.review_frozen f on f.frozen = a.frozen and f.region = a.region "
            "where a.dossier = any(%(ids)s) and a.ended_at is null order by a.dossier, a.person for update of a",
            ids=list(dossiers),
        )
    ]


def earlier_keys(unit: UnitOfWork, dossiers: Sequence[UUID]) -> dict[tuple[UUID, str], list[str]]:
    """Return per dossier and person the ids of the keys that encrypt what they wrote with ended codes."""
    found: dict[tuple[UUID, str], list[str]] = {}
    for dossier, person, key_id, access in unit.rows(
        "select dossier, person, held_key_id, access from overstap.review_access where dossier = any(%(ids)s) "
        "and ended_at is not null order by issued_at",
        ids=list(dossiers),
    ):
        found.setdefault((dossier, person), []).append(f"{key_id}~{access}")
    return found


def show_version(unit: UnitOfWork, access: UUID, frozen: UUID, sealed_copy: bytes) -> None:
    """Make a code in use show another frozen version."""
    unit.run(
        "update overstap.review_access set frozen = %(frozen)s, showing = %(showing)s where access = %(access)s",
        frozen=frozen,
        showing=sealed_copy,
        access=access,
    )


def renewable(unit: UnitOfWork, round_id: str) -> list[tuple[UUID, int, int | None]]:
    """Return dossiers in review that were released in an earlier version: id, version, last inspected version."""
    return [
        (dossier, version, inspected)
        for dossier, version, inspected in unit.rows(
            "select d.dossier, d.version, (select max(r.number) from overstap.review_decision r "
            "where r.dossier = d.dossier and r.number < d.version) from overstap.dossier d "
            "where d.round_id = %(round)s and d.version > 1 and d.state = any(%(states)s) and exists "
            "(select from overstap.dossier_version v where v.dossier = d.dossier and v.number < d.version "
            "and v.released_by is not null) order by d.dossier",
            round=round_id,
            states=list(_IN_REVIEW),
        )
    ]
