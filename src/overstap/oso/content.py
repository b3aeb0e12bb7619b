"""Type, active content and text of a file, judged by its content."""

import re
from collections.abc import Set
from enum import StrEnum
from typing import TYPE_CHECKING

from overstap.oso.office import (
    DAMAGED,
    OLE_MARK,
    PART_BYTES,
    PARTS_MOST,
    TYPES,
    OfficeFault,
    Package,
    fault_of,
    fault_of_compound,
    kind_of,
)

if TYPE_CHECKING:
    from overstap.oso.pdf_objects import PdfContent


class AttachmentType(StrEnum):
    """The types that the OSO agreement accepts as attachment."""

    PDF = "pdf"
    JPEG = "jpeg"
    PNG = "png"
    OLE = "ole"
    """Word, Excel or PowerPoint until 2003."""
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
"""Bytes that no text holds; a form feed does."""
_BETWEEN_TAGS = re.compile(r">([^<]+)")
_NO_TEXT = re.compile(
    rb'<Override PartName="/([^"]++)" ContentType="application/vnd\.(?:openxmlformats-officedocument|ms-word)\.'
    rb"(?:(?:wordprocessing|spreadsheet|presentation)ml\.)?"
    rb'(?:styles|stylesWithEffects|theme|settings|webSettings|numbering|fontTable|customXmlProperties)\+xml"'
)
"""Parts of an office file in which nobody can write: ECMA-376 part 1 lets them hold attributes, and no text at all.

What the file itself says a part is counts, not the part's name: a program that opens it goes by that too.
"""
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class AttachmentContent:
    """A file, looked into as far as is asked, and once.

    Args:
        data: the whole file.
    """

    __slots__ = ("_package", "_pdf", "data", "kind")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._package: tuple[Package, str] | None = None
        self._pdf: PdfContent | None = None
        self.kind = self._kind()
        """Its type, told by its content; None when it is none of the accepted ones."""

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
        """The finding for a file that runs, is locked, is damaged or fetches something; None for an ordinary one."""
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
            fault = fault_of_compound(self.data)
        elif self._package is not None:
            fault = fault_of(*self._package)
        else:
            return None
        return fault.value if fault is not None else None

    @property
    def pdf(self) -> "PdfContent":
        """What a PDF holds."""
        if self._pdf is None:
            from overstap.oso.pdf_objects import look_into  # loads 12 MB; pages that show names of kinds do without

            self._pdf = look_into(self.data)
        return self._pdf

    @property
    def text(self) -> str:
        """What a person could read in it, as far as it can be had without a renderer; empty for pictures."""
        if self.kind is AttachmentType.TEXT:
            return _as_text(self.data) or ""
        if self.kind is AttachmentType.PDF:
            return "\n".join(self.pdf.texts)
        if self._package is not None:
            return _text_of_parts(self._package[0])
        if self.kind is AttachmentType.OLE:
            # text in the old formats is one or two bytes a character; both are looked at
            data = self.data
            return data[:_TEXT_BYTES].decode("latin-1") + "\n" + data[: _TEXT_BYTES & ~1].decode("utf-16-le", "ignore")
        return ""

    def _kind_of_archive(self) -> AttachmentType | None:
        try:
            package = Package(self.data)
            kind = kind_of(package) if len(package.names) <= PARTS_MOST else None
        except DAMAGED:
            return None
        if kind is None:
            return None
        self._package = package, kind
        return _OFFICE[kind]


def _text_of_parts(package: Package) -> str:
    """Read what stands between tags in an office file's XML parts, all bounded; a broken part is left out."""
    without = _parts_without_text(package)
    parts, room = [], _TEXT_BYTES
    for at, name in enumerate(package.names):
        if not name.lower().endswith(".xml") or name in without or room <= 0:
            continue
        read = package.read(at, min(PART_BYTES, room))
        room -= len(read)
        parts.append(read.decode("utf-16", "replace").encode() if read.startswith(_UTF16) else read)
    # what stands before the first tag of a part, or in one without tags, is text as well
    return "".join(_BETWEEN_TAGS.findall(">" + b"<>".join(parts).decode("utf-8", "replace")))


def _parts_without_text(package: Package) -> Set[str]:
    """Return the names of parts that cannot hold text; none when a name is there twice, or types are unclear."""
    names = package.names
    if TYPES not in names or len(set(names)) != len(names):
        return frozenset()
    types = package.read(names.index(TYPES))
    if b"<!" in types:  # a comment could name parts that are something else
        return frozenset()
    return {name.decode("utf-8", "replace") for name in _NO_TEXT.findall(types)}


def _as_text(data: bytes) -> str | None:
    for encoding in ("utf-16",) if data.startswith(_UTF16) else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return data[:_TEXT_BYTES].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
