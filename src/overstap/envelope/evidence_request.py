"""Request for what a school stored under a message id, and its answer.

Asked when a receiver says that it has another content under an id than ours, which is what happens when our ledger was
restored from an older backup: then its receipt tells what was delivered (docs/envelope.md, part "Over HTTPS").
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
    """What a school shows of an envelope that it has. Nothing of it is verified."""

    receipt: bytes = field(repr=False)
    manifest: bytes = field(repr=False)
    envelope: bytes = field(repr=False)


def evidence_bytes(receipt: bytes, manifest: bytes, envelope: bytes) -> bytes:
    """Return the answer's body."""
    parts = zip(_PARTS, (receipt, manifest, envelope), strict=True)
    return json.dumps({"format": FORMAT} | {name: base64.b64encode(part).decode() for name, part in parts}).encode()


def read_evidence(body: bytes) -> EvidenceResponse | None:
    """Return what a body shows, or None when it is not of this form."""
    try:
        fields = json.loads(body)
        if fields.keys() != {"format", *_PARTS} or fields["format"] != FORMAT:
            return None
        return EvidenceResponse(*(base64.b64decode(fields[name], validate=True) for name in _PARTS))
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error):
        return None
