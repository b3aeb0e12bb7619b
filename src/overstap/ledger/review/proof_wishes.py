"""Requests for a proof of inspection, and the proofs made for them."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Wish:
    """A proof that a person asked for and that was not made yet."""

    access: UUID
    dossier: UUID
    person: str
    asked_at: datetime
    held: EncryptedContent = field(repr=False)
    """The key of this person's copy, as the region keeps it."""


def standing(unit: UnitOfWork, round_id: str, primary_school: str) -> list[Wish]:
    """Return what was asked of a school and not made yet, the oldest first."""
    return [
        Wish(access, dossier, person, asked_at, EncryptedContent(key_id, held))
        for access, dossier, person, asked_at, key_id, held in unit.rows(
            "select p.access, p.dossier, a.person, p.asked_at, a.held_key_id, a.held from overstap.review_proof p "
            "join overstap.review_access a on a.access = p.access and a.region = p.region "
            "join overstap.dossier d on d.dossier = p.dossier and d.region = p.region "
            "where p.is_open and a.ended_at is null and d.round_id = %(round)s and d.primary_school = %(school)s "
            "order by p.asked_at, p.access",
            round=round_id,
            school=primary_school,
        )
    ]


def fulfil(unit: UnitOfWork, wish: Wish, sealed: bytes) -> None:
    """Lay a proof ready for who asked.

    Args:
        unit: the transaction.
        wish: what was asked.
        sealed: the pack, sealed with the key of the person's copy.
    """
    unit.audit("review.proof", AuditLine(str(wish.dossier), {"person": wish.person}))
    unit.run(
        "update overstap.review_proof set is_open = false, content = %(content)s, made_at = overstap.clock(), "
        "made_by = %(by)s where access = %(access)s",
        content=sealed,
        by=unit.actor,
        access=wish.access,
    )
