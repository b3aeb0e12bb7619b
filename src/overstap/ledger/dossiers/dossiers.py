"""Dossiers of a round: storing versions, recording verdicts and releases, in groups of one transaction each."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.errors import OverstapError
from overstap.ledger.audit import AuditLine
from overstap.ledger.region_keys import EncryptedContent, RegionKeys
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class IncomingDossier:
    """A minimised dossier as a school supplied it, not stored yet."""

    pupil_number: str | None = field(repr=False)
    """BSN or onderwijsnummer; None where it may not be sent (to a partnership): then `las_key` identifies the pupil."""
    las_key: str | None = field(repr=False)
    content: bytes = field(repr=False)
    content_digest: bytes
    oso_version: str
    source: str
    record: bytes = field(default=b"", repr=False)
    """Record for letters and lists (`records`); empty: made from the content at first use."""


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """Counts of storing a group, in dossiers."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    too_late: int = 0

    def __add__(self, other: "StoreCounts") -> "StoreCounts":
        return StoreCounts(
            self.new + other.new,
            self.changed + other.changed,
            self.unchanged + other.unchanged,
            self.too_late + other.too_late,
        )


@dataclass(frozen=True, slots=True)
class VersionRef:
    """One version of one dossier."""

    dossier: UUID
    number: int

    @property
    def bound_to(self) -> str:
        """Additional data to which the encrypted content is bound."""
        return f"{self.dossier}/{self.number}"

    @property
    def bound_to_record(self) -> str:
        """Additional data to which the encrypted record is bound."""
        return f"record/{self.bound_to}"


@dataclass(frozen=True, slots=True)
class VersionContent:
    """A dossier version with its plain content, in memory only."""

    ref: VersionRef
    primary_school: str
    state: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class FindingRow:
    """Finding of a rule in a version: the place, without the value."""

    rule: str
    severity: str
    path: str


@dataclass(frozen=True, slots=True)
class RefusedFile:
    """A refused file."""

    label: str
    file_name: str = field(repr=False)
    code: str
    facts: Mapping[str, str | int | float]


# From these states a changed dossier becomes a new version with its own release and review. A sealed dossier is under
# way and stays as it is; after confirmation the new version replaces the receiver's. A withdrawn one stays withdrawn.
_RENEWABLE = (
    *("rejected", "accepted", "in_review", "inspected", "not_inspected", "no_receiver"),
    *("confirmed", "refused", "undelivered"),
)


def store(unit: UnitOfWork, round_id: str, primary_school: str, group: Sequence[IncomingDossier]) -> StoreCounts:
    """Store a group: new dossiers, and new versions of changed ones. Idempotent.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: who supplied them.
        group: at most some hundreds; no pupil twice.

    Returns:
        Counts; `too_late` are changed dossiers that were sealed already and stay as they are.
    """
    if not group:
        return StoreCounts()
    by_pupil = {pupil_hash(unit.keys, primary_school, item): item for item in group}
    # A stored version that can no longer be read (QUALITY-003) counts as different, so supplying it again mends it.
    known: dict[bytes, tuple[UUID, str, int, bytes]] = {
        row[0]: (row[1], row[2], row[3], row[4])
        for row in unit.rows(
            "select d.pupil, d.dossier, d.state, d.version, case when exists (select from overstap.finding f "
            "where f.dossier = d.dossier and f.number = d.version and f.rule = 'QUALITY-003') "
            "then '' else v.content_digest end from overstap.dossier d "
            "join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version "
            "where d.round_id = %(round)s and d.primary_school = %(school)s and d.pupil = any(%(pupils)b) "
            "order by d.dossier for update of d",
            round=round_id,
            school=primary_school,
            pupils=list(by_pupil),
        )
    }
    fresh = {pupil: item for pupil, item in by_pupil.items() if pupil not in known}
    changed = {
        known[pupil][0]: (known[pupil][2] + 1, item)
        for pupil, item in by_pupil.items()
        if pupil in known and known[pupil][3] != item.content_digest and known[pupil][1] in (*_RENEWABLE, "supplied")
    }
    too_late = sum(
        1
        for pupil, item in by_pupil.items()
        if pupil in known
        and known[pupil][3] != item.content_digest
        and known[pupil][1] not in (*_RENEWABLE, "supplied")
    )
    versions: list[tuple[VersionRef, IncomingDossier]] = []
    if fresh:
        # Two tasks may store the same school at once: the second finds the row there and leaves it to its next run.
        inserted = unit.rows(
            "insert into overstap.dossier (region, round_id, primary_school, pupil, las_key) "
            "select %(region)s, %(round)s, %(school)s, p, k "
            "from unnest(%(pupils)b::bytea[], %(keys)b::bytea[]) as t (p, k) "
            "on conflict do nothing returning pupil, dossier",
            region=unit.region,
            round=round_id,
            school=primary_school,
            pupils=list(fresh),
            keys=[_las_key(unit, primary_school, item.las_key) for item in fresh.values()],
        )
        versions += [(VersionRef(dossier, 1), fresh[pupil]) for pupil, dossier in inserted]
    new = len(versions)
    versions += [(VersionRef(dossier, number), item) for dossier, (number, item) in changed.items()]
    unit.audit(
        "intake.store",
        *(AuditLine(ref.bound_to, {"content": item.content_digest.hex()}) for ref, item in versions),
    )
    _write_versions(unit, versions)
    if changed:
        unit.run(
            "update overstap.dossier d set version = version + 1, state = 'supplied', review_closes_at = null, "
            "las_key = t.key from unnest(%(ids)b::uuid[], %(keys)b::bytea[]) as t (id, key) where d.dossier = t.id",
            ids=list(changed),
            keys=[_las_key(unit, primary_school, item.las_key) for _, item in changed.values()],
        )
    return StoreCounts(new, len(changed), len(group) - new - len(changed) - too_late, too_late)


def pupil_hash(keys: RegionKeys, primary_school: str, item: IncomingDossier) -> bytes:
    """Return the keyed hash (32 bytes) that identifies a pupil: of the number, else of school and LAS key.

    Args:
        keys: of the region.
        primary_school: BRIN with branch of the school that supplies.
        item: the pupil's dossier.

    Raises:
        ValueError: the dossier has neither.
    """
    if item.pupil_number is not None:
        return keys.lookup("pupil", item.pupil_number)
    if not item.las_key:
        raise ValueError("a dossier has neither the pupil's number nor a LAS key")
    return keys.lookup("pupil", f"{primary_school}\0{item.las_key}")


def _las_key(unit: UnitOfWork, primary_school: str, las_key: str | None) -> bytes | None:
    return unit.keys.lookup("las_key", f"{primary_school}\0{las_key}") if las_key else None


def _write_versions(unit: UnitOfWork, versions: Sequence[tuple[VersionRef, IncomingDossier]]) -> None:
    rows = []
    for ref, item in versions:
        sealed = unit.keys.encrypt(item.content, ref.bound_to)
        rows.append(
            (
                ref.dossier,
                ref.number,
                unit.region,
                sealed.key_id,
                sealed.data,
                item.content_digest,
                item.oso_version,
                item.source,
            )
        )
    columns = {"dossier": "uuid", "number": "int4", "region": "text", "key_id": "text", "content": "bytea"}
    columns |= {"content_digest": "bytea", "oso_version": "text", "source": "text"}
    unit.insert("dossier_version", columns, rows)
    write_records(unit, [(ref, item.record) for ref, item in versions if item.record])


def write_records(unit: UnitOfWork, made: Sequence[tuple[VersionRef, bytes]]) -> None:
    """Store the records of versions, replacing earlier ones.

    Args:
        unit: the transaction.
        made: per version its record, not encrypted.
    """
    sealed = [(ref, unit.keys.encrypt(record, ref.bound_to_record)) for ref, record in made]
    if not sealed:
        return
    unit.run(
        "insert into overstap.dossier_record (dossier, number, region, key_id, record) "
        "select i, n, %(region)s, k, r from unnest(%(ids)b::uuid[], %(numbers)b::int[], %(keys)b::text[], "
        "%(records)b::bytea[]) as t (i, n, k, r) "
        "on conflict (dossier, number, region) do update set key_id = excluded.key_id, record = excluded.record",
        region=unit.region,
        ids=[ref.dossier for ref, _ in sealed],
        numbers=[ref.number for ref, _ in sealed],
        keys=[one.key_id for _, one in sealed],
        records=[one.data for _, one in sealed],
    )


def note_refused(unit: UnitOfWork, round_id: str, primary_school: str, refused: Sequence[RefusedFile]) -> None:
    """Replace the list of a school's refused files; files that are no longer refused are removed from it."""
    unit.run(
        "delete from overstap.refused_input where round_id = %(round)s and primary_school = %(school)s "
        "and not (label = any(%(labels)s))",
        round=round_id,
        school=primary_school,
        labels=[item.label for item in refused],
    )
    for item in refused:
        # A name need not be UTF-8 (a folder filled by an old system): what cannot be read back is shown as "?".
        sealed = unit.keys.encrypt(item.file_name.encode(errors="replace"), f"file/{item.label}")
        unit.run(
            "insert into overstap.refused_input "
            "(region, round_id, primary_school, label, code, facts, key_id, file_name) "
            "values (%(region)s, %(round)s, %(school)s, %(label)s, %(code)s, %(facts)s::jsonb, %(key)s, %(name)s) "
            "on conflict (round_id, primary_school, label) do update set code = excluded.code, facts = excluded.facts, "
            "key_id = excluded.key_id, file_name = excluded.file_name",  # "row 3" may be another pupil by now
            region=unit.region,
            round=round_id,
            school=primary_school,
            label=item.label,
            code=item.code,
            facts=json.dumps(dict(item.facts)),
            key=sealed.key_id,
            name=sealed.data,
        )


def refused_files(
    unit: UnitOfWork, round_id: str, primary_school: str, *, with_names: bool = True
) -> list[RefusedFile]:
    """Return the school's files that are refused at present.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: BRIN with branch.
        with_names: with the files' names, which takes the region's keys; without them a name is empty.
    """

    def name_of(label: str, key_id: str, name: bytes) -> str:
        return unit.keys.decrypt(EncryptedContent(key_id, name), f"file/{label}").decode() if with_names else ""

    return [
        RefusedFile(label, name_of(label, key_id, name), code, facts)
        for label, code, facts, key_id, name in unit.rows(
            "select label, code, facts, key_id, file_name from overstap.refused_input "
            "where round_id = %(round)s and primary_school = %(school)s order by seen_at, label",
            round=round_id,
            school=primary_school,
        )
    ]


def contents(
    unit: UnitOfWork,
    round_id: str,
    states: Sequence[str],
    *,
    primary_school: str | None = None,
    damaged: Callable[[VersionRef, str], None] | None = None,
) -> Iterator[VersionContent]:
    """Yield the current versions in these states, decrypted one by one, through a server-side cursor.

    Args:
        unit: the transaction.
        round_id: the round.
        states: the states.
        primary_school: of this school only; None: of all.
        damaged: called with each damaged version and its state, so that the others go on; without it the first damaged
            version raises.

    Raises:
        OverstapError: LEDGER-002 when a key is missing; LEDGER-003 for a damaged version without `damaged`.
    """
    with unit.connection.cursor(name="contents", binary=True) as cursor:
        cursor.itersize = 200
        cursor.execute(
            "select d.dossier, d.version, d.primary_school, d.state, v.key_id, v.content from overstap.dossier d "
            "join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version "
            "where d.round_id = %s and d.state = any(%s) and (%s::text is null or d.primary_school = %s) "
            "order by d.primary_school, d.dossier",
            [round_id, list(states), primary_school, primary_school],
        )
        for dossier, number, school, state, key_id, data in cursor:
            ref = VersionRef(dossier, number)
            try:
                content = unit.keys.decrypt(EncryptedContent(key_id, data), ref.bound_to)
            except OverstapError as problem:
                if damaged is None or problem.code != "LEDGER-003":
                    raise
                damaged(ref, state)
                continue
            yield VersionContent(ref, school, state, content)


def verdicts(unit: UnitOfWork, found: Mapping[VersionRef, Sequence[FindingRow]]) -> Counter[str]:
    """Record the findings on versions, and accept or reject them. A version with a verdict stays as it is.

    Args:
        unit: the transaction.
        found: findings per version; empty for a version without findings.

    Returns:
        Number of dossiers that became "accepted" and "rejected".
    """
    rejected = {ref for ref, findings in found.items() if any(finding.severity == "error" for finding in findings)}
    moved: Counter[str] = Counter()
    taken: set[VersionRef] = set()
    for state, refs in (("accepted", [ref for ref in found if ref not in rejected]), ("rejected", list(rejected))):
        rows = unit.rows(
            "update overstap.dossier d set state = %(state)s "
            "from unnest(%(ids)b::uuid[], %(numbers)b::int[]) as t (id, n) "
            "where d.dossier = t.id and d.version = t.n and d.state = 'supplied' returning d.dossier, d.version",
            state=state,
            ids=[ref.dossier for ref in refs],
            numbers=[ref.number for ref in refs],
        )
        moved[state] = len(rows)
        taken |= {VersionRef(dossier, number) for dossier, number in rows}
    columns = {
        "region": "text",
        "dossier": "uuid",
        "number": "int4",
        "rule": "text",
        "severity": "text",
        "path": "text",
    }
    unit.insert(
        "finding",
        columns,
        [
            (unit.region, ref.dossier, ref.number, finding.rule, finding.severity, finding.path)
            for ref in taken
            for finding in found[ref]
        ],
    )
    unit.audit(
        "quality.judge",
        *(AuditLine(ref.bound_to, {"verdict": "rejected" if ref in rejected else "accepted"}) for ref in taken),
    )
    return moved


def findings_of_school(unit: UnitOfWork, round_id: str, primary_school: str) -> dict[VersionRef, list[FindingRow]]:
    """Return the findings on a school's current versions."""
    found: dict[VersionRef, list[FindingRow]] = {}
    for dossier, number, rule, severity, path in unit.rows(
        "select f.dossier, f.number, f.rule, f.severity, f.path from overstap.finding f "
        "join overstap.dossier d on d.dossier = f.dossier and d.version = f.number "
        "where d.round_id = %(round)s and d.primary_school = %(school)s order by f.dossier, f.severity, f.rule, f.path",
        round=round_id,
        school=primary_school,
    ):
        found.setdefault(VersionRef(dossier, number), []).append(FindingRow(rule, severity, path))
    return found


def oso_versions(unit: UnitOfWork, round_id: str, primary_school: str) -> dict[VersionRef, str]:
    """Return the version of the standard of each of a school's current versions."""
    rows = unit.rows(
        "select v.dossier, v.number, v.oso_version from overstap.dossier_version v "
        "join overstap.dossier d on d.dossier = v.dossier and d.version = v.number "
        "where d.round_id = %(round)s and d.primary_school = %(school)s",
        round=round_id,
        school=primary_school,
    )
    return {VersionRef(dossier, number): version for dossier, number, version in rows}


def waiting_for_verdict(unit: UnitOfWork, round_id: str) -> int:
    """Return the number of dossiers without a verdict."""
    query = "select count(*) from overstap.dossier where round_id = %(round)s and state = 'supplied'"
    return int(unit.one(query, round=round_id)[0])


def waiting_for_release(unit: UnitOfWork, round_id: str) -> Counter[str]:
    """Return the number of accepted dossiers that wait for the coordinator's release, per primary school."""
    return Counter(
        dict(
            unit.rows(
                "select primary_school, count(*) from overstap.dossier "
                "where round_id = %(round)s and state = 'accepted' group by primary_school",
                round=round_id,
            )
        )
    )


def releases(unit: UnitOfWork, round_id: str) -> int:
    """Return the number of times that a coordinator released dossiers of a round and did not take it back."""
    return int(unit.one("select overstap.releases(%(round)s)", round=round_id)[0])


def decide_release(
    unit: UnitOfWork,
    round_id: str,
    *,
    approved: bool,
    decided_by: str,
    reason: str,
    answer_key: str,
    closes_at: datetime,
    opens_at: datetime | None = None,
) -> int | None:
    """Record the coordinator's decision on release; an approval releases the dossiers accepted at this moment.

    Released dossiers go to inspection; in a round without inspection they are ready for delivery at once.

    Args:
        unit: the transaction.
        round_id: the round.
        approved: whether the parents may see them now.
        decided_by: the account that answered.
        reason: the coordinator's text, may be empty.
        answer_key: idempotency key of this answer.
        closes_at: when the released dossiers' review closes.
        opens_at: when parents can see them and decisions count; None: from now on.

    Returns:
        Number of released dossiers; None when the release waits for a second person.
    """
    released: int | None = unit.one(
        "select overstap.release(%(round)s, %(approved)s, %(by)s, %(reason)s, %(key)s, %(closes)s, %(opens)s)",
        round=round_id,
        approved=approved,
        by=decided_by,
        reason=reason,
        key=answer_key,
        closes=closes_at,
        opens=opens_at,
    )[0]
    return released


def find_by_las_key(unit: UnitOfWork, round_id: str, primary_school: str, las_key: str) -> UUID:
    """Return the dossier with this LAS key.

    Raises:
        OverstapError: LEDGER-010 when the school has none with that key in this round.
    """
    found = unit.rows(
        "select dossier from overstap.dossier "
        "where round_id = %(round)s and primary_school = %(school)s and las_key = %(key)s",
        round=round_id,
        school=primary_school,
        key=_las_key(unit, primary_school, las_key),
    )
    if not found:
        raise OverstapError("LEDGER-010", school=primary_school, round=round_id)
    return UUID(str(found[0][0]))


def find_of_school(unit: UnitOfWork, round_id: str, primary_school: str, pupil: str | UUID) -> UUID:
    """Return a school's dossier by its id, or by the pupil's key in the school's system.

    Raises:
        OverstapError: LEDGER-010 when the school has no such dossier in this round, also when another school has it.
    """
    found = unit.rows(
        "select dossier from overstap.dossier where round_id = %(round)s and primary_school = %(school)s "
        "and (dossier = %(id)s or las_key = %(key)s)",
        round=round_id,
        school=primary_school,
        id=pupil if isinstance(pupil, UUID) else None,
        key=None if isinstance(pupil, UUID) else _las_key(unit, primary_school, pupil),
    )
    if not found:
        raise OverstapError("LEDGER-010", school=primary_school, round=round_id)
    return UUID(str(found[0][0]))
