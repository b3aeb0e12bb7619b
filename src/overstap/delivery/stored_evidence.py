"""Verification of kept receipts, for `overstap ledger check`."""

from collections.abc import Callable

from overstap.envelope.receipt import verify_receipt
from overstap.errors import OverstapError
from overstap.ledger.invariants import Confirmed
from overstap.pki import TrustStore


def receipt_fault(trust: TrustStore) -> Callable[[Confirmed], str | None]:
    """Return a function that verifies a kept receipt again and gives what is wrong with it, if anything.

    It judges as of the moment at which the ledger got the receipt: a certificate that has ended or was revoked since
    signed no less then, and a receipt must hold for as long as it is kept. The moment is the ledger's own, not the one
    that the receipt states: whoever steals a revoked key could state any.

    Args:
        trust: whose receipts count.
    """

    def fault(confirmed: Confirmed) -> str | None:
        try:
            receipt = verify_receipt(
                confirmed.receipt,
                message_id=confirmed.message_id,
                envelope_sha256=confirmed.envelope_digest,
                manifest_sha256=confirmed.manifest_digest,
                receiver=confirmed.secondary_school,
                trust=trust,
                at=confirmed.kept_at,
            )
        except OverstapError as error:
            return error.message_en
        return None if receipt.is_accepted else "it says refused"

    return fault
