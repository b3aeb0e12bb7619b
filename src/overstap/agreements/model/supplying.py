"""How a school supplies: the block `supplies` of a school. Each source's module has its own (`agreements.kinds`)."""

from typing import Annotated, Any, Union

from pydantic import Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema

from overstap.agreements.model.part import AgreementPart


class SupplyingPart(AgreementPart):
    """What every block `supplies` has."""

    way: str


class _AnySource:
    """Stands for the blocks of all sources there are; asked when the first agreement is read, not at import."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        from overstap.agreements.kinds import sources

        models = tuple(kind.model for kind in sources().values())
        return handler.generate_schema(Annotated[Union[models], Field(discriminator="way")])  # noqa: UP007


Supplies = Annotated[SupplyingPart, _AnySource()]
"""How a school supplies."""
