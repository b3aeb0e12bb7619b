"""Model of the invitations of families to inspect a dossier."""

from typing import Annotated, Literal

from pydantic import Field

from overstap.agreements.model.moments import Moment
from overstap.agreements.model.part import AgreementPart


class Invitations(AgreementPart):
    """Invitations: letters that the school prints, and optionally e-mails.

    Each entitled person gets a letter with the code; an e-mail says that a dossier is ready, without a name.
    """

    by: Annotated[tuple[Literal["letter", "email"], ...], Field(min_length=1)] = ("letter",)
    """The means of invitation: letter, and optionally e-mail."""
    sent_from: Moment | None = None
    """First moment of sending; the default is the opening of the review."""
