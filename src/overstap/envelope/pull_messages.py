"""The messages of pull, JSON in UTF-8 by include/schemas/pull/: a request, an answer without dossier, a notification.

A request names a pupil, so it travels in a body over mutual TLS and stands in no address, log or error.
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
"""Longer than any of these messages can be."""

_NUMBER = re.compile(r"[0-9]{9}")
_SCHOOL = re.compile(SCHOOL)
_VERSION = re.compile(r"[0-9]{4}\.[0-9]{1,2}")
_SESSION = re.compile(r"[A-Za-z0-9-]{1,64}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MAX_NAME, _MAX_VERSIONS = 200, 20


class NoDossier(StrEnum):
    """Why a request brings no dossier."""

    NOT_READY = "not_ready"
    """It will be: the school is told when it is, if it said where."""
    NOT_RECEIVER = "not_receiver"
    """The pupil is known at the school, and not as surely as the region agreed (applied instead of placed)."""
    NOT_NEWER = "not_newer"
    """There is none newer than the moment that was given."""
    WRONG_VERSION = "wrong_version"
    """It is of a version of the OSO data set that the school does not read."""
    WITHDRAWN = "withdrawn"
    """Its sender took it back; a school that has it gets the sender's signed statement instead."""
    UNKNOWN = "unknown"
    """Nothing for this school under this pupil and sender; whether the pupil exists is not said."""


class MessageError(ValueError):
    """A message is not of its form; it says nothing of the content."""


@dataclass(frozen=True, slots=True)
class DossierRequest:
    """A school asks for one pupil's dossier (schema: request.schema.json)."""

    request_id: UUID
    """UUID version 7, of the asking school's making; a notification names it."""
    pupil_number: str = field(repr=False)
    """BSN or onderwijsnummer, 9 digits."""
    surname: str = field(repr=False)
    """With its prefix or without."""
    birth_date: date = field(repr=False)
    sender: str
    """BRIN and branch of the primary school."""
    oso_versions: tuple[str, ...]
    """Versions that the asking school reads."""
    newer_than: datetime | None = None
    """Only when sealed after this moment; in whole seconds."""
    session: str | None = None
    """Id of a session at the Traffic Centre, where one is in between."""

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
    """Something became ready (schema: notification.schema.json). It names no pupil."""

    message_id: UUID
    """Of the envelope that stands ready."""
    request_id: UUID | None
    """The school's last request for it, which was answered with "not ready"; None when it never asked."""
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
    """Read a request.

    Raises:
        MessageError: it is not of its form; nothing of what it says is repeated.
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
        raise MessageError("not a request") from None  # the cause may hold what was asked


def read_answer(data: bytes) -> tuple[UUID, NoDossier]:
    """Read an answer without a dossier: whose request, and why.

    Raises:
        MessageError: it is not of its form.
    """
    try:
        fields = _fields(data, ANSWER, {"request_id", "answer"})
        return forms.uuid_of(fields["request_id"]), NoDossier(fields["answer"])
    except (EnvelopeError, ValueError, TypeError, KeyError, AttributeError):
        raise MessageError("not an answer") from None


def read_notification(data: bytes) -> Notification:
    """Read a notification.

    Raises:
        MessageError: it is not of its form.
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
