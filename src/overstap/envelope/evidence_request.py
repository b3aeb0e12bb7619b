"""Evidence request: asks a receiving school for the receipt, manifest and envelope that it stored under a message id.

The sender asks it when a receiver reports other content under a message id, as happens after the sender's ledger was
restored from an older backup: the receipt then proves what was delivered (docs/envelope.md, part "Over HTTPS").
"""

import base64
import binascii
import json
from dataclasses import dataclass, field

from overstap.envelope.package import DEFAULT_LIMITS

MEDIA_TYPE = "application/vnd.overstap.evidence-request"
ANSWER_TYPE = "application/vnd.overstap.evidence+json"
FORMAT = "overstap-evidence/1"
MAX_BYTES = DEFAULT_LIMITS.envelope_bytes * 3 // 2  # base64, and the rest of it
_PARTS = ("receipt", "manifest", "envelope")


@dataclass(frozen=True, slots=True)
class EvidenceResponse:
    """Response of a school to an evidence request; nothing in it is verified yet."""

    receipt: bytes = field(repr=False)
    manifest: bytes = field(repr=False)
    envelope: bytes = field(repr=False)


def evidence_bytes(receipt: bytes, manifest: bytes, envelope: bytes) -> bytes:
    """Return the body of a response, JSON with Base64 parts."""
    parts = zip(_PARTS, (receipt, manifest, envelope), strict=True)
    return json.dumps({"format": FORMAT} | {name: base64.b64encode(part).decode() for name, part in parts}).encode()


def read_evidence(body: bytes) -> EvidenceResponse | None:
    """Parse the body of a response; return None when it does not have the required form."""
    try:
        fields = json.loads(body)
        if fields.keys() != {"format", *_PARTS} or fields["format"] != FORMAT:
            return None
        return EvidenceResponse(*(base64.b64decode(fields[name], validate=True) for name in _PARTS))
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        return None
