"""Places of secondary schools by location and kind of offer: stated, applied for, drawn, placed, free.

What is stated is kept by functions of the database (include/schemas/ledger/code/28_places.sql). Overstap records the
result of a draw and who made it; it does not draw.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class StatedOffer:
    """What a source states of an offer."""

    secondary_school: str
    location: str
    kind: str
    """Key of a level of advice (`oso.advice_order`)."""
    places: int
    placed: int
    stated_at: datetime


@dataclass(frozen=True, slots=True)
class Draw:
    """The result of a draw.

    Args:
        drawn_on: the day.
        drawn: number of pupils who were drawn.
        not_drawn: number of pupils who were not.
        made_by: who made it; empty once it was erased.
        noted_by: account that recorded it.
    """

    drawn_on: date
    drawn: int
    not_drawn: int
    made_by: str
    noted_by: str


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer as it stands.

    Args:
        secondary_school: BRIN and branch.
        school: the school's name.
        location: name of the location.
        kind: key of a level of advice.
        places: number of places.
        placed: number of placed pupils.
        stated_at: when that was stated.
        draw: the newest draw; None without one.
    """

    secondary_school: str
    school: str
    location: str
    kind: str
    places: int
    placed: int
    stated_at: datetime
    draw: Draw | None

    @property
    def free(self) -> int:
        """Number of free places."""
        return max(0, self.places - self.placed)


@dataclass(frozen=True, slots=True)
class SchoolDemand:
    """Applications at a school in force: of first, second and later preference, and without one; and placed pupils."""

    first: int
    second: int
    later: int
    without: int
    placed: int


def all_offers(unit: UnitOfWork, school_year: str, school: str | None = None) -> list[Offer]:
    """Return the offers of a school year, by school, location and kind.

    Args:
        unit: the transaction; it needs no key.
        school_year: school year, such as "2026-2027".
        school: of this secondary school only.
    """
    return [
        Offer(row[0], row[1], row[2], row[3], row[4], row[5], row[6], None if row[7] is None else Draw(*row[7:]))
        for row in unit.rows(
            "select f.secondary_school, s.name, f.location, f.kind, f.places, f.placed, f.stated_at, "
            "d.drawn_on, d.drawn, d.not_drawn, d.made_by, d.noted_by from overstap.offer f "
            "join overstap.school s on s.region = f.region and s.school = f.secondary_school "
            "left join lateral (select * from overstap.draw x where (x.region, x.school_year, x.secondary_school, "
            "x.location, x.kind) = (f.region, f.school_year, f.secondary_school, f.location, f.kind) "
            "order by x.draw desc limit 1) d on true "
            "where f.school_year = %(year)s and (%(school)s::text is null or f.secondary_school = %(school)s) "
            "order by s.name, f.secondary_school, f.location, f.kind",
            year=school_year,
            school=school,
        )
    ]


def demand(unit: UnitOfWork, school_year: str) -> dict[str, SchoolDemand]:
    """Return how many pupils applied at each secondary school, by order of preference, and how many are placed."""
    return {
        school: SchoolDemand(*counts)
        for school, *counts in unit.rows(
            "select secondary_school, count(*) filter (where preference = 1), count(*) filter (where preference = 2), "
            "count(*) filter (where preference > 2), count(*) filter (where preference is null), "
            "count(*) filter (where stage = 'placed') from overstap.application "
            "where school_year = %(year)s and withdrawn_at is null group by 1",
            year=school_year,
        )
    }


def take(unit: UnitOfWork, school_year: str, found: Sequence[StatedOffer]) -> int:
    """Take in a region's list of places; return how many are new or changed. Idempotent."""
    if not found:
        return 0
    return int(
        unit.one(
            "select overstap.take_offers(%(year)s, %(schools)s, %(locations)s, %(kinds)s, %(places)s, %(placed)s, "
            "%(moments)s)",
            year=school_year,
            schools=[one.secondary_school for one in found],
            locations=[one.location for one in found],
            kinds=[one.kind for one in found],
            places=[one.places for one in found],
            placed=[one.placed for one in found],
            moments=[one.stated_at for one in found],
        )[0]
    )


def state(
    unit: UnitOfWork, session: bytes, school_year: str, location: str, kind: str, places: int, placed: int
) -> int | None:
    """State an offer of the session's school.

    Returns:
        Whether it changed (1 or 0), -1 when the school has as many offers as it can; None without a second factor.
    """
    changed: int | None = unit.one(
        "select overstap.state_offer(%(stay)s, %(year)s, %(location)s, %(kind)s, %(places)s, %(placed)s)",
        stay=session,
        year=school_year,
        location=location,
        kind=kind,
        places=places,
        placed=placed,
    )[0]
    return changed


def note_draw(unit: UnitOfWork, session: bytes, school_year: str, location: str, kind: str, draw: Draw) -> str | None:
    """Record the result of a draw.

    Returns:
        "drawn", "repeated" (it is what was recorded last), "offer" (no offer of the session's school) or "many" (the
        offer has as many draws as it can); None without a second factor.
    """
    values = {"year": school_year, "location": location, "kind": kind, "on": draw.drawn_on, "by": draw.made_by}
    noted: str | None = unit.one(
        "select overstap.note_draw(%(stay)s, %(year)s, %(location)s, %(kind)s, %(on)s, %(drawn)s, %(out)s, %(by)s)",
        **{"stay": session, "drawn": draw.drawn, "out": draw.not_drawn, **values},
    )[0]
    return noted
