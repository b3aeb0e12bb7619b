"""Holiday regions, in which school holidays are staggered."""

from enum import StrEnum


class HolidayRegion(StrEnum):
    """One of the three regions of the country with school holidays of their own."""

    NORTH = "north"
    MIDDLE = "middle"
    SOUTH = "south"

    @property
    def dutch(self) -> str:
        """The Dutch name, as the ministry of education uses it."""
        return {"north": "Noord", "middle": "Midden", "south": "Zuid"}[self.value]
