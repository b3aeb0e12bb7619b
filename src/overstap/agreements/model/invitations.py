"""The agreed way of inviting families to inspect a dossier."""

from typing import Annotated, Literal

from pydantic import Field

from overstap.agreements.model.moments import Moment
from overstap.agreements.model.part import AgreementPart


class Invitations(AgreementPart):
    """Letters that the school prints, and beside them messages by e-mail.

    A letter holds the code, so there always is one; an e-mail tells that a dossier lies ready, and not whose.
    """

    by: Annotated[tuple[Literal["letter", "email"], ...], Field(min_length=1)] = ("letter",)
    """How families hear of it: by letter, and by e-mail as well."""
    sent_from: Moment | None = None
    """Nothing is sent before this moment; left out: not before the review opens."""
