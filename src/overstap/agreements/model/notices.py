"""The agreed times at which mail goes to coordinators and schools."""

from datetime import time, timedelta
from typing import Annotated

from pydantic import Field

from overstap.agreements.model.part import AgreementPart

Hour = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Dutch wall time, such as 07:30."""


class Notices(AgreementPart):
    """What the region agreed about mail: one digest a day, and what cannot wait at once, outside quiet hours."""

    digest_at: Hour = "07:30"
    """When the day's digest goes."""
    quiet_from: Hour = "19:00"
    """From then on nothing goes, also nothing that is urgent."""
    quiet_until: Hour = "07:00"
    """Until then nothing goes."""
    weekends: bool = False
    """Whether mail goes on Saturdays and Sundays."""
    urgent_every: timedelta = timedelta(hours=1)
    """The least time between two urgent mails to the same person."""
    deadline_near: timedelta = timedelta(days=1)
    """How long before a deadline those hear of it who still have something to do."""
    schools: bool = True
    """Whether schools get mail; coordinators always do."""

    def hour(self, name: str) -> time:
        """Return one of the hours as a time of day."""
        return time.fromisoformat(str(getattr(self, name)))
