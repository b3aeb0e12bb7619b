"""Moments in Dutch wall time, which must exist and be unambiguous."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from overstap.agreements.model.refusals import refusal
from overstap.clock import NETHERLANDS
from overstap.tabular.values import moment


def moment_of(text: str) -> datetime:
    """Return the moment that a text states: `2027-03-12 16:00`, with an offset if it states one.

    Raises:
        ValueError: it states none; a day without a time of day is none.
    """
    if not text[:4].isdigit() or ":" not in text:
        raise ValueError("a date with a time of day is needed, such as 2027-03-12 16:00")
    return moment(text)


def _wall_time(value: object) -> object:
    """Read a time without a zone as Dutch wall time, which is how agreements state deadlines."""
    if isinstance(value, str):
        try:
            value = moment_of(value)
        except ValueError:
            raise refusal("no_moment") from None
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=NETHERLANDS)
    return value


def _existing(value: datetime) -> datetime:
    """Refuse the hour that the spring clock change skips (Europe/Amsterdam, last Sunday of March)."""
    if value.tzinfo is NETHERLANDS and not wall_time_exists(value):
        raise refusal("no_wall_time")
    return value


def wall_time_exists(value: datetime) -> bool:
    """Tell whether a Dutch clock ever shows this; between 02:00 and 03:00 on the last Sunday of March it does not.

    Args:
        value: a wall time; its zone, if any, is left aside.
    """
    bare = value.replace(tzinfo=None)
    return bare.replace(tzinfo=NETHERLANDS).astimezone(UTC).astimezone(NETHERLANDS).replace(tzinfo=None) == bare


def wall_time_comes_twice(value: datetime) -> bool:
    """Tell whether Dutch clocks show this twice: between 02:00 and 03:00 on the last Sunday of October.

    Args:
        value: a wall time; its zone, if any, is left aside.
    """
    first = value.replace(tzinfo=NETHERLANDS, fold=0)
    second = value.replace(tzinfo=NETHERLANDS, fold=1)
    return wall_time_exists(value) and first.utcoffset() != second.utcoffset()


Moment = Annotated[AwareDatetime, BeforeValidator(_wall_time), AfterValidator(_existing)]
