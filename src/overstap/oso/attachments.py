"""Attachments: Base64 of a ZIP with one file, checked for active content.

Everything is bounded: no archive is unpacked beyond the limits, none is unpacked to disk, and what cannot be read
gives a finding, never an exception. The file's type is told by its content, since a name proves nothing.
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
from overstap.oso.foreign_numbers import Numbers, numbers_in
from overstap.oso.model import Dossier
from overstap.oso.office import DAMAGED, OfficeFault
from overstap.oso.traversal import documents
from overstap.oso.tree import Node
from overstap.oso.zip_names import is_folder, is_in_folder, is_of_system, names_of, stated_entries, without_comment


@dataclass(frozen=True, slots=True)
class AttachmentLimits:
    """How much an attachment may be.

    Args:
        unpacked_bytes: the file in the archive.
        ratio: how many times larger the file may be than the archive; a bomb is thousands of times larger.
        together_bytes: the files of all attachments of one dossier.
    """

    unpacked_bytes: int = 25_000_000
    ratio: int = 200
    together_bytes: int = 100_000_000


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
        file: the file.
    """

    path: str
    name: str
    file: AttachmentContent


class Unfit(Exception):  # noqa: N818 - it is caught in this module and turned into a finding
    """An attachment that cannot be unpacked; `code` says why."""

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
"""Extensions that the OSO agreement names, with the content they must have."""
_PATH_MARKS = re.compile(r"[/\\:\x00]")
_LOCAL = b"PK\x03\x04"
_ENTRIES_MOST = 50
"""One file and what operating systems add to it."""
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
"""Endings of files that a computer runs, or opens in a program that runs what is in them."""


def inspect(dossier: Dossier, *, limits: AttachmentLimits = DEFAULT_ATTACHMENT_LIMITS) -> list[AttachmentFault]:
    """Inspect a dossier's attachments.

    Args:
        dossier: the dossier.
        limits: how much an attachment may be.

    Returns:
        What is wrong, in document order.
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
    """Yield per attachment the codes of what is wrong with it.

    Args:
        blocks: the attachments' blocks, all those of one dossier.
        dossier: whose they are.
        limits: how much an attachment may be.
    """
    own, room = dossier.pupil_number, limits.together_bytes
    for block in blocks:
        name = block.text("bestandsnaam") or ""
        codes = [] if _is_plain_name(name) else ["ATTACHMENT-006"]
        try:
            packed_names, data = _unpacked(block.text("bestandsinhoud") or "", limits, room)
        except Unfit as unfit:
            yield [*codes, unfit.code]
            continue
        room -= len(data)
        yield [*codes, *_codes(name, packed_names, AttachmentContent(data), own)]


def unpack(path: str, encoded: str, *, limits: AttachmentLimits = DEFAULT_ATTACHMENT_LIMITS) -> Attachment:
    """Unpack one attachment, within limits.

    Args:
        path: its block in the dossier.
        encoded: what bestandsinhoud holds.
        limits: how much it may be.

    Raises:
        Unfit: it cannot be unpacked; `code` is the finding's.
    """
    names, data = _unpacked(encoded, limits, limits.unpacked_bytes)
    return Attachment(path, names[0], AttachmentContent(data))


def _unpacked(encoded: str, limits: AttachmentLimits, room: int) -> tuple[tuple[str, ...], bytes]:
    """Return what the one file in an attachment may be called, and its content if there is room for it."""
    packed = without_comment(_decoded(encoded))
    _look_at_archive(packed)
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            entry, names = _only_entry(archive)
            content = _content(archive, entry, min(limits.unpacked_bytes, limits.ratio * len(packed), room))
    except DAMAGED:
        raise Unfit("ATTACHMENT-009") from None
    return names, content


def _decoded(encoded: str) -> bytes:
    try:
        return b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        pass  # it may be written in lines
    try:
        return b64decode("".join(encoded.split()), validate=True)
    except (binascii.Error, ValueError):
        raise Unfit("ATTACHMENT-001") from None


def _look_at_archive(packed: bytes) -> None:
    """Tell apart no archive, half an archive and an archive of many files, before anything is read into memory."""
    entries = stated_entries(packed)
    if entries is None:
        raise Unfit("ATTACHMENT-002" if packed.startswith(_LOCAL) else "ATTACHMENT-003")
    if entries == 0:
        raise Unfit("ATTACHMENT-004")
    if entries > _ENTRIES_MOST:
        raise Unfit("ATTACHMENT-005")


def _only_entry(archive: zipfile.ZipFile) -> tuple[zipfile.ZipInfo, tuple[str, ...]]:
    """Return the one file that somebody packed, and what it may be called."""

    def is_added(entry: zipfile.ZipInfo) -> bool:
        return is_of_system(entry, lambda count: _begin(archive, entry, count))

    packed = [entry for entry in archive.infolist() if not is_added(entry)] or archive.infolist()
    entries = [entry for entry in packed if not is_folder(entry)] or packed
    if len(entries) != 1:
        raise Unfit("ATTACHMENT-005" if entries else "ATTACHMENT-004")
    entry = entries[0]
    names = names_of(entry)
    if not names or not all(map(_is_plain_name, names)):
        raise Unfit("ATTACHMENT-024" if names and all(map(is_in_folder, names)) else "ATTACHMENT-006")
    if entry.is_dir() or stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
        raise Unfit("ATTACHMENT-019")
    if entry.flag_bits & 0x1:
        raise Unfit("ATTACHMENT-007")
    if entry.compress_type not in _METHODS:
        raise Unfit("ATTACHMENT-025")
    return entry, names


def _begin(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, count: int) -> bytes:
    """Return the first bytes of an entry; nothing of a damaged or encrypted one."""
    try:
        with archive.open(entry) as file:
            return file.read(count)
    except DAMAGED:
        return b""


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int) -> bytes:
    if entry.file_size > most:
        raise Unfit("ATTACHMENT-008")
    with archive.open(entry) as file:
        content = file.read(most)  # never more than the archive states; if it lied, its checksum is wrong
    if not content:
        raise Unfit("ATTACHMENT-010")
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
        yield fault  # what a newer office file is cannot be told while it has a password: it is wrapped in an older one
        return
    elif file.kind is not wanted:
        yield "ATTACHMENT-013"
    if wanted is not None and _ending(name) in _PROGRAMS:
        yield "ATTACHMENT-022"
    if file.kind is not None:
        if fault is not None:
            yield fault
        numbers = numbers_in(file.text, own)
        if numbers is Numbers.NAMED:
            yield "ATTACHMENT-017"
        elif numbers is Numbers.POSSIBLE:
            yield "ATTACHMENT-018"


def _ending(name: str) -> str:
    """Return what a file's name ends in, in small letters, as Windows takes it: without dots and spaces behind it."""
    stem, _, ending = name.rstrip(". \u00a0").rpartition(".")
    return "".join(sign for sign in ending if unicodedata.category(sign) != "Cf").strip().lower() if stem else ""


def _is_plain_name(name: str) -> bool:
    """Tell whether a name is that of a file and nothing else: no folder, no drive, no way up."""
    return name not in ("", ".", "..") and _PATH_MARKS.search(name) is None


def _comparable(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())  # a blank that does not break is a blank
