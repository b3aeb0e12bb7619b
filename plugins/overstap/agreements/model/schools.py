"""A school that takes part."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field, model_validator

from overstap.agreements.model.part import Part
from overstap.agreements.model.receiving import Receives
from overstap.agreements.model.supplying import Supplies

SchoolId = Annotated[str, Field(pattern=r"^[0-9]{2}[A-Z]{2}[0-9]{2}$", description="BRIN and branch, such as 99AB00")]


class SchoolKind(StrEnum):
    """On which side of the transfer a school stands."""

    PO = "PO"
    VO = "VO"


class School(Part):
    """A participating school."""

    id: SchoolId
    name: str
    kind: SchoolKind
    board: str | None = None
    """The school board it belongs to."""
    contact: str
    """Where the school's reports go."""
    supplies: Supplies | None = None
    receives: Receives | None = None

    @property
    def label(self) -> str:
        """How the school is shown: "De Regenboog (99AB00)"."""
        return f"{self.name} ({self.id})"

    @model_validator(mode="after")
    def _has_its_way(self) -> Self:
        if self.kind is SchoolKind.PO and self.supplies is None:
            raise ValueError(f"primary school {self.id} does not say how it supplies (supplies)")
        if self.kind is SchoolKind.VO and self.receives is None:
            raise ValueError(f"secondary school {self.id} does not say how it receives (receives)")
        return self
