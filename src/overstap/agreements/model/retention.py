"""Model of the retention periods of a region."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.refusals import refusal


class Retention(AgreementPart):
    """Retention periods in days after the end of a round (AVG art. 5, 1e)."""

    content_days: Annotated[int, Field(ge=30, le=730)]
    """Period for dossiers, attachments, parents' inspections and remarks, envelopes and reports."""
    traces_days: Annotated[int, Field(ge=30, le=1825)]
    """Period for identifiers of pupils and parents and for access records, which prove an inspection."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.traces_days < self.content_days:
            raise refusal("retention_order")
        return self
