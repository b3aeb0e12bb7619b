"""Paths and headers of the protocol over HTTPS (docs/envelope.md, part "Over HTTPS"; docs/pull.md)."""

from collections.abc import Mapping
from uuid import UUID

from overstap.envelope.manifest import uuid_of

MESSAGE_ID_HEADER = "Overstap-Message-Id"
REASON_HEADER = "Overstap-Reason"
"""Response header with the precise reason of a refusal; sent only by receivers with development certificates."""
ENVELOPES, NOTIFICATIONS = "/v1/envelopes", "/v1/notifications"
"""Paths of a school's endpoint (docs/envelope.md, docs/pull.md)."""
REQUESTS, RECEIPTS, RESULTS, TAKEN_BACK = "/v1/requests", "/v1/receipts", "/v1/results", "/v1/taken-back"
"""Paths of a region's desk (docs/pull.md)."""


def message_id_in(headers: Mapping[str, str]) -> UUID | None:
    """Return the message id in the headers of a request or response, or None.

    Args:
        headers: headers by lower-case name, or a case-insensitive mapping.
    """
    try:
        return uuid_of(headers.get(MESSAGE_ID_HEADER.lower()))
    except (ValueError, TypeError, AttributeError):
        return None
