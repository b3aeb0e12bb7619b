"""Requests of persons for their proof of inspection, and the proofs made for them."""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class ProofRequest:
    """A request for a proof that was not made yet."""

    access: UUID
    dossier: UUID
    person: str
    asked_at: datetime
    sealed_key: EncryptedContent = field(repr=False)
    """Key of the person's copy, encrypted with the region's key."""


def open_requests(unit: UnitOfWork, round_id: str, primary_school: str) -> list[ProofRequest]:
    """Return the open requests to a school, the oldest first."""
    return [
        ProofRequest(access, dossier, person, asked_at, EncryptedContent(key_id, held))
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


def fulfil(unit: UnitOfWork, request: ProofRequest, sealed: bytes) -> None:
    """Store a proof for the person who requested it.

    Args:
        unit: the transaction.
        request: the request.
        sealed: the pack, encrypted with the key of the person's copy.
    """
    unit.audit("review.proof", AuditLine(str(request.dossier), {"person": request.person}))
    unit.run(
        "update overstap.review_proof set is_open = false, content = %(content)s, made_at = overstap.clock(), "
        "made_by = %(by)s where access = %(access)s",
        content=sealed,
        by=unit.actor,
        access=request.access,
    )
