"""Verification of stored receipts, for `overstap ledger check`."""

from collections.abc import Callable

from overstap.envelope.receipt import verify_receipt
from overstap.errors import OverstapError
from overstap.ledger.invariants import ConfirmedDelivery
from overstap.pki import TrustStore


def receipt_fault(trust: TrustStore) -> Callable[[ConfirmedDelivery], str | None]:
    """Return a function that verifies a stored receipt again and returns its fault, or None.

    Certificates are checked against the moment at which the ledger stored the receipt, so that a receipt stays valid
    when a certificate expires or is revoked later. It is not the moment in the receipt, which the holder of a stolen
    key could state freely.

    Args:
        trust: trust store that checks the schools' certificates.
    """

    def fault(confirmed: ConfirmedDelivery) -> str | None:
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
