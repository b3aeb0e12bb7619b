"""Entries of a school's roster, decrypted: for the school itself, never for the board."""

import json
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from overstap.ledger.region_keys import EncryptedContent, RegionKeys
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class RosterPerson:
    """Who a pupil is, as the roster states it; its representation shows no personal data.

    Args:
        number: BSN or onderwijsnummer; empty without a usable one.
        las_key: key of the pupil in the school's system; empty without one.
        surname: surname without its prefix.
        prefix: prefix of the surname.
        first_name: call name, or else the first names.
        birth_date: date of birth; None without one.
        sex: `boy`, `girl`, or empty.
        group: name of the group; empty without one.
        initials: letters without dots; empty where the roster does not state them.
    """

    number: str = field(repr=False)
    las_key: str = field(repr=False)
    surname: str = field(repr=False)
    prefix: str = field(repr=False)
    first_name: str = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: str = field(repr=False)
    group: str = field(repr=False)
    initials: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """The name as it is said: call name, prefix, surname."""
        return " ".join(filter(None, (self.first_name, self.prefix, self.surname)))

    def as_json(self) -> bytes:
        """Return the content of an entry, before it is encrypted."""
        born = self.birth_date.isoformat() if self.birth_date else None
        return json.dumps({**asdict(self), "birth_date": born}, ensure_ascii=False).encode()

    @classmethod
    def from_json(cls, content: bytes) -> "RosterPerson":
        """Return what `as_json` wrote."""
        facts: dict[str, Any] = json.loads(content)
        born = facts.pop("birth_date")
        return cls(birth_date=date.fromisoformat(born) if born else None, **facts)


@dataclass(frozen=True, slots=True)
class RosterEntry:
    """A pupil on a school's roster, or taken off it.

    Args:
        entry: key of the entry.
        person: who it is.
        kind: why the pupil leaves: group_8, announced, special_secondary.
        is_missing: whether the newest roster does not state the pupil, and somebody has to say whether they left.
        off_at: when the pupil was taken off; None while on the roster.
        off_why: why: not_stated, or what a person said; None while on the roster.
        is_asked: whether a person took the pupil off, and a later roster states them again.
    """

    entry: UUID
    person: RosterPerson = field(repr=False)
    kind: str
    is_missing: bool = False
    off_at: datetime | None = None
    off_why: str | None = None
    is_asked: bool = False


def open_entries(unit: UnitOfWork, school_year: str, school: str) -> list[RosterEntry]:
    """Return the pupils on a school's roster, sorted by group and name.

    Args:
        unit: the transaction.
        school_year: school year, such as "2026-2027".
        school: BRIN and branch.
    """
    return [one for one in all_entries(unit, school_year, school) if one.off_at is None]


def all_entries(unit: UnitOfWork, school_year: str, school: str) -> list[RosterEntry]:
    """Return the same, with those who were taken off."""
    found = [
        RosterEntry(entry, person_of(unit.keys, entry, key_id, content), *rest)
        for entry, key_id, content, *rest in unit.rows(
            "select roster_pupil, key_id, content, kind, missing_at is not null, off_at, off_why, asked_at is not null "
            "from overstap.roster_pupil where school_year = %(year)s and school = %(school)s",
            year=school_year,
            school=school,
        )
    ]
    return sorted(found, key=lambda one: (one.person.group.casefold(), one.person.surname.casefold(), one.person.name))


def bound_to(entry: UUID) -> str:
    """Return the additional data to which the content of an entry is bound."""
    return f"roster/{entry}"


def person_of(keys: RegionKeys, entry: UUID, key_id: str, content: bytes) -> RosterPerson:
    """Decrypt who an entry is of."""
    return RosterPerson.from_json(keys.decrypt(EncryptedContent(key_id, content), bound_to(entry)))
