"""What every part of an agreement has in common."""

from pydantic import BaseModel, ConfigDict


class AgreementPart(BaseModel):
    """Frozen, and a typing error in a key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")
