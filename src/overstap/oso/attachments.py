"""Checks of attachments (Base64 of a ZIP with one file): type, active content, and other persons' numbers.

Archives are unpacked in memory and within limits. An unreadable attachment gives a finding, never an exception. The
type of a file is determined from its content, not from its name.
"""

import binascii
import io
import re
import stat
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from pybase64 import b64decode

from overstap.oso.content import AttachmentContent, AttachmentType
from overstap.oso.foreign_numbers import ForeignNumbers, find_foreign_numbers
from overstap.oso.model import Dossier
from overstap.oso.office_files import DAMAGED, OfficeFault
from overstap.oso.traversal import documents
from overstap.oso.tree import Node
from overstap.oso.zip_names import is_folder, is_in_folder, is_of_system, names_of, stated_entries, without_comment


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """Size limits of attachments.

    Args:
        unpacked_bytes: size of the file in the archive, in bytes.
        ratio: ratio of that size to the size of the archive; a ZIP bomb exceeds it by far.
        total_bytes: size of the files of all attachments of one dossier, in bytes.
    """

    unpacked_bytes: int = 25_000_000
    ratio: int = 200
    total_bytes: int = 100_000_000


DEFAULT_ATTACHMENT_LIMITS = AttachmentLimits()


class AttachmentSeverity(StrEnum):
    """Severity of a fault: an error rejects the dossier. Faults that the official examples have are warnings."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class AttachmentFault:
    """A fault of an attachment.

    Args:
        path: path of its block, such as `dossier/huidigeschool/leerling/overigdocumentlijst/document[1]`.
        code: `ATTACHMENT-nnn`; `structure.sentence(code)` returns its message.
        severity: error or warning.
    """

    path: str
    code: str
    severity: AttachmentSeverity


@dataclass(frozen=True, slots=True)
class Attachment:
    """An unpacked attachment.

    Args:
        path: path of its block in the dossier.
        name: file name in the archive.
        file: content of the file.
    """

    path: str
    name: str
    file: AttachmentContent


class UnpackingError(Exception):
    """An attachment cannot be unpacked.

    Args:
        code: code of the finding, `ATTACHMENT-nnn`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


WARNINGS = frozenset({"ATTACHMENT-002", "ATTACHMENT-011", "ATTACHMENT-018"})
_ACCEPTED = {
    "pdf": AttachmentType.PDF,
    "jpg": AttachmentType.JPEG,
    "jpeg": AttachmentType.JPEG,
    "png": AttachmentType.PNG,
    "doc": AttachmentType.OLE,
    "xls": AttachmentType.OLE,
    "ppt": AttachmentType.OLE,
    "docx": AttachmentType.WORD,
    "xlsx": AttachmentType.EXCEL,
    "pptx": AttachmentType.POWERPOINT,
    "odt": AttachmentType.ODF,
    "ods": AttachmentType.ODF,
    "odp": AttachmentType.ODF,
    "odf": AttachmentType.ODF,
    "txt": AttachmentType.TEXT,
}
"""File extensions that the OSO agreement permits, with the required type of content."""
_PATH_MARKS = re.compile(r"[/\\:\x00]")
_LOCAL = b"PK\x03\x04"
_MAX_ENTRIES = 50
"""One file, and the files that operating systems add."""
_METHODS = frozenset((zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA))
_PROGRAMS = frozenset(
    (
        *(
            "exe",
            "com",
            "bat",
            "cmd",
            "ps1",
            "psm1",
            "vbs",
            "vbe",
            "js",
            "jse",
            "wsf",
            "wsh",
            "hta",
            "msi",
            "msp",
            "mst",
        ),
        *("scr", "pif", "cpl", "jar", "lnk", "url", "reg", "dll", "sys", "inf", "scf", "chm", "hlp", "app", "command"),
        *("sh", "apk", "iso", "img", "vhd", "vhdx", "html", "htm", "xhtml", "shtml", "svg", "mht", "mhtml", "xml"),
        *("xll", "xlam", "xla", "docm", "dotm", "xlsm", "xltm", "xlsb", "pptm", "potm", "ppsm", "ppam", "sldm"),
        *(
            "slk",
            "iqy",
            "one",
            "settingcontent-ms",
            "appref-ms",
            "application",
            "gadget",
            "diagcab",
            "theme",
            "website",
        ),
    )
)
"""Extensions of files that an operating system executes, or opens in a program that executes their content."""


def inspect(dossier: Dossier, *, limits: AttachmentLimits = DEFAULT_ATTACHMENT_LIMITS) -> list[AttachmentFault]:
    """Check the attachments of a dossier.

    Args:
        dossier: the dossier.
        limits: size limits.

    Returns:
        The faults, in document order.
    """
    found: list[AttachmentFault] = []
    nodes = list(documents(dossier))
    for (path, _), codes in zip(nodes, faults((node for _, node in nodes), dossier, limits=limits), strict=True):
        for code in codes:
            severity = AttachmentSeverity.WARNING if code in WARNINGS else AttachmentSeverity.ERROR
            found.append(AttachmentFault(path, code, severity))
    return found


def faults(
    blocks: Iterable[Node], dossier: Dossier, *, limits: AttachmentLimits = DEFAULT_ATTACHMENT_LIMITS
) -> Iterator[list[str]]:
    """Yield the codes of the faults of each attachment.

    Args:
        blocks: the blocks of all attachments of one dossier.
        dossier: the dossier.
        limits: size limits.
    """
    own, budget = dossier.pupil_number, limits.total_bytes
    for block in blocks:
        name = block.text("bestandsnaam") or ""
        codes = [] if _is_plain_name(name) else ["ATTACHMENT-006"]
        try:
            packed_names, data = _unpacked(block.text("bestandsinhoud") or "", limits, budget)
        except UnpackingError as unfit:
            yield [*codes, unfit.code]
            continue
        budget -= len(data)
        yield [*codes, *_codes(name, packed_names, AttachmentContent(data), own)]


def unpack(path: str, encoded: str, *, limits: AttachmentLimits = DEFAULT_ATTACHMENT_LIMITS) -> Attachment:
    """Unpack one attachment within the limits.

    Args:
        path: path of its block in the dossier.
        encoded: value of bestandsinhoud, Base64.
        limits: size limits.

    Raises:
        UnpackingError: it cannot be unpacked.
    """
    names, data = _unpacked(encoded, limits, limits.unpacked_bytes)
    return Attachment(path, names[0], AttachmentContent(data))


def _unpacked(encoded: str, limits: AttachmentLimits, budget: int) -> tuple[tuple[str, ...], bytes]:
    """Return the possible names of the file in an attachment, the likeliest first, and its content."""
    packed = without_comment(_decoded(encoded))
    _check_archive(packed)
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entry, names = _only_entry(archive)
            content = _content(archive, entry, min(limits.unpacked_bytes, limits.ratio * len(packed), budget))
    except DAMAGED:
        raise UnpackingError("ATTACHMENT-009") from None
    return names, content


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        pass  # Base64 with line breaks
    try:
        return b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise UnpackingError("ATTACHMENT-001") from None


def _check_archive(packed: bytes) -> None:
    """Refuse data that are no archive, a truncated archive, or one with many files, before it is read into memory."""
    entries = stated_entries(packed)
    if entries is None:
        raise UnpackingError("ATTACHMENT-002" if packed.startswith(_LOCAL) else "ATTACHMENT-003")
    if entries == 0:
        raise UnpackingError("ATTACHMENT-004")
    if entries > _MAX_ENTRIES:
        raise UnpackingError("ATTACHMENT-005")


def _only_entry(archive: zipfile.ZipFile) -> tuple[zipfile.ZipInfo, tuple[str, ...]]:
    """Return the only entry besides operating system files, and its possible names."""

    def is_added(entry: zipfile.ZipInfo) -> bool:
        return is_of_system(entry, lambda count: _begin(archive, entry, count))

    packed = [entry for entry in archive.infolist() if not is_added(entry)] or archive.infolist()
    entries = [entry for entry in packed if not is_folder(entry)] or packed
    if len(entries) != 1:
        raise UnpackingError("ATTACHMENT-005" if entries else "ATTACHMENT-004")
    entry = entries[0]
    names = names_of(entry)
    if not names or not all(map(_is_plain_name, names)):
        raise UnpackingError("ATTACHMENT-024" if names and all(map(is_in_folder, names)) else "ATTACHMENT-006")
    if entry.is_dir() or stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise UnpackingError("ATTACHMENT-019")
    if entry.flag_bits & 0x1:
        raise UnpackingError("ATTACHMENT-007")
    if entry.compress_type not in _METHODS:
        raise UnpackingError("ATTACHMENT-025")
    return entry, names


def _begin(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, count: int) -> bytes:
    """Return the first bytes of an entry; empty for a damaged or encrypted entry."""
    try:
        with archive.open(entry) as file:
            return file.read(count)
    except DAMAGED:
        return b""


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    if entry.file_size > most:
        raise UnpackingError("ATTACHMENT-008")
    with archive.open(entry) as file:
        content = file.read(most)  # never more than the stated size; if that is false, the checksum fails
    if not content:
        raise UnpackingError("ATTACHMENT-010")
    return content


def _codes(name: str, packed_names: tuple[str, ...], file: AttachmentContent, own: str | None) -> Iterator[str]:
    alike = [each for each in packed_names if _comparable(each) == _comparable(name)]
    if not alike:
        yield "ATTACHMENT-011"
    wanted = _ACCEPTED.get(_ending((alike or packed_names)[0]))
    fault = file.fault if file.kind is not None else None
    if wanted is None:
        yield "ATTACHMENT-012"
    elif fault == OfficeFault.LOCKED.value:
        yield fault  # a newer office file with a password is stored in a compound file, so its type is unknown
        return
    elif file.kind is not wanted:
        yield "ATTACHMENT-013"
    if wanted is not None and _ending(name) in _PROGRAMS:
        yield "ATTACHMENT-022"
    if file.kind is not None:
        if fault is not None:
            yield fault
        numbers = find_foreign_numbers(file.text, own)
        if numbers is ForeignNumbers.NAMED:
            yield "ATTACHMENT-017"
        elif numbers is ForeignNumbers.POSSIBLE:
            yield "ATTACHMENT-018"


def _ending(name: str) -> str:
    """Return the extension of a file name in lower case, as Windows interprets it: trailing dots and spaces ignored."""
    stem, _, ending = name.rstrip(". \u00a0").rpartition(".")
    return "".join(sign for sign in ending if unicodedata.category(sign) != "Cf").strip().lower() if stem else ""


def _is_plain_name(name: str) -> bool:
    """Return whether a file name has no folder, drive or parent reference."""
    return name not in ("", ".", "..") and _PATH_MARKS.search(name) is None


def _comparable(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())  # equates no-break spaces
