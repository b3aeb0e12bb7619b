"""Gates: human-in-the-loop tasks whose decision the ledger keeps. The state of the task decides nothing."""

from overstap.orchestration.gates.closing import AcceptUndeliverable
from overstap.orchestration.gates.delivery import ReleaseForDelivery
from overstap.orchestration.gates.review import ReleaseForReview
from overstap.orchestration.gates.window import DecideNotInspected

__all__ = ["AcceptUndeliverable", "DecideNotInspected", "ReleaseForDelivery", "ReleaseForReview"]
