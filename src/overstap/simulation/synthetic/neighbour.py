"""A second synthetic region, of which some pupils are those of the first one."""

from overstap.simulation.synthetic.region import SyntheticRegion, punctual_region

_FIRST_SCHOOL = 300
"""Place of the first school of a neighbour, so that no school is in two regions."""
_WITHOUT_BSN = 3
"""Pupils at the same position who have no BSN in one of the two regions, and so another number."""


def make_neighbour(
    region: SyntheticRegion, name: str, *, pupils: int, doubles: int, secondary_schools: int = 2
) -> SyntheticRegion:
    """Make a region whose first pupils have the numbers of the last ones of another region.

    Args:
        region: the other region.
        name: id of the new one.
        pupils: its number of pupils.
        doubles: number of them who are in both.
        secondary_schools: its number of secondary schools.

    Raises:
        ValueError: there are not so many pupils.
    """
    last = region.primary[-1]
    if not 0 <= doubles <= min(pupils, sum(school.size for school in region.primary)):
        raise ValueError(f"{doubles} pupils of both do not fit in {pupils} and {region.size} pupils")
    numbers = {pupil.number for pupil in region.pupils()}
    for without_bsn in range(_WITHOUT_BSN + 1):
        made = punctual_region(
            *(region.seed + 1, pupils, 1, secondary_schools),
            today=region.today,
            name=name,
            school_year=region.school_year,
            first_position=last.first_position + last.size - doubles - without_bsn,
            first_school=_FIRST_SCHOOL,
        )
        if sum(pupil.number in numbers for pupil in made.pupils()) == doubles:
            return made
    raise ValueError(f"no {doubles} pupils of both were found in {pupils} and {region.size} pupils")
