"""Manifest: contents, sender and recipient of an envelope, inside the signature.

The recipient stands in it so that a dossier cannot be taken out by one school and sealed again for another in the
first sender's name (surreptitious forwarding).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from overstap.envelope.message_ids import is_message_id
from overstap.envelope.package import FILE_NAME
from overstap.envelope.reasons import EnvelopeError, OpeningFailure
from overstap.pki import school_of

FORMAT = "overstap-envelope/1"
NAME = "manifest.json"
RESERVED = frozenset({NAME, "envelope.cms", "receipt.cms", "result.cms"})
"""Names that a receiver's store uses itself; no file of a dossier may have them."""

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_MOMENT_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_ROUND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_OSO_VERSION = re.compile(r"[0-9]{4}\.[0-9]{1,2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class EnvelopeKind(StrEnum):
    """What an envelope is sent for."""

    DOSSIER = "dossier"
    TEST = "test"
    """A test message (proefbericht): receipted like any other, imported by nobody."""


@dataclass(frozen=True, slots=True)
class Party:
    """A school as sender or recipient."""

    oin: str
    school: str
    """BRIN and branch."""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the package."""

    name: str
    size: int
    """In bytes."""
    sha256: bytes


@dataclass(frozen=True, slots=True)
class Manifest:
    """The content of manifest.json (schema: include/schemas/envelope/manifest.schema.json)."""

    kind: EnvelopeKind
    message_id: UUID
    round_id: str
    oso_version: str
    created_at: datetime
    """In whole seconds."""
    sender: Party
    recipient: Party
    files: tuple[FileEntry, ...]
    replaces: UUID | None = None
    """Message id of the envelope with the version before, which counts no more once this one is stored."""

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON, without spaces and with its fields in a fixed order.

        No value needs escaping: the forms that `check_sender_values` and the package hold them to are plain ASCII.
        """
        files = ",".join(
            f'{{"name":"{one.name}","size":{one.size},"sha256":"{one.sha256.hex()}"}}' for one in self.files
        )
        replaces = f'"replaces":"{self.replaces}",' if self.replaces else ""
        return (
            f'{{"format":"{FORMAT}","kind":"{self.kind}","message_id":"{self.message_id}","round":"{self.round_id}",'
            f'"oso_version":"{self.oso_version}","created_at":"{moment_text(self.created_at)}",'
            f'"sender":{{"oin":"{self.sender.oin}","school":"{self.sender.school}"}},'
            f'"recipient":{{"oin":"{self.recipient.oin}","school":"{self.recipient.school}"}},'
            f'{replaces}"files":[{files}]}}'
        ).encode("ascii")


def entries_of(files: Mapping[str, bytes]) -> tuple[FileEntry, ...]:
    """Return what a manifest says of files."""
    return tuple(FileEntry(name, len(content), hashlib.sha256(content).digest()) for name, content in files.items())


def files_digest(entries: Sequence[FileEntry]) -> bytes:
    """Return a digest of names, sizes and digests of files: the same for the same files in the same order."""
    lines = "".join(f"{one.name}\0{one.size}\0{one.sha256.hex()}\n" for one in entries)
    return hashlib.sha256(lines.encode("ascii")).digest()


def check_sender_values(round_id: str, oso_version: str, *message_ids: UUID) -> None:
    """Check the values that a sender chooses, before anything is sealed with them.

    Raises:
        ValueError: one is not of the schema's form.
    """
    if (
        not _ROUND.fullmatch(round_id)
        or not _OSO_VERSION.fullmatch(oso_version)
        or not all(map(is_message_id, message_ids))
    ):
        raise ValueError("round, OSO version or message id (UUID version 7) is not of the manifest's form")


def parse(data: bytes) -> Manifest:
    """Read a manifest.

    Raises:
        EnvelopeError: FORMAT_VERSION when it is of another format; MANIFEST when it is not by the schema.
    """
    fields = json_object(data, OpeningFailure.MANIFEST)
    if fields.get("format") != FORMAT:
        raise EnvelopeError(OpeningFailure.FORMAT_VERSION)
    names = {"format", "kind", "message_id", "round", "oso_version", "created_at", "sender", "recipient", "files"}
    try:
        if fields.keys() - {"replaces"} != names or not isinstance(fields["files"], list):
            raise EnvelopeError(OpeningFailure.MANIFEST)
        manifest = Manifest(
            kind=EnvelopeKind(fields["kind"]),
            message_id=uuid_of(fields["message_id"]),
            round_id=_matching(_ROUND, fields["round"]),
            oso_version=_matching(_OSO_VERSION, fields["oso_version"]),
            created_at=moment_of(fields["created_at"]),
            sender=party_of(fields["sender"]),
            recipient=party_of(fields["recipient"]),
            files=tuple(_entry(one) for one in fields["files"]),
            replaces=uuid_of(fields["replaces"]) if "replaces" in fields else None,
        )
        if manifest.replaces == manifest.message_id:
            raise EnvelopeError(OpeningFailure.MANIFEST)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise EnvelopeError(OpeningFailure.MANIFEST) from error
    names_given = {one.name.casefold() for one in manifest.files}
    if not names_given or len(names_given) != len(manifest.files) or names_given & RESERVED:
        raise EnvelopeError(OpeningFailure.MANIFEST)
    return manifest


def _entry(fields: Any) -> FileEntry:
    if fields.keys() != {"name", "size", "sha256"} or type(fields["size"]) is not int or fields["size"] < 0:
        raise ValueError("a file entry of another form")
    name = _matching(FILE_NAME, fields["name"])
    return FileEntry(name, fields["size"], bytes.fromhex(_matching(_DIGEST, fields["sha256"])))


def _matching(form: re.Pattern[str], value: Any) -> str:
    if not isinstance(value, str) or not form.fullmatch(value):
        raise ValueError("a value of another form")
    return value


# -- forms that the receipt shares


def json_object(data: bytes, failure: OpeningFailure) -> dict[str, Any]:
    """Read a JSON object in UTF-8 that names no field twice.

    Raises:
        EnvelopeError: `failure`.
    """
    try:
        fields = json.loads(data.decode("utf-8"), object_pairs_hook=_unique_fields)
    except (ValueError, RecursionError) as error:
        raise EnvelopeError(failure) from error
    if not isinstance(fields, dict):
        raise EnvelopeError(failure)
    return fields


def _unique_fields(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field that stands twice")
    return fields


def party_of(fields: Any) -> Party:
    """Read a school; its OIN must name the same school as its BRIN and branch.

    Raises:
        ValueError: another form, or two different schools.
    """
    if fields.keys() != {"oin", "school"} or school_of(fields["oin"]) != fields["school"]:
        raise ValueError("not a school")
    return Party(fields["oin"], fields["school"])


def uuid_of(text: Any) -> UUID:
    """Read a message id in its one way of writing.

    Raises:
        ValueError: another form, or not version 7.
    """
    value = UUID(text)
    if str(value) != text or not is_message_id(value):
        raise ValueError("not a message id")
    return value


def digest_of(text: Any) -> bytes:
    """Read a SHA-256 digest in its one way of writing.

    Raises:
        ValueError: another form.
    """
    return bytes.fromhex(_matching(_DIGEST, text))


def moment_text(moment: datetime) -> str:
    """Write a moment: UTC, whole seconds, with Z."""
    return moment.astimezone(UTC).strftime(_MOMENT)


def moment_of(text: Any) -> datetime:
    """Read a moment as `moment_text` writes it.

    Raises:
        ValueError: another form.
    """
    if not _MOMENT_FORM.fullmatch(text):
        raise ValueError("not a moment in UTC and whole seconds")
    return datetime.fromisoformat(text)
