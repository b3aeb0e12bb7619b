"""Agreements of regions: files, their typed model, and the rounds in them; independent of stages and ledger."""

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
