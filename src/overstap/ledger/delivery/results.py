"""Results that receiving schools signed after their receipts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.ledger.audit import AuditLine
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import sha256
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class StoredResult:
    """A verified result."""

    message_id: UUID
    kind: str
    outcome: str
    reason: str | None
    stated_at: datetime
    content: bytes = field(repr=False)


def known(unit: UnitOfWork, content: bytes) -> bool:
    """Tell whether these bytes are stored already."""
    found = unit.rows("select from overstap.result where digest = %(digest)s limit 1", digest=sha256(content))
    return bool(found)


def keep(unit: UnitOfWork, statements: Sequence[StoredResult]) -> int:
    """Store verified results. Idempotent for the same bytes.

    Returns:
        Number of new results.
    """
    digests = {(item.message_id, sha256(item.content)): item for item in statements}
    known = {
        (row[0], row[1])
        for row in unit.rows(
            "select message_id, digest from overstap.result where message_id = any(%(ids)s)",
            ids=[item.message_id for item in statements],
        )
    }
    fresh = {key: item for key, item in digests.items() if key not in known}
    unit.audit(
        "delivery.result",
        *(
            AuditLine(str(item.message_id), {"outcome": item.outcome, "reason": item.reason, "result": digest.hex()})
            for (_, digest), item in fresh.items()
        ),
    )
    for (message_id, digest), item in fresh.items():
        unit.run(
            "insert into overstap.result (region, message_id, kind, outcome, reason, stated_at, digest, content) "
            "values (%(region)s, %(id)s, %(kind)s, %(outcome)s, %(reason)s, %(at)s, %(digest)s, %(content)s) "
            "on conflict do nothing",
            region=unit.region,
            id=message_id,
            kind=item.kind,
            outcome=item.outcome,
            reason=item.reason,
            at=item.stated_at,
            digest=digest,
            content=item.content,
        )
    return len(fresh)


@dataclass(frozen=True, slots=True)
class ResultCounts:
    """Results of one secondary school about the dossiers that it confirmed, in deliveries."""

    school: str
    name: str
    confirmed: int
    outcomes: Counter[str]
    """imported, rejected, placed, not_placed, not_shown_up."""
    reasons: Counter[str]
    """Of those rejected."""
    by_account: int = 0
    """Number of results that an account said on the schools' pages, without a signature."""


def counts(unit: UnitOfWork, round_id: str, primary_school: str | None = None) -> list[ResultCounts]:
    """Return each secondary school's results by name, for one primary school or all, as counts."""
    rows = unit.rows(
        "select l.secondary_school, s.name, r.outcome, r.reason, count(*) from overstap.delivery l "
        "join overstap.school s on s.region = l.region and s.school = l.secondary_school "
        "join overstap.dossier d on d.dossier = l.dossier "
        "left join overstap.current_result r on r.message_id = l.message_id "
        "where l.round_id = %(round)s and l.state = 'confirmed' "
        "and (%(primary)s::text is null or d.primary_school = %(primary)s) group by 1, 2, 3, 4",
        round=round_id,
        primary=primary_school,
    )
    confirmed: dict[str, int] = dict(
        unit.rows(
            "select l.secondary_school, count(*) from overstap.delivery l join overstap.dossier d using (dossier) "
            "where l.round_id = %(round)s and l.state = 'confirmed' "
            "and (%(primary)s::text is null or d.primary_school = %(primary)s) group by 1",
            round=round_id,
            primary=primary_school,
        )
    )
    by_account: dict[str, int] = dict(
        unit.rows(
            "select l.secondary_school, count(*) from overstap.current_result r "
            "join overstap.delivery l using (message_id) join overstap.dossier d using (dossier) "
            "where l.round_id = %(round)s and l.state = 'confirmed' and r.account is not null "
            "and (%(primary)s::text is null or d.primary_school = %(primary)s) group by 1",
            round=round_id,
            primary=primary_school,
        )
    )
    found: dict[str, ResultCounts] = {}
    for school, name, outcome, reason, count in rows:
        one = found.setdefault(
            school, ResultCounts(school, name, confirmed[school], Counter(), Counter(), by_account.get(school, 0))
        )
        if outcome is not None:
            one.outcomes[outcome] += count
        if reason is not None:
            one.reasons[reason] += count
    return sorted(found.values(), key=lambda one: (one.name, one.school))


@dataclass(frozen=True, slots=True)
class DossierResults:
    """Results of a secondary school about one dossier of a primary school."""

    ref: VersionRef
    secondary_school: str
    name: str
    outcomes: dict[str, tuple[str, str | None, datetime]]
    """Per kind: outcome, reason, and when it was stated."""


def of_dossiers(unit: UnitOfWork, round_id: str, primary_school: str) -> list[DossierResults]:
    """Return the results for each confirmed dossier of a primary school."""
    found: dict[UUID, DossierResults] = {}
    for row in unit.rows(
        "select l.message_id, l.dossier, l.number, l.secondary_school, s.name, r.kind, r.outcome, "
        "r.reason, r.stated_at from overstap.delivery l "
        "join overstap.dossier d on d.dossier = l.dossier "
        "join overstap.school s on s.region = l.region and s.school = l.secondary_school "
        "left join overstap.current_result r on r.message_id = l.message_id "
        "where l.round_id = %(round)s and d.primary_school = %(primary)s and l.state = 'confirmed' "
        "order by s.name, l.message_id",
        round=round_id,
        primary=primary_school,
    ):
        message, dossier, number, school, name, kind, outcome, reason, stated_at = row
        one = found.setdefault(message, DossierResults(VersionRef(dossier, number), school, name, {}))
        if kind is not None:
            one.outcomes[kind] = (outcome, reason, stated_at)
    return list(found.values())
