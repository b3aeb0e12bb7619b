"""The format over HTTPS: addresses, the header with the message id, and what stands in it."""

from collections.abc import Mapping
from uuid import UUID

from overstap.envelope.manifest import uuid_of

MESSAGE_ID_HEADER = "Overstap-Message-Id"
REASON_HEADER = "Overstap-Reason"
"""In an answer that refuses an envelope: which rule is broken; only of who receives with test certificates."""
ENVELOPES, NOTIFICATIONS = "/v1/envelopes", "/v1/notifications"
"""At a school's endpoint (docs/envelope.md, docs/pull.md)."""
REQUESTS, RECEIPTS, RESULTS, TAKEN_BACK = "/v1/requests", "/v1/receipts", "/v1/results", "/v1/taken-back"
"""At a region's desk (docs/pull.md)."""


def message_id_in(headers: Mapping[str, str]) -> UUID | None:
    """Return the message id that the headers of a request or an answer name, or None.

    Args:
        headers: by lower-case name, or of a mapping that does not tell upper from lower case.
    """
    try:
        return uuid_of(headers.get(MESSAGE_ID_HEADER.lower()))
    except (ValueError, TypeError, AttributeError):
        return None
