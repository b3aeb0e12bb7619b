"""Several envelopes in one request, and the answer to each (docs/envelope.md, part "Several envelopes in one request").

JSON with Base64 parts (schemas: include/schemas/envelope/openapi.yaml). Each envelope is sealed, checked, stored and
receipted by itself: only the request is shared.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from overstap.envelope.manifest import json_object, uuid_of
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.envelope.receipt import MAX_RECEIPT_BYTES

MEDIA_TYPE = "application/vnd.overstap.envelopes+json"
ANSWERS_TYPE = "application/vnd.overstap.answers+json"
FORMAT, ANSWERS_FORMAT = "overstap-envelopes/1", "overstap-answers/1"
COUNT_HEADER, BYTES_HEADER = "Overstap-Envelopes-At-Once", "Overstap-Bytes-At-Once"
"""Headers of an answer by which a receiver tells how many envelopes, and how long a body, it takes in one request."""
COPIES = 3
"""How many times as much memory as a body has is needed to read it: its text, the Base64 in it, the envelopes."""
_OVERHEAD = 128
"""Most bytes of a body beside the Base64 of an envelope, per envelope and once for the rest."""
_OTHER_FORM = (EnvelopeError, ValueError, TypeError, KeyError, AttributeError, RecursionError, binascii.Error)


@dataclass(frozen=True, slots=True)
class AtOnce:
    """How much a receiver takes in one request."""

    count: int
    """Envelopes."""
    body_bytes: int
    """Length of the body."""

    def headers(self) -> dict[str, str]:
        """Return the headers that tell it to a sender."""
        return {COUNT_HEADER: str(self.count), BYTES_HEADER: str(self.body_bytes)}

    def fitting(self, sizes: Sequence[int]) -> int:
        """Return how many of the first envelopes go into one request; at least one, which then goes alone.

        Args:
            sizes: the length of each envelope, in their order.
        """
        left = self.body_bytes - _OVERHEAD
        taken = 0
        for size in sizes[: self.count]:
            left -= (size + 2) // 3 * 4 + _OVERHEAD
            if left < 0:
                break
            taken += 1
        return max(1, taken)


ONE = AtOnce(1, 0)
"""What holds for a receiver that says nothing: each envelope in a request of its own."""


def told_by(headers: Mapping[str, str]) -> AtOnce:
    """Return what a receiver told by the headers of an answer; `ONE` when it told nothing that can be used.

    Args:
        headers: by lower-case name.
    """
    numbers = [headers.get(name.lower(), "") for name in (COUNT_HEADER, BYTES_HEADER)]
    if not all(number.isascii() and number.isdigit() and len(number) < 12 for number in numbers):
        return ONE
    count, body_bytes = map(int, numbers)
    return AtOnce(count, body_bytes) if count > 1 and body_bytes else ONE


class SeveralError(ValueError):
    """The body does not have its form; the error never contains its content."""


def envelopes_bytes(envelopes: Sequence[tuple[UUID, bytes]]) -> bytes:
    """Return the body of a request: envelopes under their message ids."""
    return _json(
        {
            "format": FORMAT,
            "envelopes": [
                {"message_id": str(message_id), "envelope": base64.b64encode(envelope).decode("ascii")}
                for message_id, envelope in envelopes
            ],
        }
    )


def read_envelopes(body: bytes, *, count: int) -> list[tuple[UUID, bytes]]:
    """Parse the body of a request; nothing in an envelope is checked yet.

    Args:
        body: as received.
        count: most envelopes.

    Raises:
        SeveralError: it does not have the form, has more envelopes than `count`, none, or a message id twice.
    """
    try:
        found = [
            (uuid_of(one["message_id"]), base64.b64decode(one["envelope"], validate=True))
            for one in _items(body, FORMAT, "envelopes", count)
        ]
    except _OTHER_FORM:
        raise SeveralError("the body does not have the form of envelopes") from None
    if len({message_id for message_id, _ in found}) < len(found):
        raise SeveralError("a message id stands twice in one request")
    return found


@dataclass(frozen=True, slots=True)
class EnvelopeAnswer:
    """A receiver's answer to one of several envelopes."""

    message_id: UUID
    status: int
    """As it would be for a request of its own: 200, 409, 422, 503."""
    receipt: bytes | None = field(repr=False, default=None)
    """Where there is one; not verified yet."""
    reason: str | None = None
    """The precise reason of a refusal; told by receivers with development certificates only."""


def answers_bytes(answers: Sequence[EnvelopeAnswer]) -> bytes:
    """Return the body of an answer to several envelopes."""
    listed = []
    for one in answers:
        answer: dict[str, Any] = {"message_id": str(one.message_id), "status": one.status}
        if one.receipt is not None:
            answer["receipt"] = base64.b64encode(one.receipt).decode("ascii")
        if one.reason is not None:
            answer["reason"] = one.reason
        listed.append(answer)
    return _json({"format": ANSWERS_FORMAT, "answers": listed})


def read_answers(body: bytes, *, count: int) -> dict[UUID, EnvelopeAnswer] | None:
    """Parse an answer; None when it does not have the form, so that nothing in it counts.

    Args:
        body: as received.
        count: how many envelopes were sent.

    Returns:
        The answers by message id; one that stands twice is left out, since only one of the two can be true.
    """
    found: dict[UUID, EnvelopeAnswer] = {}
    twice = set()
    try:
        for one in _items(body, ANSWERS_FORMAT, "answers", count):
            message_id, receipt = uuid_of(one["message_id"]), one.get("receipt")
            if type(one["status"]) is not int:
                return None
            if message_id in found:
                twice.add(message_id)
            decoded = None if receipt is None else base64.b64decode(receipt, validate=True)
            found[message_id] = EnvelopeAnswer(message_id, one["status"], decoded)
    except _OTHER_FORM:
        return None
    return {message_id: answer for message_id, answer in found.items() if message_id not in twice}


def answers_limit(count: int) -> int:
    """Return the longest answer to so many envelopes, in bytes."""
    return count * (MAX_RECEIPT_BYTES * 4 // 3 + 2 * _OVERHEAD) + _OVERHEAD


def _items(body: bytes, form: str, name: str, count: int) -> list[dict[str, Any]]:
    """Return the list of a body.

    Raises:
        EnvelopeError, ValueError: it does not have the form.
    """
    fields = json_object(body, OpeningFailure.MALFORMED)
    if fields.get("format") != form:
        raise ValueError(form)
    items = fields.get(name)
    if not isinstance(items, list) or not 1 <= len(items) <= count or not all(isinstance(one, dict) for one in items):
        raise ValueError(name)
    return items


def _json(fields: Mapping[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":")).encode("ascii")
