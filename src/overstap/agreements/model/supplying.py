"""Base model of the block `supplies` of a school; each source defines its own (`agreements.kinds`)."""

from typing import Annotated, Any, Union

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from overstap.agreements.model.part import AgreementPart


class SupplyingPart(AgreementPart):
    """Base class of all blocks `supplies`."""

    way: str


class _AnySource:
    """Schema of the blocks of all sources; resolved at first validation, since sources import this module."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from overstap.agreements.kinds import sources

        models = tuple(kind.model for kind in sources().values())
        return handler.generate_schema(Annotated[Union[models], Field(discriminator="way")])  # noqa: UP007


Supplies = Annotated[SupplyingPart, _AnySource()]
"""The block `supplies` of any source."""
