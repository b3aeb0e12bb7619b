"""Dates of a region that no round depends on."""

from datetime import UTC
from typing import Literal, Self

from pydantic import model_validator

from overstap.agreements.model.moments import Moment
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.refusals import refusal


class Occasion(AgreementPart):
    """A date of the region that no round waits for: registration, lottery, an introduction day."""

    name: str
    """As schools call it, Dutch."""
    kind: Literal["registration", "admission", "other"] = "other"
    """`registration`: parents register; `admission`: schools tell who is admitted. Both have statutory bounds."""
    starts: Moment
    ends: Moment | None = None
    source: str | None = None
    """Where the date comes from, or "assumed"."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends is not None and self.starts.astimezone(UTC) > self.ends.astimezone(UTC):
            raise refusal("ends_before_starts")
        return self
