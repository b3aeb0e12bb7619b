"""Model of the region's source of applications, registrations and placements, and their stages."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from overstap.agreements.model.part import AgreementPart


class RegistrationStage(StrEnum):
    """Stage of a pupil's registration at a school; each stage includes the later ones."""

    APPLIED = "applied"
    REGISTERED = "registered"
    PLACED = "placed"


class Registrations(AgreementPart):
    """Source of applications, registrations and placements (docs/sources.md): a file, a database, or both."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.(csv|xlsx)$")] | None = "aanmeldingen.csv"
    """Name of the CSV file or workbook (.xlsx) in the region's drop folder (`<drop>/<region>/`)."""
    mapping: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,39}$")] | None = None
    """Name of the mapping of a platform's own export; left out: the file has the documented columns."""
    connection: str | None = None
    """Name of the Airflow connection to the database with the documented view."""
