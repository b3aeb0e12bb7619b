"""Alarms for the administrator that services recorded in the database."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.audit import ChainFault, read_chain, verify
from overstap.ledger.session import UnitOfWork

FOUND_HERE = frozenset({"odd_hours", "mass_opening", "mass_printing", "mass_searching", "evidence_gap", "clock_jump"})
"""Kinds that the database finds; a service that detects another has written it to its log itself."""


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


def look_for_unusual(unit: UnitOfWork, *, at: datetime, fault: ChainFault | None = None) -> int:
    """Record alarms about what is unusual in the region; return how many are new.

    Args:
        unit: the transaction.
        at: the present moment by the clock of this process, aware; it is compared with the database's.
        fault: the first invalid audit line, where the chain was verified.
    """
    found: int = unit.one("select overstap.look_for_unusual(%(at)s, %(fault)s)", at=at, fault=fault and fault.seq)[0]
    return found


def chain_fault(unit: UnitOfWork) -> ChainFault | None:
    """Return the first fault of the region's audit chain; None when it is valid."""
    return verify(read_chain(unit.connection, unit.region), region=unit.region)
