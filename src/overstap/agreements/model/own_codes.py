"""Model of a region's own codes: an extension of the standard's code lists for one school year."""

from typing import Annotated

from pydantic import Field

from overstap.agreements.model.part import AgreementPart


class OwnCode(AgreementPart):
    """A code that the region's schools use for something that the standard's list has no code for."""

    list: Annotated[str, Field(pattern=r"^[0-9]{1,3}$")]
    """Number of the code list of the standard."""
    code: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^\S(.*\S)?$")]
    """The code as it stands in dossiers."""
    label: Annotated[str, Field(min_length=1, max_length=120)]
    """Meaning, as parents and schools read it."""
