"""Validation of a roster before the ledger stores it: the right school and school year, and only pupils who leave."""

import hashlib
from datetime import datetime

from overstap.clock import dutch_time
from overstap.errors import OverstapError
from overstap.intake.rosters.roster import Roster, RosterPupil
from overstap.ledger.rosters.entries import RosterPerson
from overstap.ledger.rosters.taking import Leaver, SuppliedRoster

_HARMLESS = frozenset({"INTAKE-087", "INTAKE-090"})
"""Codes of what does not hide a pupil: stated twice, or a day of leaving in another form."""


def supplied(
    roster: Roster, data: bytes, *, school: str, school_year: str, source: str, now: datetime, moment: datetime
) -> SuppliedRoster:
    """Return what the ledger takes in of a roster.

    Args:
        roster: the roster as it was read.
        data: its content as it was supplied.
        school: BRIN and branch of the school that supplied it.
        school_year: school year of the agreement, such as "2026-2027".
        source: folder, page, database or command.
        now: the present moment, aware.
        moment: of which moment it is when it does not say so itself, aware: when the file last changed.

    Raises:
        OverstapError: INTAKE-091 another school's, INTAKE-092 of another year, INTAKE-093 nobody in it leaves.
    """
    if roster.brin and f"{roster.brin}{roster.branch or school[4:]}" != school:
        raise OverstapError("INTAKE-091", school=school)
    if roster.school_year and roster.school_year != school_year:
        raise OverstapError("INTAKE-092", school_year=school_year)
    today = dutch_time(now).date()
    leavers = roster.leavers(today)
    if not leavers:
        raise OverstapError("INTAKE-093", count=len(roster.pupils))
    stated_at = roster.made_at if roster.made_at is not None and roster.made_at <= now else min(moment, now)
    unread = {code for _, code in roster.skipped} | {
        code for each in roster.pupils for code in each.problems if code == "INTAKE-097"
    }
    return SuppliedRoster(
        source=source,
        form=roster.form,
        content=hashlib.sha256(data).hexdigest(),
        stated_at=stated_at,
        leavers=[Leaver(_person(each), each.kind(today).value, is_doubtful=_is_doubtful(each)) for each in leavers],
        is_whole=not unread - _HARMLESS,
        restored=roster.restored,
    )


def _is_doubtful(pupil: RosterPupil) -> bool:
    return bool(set(pupil.problems) - _HARMLESS)


def _person(pupil: RosterPupil) -> RosterPerson:
    return RosterPerson(
        number=pupil.number,
        las_key=pupil.las_key,
        surname=pupil.surname,
        prefix=pupil.prefix,
        first_name=pupil.first_name,
        birth_date=pupil.birth_date,
        sex=pupil.sex,
        group=pupil.group,
        initials=pupil.initials,
    )
