"""Taking a roster in, and what people decide about its pupils."""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from overstap.errors import OverstapError
from overstap.ledger.region_keys import EncryptedContent, RegionKeys
from overstap.ledger.rosters.entries import RosterPerson, bound_to
from overstap.ledger.session import UnitOfWork

REASONS = ("moved", "other_primary", "stays", "abroad", "deceased", "mistake")
"""Why a person takes a pupil off a roster."""


@dataclass(frozen=True, slots=True)
class Leaver:
    """A pupil who leaves, as a roster states it.

    Args:
        person: who it is.
        kind: why: group_8, announced, special_secondary.
        is_doubtful: whether something that tells pupils apart could not be read.
    """

    person: RosterPerson = field(repr=False)
    kind: str
    is_doubtful: bool = False


@dataclass(frozen=True, slots=True)
class SuppliedRoster:
    """A roster as it was supplied, read.

    Args:
        source: folder, page, database or command.
        form: its form, such as `EDEXML 2.1`.
        content: SHA-256 of what was supplied, in hexadecimal.
        stated_at: of which moment it is, aware.
        leavers: who leaves.
        is_whole: whether each of its rows could be read.
        restored: names of the rows whose number got its leading zeros back, such as "regel 3".
    """

    source: str
    form: str
    content: str
    stated_at: datetime
    leavers: Sequence[Leaver] = field(repr=False)
    is_whole: bool
    restored: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a roster.

    Args:
        outcome: `taken`; `same`: it is the newest one already; `older`: a newer one was taken in before.
        counts: numbers of pupils: leavers, added, returned, asked_back, gone, missing (somebody is asked), kept (not
            stated, but something in the roster could not be read), restored (the number got its leading zeros back).
        restored: names of the rows of these.
    """

    outcome: str
    counts: Mapping[str, int]
    restored: Sequence[str] = ()


def take(unit: UnitOfWork, school_year: str, school: str, roster: SuppliedRoster, *, counts_now: bool = False) -> Taken:
    """Take a roster in: adds pupils, and takes off those whom it does not state, or asks about them.

    Args:
        unit: the transaction.
        school_year: school year, such as "2026-2027".
        school: BRIN and branch of a primary school.
        roster: the roster.
        counts_now: whether a person says that this roster counts, although a newer one was taken in before.

    Raises:
        OverstapError: INTAKE-079 when the region has no such primary school, or no round in that school year.
    """
    [is_known] = unit.one(
        "select exists (select from overstap.school where school = %(school)s and kind = 'PO') "
        "and exists (select from overstap.round where school_year = %(year)s)",
        school=school,
        year=school_year,
    )
    if not is_known:
        raise OverstapError("INTAKE-079", school=school[:10], school_year=school_year)
    unit.run("select overstap.hold_roster(%(year)s, %(school)s)", year=school_year, school=school)
    known = _Known(unit, school_year, school)
    rows: dict[UUID, tuple[Any, ...]] = {}
    is_whole = roster.is_whole
    for leaver in roster.leavers:
        hashes = _hashes(unit.keys, school, leaver.person)
        entry = known.entry_of(hashes)
        if entry is None or entry in rows:
            # A pupil whose number could not be read may be one who is on the roster: then nobody is missing
            is_whole = is_whole and not leaver.is_doubtful
            entry = uuid4()
        sealed: EncryptedContent = unit.keys.encrypt(leaver.person.as_json(), bound_to(entry))
        rows[entry] = (*hashes, leaver.kind, sealed.key_id, sealed.data)
    stated = sorted((named.hex(), kind) for _, _, named, kind, _, _ in rows.values())
    pupils, las_keys, names, kinds, key_ids, contents = ([row[place] for row in rows.values()] for place in range(6))
    [said] = unit.one(
        "select overstap.take_roster(%(year)s, %(school)s, %(source)s, %(form)s, %(content)s, %(moment)s, "
        "%(ids)s::uuid[], %(pupils)s::bytea[], %(las_keys)s::bytea[], %(names)s::bytea[], %(kinds)s::text[], "
        "%(key_ids)s::text[], %(contents)s::bytea[], %(whole)s, %(counts_now)s, %(restored)s)",
        year=school_year,
        school=school,
        source=roster.source,
        form=roster.form[:40],
        # With who leaves: a pupil whose day has come is stated by the same file, and has left
        content=unit.keys.lookup("roster", f"{roster.content}\0{json.dumps(stated)}"),
        moment=roster.stated_at,
        ids=list(rows),
        pupils=pupils,
        las_keys=las_keys,
        names=names,
        kinds=kinds,
        key_ids=key_ids,
        contents=contents,
        whole=is_whole,
        counts_now=counts_now,
        restored=len(roster.restored),
    )
    return Taken(said.pop("outcome"), said, roster.restored)


class _Known:
    """The entries of a school, by what the next roster may know them by.

    Args:
        unit: the transaction.
        school_year: school year.
        school: BRIN and branch.
    """

    def __init__(self, unit: UnitOfWork, school_year: str, school: str) -> None:
        self._by: tuple[dict[bytes, UUID], ...] = ({}, {}, {})
        self._of: dict[UUID, tuple[bytes | None, ...]] = {}
        for entry, *hashes in unit.rows(
            "select roster_pupil, pupil, las_key, named from overstap.roster_pupil "
            "where school_year = %(year)s and school = %(school)s order by off_at nulls last",
            year=school_year,
            school=school,
        ):
            self._of[entry] = tuple(hashes)
            for found, one in zip(self._by, hashes, strict=True):
                if one is not None:
                    found.setdefault(one, entry)

    def entry_of(self, hashes: tuple[bytes | None, bytes | None, bytes]) -> UUID | None:
        """Return the entry of a pupil: by number, else by LAS key, else by name and birth date; None: a new one.

        Twins and namesakes have numbers of their own, so that a name counts only where one of the two has no number.
        """
        for place, (found, one) in enumerate(zip(self._by, hashes, strict=True)):
            entry = found.get(one) if one is not None else None
            if entry is not None and (place < 2 or None in (hashes[0], self._of[entry][0])):
                return entry
        return None


def _hashes(keys: RegionKeys, school: str, person: RosterPerson) -> tuple[bytes | None, bytes | None, bytes]:
    named = f"{school}\0{_plain(person.surname)}\0{_plain(person.first_name)}\0{person.birth_date or ''}"
    return (
        keys.lookup("pupil", person.number) if person.number else None,
        keys.lookup("las_key", f"{school}\0{person.las_key}") if person.las_key else None,
        keys.lookup("roster_name", named),
    )


def _plain(name: str) -> str:
    return unicodedata.normalize("NFC", " ".join(name.split())).casefold()


def note_refused(unit: UnitOfWork, school_year: str, school: str, source: str, problem: OverstapError) -> None:
    """Keep why a roster could not be used, until one is: for the board and the school's page.

    Args:
        unit: the transaction.
        school_year: school year.
        school: BRIN and branch.
        source: folder, page, database or command.
        problem: the error; of its facts, texts and numbers are kept.
    """
    facts = {name: value for name, value in problem.facts.items() if isinstance(value, str | int | float)}
    unit.run(
        "insert into overstap.refused_roster (region, school_year, school, source, code, facts) "
        "values (%(region)s, %(year)s, %(school)s, %(source)s, %(code)s, %(facts)s::jsonb) "
        "on conflict (region, school_year, school) do update set source = excluded.source, code = excluded.code, "
        "facts = excluded.facts, seen_at = overstap.clock()",
        region=unit.region,
        year=school_year,
        school=school,
        source=source,
        code=problem.code,
        facts=json.dumps(facts),
    )


def settle_missing(unit: UnitOfWork, school_year: str, school: str, *, have_left: bool) -> int:
    """Say whether the pupils whom the newest roster does not state have left; return their number."""
    return int(
        unit.one(
            "select overstap.settle_missing(%(year)s, %(school)s, %(left)s)",
            year=school_year,
            school=school,
            left=have_left,
        )[0]
    )


def take_off(unit: UnitOfWork, school: str, entry: UUID, reason: str) -> bool:
    """Take a pupil off a school's roster.

    Args:
        unit: the transaction.
        school: BRIN and branch.
        entry: key of the entry.
        reason: one of `REASONS`.

    Returns:
        False when the school has no such pupil on its roster (any more).

    Raises:
        OverstapError: INTAKE-096 for another reason.
    """
    if reason not in REASONS:
        raise OverstapError("INTAKE-096", reasons=", ".join(REASONS))
    return bool(
        unit.one(
            "select overstap.take_off_roster(%(school)s, %(entry)s, %(why)s)", school=school, entry=entry, why=reason
        )[0]
    )


def put_back(unit: UnitOfWork, school: str, entry: UUID, *, is_on: bool = True) -> bool:
    """Put a pupil back on a school's roster; or keep off a pupil whom a roster states again.

    Returns:
        False when there is nothing to decide (any more).
    """
    return bool(
        unit.one(
            "select overstap.put_back_on_roster(%(school)s, %(entry)s, %(on)s)", school=school, entry=entry, on=is_on
        )[0]
    )
