"""Model of what a region agreed about comparing applications with another region."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from overstap.agreements.model.moments import Moment
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.refusals import refusal


class Comparison(AgreementPart):
    """Comparison of applications with another region; it takes place only where that region's agreement has it too."""

    region: Annotated[str, Field(min_length=2, max_length=31, pattern=r"^[a-z][a-z0-9]*(_[a-z0-9]+)*$")]
    """Id of the other region."""
    at: tuple[Moment, ...] = ()
    """Moments after which both are compared the next morning, where one deployment runs both."""
    conductor: Annotated[str, Field(pattern=r"^[0-9]{20}$")] | None = None
    """OIN of the other region's conductor, where it has a deployment of its own; files with its signature are read."""
    at_most: Annotated[int, Field(ge=1, le=250_000)] = 20_000
    """Number of pupils about whom the other region may ask at once."""

    @model_validator(mode="after")
    def _by_file_or_by_clock(self) -> Self:
        if self.conductor is not None and self.at:
            raise refusal("compared_by_file", region=self.region)
        return self
