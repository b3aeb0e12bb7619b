"""Base model of the block `receives` of a school; each channel defines its own (`agreements.kinds`)."""

from typing import Annotated, Any, Union

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from overstap.agreements.model.part import AgreementPart


class ReceivingPart(AgreementPart):
    """Base class of all blocks `receives`."""

    way: str


class _AnyChannel:
    """Schema of the blocks of all channels; resolved at first validation, since channels import this module."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from overstap.agreements.kinds import channels

        models = tuple(kind.model for kind in channels().values())
        return handler.generate_schema(Annotated[Union[models], Field(discriminator="way")])  # noqa: UP007


Receives = Annotated[ReceivingPart, _AnyChannel()]
"""The block `receives` of any channel."""
