"""How a school receives: the block `receives` of a school. Each channel's module has its own (`agreements.kinds`)."""

from typing import Annotated, Any, Union

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from overstap.agreements.model.part import AgreementPart


class ReceivingPart(AgreementPart):
    """What every block `receives` has."""

    way: str


class _AnyChannel:
    """Stands for the blocks of all channels there are; asked when the first agreement is read, not at import."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from overstap.agreements.kinds import channels

        models = tuple(kind.model for kind in channels().values())
        return handler.generate_schema(Annotated[Union[models], Field(discriminator="way")])  # noqa: UP007


Receives = Annotated[ReceivingPart, _AnyChannel()]
"""How a school receives."""
