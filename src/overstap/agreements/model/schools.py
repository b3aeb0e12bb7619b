"""A school that takes part."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.receiving import Receives
from overstap.agreements.model.refusals import refusal
from overstap.agreements.model.supplying import Supplies
from overstap.school_numbers import PARTICIPANT

SchoolId = Annotated[
    str,
    Field(
        pattern=rf"^{PARTICIPANT}$",
        description="BRIN and branch, such as 99AB00; a partnership has its own number, such as PO9901",
    ),
]


class SchoolKind(StrEnum):
    """On which side of the transfer a school stands, or that it is a partnership."""

    PO = "PO"
    VO = "VO"
    SWV = "SWV"
    """Partnership of schools for support in education (samenwerkingsverband): it only receives."""


class School(AgreementPart):
    """A participating school."""

    model_config = ConfigDict(defer_build=True)  # the kinds of source and channel are known when all is imported

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

    @property
    def receives_at_desk(self) -> bool:
        """Whether its dossiers stay at the region's desk until it asks for them."""
        from overstap.agreements.kinds import channels

        return self.receives is not None and channels()[self.receives.way].is_at_desk

    @property
    def leaves_answers(self) -> bool:
        """Whether it puts its receipts where we have to look for them."""
        from overstap.agreements.kinds import channels

        return self.receives is not None and channels()[self.receives.way].leaves_answers

    @model_validator(mode="after")
    def _has_its_way(self) -> Self:
        if self.kind is SchoolKind.PO and self.supplies is None:
            raise refusal("no_supplies", school=self.id)
        if self.kind is SchoolKind.VO and self.receives is None:
            raise refusal("no_receives", school=self.id)
        if self.kind is SchoolKind.SWV:
            if self.receives is None:
                raise refusal("no_receives", school=self.id)
            if self.receives_at_desk:
                raise refusal("partnership_at_desk", school=self.id)
        if (self.kind is SchoolKind.SWV) != self.id.startswith(("PO", "VO")):
            raise refusal("number_of_kind", school=self.id, kind=self.kind.value)
        return self
