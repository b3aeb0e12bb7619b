"""Mappings that schools make on their own pages: each version that was saved, encrypted, and which fields it reads."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """A version of a school's mapping, without names of columns and values.

    Args:
        number: its number, from 1.
        fields: the fields of the data set that it reads.
        unread: number of columns that it does not read.
        saved_by: the account that saved it.
        saved_at: when.
        used_at: when a file was last taken in by it.
    """

    number: int
    fields: Sequence[str]
    unread: int
    saved_by: str
    saved_at: datetime
    used_at: datetime


@dataclass(frozen=True, slots=True)
class OpenedMapping:
    """The newest version with its content.

    Args:
        about: the version.
        content: what the page saved: the mapping, and the answers about the school.
    """

    about: SavedMapping
    content: dict[str, Any] = field(repr=False)


def of_school(unit: UnitOfWork, school: str) -> list[SavedMapping]:
    """Return the versions of a school's mapping, the newest first."""
    return [
        SavedMapping(*row)
        for row in unit.rows(
            "select number, fields, unread, saved_by, saved_at, used_at from overstap.school_mapping "
            "where school = %(school)s order by number desc",
            school=school,
        )
    ]


def newest(unit: UnitOfWork, school: str) -> OpenedMapping | None:
    """Return the newest version of a school's mapping; None when it has none."""
    found = of_school(unit, school)
    if not found:
        return None
    number = found[0].number
    key_id, content = unit.one(
        "select key_id, content from overstap.school_mapping where school = %(school)s and number = %(number)s",
        school=school,
        number=number,
    )
    plain = unit.keys.decrypt(EncryptedContent(key_id, content), f"mapping/{school}/{number}")
    return OpenedMapping(found[0], json.loads(plain))


def save(
    unit: UnitOfWork, school: str, on_number: int, content: dict[str, Any], fields: Sequence[str], unread: int, by: str
) -> bool:
    """Save a version that was made from version `on_number` (0: there was none).

    Args:
        unit: a transaction of the login `overstap_school`.
        school: the school that is signed in.
        on_number: number of the version that was shown.
        content: what the page keeps.
        fields: the fields that are read.
        unread: number of columns that are not read.
        by: the account.

    Returns:
        False when somebody else of the school saved a version meanwhile; nothing was saved then.
    """
    plain = json.dumps(content, ensure_ascii=False).encode()
    sealed = unit.keys.encrypt(plain, f"mapping/{school}/{on_number + 1}")
    answer = unit.one(
        "select overstap.save_mapping(%(school)s, %(number)s, %(key)s, %(content)s, %(fields)s, %(unread)s, %(by)s)",
        school=school,
        number=on_number,
        key=sealed.key_id,
        content=sealed.data,
        fields=list(fields),
        unread=unread,
        by=by,
    )
    return bool(answer[0] == "saved")


def note_use(unit: UnitOfWork, school: str, round_id: str, handed_in: int, refused: int, by: str) -> None:
    """Note that a file was taken in by the newest version.

    Args:
        unit: a transaction of the login `overstap_school`.
        school: the school.
        round_id: the round for which it was.
        handed_in: number of pupils that were handed in.
        refused: number of rows that were not.
        by: the account.
    """
    unit.one(
        "select overstap.use_mapping(%(school)s, %(round)s, %(handed_in)s, %(refused)s, %(by)s)",
        school=school,
        round=round_id,
        handed_in=handed_in,
        refused=refused,
        by=by,
    )
