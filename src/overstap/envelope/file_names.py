"""File names of envelopes and statements in a school's folder or on its SFTP server, and their size limit.

<message id>.cms             the envelope, written by the sender; complete as soon as it has this name
<message id>.receipt.cms     the school's receipt
<message id>.result.cms      the school's result (docs/receiving.md), as soon as it is known
<message id>.revocation.cms  the sender's revocation; the sender also removes the envelope if it is still there
<message id>.taken-back.cms  the school's receipt of the revocation

Names contain message ids and no personal data. The school may remove envelopes; the sender removes only revoked ones.
"""

import re
from enum import StrEnum
from uuid import UUID

from overstap.envelope.message_ids import is_message_id
from overstap.envelope.receipt import MAX_RECEIPT_BYTES

MAX_NAMES = 50_000
"""Largest number of names read from a folder, many times the number of envelopes of a school's round."""
MAX_BYTES = MAX_RECEIPT_BYTES

_ANSWER = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(receipt|result|taken-back)\.cms")
_REVOCATION = ".revocation.cms"


class AnswerKind(StrEnum):
    """Kind of a school's statement about an envelope."""

    RECEIPT = "receipt"
    """Receipt: accepted or refused."""
    RESULT = "result"
    """Result: imported, placed and so on."""
    TAKEN_BACK = "taken-back"
    """Receipt of a revocation: withdrawn or refused."""


def envelope_name(message_id: UUID) -> str:
    """Return the file name of an envelope."""
    return f"{message_id}.cms"


def unfinished_name(message_id: UUID) -> str:
    """Return the temporary file name of an envelope that is being written; a retry overwrites it."""
    return f".{message_id}.part"


def revocation_name(message_id: UUID) -> str:
    """Return the file name of a revocation."""
    return f"{message_id}{_REVOCATION}"


def revoked_message_id(name: str) -> UUID | None:
    """Return the message id in the file name of a revocation; None for other files."""
    try:
        return UUID(name.removesuffix(_REVOCATION)) if name.endswith(_REVOCATION) else None
    except ValueError:
        return None


def answer_name(message_id: UUID, kind: AnswerKind) -> str:
    """Return the file name of a school's statement."""
    return f"{message_id}.{kind}.cms"


def answer_of(name: str) -> tuple[UUID, AnswerKind] | None:
    """Return message id and kind in the file name of a school's statement; None for other files."""
    match = _ANSWER.fullmatch(name)
    if match is None:
        return None
    message_id = UUID(match[1])
    return (message_id, AnswerKind(match[2])) if is_message_id(message_id) else None
