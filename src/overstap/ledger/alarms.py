"""Alarms that services raised in the database, for the administrator."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Alarm:
    """What was noticed; nothing in it leads to a person."""

    alarm: UUID
    kind: str
    region: str | None
    failed: int
    raised_at: datetime


def to_tell(unit: UnitOfWork) -> list[Alarm]:
    """Return the alarms of this region, and those of none, that nobody was told yet: told when the unit ends well."""
    return [Alarm(*row) for row in unit.rows("select * from overstap.alarms_to_tell()")]
