"""Gates: human-in-the-loop tasks whose decisions are in the ledger. The state of the task has no effect."""

from overstap.orchestration.gates.closing import AcceptUndeliverable
from overstap.orchestration.gates.delivery import ReleaseForDelivery
from overstap.orchestration.gates.review import ReleaseForReview
from overstap.orchestration.gates.window import DecideNotInspected

__all__ = ["AcceptUndeliverable", "DecideNotInspected", "ReleaseForDelivery", "ReleaseForReview"]
