"""Model of a participating school."""

from enum import StrEnum
from typing import Annotated, Self

from pydantic import ConfigDict, Field, model_validator

from overstap.agreements.model.lines import OneLine
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
    """Kind of a school: primary, secondary, or a partnership."""

    PO = "PO"
    VO = "VO"
    SWV = "SWV"
    """Partnership of schools for support in education (samenwerkingsverband), which only receives."""


class School(AgreementPart):
    """A participating school."""

    model_config = ConfigDict(defer_build=True)  # sources and channels import this module

    id: SchoolId
    name: OneLine
    kind: SchoolKind
    board: OneLine | None = None
    """Name of the school board."""
    contact: OneLine
    """E-mail address for the reports of the school."""
    supplies: Supplies | None = None
    receives: Receives | None = None

    @property
    def label(self) -> str:
        """Name and id of the school: "De Regenboog (99AB00)"."""
        return f"{self.name} ({self.id})"

    @property
    def receives_at_desk(self) -> bool:
        """Whether its dossiers stay at the region's desk until the school requests them."""
        from overstap.agreements.kinds import channels

        return self.receives is not None and channels()[self.receives.way].is_at_desk

    @property
    def leaves_answers(self) -> bool:
        """Whether the school stores its receipts in the channel, from which the conductor fetches them."""
        from overstap.agreements.kinds import channels

        return self.receives is not None and channels()[self.receives.way].leaves_answers

    @property
    def collects_on_page(self) -> bool:
        """Whether the school collects on the schools' pages and confirms by account, without a certificate."""
        from overstap.agreements.kinds import channels

        return self.receives is not None and channels()[self.receives.way].is_on_page

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
