"""Detection of the type, active content and text of an attached file from its content."""

import re
from collections.abc import Set
from enum import StrEnum
from typing import TYPE_CHECKING

from overstap.oso.office_files import (
    DAMAGED,
    MAX_PARTS,
    OLE_MARK,
    PART_BYTES,
    TYPES,
    OfficeFault,
    OfficePackage,
    compound_file_fault,
    package_fault,
    package_kind,
)

if TYPE_CHECKING:
    from overstap.oso.pdf_objects import PdfContent


class AttachmentType(StrEnum):
    """File types that the OSO agreement permits as attachments."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"
    OLE = "ole"
    """Compound file: Word, Excel or PowerPoint before 2007."""
    WORD = "word"
    EXCEL = "excel"
    POWERPOINT = "powerpoint"
    ODF = "odf"
    TEXT = "text"


_SIGNATURES = (
    (b"\xff\xd8\xff", AttachmentType.JPEG),
    (b"\x89PNG\r\n\x1a\n", AttachmentType.PNG),
    (OLE_MARK, AttachmentType.OLE),
)
_OFFICE = {
    "word": AttachmentType.WORD,
    "excel": AttachmentType.EXCEL,
    "powerpoint": AttachmentType.POWERPOINT,
    "odf": AttachmentType.ODF,
}
_TEXT_BYTES = 8_000_000
_CONTROL = bytes((*range(9), 11, 14, *range(15, 32)))
"""Control characters that text files do not contain."""
_BETWEEN_TAGS = re.compile(r">([^<]+)")
_NO_TEXT = re.compile(
    rb'<Override PartName="/([^"]++)" ContentType="application/vnd\.(?:openxmlformats-officedocument|ms-word)\.'
    rb"(?:(?:wordprocessing|spreadsheet|presentation)ml\.)?"
    rb'(?:styles|stylesWithEffects|theme|settings|webSettings|numbering|fontTable|customXmlProperties)\+xml"'
)
"""Parts of an office file that contain no text by ECMA-376 part 1, only attributes.

The stated content type of a part decides, not its name, since programs that open the file use that too.
"""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class AttachmentContent:
    """An attached file, which is analysed on demand and once.

    Args:
        data: content of the file.
    """

    __slots__ = ("_package", "_pdf", "data", "kind")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._package: tuple[OfficePackage, str] | None = None
        self._pdf: PdfContent | None = None
        self.kind = self._kind()
        """Its type, detected from its content; None when it is not a permitted one."""

    def _kind(self) -> AttachmentType | None:
        data = self.data
        for signature, kind in _SIGNATURES:
            if data.startswith(signature):
                return kind
        if b"%PDF-" in data[:1024]:
            return AttachmentType.PDF
        if data.startswith(b"PK"):
            return self._kind_of_archive()
        if len(data.translate(None, _CONTROL)) == len(data):
            return AttachmentType.TEXT
        if data.startswith(_UTF16) and _as_text(data) is not None:
            return AttachmentType.TEXT
        return None

    @property
    def fault(self) -> str | None:
        """Code of the finding for a file with active content, a password, damage or remote content; None without."""
        if self.kind is AttachmentType.PDF:
            pdf = self.pdf
            if pdf.is_locked:
                return OfficeFault.LOCKED.value
            if pdf.is_active:
                return "ATTACHMENT-015"
            if pdf.is_fetching:
                return OfficeFault.FETCHES.value
            return None if pdf.is_readable else OfficeFault.DAMAGED.value
        if self.kind is AttachmentType.OLE:
            fault = compound_file_fault(self.data)
        elif self._package is not None:
            fault = package_fault(*self._package)
        else:
            return None
        return fault.value if fault is not None else None

    @property
    def pdf(self) -> "PdfContent":
        """Analysis of a PDF file."""
        if self._pdf is None:
            from overstap.oso.pdf_objects import inspect_pdf  # loads 12 MB; pages that show names of kinds do without

            self._pdf = inspect_pdf(self.data)
        return self._pdf

    @property
    def text(self) -> str:
        """Readable text, as far as it can be extracted without rendering; empty for pictures."""
        if self.kind is AttachmentType.TEXT:
            return _as_text(self.data) or ""
        if self.kind is AttachmentType.PDF:
            return "\n".join(self.pdf.texts)
        if self._package is not None:
            return _text_of_parts(self._package[0])
        if self.kind is AttachmentType.OLE:
            # text in the old formats has one or two bytes per character; both are tried
            data = self.data
            return data[:_TEXT_BYTES].decode("latin-1") + "\n" + data[: _TEXT_BYTES & ~1].decode("utf-16-le", "ignore")
        return ""

    def _kind_of_archive(self) -> AttachmentType | None:
        try:
            package = OfficePackage(self.data)
            kind = package_kind(package) if len(package.names) <= MAX_PARTS else None
        except DAMAGED:
            return None
        if kind is None:
            return None
        self._package = package, kind
        return _OFFICE[kind]


def _text_of_parts(package: OfficePackage) -> str:
    """Return the text between tags in the XML parts of an office file, within limits; damaged parts are skipped."""
    without = _parts_without_text(package)
    parts, room = [], _TEXT_BYTES
    for at, name in enumerate(package.names):
        if not name.lower().endswith(".xml") or name in without or room <= 0:
            continue
        read = package.read(at, min(PART_BYTES, room))
        room -= len(read)
        parts.append(read.decode("utf-16", "replace").encode() if read.startswith(_UTF16) else read)
    # text before the first tag of a part, or in a part without tags, is included
    return "".join(_BETWEEN_TAGS.findall(">" + b"<>".join(parts).decode("utf-8", "replace")))


def _parts_without_text(package: OfficePackage) -> Set[str]:
    """Return the names of parts that cannot contain text; none when names are duplicate or types ambiguous."""
    names = package.names
    if TYPES not in names or len(set(names)) != len(names):
        return frozenset()
    types = package.read(names.index(TYPES))
    if b"<!" in types:  # a comment could contain false entries
        return frozenset()
    return {name.decode("utf-8", "replace") for name in _NO_TEXT.findall(types)}


def _as_text(data: bytes) -> str | None:
    for encoding in ("utf-16",) if data.startswith(_UTF16) else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return data[:_TEXT_BYTES].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
