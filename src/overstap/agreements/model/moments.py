"""Parsing and validation of moments in Dutch wall time."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BeforeValidator

from overstap.agreements.model.refusals import refusal
from overstap.clock import NETHERLANDS
from overstap.tabular.values import moment


def moment_of(text: str) -> datetime:
    """Parse a moment such as `2027-03-12 16:00`, with its offset if the text has one.

    Raises:
        ValueError: the text is no date with a time of day.
    """
    if not text[:4].isdigit() or ":" not in text:
        raise ValueError("a date with a time of day is needed, such as 2027-03-12 16:00")
    return moment(text)


def _wall_time(value: object) -> object:
    """Parse a moment; without a zone it is Dutch wall time."""
    if isinstance(value, str):
        try:
            value = moment_of(value)
        except ValueError:
            raise refusal("no_moment") from None
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=NETHERLANDS)
    return value


def _existing(value: datetime) -> datetime:
    """Refuse a wall time in the hour skipped by summer time (Europe/Amsterdam, last Sunday of March)."""
    if value.tzinfo is NETHERLANDS and not wall_time_exists(value):
        raise refusal("no_wall_time")
    return value


def wall_time_exists(value: datetime) -> bool:
    """Return whether a Dutch wall time exists; from 02:00 to 03:00 on the last Sunday of March it does not.

    Args:
        value: a wall time; its zone is ignored.
    """
    bare = value.replace(tzinfo=None)
    return bare.replace(tzinfo=NETHERLANDS).astimezone(UTC).astimezone(NETHERLANDS).replace(tzinfo=None) == bare


def wall_time_is_ambiguous(value: datetime) -> bool:
    """Return whether a Dutch wall time occurs twice: from 02:00 to 03:00 on the last Sunday of October.

    Args:
        value: a wall time; its zone is ignored.
    """
    first = value.replace(tzinfo=NETHERLANDS, fold=0)
    second = value.replace(tzinfo=NETHERLANDS, fold=1)
    return wall_time_exists(value) and first.utcoffset() != second.utcoffset()


Moment = Annotated[AwareDatetime, BeforeValidator(_wall_time), AfterValidator(_existing)]
