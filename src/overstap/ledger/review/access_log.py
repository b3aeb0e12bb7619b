"""Log of who opened a dossier to read it, which parents can see (AVG art. 15)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.session import UnitOfWork

Purpose = Literal["parent_page", "school_page", "print", "letter", "proof_pack", "command", "subject_access"]


@dataclass(frozen=True, slots=True)
class DossierAccess:
    """One opening of a dossier."""

    number: int
    purpose: str
    opened_by: str
    person: str | None
    opened_at: datetime


def note_opened(
    unit: UnitOfWork, refs: Iterable[VersionRef], *, by: str, purpose: Purpose, person: str | None = None
) -> None:
    """Record that versions are about to be opened.

    Args:
        unit: the transaction; commit it before anything is shown.
        refs: the versions.
        by: the account that reads. Reading by a parent is recorded by the database function of the sign-in.
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
    """Return the openings of a dossier, oldest first."""
    return [
        DossierAccess(*row)
        for row in unit.rows(
            "select number, purpose, opened_by, person, opened_at from overstap.content_access "
            "where dossier = %(dossier)s order by opened_at",
            dossier=dossier,
        )
    ]


@dataclass(frozen=True, slots=True)
class Disclosure:
    """One disclosure of a dossier or a part of it, from the audit chain, which is kept longer than the data.

    Args:
        at: moment in the chain (ISO 8601).
        action: action of the line: "content.open", "review.code", "delivery.send", "delivery.collect", "download.take".
        actor: account, task, or the parents' pages.
        to: recipient: a person's handle or a school; empty where the line has none.
        purpose: where it was read, or in which file; empty where the line has none.
    """

    at: str
    action: str
    actor: str
    to: str
    purpose: str


def disclosures(unit: UnitOfWork, dossier: UUID) -> list[Disclosure]:
    """Return every disclosure of a dossier, oldest first, also after its erasure.

    Args:
        unit: the transaction.
        dossier: id of the dossier; it need not exist any more.
    """
    return [
        Disclosure(*row)
        for row in unit.rows(
            """
            with line as (select seq, payload::jsonb as said from overstap.audit_line),
                 sealed as (select said ->> 'subject' as message from line
                             where said ->> 'action' = 'delivery.seal'
                               and starts_with(said #>> '{detail,of}', %(dossier)s || '/'))
            select said ->> 'at', said ->> 'action', said ->> 'actor',
                   coalesce(said #>> '{detail,person}', said #>> '{detail,to}', ''),
                   coalesce(said #>> '{detail,purpose}', said #>> '{detail,file}', '')
              from line
             where said ->> 'action' in ('content.open', 'review.code', 'review.proof')
                   and starts_with(said ->> 'subject', %(dossier)s || '/')
                or said ->> 'action' in ('delivery.send', 'delivery.adopt', 'delivery.collect')
                   and said ->> 'subject' in (select message from sealed)
                or said ->> 'action' = 'download.take' and said #> '{detail,signs}' ? %(sign)s
             order by seq
            """,
            dossier=str(dossier),
            sign=reference(dossier),
        )
    ]


def downloads(unit: UnitOfWork, sign: str) -> list[Disclosure]:
    """Return every file that had a pupil without a dossier in it: on a roster, or with an application only.

    Args:
        unit: the transaction.
        sign: the pseudonym under which the chain has the pupil (`downloads.recorded_as`).
    """
    return [
        Disclosure(*row)
        for row in unit.rows(
            "with line as (select seq, payload::jsonb as said from overstap.audit_line) "
            "select said ->> 'at', said ->> 'action', said ->> 'actor', said #>> '{detail,to}', "
            "said #>> '{detail,file}' from line "
            "where said ->> 'action' = 'download.take' and said #> '{detail,signs}' ? %(sign)s order by seq",
            sign=sign,
        )
    ]
