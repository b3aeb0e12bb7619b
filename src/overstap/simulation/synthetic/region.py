"""Synthetic region: schools, pupils and their applications from one seed.

Only the schools are held in memory; pupils are generated on demand, so that the country's 175,000 fit too.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any

from overstap.simulation.synthetic import numbers, oso
from overstap.simulation.synthetic.pupil import SyntheticPupil, postcode, pupils_of
from overstap.simulation.synthetic.school import (
    Address,
    PrimarySchool,
    SchoolBehaviour,
    SecondarySchool,
    SupplySource,
    make_secondary_schools,
    primary_name,
)
from overstap.simulation.synthetic.words import words


@dataclass(frozen=True, slots=True)
class SyntheticRegion:
    """A synthetic region."""

    name: str
    """Id of the region: "demo"."""
    title: str
    school_year: str
    """Such as "2026-2027"."""
    seed: int
    today: date
    """The day on which schools exported their dossiers."""
    size: int
    """Number of pupils, over whom the quirks are spread; those of further schools have none."""
    primary: tuple[PrimarySchool, ...]
    secondary: tuple[SecondarySchool, ...]
    placed_twice: int = 0
    """Number of pupils who are placed at two schools."""

    @property
    def first_year(self) -> int:
        """The calendar year in which the school year begins."""
        return int(self.school_year[:4])

    def pupils(self, school: PrimarySchool | None = None) -> Iterator[SyntheticPupil]:
        """Make the pupils of one school, or of all schools in their order."""
        for one in self.primary if school is None else (school,):
            yield from pupils_of(
                one,
                seed=self.seed,
                pupils=self.size,
                first_position=self.primary[0].first_position,
                secondary=self.secondary,
                first_year=self.first_year,
                today=self.today,
                placed_twice=self.placed_twice,
            )

    def values(self, pupil: SyntheticPupil) -> oso.Values:
        """Return the nested values of a pupil's dossier (see `overstap.oso.building.build`)."""
        return oso.values(pupil, seed=self.seed, first_year=self.first_year, today=self.today)


def school_year_of(day: date) -> str:
    """Return the school year (1 August to 31 July) of a day: "2026-2027"."""
    year = day.year if day.month >= 8 else day.year - 1
    return f"{year}-{year + 1}"


def punctual_region(
    seed: int, pupils: int, primary_schools: int, secondary_schools: int, *, today: date, **more: Any
) -> SyntheticRegion:
    """Make a region whose schools are all on time and supply by drop folder, without planned faults.

    Args:
        seed: of everything random.
        pupils: number of pupils of group 8 in all schools together.
        primary_schools: number of schools that supply.
        secondary_schools: number of schools that receive.
        today: the day of the exports.
        more: further arguments of `make_region`.
    """
    behaviours = {"late": 0, "faulty": 0, "littered": 0, "database": 0}
    return make_region(seed, pupils, primary_schools, secondary_schools, today=today, **behaviours | more)


def make_region(
    seed: int,
    pupils: int,
    primary_schools: int = 12,
    secondary_schools: int = 5,
    *,
    today: date,
    name: str = "demo",
    title: str | None = None,
    school_year: str | None = None,
    late: int = 1,
    faulty: int = 1,
    littered: int = 1,
    database: int | None = None,
    first_position: int = 0,
    first_school: int = 0,
    placed_twice: int = 0,
    further: Sequence[tuple[SupplySource, int]] = (),
) -> SyntheticRegion:
    """Make a region; the same arguments give the same region, to the byte.

    Args:
        seed: of everything random.
        pupils: number of pupils of group 8 in all schools together.
        primary_schools: number of schools that supply.
        secondary_schools: number of schools that receive.
        today: the day of the exports: nothing in a dossier is later.
        name: id of the region.
        title: its name for people; made from `name` when left out.
        school_year: such as "2026-2027"; that of `today` when left out.
        late: number of schools that supply nothing at first.
        faulty: number of schools with dossiers that break a rule.
        littered: number of schools with garbage in their drop folder.
        database: number of schools that supply from a LAS database; when left out a quarter of them, and no more
            than half of those that are on time, of which they are taken.
        first_position: position of the first identity number, so that two regions need not share numbers.
        first_school: place of the first primary and secondary school, so that two regions need not share schools.
        placed_twice: number of pupils who are placed at two schools.
        further: schools beside these that are on time, each by how it supplies and its number of pupils.

    Raises:
        ValueError: the numbers do not fit together.
    """
    random = Random(f"{seed}:{name}:schools")  # noqa: S311 - synthetic data, no secrets
    if primary_schools < 1 or secondary_schools < 1 or pupils < primary_schools:
        raise ValueError("a region needs a primary and a secondary school, and a pupil for each primary school")
    on_time = primary_schools - late - faulty - littered
    if min(late, faulty, littered) < 0 or on_time < 0:
        raise ValueError(
            f"{late} late, {faulty} faulty and {littered} littered schools do not fit in {primary_schools}"
        )
    databases = min(on_time // 2, primary_schools // 4) if database is None else database
    if not 0 <= databases <= on_time:
        raise ValueError(f"{databases} schools with a LAS database do not fit in {on_time} schools that are on time")
    behaviours = (
        [SchoolBehaviour.LITTERED] * littered + [SchoolBehaviour.FAULTY] * faulty + [SchoolBehaviour.LATE] * late
    )
    # The schools that are on time come first: that is where the quirks of a small region are wanted.
    behaviours = [SchoolBehaviour.ON_TIME] * on_time + behaviours
    sizes = _sizes(random, pupils, primary_schools)
    schools = []
    position = first_position
    for serial, (behaviour, size) in enumerate(zip(behaviours, sizes, strict=True)):
        way = SupplySource.LAS_DATABASE if on_time - databases <= serial < on_time else SupplySource.DROP_FOLDER
        schools.append(
            PrimarySchool(
                id=numbers.primary_school(first_school + serial),
                name=primary_name(first_school + serial),
                address=_school_address(random, serial),
                source=way,
                behaviour=behaviour,
                size=size,
                first_position=position,
                names_in_file_names=serial % 3 == 1,
            )
        )
        position += size
    for serial, (way, size) in enumerate(further, primary_schools):
        schools.append(
            PrimarySchool(
                id=numbers.primary_school(first_school + serial),
                name=primary_name(first_school + serial),
                address=_school_address(random, serial),
                source=way,
                behaviour=SchoolBehaviour.ON_TIME,
                size=size,
                first_position=position,
            )
        )
        position += size
    return SyntheticRegion(
        name=name,
        title=title or f"Regio {name.replace('_', ' ').title()}",
        school_year=school_year or school_year_of(today),
        seed=seed,
        today=today,
        size=pupils,
        primary=tuple(schools),
        secondary=make_secondary_schools(secondary_schools, first_school),
        placed_twice=placed_twice,
    )


def _sizes(random: Random, pupils: int, schools: int) -> list[int]:
    """Share the pupils out: every school has at least one, some are three times as large as others."""
    weights = [random.uniform(0.5, 1.5) for _ in range(schools)]
    spare = pupils - schools
    total = sum(weights)
    sizes = [1 + int(spare * weight / total) for weight in weights]
    for serial in range(pupils - sum(sizes)):
        sizes[serial % schools] += 1
    return sizes


def _school_address(random: Random, serial: int) -> Address:
    place = words()["towns"][serial % len(words()["towns"])]
    street = random.choice(words()["street_starts"]) + random.choice(words()["street_ends"])
    return Address(street, random.randrange(1, 90), "", postcode(random), place["town"], place["municipality"])
