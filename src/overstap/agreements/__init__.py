"""Agreements of regions: reading, validation, calendars, and decisions on changes; independent of the ledger."""

from overstap.agreements.load import agreement_paths, load_agreement, load_all
from overstap.agreements.model import (
    Agreement,
    Milestones,
    Round,
    RoundId,
    RoundKind,
    School,
    SchoolKind,
)

__all__ = [
    "Agreement",
    "Milestones",
    "Round",
    "RoundId",
    "RoundKind",
    "School",
    "SchoolKind",
    "agreement_paths",
    "load_agreement",
    "load_all",
]
