"""What a file is, told by its content: its type, whether something in it runs, and the text in it."""

import re
import zlib
from collections.abc import Set
from enum import StrEnum

from overstap.oso.archives import DAMAGED, Archive


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
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", AttachmentType.OLE),
)
_OFFICE = (("word/", AttachmentType.WORD), ("xl/", AttachmentType.EXCEL), ("ppt/", AttachmentType.POWERPOINT))
_PARTS_MOST = 4_000
_PART_BYTES = 4_000_000
_TEXT_BYTES = 8_000_000
_CONTROL = bytes((*range(9), 11, 14, *range(15, 32)))
"""Bytes that no text holds; a form feed does."""
# PDF 32000-1 7.3.5: any character of a name may be written as #xx
_PDF_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_PDF_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFile|RichMedia|XFA)(?![A-Za-z0-9])")
_PDF_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_BETWEEN_TAGS = re.compile(r">([^<]+)")
_NO_TEXT = re.compile(
    rb'<Override PartName="/([^"]++)" ContentType="application/vnd\.(?:openxmlformats-officedocument|ms-word)\.'
    rb"(?:(?:wordprocessing|spreadsheet|presentation)ml\.)?"
    rb'(?:styles|stylesWithEffects|theme|settings|webSettings|numbering|fontTable|customXmlProperties)\+xml"'
)
"""Parts of an office file in which nobody can write: ECMA-376 part 1 lets them hold attributes, and no text at all.

What the file itself says a part is counts, not the part's name: a program that opens it goes by that too.
"""
_TYPES = "[Content_Types].xml"
_OFFICE_KINDS = frozenset((AttachmentType.WORD, AttachmentType.EXCEL, AttachmentType.POWERPOINT, AttachmentType.ODF))
_RUNNING = ("vbaproject.bin", "basic/", "scripts/", "activex/", "oleobject")
"""What the names of parts of an office file with macros or controls have in them, in small letters."""
# directory entries of a compound file are UTF-16; one of these exists in every file with macros
_OLE_MACROS = tuple(name.encode("utf-16-le") for name in ("_VBA_PROJECT", "Macros", "_VBA_PROJECT_CUR"))
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class AttachmentContent:
    """A file, looked into as far as is asked, and once.

    Args:
        data: the whole file.
    """

    __slots__ = ("_archive", "_names", "_pdf", "data", "kind")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self._archive: Archive | None = None
        self._names: list[str] = []
        self._pdf: list[bytes] = []
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
        """The finding for a file with macros (ATTACHMENT-014) or a PDF that acts by itself (ATTACHMENT-015)."""
        if self.kind is AttachmentType.PDF:
            return "ATTACHMENT-015" if any(_PDF_ACTIVE.search(part) for part in self._pdf_parts()) else None
        if self.kind is AttachmentType.OLE:
            return "ATTACHMENT-014" if any(name in self.data for name in _OLE_MACROS) else None
        if self.kind in _OFFICE_KINDS:
            names = "\n".join(self._names).lower()
            return "ATTACHMENT-014" if any(mark in names for mark in _RUNNING) else None
        return None

    @property
    def text(self) -> str:
        """What a person could read in it, as far as it can be had without a renderer; empty for pictures."""
        if self.kind is AttachmentType.TEXT:
            return _as_text(self.data) or ""
        if self.kind is AttachmentType.PDF:
            return "\n".join(part.decode("latin-1") for part in self._pdf_parts())[:_TEXT_BYTES]
        if self.kind in _OFFICE_KINDS:
            return self._text_of_parts()
        if self.kind is AttachmentType.OLE:
            # text in the old formats is one or two bytes a character; both are looked at
            data = self.data
            return data[:_TEXT_BYTES].decode("latin-1") + "\n" + data[: _TEXT_BYTES & ~1].decode("utf-16-le", "ignore")
        return ""

    def _kind_of_archive(self) -> AttachmentType | None:
        self._open()
        names = self._names
        if _TYPES in names:
            for folder, kind in _OFFICE:
                if any(name.startswith(folder) for name in names):
                    return kind
            return None
        if "mimetype" in names and b"application/vnd.oasis.opendocument" in self.data[:200]:
            return AttachmentType.ODF
        return None

    def _open(self) -> None:
        data = self.data
        end = data.rfind(b"PK\x05\x06")
        if end < 0 or int.from_bytes(data[end + 10 : end + 12], "little") > _PARTS_MOST:
            return
        try:
            archive = Archive(data)
            self._names = [entry.orig_filename for entry in archive.entries]
        except DAMAGED:
            return
        self._archive = archive

    def _text_of_parts(self) -> str:
        """Read what stands between tags in an office file's XML parts, all bounded; a broken part is left out."""
        archive, parts, room = self._archive, [], _TEXT_BYTES
        if archive is None:
            return ""
        without = self._parts_without_text(archive)
        for entry, name in zip(archive.entries, self._names, strict=True):
            if not name.lower().endswith(".xml") or name in without or room <= 0:
                continue
            try:
                read = archive.read(entry, min(_PART_BYTES, room))
            except DAMAGED:
                continue
            room -= len(read)
            parts.append(read.decode("utf-16", "replace").encode() if read.startswith(_UTF16) else read)
        # what stands before the first tag of a part, or in one without tags, is text as well
        return "".join(_BETWEEN_TAGS.findall(">" + b"<>".join(parts).decode("utf-8", "replace")))

    def _parts_without_text(self, archive: Archive) -> Set[str]:
        """Return the names of parts that cannot hold text; none when a name is there twice, or types are unclear."""
        names = self._names
        if _TYPES not in names or len(set(names)) != len(names):
            return frozenset()
        try:
            types = archive.read(archive.entries[names.index(_TYPES)], _PART_BYTES)
        except DAMAGED:
            return frozenset()
        if b"<!" in types:  # a comment could name parts that are something else
            return frozenset()
        return {name.decode("utf-8", "replace") for name in _NO_TEXT.findall(types)}

    def _pdf_parts(self) -> list[bytes]:
        """Return a PDF with its names unescaped, and its compressed streams unpacked, all bounded."""
        if self._pdf:
            return self._pdf
        data = self.data
        parts, room = [_PDF_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), data[:_TEXT_BYTES])], _TEXT_BYTES
        at = 0
        while room > 0 and len(parts) <= _PARTS_MOST:
            begin = _PDF_STREAM.search(data, at)
            # nothing ends a stream any more: then there is none, wherever else one seems to begin
            if begin is None or (at := data.find(b"endstream", begin.end())) < 0:
                break
            try:
                unpacked = zlib.decompressobj().decompress(data[begin.end() : at], min(room, _PART_BYTES))
            except zlib.error:  # a stream of another kind, such as a picture
                continue
            room -= len(unpacked)
            parts.append(unpacked)
        self._pdf = parts
        return parts


def _as_text(data: bytes) -> str | None:
    for encoding in ("utf-16",) if data.startswith(_UTF16) else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return data[:_TEXT_BYTES].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None
