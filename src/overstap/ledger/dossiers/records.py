"""Records of dossier versions: the facts that letters, lists and reports need, so that no dossier is opened."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

from overstap.errors import OverstapError
from overstap.ledger.dossiers.dossiers import VersionRef, write_records
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork

Kept = TypeVar("Kept", covariant=True)


class RecordReader(Protocol[Kept]):
    """Reads records, and makes the record of a version that was stored before there were records."""

    def make(self, content: bytes) -> bytes:
        """Return the record of a version from its content."""

    def from_record(self, record: bytes) -> Kept:
        """Return the facts in a record."""


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """A current version with its record; None when it has none yet."""

    ref: VersionRef
    primary_school: str
    state: str
    record: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LeaverRecord:
    """The record of a current version in a round of leavers.

    Args:
        pupil: keyed hash of the pupil's number.
        primary_school: BRIN and branch.
        ref: dossier and number.
        round_id: the round.
        stored_at: when the version was stored.
        record: the record.
    """

    pupil: bytes = field(repr=False)
    primary_school: str
    ref: VersionRef
    round_id: str
    stored_at: datetime
    record: bytes = field(repr=False)


def of_leavers(
    unit: UnitOfWork, school_year: str, school: str | None = None, pupils: Sequence[bytes] | None = None
) -> Iterator[LeaverRecord]:
    """Yield the records of a school year's rounds of leavers, the oldest version first, through a server-side cursor.

    One without a record is left out, and so is a damaged one, which `overstap ledger check` names.

    Args:
        unit: the transaction, with the region's keys.
        school_year: school year, such as "2026-2027".
        school: of this primary school only.
        pupils: keyed hashes of the pupils; None: of all.

    Raises:
        OverstapError: LEDGER-002 when a key is missing.
    """
    with unit.connection.cursor(name="advices", binary=True) as cursor:
        cursor.itersize = 500
        cursor.execute(
            "select d.pupil, d.primary_school, d.dossier, d.version, d.round_id, v.created_at, r.key_id, r.record "
            "from overstap.round o join overstap.dossier d on d.round_id = o.round_id and d.state <> 'withdrawn' "
            "join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version "
            "join overstap.dossier_record r on r.dossier = d.dossier and r.number = d.version "
            "where o.school_year = %(year)s and overstap.is_of_leavers(o.kind) "
            "and (%(school)s::text is null or d.primary_school = %(school)s) "
            "and (%(pupils)b::bytea[] is null or d.pupil = any(%(pupils)b)) order by v.created_at, d.dossier",
            {"year": school_year, "school": school, "pupils": None if pupils is None else list(pupils)},
        )
        for pupil, primary_school, dossier, version, round_id, stored_at, key_id, record in cursor:
            ref = VersionRef(dossier, version)
            try:
                plain = unit.keys.decrypt(EncryptedContent(key_id, record), ref.bound_to_record)
            except OverstapError as problem:
                if problem.code != "LEDGER-003":
                    raise
                continue
            yield LeaverRecord(bytes(pupil), primary_school, ref, round_id, stored_at, plain)


def of(
    unit: UnitOfWork,
    refs: Sequence[VersionRef],
    reader: RecordReader[Kept],
    *,
    damaged: Callable[[VersionRef], None] | None = None,
) -> dict[VersionRef, Kept]:
    """Return the facts in the records of versions, by version.

    Args:
        unit: the transaction.
        refs: the versions; missing and erased ones are left out.
        reader: reads a record, and makes one where there is none, which is stored by whoever may.
        damaged: called with each version that can no longer be read; without it the first one raises.

    Raises:
        OverstapError: LEDGER-003 when a record, or the content that one is made of, is damaged.
    """
    found: dict[VersionRef, Kept] = {}
    made: list[tuple[VersionRef, bytes]] = []
    for dossier, number, key_id, record in unit.rows_with_content(
        "select v.dossier, v.number, r.key_id, r.record from unnest(%(ids)b::uuid[], %(numbers)b::int[]) as t (id, n) "
        "join overstap.dossier_version v on v.dossier = t.id and v.number = t.n and v.content <> '' "
        "left join overstap.dossier_record r on r.dossier = v.dossier and r.number = v.number",
        ids=[ref.dossier for ref in refs],
        numbers=[ref.number for ref in refs],
    ):
        ref = VersionRef(dossier, number)
        try:
            if record is None:
                plain = reader.make(content_of(unit, ref))
                made.append((ref, plain))
            else:
                plain = unit.keys.decrypt(EncryptedContent(key_id, record), ref.bound_to_record)
        except OverstapError as problem:
            if damaged is None or problem.code == "LEDGER-002":
                raise
            damaged(ref)
            continue
        found[ref] = reader.from_record(plain)
    if made and unit.one("select has_table_privilege('overstap.dossier_record', 'insert')")[0]:
        write_records(unit, made)
    return found


def current(
    unit: UnitOfWork,
    round_id: str,
    states: Sequence[str],
    *,
    damaged: Callable[[VersionRef, str], None],
) -> Iterator[VersionRecord]:
    """Yield the current versions in these states with their records, one by one, through a server-side cursor.

    Args:
        unit: the transaction.
        round_id: the round.
        states: the states.
        damaged: called with each version whose record is damaged, and the version's state.

    Raises:
        OverstapError: LEDGER-002 when a key is missing.
    """
    with unit.connection.cursor(name="records", binary=True) as cursor:
        cursor.itersize = 500
        cursor.execute(
            "select d.dossier, d.version, d.primary_school, d.state, r.key_id, r.record from overstap.dossier d "
            "left join overstap.dossier_record r on r.dossier = d.dossier and r.number = d.version "
            "where d.round_id = %s and d.state = any(%s) order by d.primary_school, d.dossier",
            [round_id, list(states)],
        )
        for dossier, number, school, state, key_id, data in cursor:
            ref = VersionRef(dossier, number)
            try:
                record = (
                    None if data is None else unit.keys.decrypt(EncryptedContent(key_id, data), ref.bound_to_record)
                )
            except OverstapError as problem:
                if problem.code != "LEDGER-003":
                    raise
                damaged(ref, state)
                continue
            yield VersionRecord(ref, school, state, record)


def content_of(unit: UnitOfWork, ref: VersionRef) -> bytes:
    """Return a version's content, decrypted.

    Raises:
        OverstapError: LEDGER-003 when it is damaged.
    """
    key_id, content = unit.one(
        "select key_id, content from overstap.dossier_version where dossier = %(id)s and number = %(number)s",
        id=ref.dossier,
        number=ref.number,
    )
    return unit.keys.decrypt(EncryptedContent(key_id, content), ref.bound_to)
