"""Decisions of a partnership about dossiers of a support round: signed, encrypted, found for the pupil's next dossier.

A function of the database keeps them, by the session of the partnership's account with a second factor
(include/schemas/ledger/code/30_support_decisions.sql).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent, sha256
from overstap.ledger.session import UnitOfWork

MEASURES = ("tlv", "lwoo")
"""Admissibility declaration for special education, or learning support."""
CATEGORIES = ("L", "M", "H", "Nvt")
"""Funding categories of a TLV (OSO code list 31)."""


@dataclass(frozen=True, slots=True)
class SupportDecision:
    """A decision of a partnership.

    Args:
        decision: its id.
        dossier: the dossier of the support round.
        partnership: number of the partnership.
        said_at: when it was recorded.
        measure: one of `MEASURES`.
        is_granted: whether it was granted.
        number: number of the decision; empty when refused.
        first_day: first day on which it holds; None when refused.
        last_day: last day on which it holds; None: no end.
        category: one of `CATEGORIES` of a granted TLV; else empty.
        reason: why it was refused; empty when granted.
        statement: the signed statement, as bytes.
        signature: detached signature of the region's conductor over it.
    """

    decision: UUID
    dossier: UUID
    partnership: str
    said_at: datetime
    measure: str
    is_granted: bool
    number: str = field(repr=False)
    first_day: date | None = field(repr=False)
    last_day: date | None = field(repr=False)
    category: str = field(repr=False)
    reason: str = field(repr=False)
    statement: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    def answers(self, at: date) -> dict[str, str]:
        """Return what a form for the pupil's next dossier takes over: values by path; nothing when refused or over.

        Args:
            at: the Dutch day.
        """
        if not self.is_granted or (self.last_day is not None and self.last_day < at) or self.first_day is None:
            return {}
        block, prefix = ("tlv[1]", "tlv") if self.measure == "tlv" else ("lwoo", "lwoo_")
        start = "tlvingangdatum" if self.measure == "tlv" else "lwoo_ingangdatum"
        values = {
            start: f"{self.first_day:%d-%m-%Y}",
            f"{prefix}swvnummer": self.partnership,
            f"{prefix}beschikkingsnummer": self.number,
            f"{prefix}einddatum": f"{self.last_day:%d-%m-%Y}" if self.last_day else "",
        }
        if self.measure == "tlv":
            values["tlvcategorie"] = self.category
        return {f"leerling/onderwijsondersteuning/{block}/{name}": text for name, text in values.items() if text}


@dataclass(frozen=True, slots=True)
class SupportDossier:
    """A dossier of a support round at its partnership."""

    ref: VersionRef
    round_id: str
    primary_school: str
    partnership: str
    is_confirmed: bool


def at_school(unit: UnitOfWork, school: str) -> list[SupportDossier]:
    """Return the dossiers of support rounds that a partnership received, or that a primary school sent to one.

    Args:
        unit: the transaction; it needs no key.
        school: number of the partnership, or BRIN and branch of the primary school.
    """
    return [
        SupportDossier(VersionRef(row[0], row[1]), *row[2:])
        for row in unit.rows(
            """
            select distinct on (l.dossier) l.dossier, l.number, l.round_id, d.primary_school, l.secondary_school,
                   l.state = 'confirmed'
              from overstap.delivery l
              join overstap.dossier d on d.dossier = l.dossier and d.state <> 'withdrawn' and d.erased_at is null
              join overstap.round o on o.round_id = l.round_id and o.kind = 'support'
             where %(school)s in (l.secondary_school, d.primary_school)
               and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
               and not exists (select from overstap.envelope_withdrawal w where w.message_id = l.message_id)
             order by l.dossier, l.number desc
            """,
            school=school,
        )
    ]


def decide(
    unit: UnitOfWork,
    session: bytes,
    decision: UUID,
    dossier: UUID,
    statement: bytes,
    signature: bytes,
    place: int,
) -> str | None:
    """Keep a decision of the session's partnership.

    Args:
        unit: the transaction.
        session: identifier of the session.
        decision: id of the decision.
        dossier: the dossier.
        statement: JSON as `statement_of` makes it.
        signature: detached signature over it.
        place: how many decisions about the dossier were read before.

    Returns:
        "kept", "changed" when there are more decisions than were read, "same" for one that was kept before, "many" when
        the dossier has fifty, "unknown" for a dossier that the partnership does not have; None
        without a second factor.
    """
    sealed = unit.keys.encrypt(statement, f"support/{decision}")
    said: str | None = unit.one(
        "select overstap.decide_support(%(stay)s, %(id)s, %(dossier)s, %(key)s, %(content)s, %(signature)s, "
        "%(digest)s, %(place)s)",
        stay=session,
        id=decision,
        dossier=dossier,
        key=sealed.key_id,
        content=sealed.data,
        signature=signature,
        digest=sha256(statement),
        place=place,
    )[0]
    return said


def statement_of(kind: str, facts: dict[str, Any]) -> bytes:
    """Return a statement for signing: JSON with sorted keys.

    Args:
        kind: what the field `kind` says.
        facts: its other fields.
    """
    return json.dumps({"kind": kind, **facts}, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def of_dossiers(unit: UnitOfWork, dossiers: Sequence[UUID]) -> dict[UUID, list[SupportDecision]]:
    """Return the decisions about dossiers, the newest first; those whose content was erased are left out."""
    found: dict[UUID, list[SupportDecision]] = {}
    for one in _read(unit, dossiers):
        found.setdefault(one.dossier, []).append(one)
    return found


def of_pupil(unit: UnitOfWork, primary_school: str, las_key: str) -> list[SupportDecision]:
    """Return the newest decision per measure about a pupil of a school, by the key in the school's system.

    Args:
        unit: the transaction.
        primary_school: BRIN and branch.
        las_key: key of the pupil in the school's system; empty: nothing is found.
    """
    if not las_key:
        return []
    hashed = unit.keys.lookup("las_key", f"{primary_school}\0{las_key}")
    newest: dict[str, SupportDecision] = {}
    for one in _read(unit, school=primary_school, key=hashed):
        newest.setdefault(one.measure, one)
    return list(newest.values())


def _read(
    unit: UnitOfWork, dossiers: Sequence[UUID] = (), school: str | None = None, key: bytes | None = None
) -> list[SupportDecision]:
    made = []
    for decision, dossier, partnership, said_at, key_id, content, signature in unit.rows(
        "select s.decision, s.dossier, s.partnership, s.said_at, s.key_id, s.content, s.signature "
        "from overstap.support_decision s where (s.dossier = any(%(ids)s::uuid[]) "
        "or s.primary_school = %(school)s and s.las_key = %(key)s) and s.content is not null "
        "order by s.said_at desc, s.place desc",
        ids=list(dossiers),
        school=school,
        key=key,
    ):
        statement = unit.keys.decrypt(EncryptedContent(key_id, content), f"support/{decision}")
        said = json.loads(statement)
        days = [date.fromisoformat(said[name]) if said[name] else None for name in ("first_day", "last_day")]
        made.append(
            SupportDecision(
                *(decision, dossier, partnership, said_at, said["measure"], said["is_granted"], said["number"]),
                *(days[0], days[1], said["category"], said["reason"], statement, bytes(signature)),
            )
        )
    return made
