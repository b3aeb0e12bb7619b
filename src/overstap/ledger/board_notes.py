"""Notes of coordinators about a school, a school board or a pupil of a school year.

The words are encrypted with the key for contact with schools, which the board has; who noted it, and when, is in the
clear. A note about a pupil is kept under the keyed hash, which a function of the database finds by the id under which
the board shows the pupil (include/schemas/ledger/code/32_at_hand.sql).
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg

from overstap.errors import OverstapError
from overstap.ledger.region_keys import CONTACTS, EncryptedContent, RegionKeys
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class BoardNote:
    """A note; `text` is None once it was erased."""

    note: UUID
    at: datetime
    by: str
    text: str | None = field(repr=False)


def about_party(unit: UnitOfWork, keys: RegionKeys, school_year: str, party: str) -> list[BoardNote]:
    """Return the notes about a school or school board in a school year, the newest first.

    Args:
        unit: the transaction.
        keys: keys that decrypt contacts.
        school_year: such as "2026-2027".
        party: BRIN and branch, or `board:<name>`.
    """
    return _read(
        keys,
        unit.rows(
            "select note, noted_at, noted_by, key_id, content from overstap.board_note "
            "where school_year = %(year)s and party = %(party)s order by noted_at desc, note",
            year=school_year,
            party=party,
        ),
    )


def about_pupil(unit: UnitOfWork, keys: RegionKeys, pupil: bytes) -> list[BoardNote]:
    """Return the notes about a pupil, the newest first; `pupil` is the keyed hash."""
    return _read(
        keys,
        unit.rows(
            "select note, noted_at, noted_by, key_id, content from overstap.board_note where pupil = %(pupil)s "
            "order by noted_at desc, note",
            pupil=pupil,
        ),
    )


def keep(
    unit: UnitOfWork,
    keys: RegionKeys,
    school_year: str,
    note: UUID,
    text: str,
    *,
    party: str | None = None,
    subject: UUID | None = None,
) -> bool:
    """Keep a note about a party or a pupil; return whether it is new.

    Args:
        unit: a transaction as the coordinator.
        keys: keys that encrypt contacts.
        school_year: such as "2026-2027".
        note: id of the note, made with the form, so that a form that is sent twice is kept once.
        text: the words.
        party: BRIN and branch, or `board:<name>`; None for a note about a pupil.
        subject: id of a dossier, an application or a roster entry of the pupil; None for a note about a party.

    Raises:
        OverstapError: LEDGER-025 when the actor coordinates no round of the school year, or there is no such party or
            pupil.
    """
    sealed = keys.encrypt(json.dumps(text).encode(), f"board_note/{note}", keys.of_purpose(CONTACTS))
    return _call(
        unit,
        "select overstap.keep_note(%(note)s, %(year)s, %(party)s, %(subject)s, %(key)s, %(content)s)",
        note=note,
        year=school_year,
        party=party,
        subject=subject,
        key=sealed.key_id,
        content=sealed.data,
    )


def erase(unit: UnitOfWork, note: UUID) -> bool:
    """Erase the words of a note; return whether there were any. Errors as of `keep`."""
    return _call(unit, "select overstap.erase_note(%(note)s)", note=note)


def _call(unit: UnitOfWork, statement: str, **values: object) -> bool:
    try:
        return bool(unit.one(statement, **values)[0])
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation):
        raise OverstapError("LEDGER-025") from None
    except psycopg.errors.ProgramLimitExceeded:
        raise OverstapError("LEDGER-027") from None


def _read(keys: RegionKeys, rows: Sequence[tuple[UUID, datetime, str, str, bytes | None]]) -> list[BoardNote]:
    found = []
    for note, at, by, key_id, content in rows:
        text = None
        if content is not None:
            text = str(json.loads(keys.decrypt(EncryptedContent(key_id, bytes(content)), f"board_note/{note}")))
        found.append(BoardNote(note, at, by, text))
    return found
