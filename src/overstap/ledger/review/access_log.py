"""Log of dossiers opened for a person to read, for the parents (AVG art. 15)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.session import UnitOfWork

Purpose = Literal["parent_page", "school_page", "print", "letter", "proof_pack", "command"]


@dataclass(frozen=True, slots=True)
class DossierAccess:
    """One time that a dossier was opened for somebody."""

    number: int
    purpose: str
    opened_by: str
    person: str | None
    opened_at: datetime


def note_opened(
    unit: UnitOfWork, refs: Iterable[VersionRef], *, by: str, purpose: Purpose, person: str | None = None
) -> None:
    """Note that versions are about to be opened for somebody to read. Before the content is given out.

    Args:
        unit: the transaction; commit it before anything is shown.
        refs: the versions.
        by: the account that reads, or "parent".
        purpose: where it is read.
        person: handle of the parent or pupil who reads.
    """
    wanted = list(dict.fromkeys(refs))
    unit.audit("content.open", *(AuditLine(ref.bound_to, {"purpose": purpose, "by": by}) for ref in wanted))
    columns = {"region": "text", "dossier": "uuid", "number": "int4", "purpose": "text", "opened_by": "text"}
    unit.insert(
        "content_access",
        columns | {"person": "text"},
        [(unit.region, ref.dossier, ref.number, purpose, by, person) for ref in wanted],
    )


def opened(unit: UnitOfWork, dossier: UUID) -> list[DossierAccess]:
    """Return who opened a dossier, oldest first."""
    return [
        DossierAccess(*row)
        for row in unit.rows(
            "select number, purpose, opened_by, person, opened_at from overstap.content_access "
            "where dossier = %(dossier)s order by opened_at",
            dossier=dossier,
        )
    ]
