"""Model of the times of mail to coordinators and schools."""

from datetime import time, timedelta
from typing import Annotated

from pydantic import Field

from overstap.agreements.model.part import AgreementPart

Hour = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""Dutch wall time, such as 07:30."""


class Notices(AgreementPart):
    """Times of mail: one digest a day, and urgent mail at once, both outside the quiet hours."""

    digest_at: Hour = "07:30"
    """Time of the daily digest."""
    quiet_from: Hour = "19:00"
    """Start of the quiet hours, in which no mail is sent, urgent mail included."""
    quiet_until: Hour = "07:00"
    """End of the quiet hours."""
    weekends: bool = False
    """Whether mail is sent on Saturdays and Sundays."""
    urgent_every: timedelta = timedelta(hours=1)
    """Minimum time between two urgent mails to the same person."""
    deadline_near: timedelta = timedelta(days=1)
    """Time before a deadline at which persons with open tasks are notified."""
    schools: bool = True
    """Whether schools receive mail; coordinators always do."""

    def hour(self, name: str) -> time:
        """Return the time of day of a key, such as `digest_at`."""
        return time.fromisoformat(str(getattr(self, name)))
