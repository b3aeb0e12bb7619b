"""The school holiday region of a region."""

from enum import StrEnum


class HolidayRegion(StrEnum):
    """The three parts of the country whose schools have their holidays at different times."""

    NORTH = "north"
    MIDDLE = "middle"
    SOUTH = "south"

    @property
    def dutch(self) -> str:
        """The part as the ministry calls it."""
        return {"north": "Noord", "middle": "Midden", "south": "Zuid"}[self.value]
