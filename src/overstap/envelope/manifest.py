"""Manifest: signed description of an envelope's files, sender and recipient, and the value forms of all messages.

It names the recipient, so that a school cannot encrypt the signed content again for another school in the first
sender's name (surreptitious forwarding).
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
"""Names that a receiver's store uses; files in an envelope must not have them."""

_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_MOMENT_FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_ROUND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_OSO_VERSION = re.compile(r"[0-9]{4}\.[0-9]{1,2}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class EnvelopeKind(StrEnum):
    """Kind of an envelope."""

    DOSSIER = "dossier"
    TEST = "test"
    """Test message (proefbericht): it gets a receipt like any other and is never imported."""


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
    """Message id of the envelope with the previous version, which this one supersedes."""

    def to_bytes(self) -> bytes:
        """Return the manifest as JSON, without spaces and with its fields in a fixed order.

        No value needs escaping: `check_sender_values` and the package restrict them to ASCII without quotes.
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
    """Return the manifest entries of files."""
    return tuple(FileEntry(name, len(content), hashlib.sha256(content).digest()) for name, content in files.items())


def files_digest(entries: Sequence[FileEntry]) -> bytes:
    """Return a SHA-256 digest over names, sizes and digests of files, equal for equal files in the same order."""
    lines = "".join(f"{one.name}\0{one.size}\0{one.sha256.hex()}\n" for one in entries)
    return hashlib.sha256(lines.encode("ascii")).digest()


def check_sender_values(round_id: str, oso_version: str, *message_ids: UUID) -> None:
    """Check the values that the sender supplies, before sealing.

    Raises:
        ValueError: a value does not have the form that the schema requires.
    """
    if (
        not _ROUND.fullmatch(round_id)
        or not _OSO_VERSION.fullmatch(oso_version)
        or not all(map(is_message_id, message_ids))
    ):
        raise ValueError("round, OSO version or message id (UUID version 7) does not have the manifest's form")


def parse(data: bytes) -> Manifest:
    """Parse a manifest.

    Raises:
        EnvelopeError: FORMAT_VERSION for another format; MANIFEST when it does not conform to the schema.
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


# -- value forms that statements and pull messages share


def json_object(data: bytes, failure: OpeningFailure) -> dict[str, Any]:
    """Parse a JSON object in UTF-8 without duplicate fields.

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
        raise ValueError("a duplicate field")
    return fields


def party_of(fields: Any) -> Party:
    """Parse a school; its OIN must match its BRIN and branch.

    Raises:
        ValueError: another form, or OIN and school differ.
    """
    if fields.keys() != {"oin", "school"} or school_of(fields["oin"]) != fields["school"]:
        raise ValueError("not a school")
    return Party(fields["oin"], fields["school"])


def uuid_of(text: Any) -> UUID:
    """Parse a message id in its canonical form.

    Raises:
        ValueError: another form, or not version 7.
    """
    value = UUID(text)
    if str(value) != text or not is_message_id(value):
        raise ValueError("not a message id")
    return value


def digest_of(text: Any) -> bytes:
    """Parse a SHA-256 digest in lower-case hexadecimal.

    Raises:
        ValueError: another form.
    """
    return bytes.fromhex(_matching(_DIGEST, text))


def moment_text(moment: datetime) -> str:
    """Format a moment: UTC, whole seconds, with Z (RFC 3339)."""
    return moment.astimezone(UTC).strftime(_MOMENT)


def moment_of(text: Any) -> datetime:
    """Parse a moment as `moment_text` formats it.

    Raises:
        ValueError: another form.
    """
    if not _MOMENT_FORM.fullmatch(text):
        raise ValueError("not a moment in UTC and whole seconds")
    return datetime.fromisoformat(text)
