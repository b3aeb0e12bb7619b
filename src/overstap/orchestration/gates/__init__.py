"""Gates: a coordinator decides, and the ledger keeps the decision. The task's own state decides nothing."""

from overstap.orchestration.gates.closing import AcceptUndeliverable
from overstap.orchestration.gates.delivery import ReleaseForDelivery
from overstap.orchestration.gates.review import ReleaseForReview
from overstap.orchestration.gates.window import DecideNotInspected

__all__ = ["AcceptUndeliverable", "DecideNotInspected", "ReleaseForDelivery", "ReleaseForReview"]
