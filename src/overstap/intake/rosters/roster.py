"""A school's roster: its pupils as the school's system states them, and which of them leave this year."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum


class LeaverKind(StrEnum):
    """Why a pupil is expected to leave, or not."""

    GROUP_8 = "group_8"
    """In group 8, the last of primary school."""
    ANNOUNCED = "announced"
    """In a lower group, with a day this school year on which the pupil leaves."""
    SPECIAL_SECONDARY = "special_secondary"
    """In special secondary education (VSO), where a pupil can leave from every year."""
    STAYS = "stays"
    """Is not expected to leave."""
    GONE = "gone"
    """Left already: a day in the past, or marked as history."""


@dataclass(frozen=True, slots=True)
class RosterPupil:
    """One pupil of a roster; its representation shows no personal data.

    Args:
        label: name of the row or element in messages, such as "leerling 3"; never from the file.
        number: BSN or onderwijsnummer that passes its test; empty without one.
        las_key: key of the pupil in the school's system; empty without one.
        surname: surname without its prefix.
        prefix: prefix of the surname.
        first_name: call name, or else the first names.
        birth_date: date of birth; None when it is missing or no date.
        sex: `boy`, `girl`, or empty. EDEXML has 1 for boys, the reverse of code list 14 of OSO.
        year_group: year group as stated, such as `8`, `S`, `V`.
        group: name of the group.
        leaves_on: day on which the pupil leaves; None without one.
        problems: codes of what could not be used of this pupil.
        initials: letters without dots, as stated or of all first names; empty without them.
        restored: whether the number had lost leading zeros, which came back because the check digit agrees.
    """

    label: str
    number: str = field(default="", repr=False)
    las_key: str = field(default="", repr=False)
    surname: str = field(default="", repr=False)
    prefix: str = field(default="", repr=False)
    first_name: str = field(default="", repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str = field(default="", repr=False)
    year_group: str = field(default="", repr=False)
    group: str = field(default="", repr=False)
    leaves_on: date | None = field(default=None, repr=False)
    problems: tuple[str, ...] = ()
    restored: bool = False
    initials: str = field(default="", repr=False)

    def kind(self, today: date) -> LeaverKind:
        """Return why the pupil is expected to leave this school year, or not.

        Args:
            today: the Dutch date.
        """
        if self.year_group == "H" or (self.leaves_on is not None and self.leaves_on < today):
            return LeaverKind.GONE
        if self.year_group == "8":
            return LeaverKind.GROUP_8
        if self.year_group == "V":
            return LeaverKind.SPECIAL_SECONDARY
        year_ends = date(today.year + (today.month >= 8), 8, 1)
        if self.leaves_on is not None and self.leaves_on <= year_ends and self.year_group in ("6", "7", "S"):
            return LeaverKind.ANNOUNCED
        return LeaverKind.STAYS


@dataclass(frozen=True, slots=True)
class Roster:
    """A school's roster.

    Args:
        form: form of the file: `EDEXML 2.1`, `tabel`.
        brin: BRIN that the file states; empty without one.
        branch: branch that it states; empty without one.
        school_year: school year that it states; empty without one.
        pupils: the pupils.
        skipped: label and code of each row or element that is no pupil that could be used.
        made_at: when it was made, as it states, aware; None when it does not.
    """

    form: str
    brin: str
    branch: str
    school_year: str
    pupils: tuple[RosterPupil, ...]
    skipped: tuple[tuple[str, str], ...] = ()
    made_at: datetime | None = None

    def leavers(self, today: date) -> list[RosterPupil]:
        """Return the pupils who are expected to leave this school year, in the order of the file."""
        return [each for each in self.pupils if each.kind(today) not in (LeaverKind.STAYS, LeaverKind.GONE)]

    def counts(self, today: date) -> Counter[LeaverKind]:
        """Return the number of pupils of each kind."""
        return Counter(each.kind(today) for each in self.pupils)

    @property
    def restored(self) -> list[str]:
        """Labels of the pupils whose number got its leading zeros back."""
        return [each.label for each in self.pupils if each.restored]

    def problems(self) -> dict[str, list[str]]:
        """Return the labels per code of what could not be used: of pupils and of whole rows or elements."""
        found: dict[str, list[str]] = {}
        for label, code in [*self.skipped, *((each.label, code) for each in self.pupils for code in each.problems)]:
            found.setdefault(code, []).append(label)
        return found


_YEAR_GROUP = re.compile(r"(?:GROEP\s*)?([0-8])\s*[A-Z]?|([SVHO])")
"""A year group as schools write it: `8`, `groep 8`, `8a`; or a letter: S special primary, V special secondary, H
history."""


def year_group_of(stated: str) -> str | None:
    """Return a year group as EDEXML has it: a digit or letter; None when it is none."""
    found = _YEAR_GROUP.fullmatch(" ".join(stated.split()).upper())
    return (found[1] or found[2]) if found else None


def without_doubles(pupils: Iterable[RosterPupil]) -> tuple[list[RosterPupil], list[tuple[str, str]]]:
    """Return the pupils of which each number and key occurs once, and the others with INTAKE-087.

    A school states a pupil twice when he moves to another group; the last statement counts.
    """
    by_name: dict[tuple[str, str], RosterPupil] = {}
    kept: dict[str, RosterPupil] = {}
    skipped: list[tuple[str, str]] = []
    for each in pupils:
        names = [(kind, text) for kind, text in (("number", each.number), ("key", each.las_key)) if text]
        for name in names:
            if (before := by_name.get(name)) is not None and kept.pop(before.label, None) is not None:
                skipped.append((before.label, "INTAKE-087"))
            by_name[name] = each
        kept[each.label] = each
    return list(kept.values()), skipped
