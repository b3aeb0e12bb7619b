"""Base class of the parts of an agreement."""

from pydantic import BaseModel, ConfigDict


class AgreementPart(BaseModel):
    """Frozen, and a typing error in a key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
