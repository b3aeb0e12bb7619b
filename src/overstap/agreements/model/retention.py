"""Retention periods of a region."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.refusals import refusal


class Retention(AgreementPart):
    """When what a round left is erased, in days after the round closed (AVG art. 5, 1e); without it nothing is."""

    content_days: Annotated[int, Field(ge=30, le=730)]
    """Dossiers, attachments, what parents saw and wrote, envelopes, reports: until then a round can be put right."""
    traces_days: Annotated[int, Field(ge=30, le=1825)]
    """What leads back to a pupil or a parent, and who opened a dossier: as long as an inspection must be proved."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.traces_days < self.content_days:
            raise refusal("retention_order")
        return self
