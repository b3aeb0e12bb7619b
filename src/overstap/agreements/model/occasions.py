"""Model of occasions: dates of a region on which no round depends."""

from datetime import UTC
from typing import Literal, Self

from pydantic import model_validator

from overstap.agreements.model.lines import OneLine
from overstap.agreements.model.moments import Moment
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.refusals import refusal


class Occasion(AgreementPart):
    """A date of the region on which no round depends: registration, lottery, an introduction day."""

    name: OneLine
    """Name, in Dutch."""
    kind: Literal["registration", "admission", "other"] = "other"
    """`registration`: parents register pupils; `admission`: schools announce admissions. Both have statutory limits."""
    starts: Moment
    ends: Moment | None = None
    source: str | None = None
    """Source of the date, or "assumed"."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends is not None and self.starts.astimezone(UTC) > self.ends.astimezone(UTC):
            raise refusal("ends_before_starts")
        return self
