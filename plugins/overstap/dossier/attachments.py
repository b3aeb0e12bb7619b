"""Attachments: Base64 of a ZIP that holds one file, and nothing that could harm who opens it.

Everything is bounded: no archive is unpacked beyond the limits, none is unpacked to disk, and what cannot be read
gives a finding, never an exception. The file's type is told by its content, since a name proves nothing.
"""

import binascii
import re
import stat
import unicodedata
import zipfile
import zlib
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import PurePosixPath

from overstap.dossier.archives import Archive, Entry
from overstap.dossier.content import Kind, is_active, kind_of, readable_text
from overstap.dossier.identifiers import is_bsn
from overstap.dossier.model import Dossier
from overstap.dossier.visit import documents


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """How much an attachment may be.

    Args:
        unpacked_bytes: the file in the archive.
        ratio: how many times larger the file may be than the archive; a bomb is thousands of times larger.
    """

    unpacked_bytes: int = 25_000_000
    ratio: int = 200


DEFAULT_ATTACHMENT_LIMITS = AttachmentLimits()


class AttachmentSeverity(StrEnum):
    """Whether an attachment stops a dossier. What the official example dossiers get wrong themselves is a warning."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class AttachmentFault:
    """Something wrong with an attachment.

    Args:
        path: the attachment's block, such as `dossier/huidigeschool/leerling/overigdocumentlijst/document[1]`.
        code: `ATTACHMENT-nnn`; `structure.sentence(code)` says it in words.
        severity: error or warning.
    """

    path: str
    code: str
    severity: AttachmentSeverity


@dataclass(frozen=True, slots=True)
class Attachment:
    """An attachment, unpacked.

    Args:
        path: its block in the dossier.
        name: the file's name as the archive has it.
        content: the file.
        kind: its type, told by its content; None when that is none of the accepted types.
    """

    path: str
    name: str
    content: bytes
    kind: Kind | None


class Unfit(Exception):  # noqa: N818 - it is caught in this module and turned into a finding
    """An attachment that cannot be unpacked; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


WARNINGS = frozenset({"ATTACHMENT-002", "ATTACHMENT-011", "ATTACHMENT-018"})
_ACCEPTED = {
    "pdf": Kind.PDF,
    "jpg": Kind.JPEG,
    "jpeg": Kind.JPEG,
    "png": Kind.PNG,
    "doc": Kind.OLE,
    "xls": Kind.OLE,
    "ppt": Kind.OLE,
    "docx": Kind.WORD,
    "xlsx": Kind.EXCEL,
    "pptx": Kind.POWERPOINT,
    "odt": Kind.ODF,
    "ods": Kind.ODF,
    "odp": Kind.ODF,
    "odf": Kind.ODF,
    "txt": Kind.TEXT,
}
"""Extensions that the OSO agreement names, with the content they must have."""
_LOCAL, _END = b"PK\x03\x04", b"PK\x05\x06"
_NINE_DIGITS = re.compile(r"(?<![0-9])[0-9]{9}(?![0-9])")
_SAYS_BSN = re.compile(r"\bbsn\b|burger\s?service|sofi", re.IGNORECASE)
_NEAR_CHARS = 60


def inspect(dossier: Dossier, *, limits: AttachmentLimits = DEFAULT_ATTACHMENT_LIMITS) -> list[AttachmentFault]:
    """Inspect a dossier's attachments.

    Args:
        dossier: the dossier.
        limits: how much an attachment may be.

    Returns:
        What is wrong, in document order.
    """
    found: list[AttachmentFault] = []
    for path, node in documents(dossier):
        for code in _codes(path, node.text("bestandsnaam") or "", node.text("bestandsinhoud") or "", dossier, limits):
            severity = AttachmentSeverity.WARNING if code in WARNINGS else AttachmentSeverity.ERROR
            found.append(AttachmentFault(path, code, severity))
    return found


def unpack(path: str, encoded: str, *, limits: AttachmentLimits = DEFAULT_ATTACHMENT_LIMITS) -> Attachment:
    """Unpack one attachment, within limits.

    Args:
        path: its block in the dossier.
        encoded: what bestandsinhoud holds.
        limits: how much it may be.

    Raises:
        Unfit: it cannot be unpacked; `code` is the finding's.
    """
    try:
        packed = b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("ATTACHMENT-001") from None
    _look_at_archive(packed)
    try:
        archive = Archive(packed)
        entry = _only_entry(archive)
        content = _content(archive, entry, len(packed), limits)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        RuntimeError,
        EOFError,
        ValueError,
        OSError,
        IndexError,
    ):
        raise Unfit("ATTACHMENT-009") from None
    return Attachment(path, entry.filename, content, kind_of(content))


def _look_at_archive(packed: bytes) -> None:
    """Tell apart no archive, half an archive and an archive of many files, before anything is read into memory."""
    end = packed.rfind(_END)
    if end < 0:
        raise Unfit("ATTACHMENT-002" if packed.startswith(_LOCAL) else "ATTACHMENT-003")
    entries = int.from_bytes(packed[end + 10 : end + 12], "little")
    if entries == 0:
        raise Unfit("ATTACHMENT-004")
    if entries > 1:
        raise Unfit("ATTACHMENT-005")


def _only_entry(archive: Archive) -> Entry | zipfile.ZipInfo:
    entries = archive.entries
    if len(entries) != 1:
        raise Unfit("ATTACHMENT-005" if entries else "ATTACHMENT-004")
    entry = entries[0]
    name = entry.orig_filename
    if not name or name != PurePosixPath(name.replace("\\", "/")).name or ":" in name or "\x00" in name:
        raise Unfit("ATTACHMENT-006")
    if entry.is_dir() or stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Unfit("ATTACHMENT-019")
    if entry.flag_bits & 0x1:
        raise Unfit("ATTACHMENT-007")
    return entry


def _content(archive: Archive, entry: Entry | zipfile.ZipInfo, packed_bytes: int, limits: AttachmentLimits) -> bytes:
    most = min(limits.unpacked_bytes, limits.ratio * packed_bytes)
    if entry.file_size > most:
        raise Unfit("ATTACHMENT-008")
    # never more than the archive states; if it lied, its checksum is wrong (ATTACHMENT-009)
    content = archive.read(entry, most)
    if not content:
        raise Unfit("ATTACHMENT-010")
    return content


def _codes(path: str, name: str, encoded: str, dossier: Dossier, limits: AttachmentLimits) -> Iterator[str]:
    if not _is_plain_name(name):
        yield "ATTACHMENT-006"
    try:
        attachment = unpack(path, encoded, limits=limits)
    except Unfit as unfit:
        yield unfit.code
        return
    if _comparable(name) != _comparable(attachment.name):
        yield "ATTACHMENT-011"
    wanted = _ACCEPTED.get(PurePosixPath(attachment.name).suffix.lower().removeprefix("."))
    if wanted is None:
        yield "ATTACHMENT-012"
    elif attachment.kind is not wanted:
        yield "ATTACHMENT-013"
    if attachment.kind is not None:
        if active := is_active(attachment.content, attachment.kind):
            yield active
        yield from _numbers(readable_text(attachment.content, attachment.kind), dossier.pupil_number)


def _is_plain_name(name: str) -> bool:
    return not any(mark in name for mark in ("/", "\\", ":", "\x00")) and name not in ("", ".", "..")


def _comparable(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold().strip()


def _numbers(text: str, own: str | None) -> Iterator[str]:
    """Look for another pupil's number. One in eleven of all nine digits passes the test: only a named one is sure."""
    doubtful = False
    for found in _NINE_DIGITS.finditer(text):
        if found[0] == own or not is_bsn(found[0]):
            continue
        around = text[max(0, found.start() - _NEAR_CHARS) : found.end() + _NEAR_CHARS]
        if _SAYS_BSN.search(around):
            yield "ATTACHMENT-017"
            return
        doubtful = True
    if doubtful:
        yield "ATTACHMENT-018"
