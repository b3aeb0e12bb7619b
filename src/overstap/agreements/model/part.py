"""Base class of the models of all parts of an agreement."""

from pydantic import BaseModel, ConfigDict


class AgreementPart(BaseModel):
    """Immutable part of an agreement, in which unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")
