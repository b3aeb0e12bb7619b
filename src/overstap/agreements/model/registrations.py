"""Sources of applications, registrations and placements, and the stage that each states."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field

from overstap.agreements.model.part import AgreementPart


class RegistrationStage(StrEnum):
    """How sure it is that a pupil goes to a school; each stage includes the surer ones."""

    APPLIED = "applied"
    REGISTERED = "registered"
    PLACED = "placed"


class Registrations(AgreementPart):
    """Where the region's applications, registrations and placements come from (docs/sources.md); both may be given."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.(csv|xlsx)$")] | None = "aanmeldingen.csv"
    """Name of the CSV file or workbook (.xlsx) in the region's drop folder (`<drop>/<region>/`)."""
    connection: str | None = None
    """Name of the Airflow connection to the database with the documented view."""
