"""What a region agreed: the file, its model, and the rounds in it. Knows no stage and no ledger."""

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
