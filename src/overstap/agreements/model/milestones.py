"""Model of the milestones of a round and their reminders."""

import itertools
from datetime import UTC
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from overstap.agreements.model.moments import Moment
from overstap.agreements.model.part import AgreementPart
from overstap.agreements.model.refusals import refusal


class Milestones(AgreementPart):
    """The agreed moments of a round, in chronological order; Dutch wall time where no zone is given."""

    opens: Moment
    data_due: Moment
    review_opens: Moment
    review_closes: Moment
    delivers: Moment
    receipts_due: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = list(type(self).model_fields)
        for earlier, later in itertools.pairwise(names):
            # Python compares moments of one zone by wall time, which is wrong in the ambiguous hour of October
            if getattr(self, earlier).astimezone(UTC) > getattr(self, later).astimezone(UTC):
                raise refusal("milestones_order", earlier=earlier, later=later)
        return self


class Reminder(AgreementPart):
    """A reminder of a deadline, some days before it at the same wall time."""

    of: Literal["data_due", "review_closes", "receipts_due"]
    """Name of the milestone."""
    days_before: Annotated[int, Field(ge=1, le=60)]
    """Calendar days before the milestone."""
