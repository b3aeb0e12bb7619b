"""Files that lie at a school, in a folder or on its SFTP server: what each is called and how long it may be.

<message id>.cms             the envelope, put there by us: complete as soon as it has this name
<message id>.receipt.cms     the school's receipt
<message id>.result.cms      what became of it (docs/receiving.md), whenever the school knows
<message id>.revocation.cms  put there by us: the envelope is taken back, and is removed here if it lies here yet
<message id>.taken-back.cms  the school's answer to that

Names hold message ids and nothing of a pupil. Whoever collects may take envelopes away; we remove nothing but an
envelope that is taken back.
"""

import re
from enum import StrEnum
from uuid import UUID

from overstap.envelope.message_ids import is_message_id
from overstap.envelope.receipt import MAX_RECEIPT_BYTES

MAX_NAMES = 50_000
"""A folder with more names is read no further: every envelope of a school's round fits in many times over."""
MAX_BYTES = MAX_RECEIPT_BYTES

_ANSWER = re.compile(r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.(receipt|result|taken-back)\.cms")
_REVOCATION = ".revocation.cms"


class AnswerKind(StrEnum):
    """What a school says about an envelope."""

    RECEIPT = "receipt"
    """It arrived: accepted or refused."""
    RESULT = "result"
    """What became of it: imported, placed and so on."""
    TAKEN_BACK = "taken-back"
    """It was taken back: removed, or that refused."""


def envelope_name(message_id: UUID) -> str:
    """Return the name of an envelope."""
    return f"{message_id}.cms"


def unfinished_name(message_id: UUID) -> str:
    """Return the name that an envelope has while it is being written; a repetition writes over it."""
    return f".{message_id}.part"


def revocation_name(message_id: UUID) -> str:
    """Return the name of the statement that takes an envelope back."""
    return f"{message_id}{_REVOCATION}"


def revoked_message_id(name: str) -> UUID | None:
    """Return which envelope a file takes back by its name, or None when it is something else."""
    try:
        return UUID(name.removesuffix(_REVOCATION)) if name.endswith(_REVOCATION) else None
    except ValueError:
        return None


def answer_name(message_id: UUID, kind: AnswerKind) -> str:
    """Return the name of a school's answer."""
    return f"{message_id}.{kind}.cms"


def answer_of(name: str) -> tuple[UUID, AnswerKind] | None:
    """Return which answer a file is by its name, or None when it is something else."""
    found = _ANSWER.fullmatch(name)
    if found is None:
        return None
    message_id = UUID(found[1])
    return (message_id, AnswerKind(found[2])) if is_message_id(message_id) else None
