"""How a school supplies: the block `supplies` of a school."""

from typing import Annotated, Literal

from pydantic import Field

from overstap.agreements.model.part import AgreementPart


class DropFolder(AgreementPart):
    """The school's system exports OSO files into the region's drop folder (`<drop>/<region>/<school>/*.xml`)."""

    way: Literal["drop_folder"] = "drop_folder"


class LasDatabase(AgreementPart):
    """The school's administration system has a PostgreSQL database with the documented view (docs/sources.md)."""

    way: Literal["las_database"]
    connection: str
    """Name of the Airflow connection."""


Supplies = Annotated[DropFolder | LasDatabase, Field(discriminator="way")]
"""The ways to supply."""
