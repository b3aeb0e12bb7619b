"""Alarms for the administrator that services recorded in the database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Alarm:
    """One alarm, without personal data."""

    alarm: UUID
    kind: str
    region: str | None
    failed: int
    raised_at: datetime


def take_new(unit: UnitOfWork) -> list[Alarm]:
    """Return the alarms of this region and those without a region, once: they count as sent when the unit commits."""
    return [Alarm(*row) for row in unit.rows("select * from overstap.alarms_to_tell()")]
