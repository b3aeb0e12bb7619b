"""Messages of pull (docs/pull.md): request, answer without dossier, notification; JSON by include/schemas/pull/.

A request names a pupil, so it is sent in a request body over mutual TLS and never appears in a URL, log or error.
"""

import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from overstap.envelope import manifest as forms
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.school_numbers import SCHOOL

REQUEST, ANSWER, NOTIFICATION = "overstap-request/1", "overstap-answer/1", "overstap-notification/1"
MEDIA_TYPE = "application/json"
MAX_BYTES = 4096
"""Largest size of a message."""

_NUMBER = re.compile(r"[0-9]{9}")
_SCHOOL = re.compile(SCHOOL)
_VERSION = re.compile(r"[0-9]{4}\.[0-9]{1,2}")
_SESSION = re.compile(r"[A-Za-z0-9-]{1,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_NAME, _MAX_VERSIONS = 200, 20


class NoDossier(StrEnum):
    """Why the answer to a request has no dossier."""

    NOT_READY = "not_ready"
    """The dossier is not ready yet; a school with an address for notifications is notified when it is."""
    NOT_RECEIVER = "not_receiver"
    """The pupil's stage at the school is lower than the region requires (applied instead of placed)."""
    NOT_NEWER = "not_newer"
    """There is no dossier newer than the moment in the request."""
    WRONG_VERSION = "wrong_version"
    """The dossier has a version of the OSO data set that the school does not read."""
    WITHDRAWN = "withdrawn"
    """The sender revoked the dossier; a school that received it gets the signed revocation instead."""
    UNKNOWN = "unknown"
    """No dossier for this school, pupil and sender; the answer does not reveal whether the pupil exists."""


class MessageError(ValueError):
    """A message does not have its required form; the error never contains its content."""


@dataclass(frozen=True, slots=True)
class DossierRequest:
    """Request of a school for one pupil's dossier (schema: request.schema.json)."""

    request_id: UUID
    """UUID version 7, created by the requesting school; a notification refers to it."""
    pupil_number: str = field(repr=False)
    """BSN or onderwijsnummer, 9 digits."""
    surname: str = field(repr=False)
    """With or without its prefix."""
    birth_date: date = field(repr=False)
    sender: str
    """BRIN and branch of the primary school."""
    oso_versions: tuple[str, ...]
    """Versions of the OSO data set that the requesting school reads."""
    newer_than: datetime | None = None
    """Request only a dossier sealed after this moment; in whole seconds."""
    session: str | None = None
    """Id of the session at the Traffic Centre, for requests through it."""

    def to_bytes(self) -> bytes:
        """Return the request as JSON."""
        return _json(
            {
                "format": REQUEST,
                "request_id": str(self.request_id),
                "pupil": {
                    "number": self.pupil_number,
                    "surname": self.surname,
                    "birth_date": self.birth_date.isoformat(),
                },
                "sender": self.sender,
                "oso_versions": list(self.oso_versions),
                "newer_than": forms.moment_text(self.newer_than) if self.newer_than else None,
                "session": self.session,
            }
        )


@dataclass(frozen=True, slots=True)
class Notification:
    """Notification that an envelope is ready, without personal data (schema: notification.schema.json)."""

    message_id: UUID
    """Id of the envelope."""
    request_id: UUID | None
    """The school's last request for it, answered with `NOT_READY`; None without a request."""
    ready_at: datetime

    def to_bytes(self) -> bytes:
        """Return the notification as JSON."""
        return _json(
            {
                "format": NOTIFICATION,
                "message_id": str(self.message_id),
                "request_id": str(self.request_id) if self.request_id else None,
                "ready_at": forms.moment_text(self.ready_at),
            }
        )


def answer_bytes(request_id: UUID, answer: NoDossier) -> bytes:
    """Return an answer without a dossier as JSON (schema: answer.schema.json)."""
    return _json({"format": ANSWER, "request_id": str(request_id), "answer": answer.value})


def read_request(data: bytes) -> DossierRequest:
    """Parse a request.

    Raises:
        MessageError: the request does not have its required form.
    """
    try:
        fields = _fields(data, REQUEST, {"request_id", "pupil", "sender", "oso_versions", "newer_than", "session"})
        pupil = fields["pupil"]
        if pupil.keys() != {"number", "surname", "birth_date"} or not isinstance(fields["oso_versions"], list):
            raise MessageError("another form of request")
        versions = tuple(_matching(_VERSION, one) for one in fields["oso_versions"])
        surname = pupil["surname"]
        if not isinstance(surname, str) or not 0 < len(surname.strip()) <= _MAX_NAME:
            raise MessageError("another form of name")
        if not 0 < len(versions) <= _MAX_VERSIONS:
            raise MessageError("too few or too many versions")
        return DossierRequest(
            request_id=forms.uuid_of(fields["request_id"]),
            pupil_number=_matching(_NUMBER, pupil["number"]),
            surname=surname,
            birth_date=date.fromisoformat(_matching(_DAY, pupil["birth_date"])),
            sender=_matching(_SCHOOL, fields["sender"]),
            oso_versions=versions,
            newer_than=forms.moment_of(fields["newer_than"]) if fields["newer_than"] is not None else None,
            session=_matching(_SESSION, fields["session"]) if fields["session"] is not None else None,
        )
    except (EnvelopeError, ValueError, TypeError, KeyError, AttributeError):
        raise MessageError("not a request") from None  # the cause can contain personal data


def read_answer(data: bytes) -> tuple[UUID, NoDossier]:
    """Parse an answer without a dossier; return the request id and the reason.

    Raises:
        MessageError: the answer does not have its required form.
    """
    try:
        fields = _fields(data, ANSWER, {"request_id", "answer"})
        return forms.uuid_of(fields["request_id"]), NoDossier(fields["answer"])
    except (EnvelopeError, ValueError, TypeError, KeyError, AttributeError):
        raise MessageError("not an answer") from None


def read_notification(data: bytes) -> Notification:
    """Parse a notification.

    Raises:
        MessageError: the notification does not have its required form.
    """
    try:
        fields = _fields(data, NOTIFICATION, {"message_id", "request_id", "ready_at"})
        request_id = fields["request_id"]
        return Notification(
            forms.uuid_of(fields["message_id"]),
            forms.uuid_of(request_id) if request_id is not None else None,
            forms.moment_of(fields["ready_at"]),
        )
    except (EnvelopeError, ValueError, TypeError, KeyError, AttributeError):
        raise MessageError("not a notification") from None


def _fields(data: bytes, form: str, names: set[str]) -> dict[str, Any]:
    if len(data) > MAX_BYTES:
        raise MessageError("too long")
    fields = forms.json_object(data, OpeningFailure.MANIFEST)
    if fields.get("format") != form or fields.keys() != names | {"format"}:
        raise MessageError("another form")
    return fields


def _json(fields: dict[str, Any]) -> bytes:
    return json.dumps(fields, separators=(",", ":"), ensure_ascii=False).encode()


def _matching(form: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise MessageError("a value of another form")
    return value
