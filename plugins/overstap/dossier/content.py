"""What a file is, told by its content: its type, whether something in it runs, and the text in it."""

import re
import zipfile
import zlib
from enum import StrEnum

from overstap.dossier.archives import DAMAGED, Archive


class Kind(StrEnum):
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
    (b"\xff\xd8\xff", Kind.JPEG),
    (b"\x89PNG\r\n\x1a\n", Kind.PNG),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", Kind.OLE),
)
_OFFICE = (("word/", Kind.WORD), ("xl/", Kind.EXCEL), ("ppt/", Kind.POWERPOINT))
_PARTS_MOST = 4_000
_PART_BYTES = 4_000_000
_TEXT_BYTES = 8_000_000
_CONTROL = re.compile(rb"[\x00-\x08\x0b\x0e-\x1f]")
# PDF 32000-1 7.3.5: any character of a name may be written as #xx
_PDF_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_PDF_ACTIVE = re.compile(rb"/(?:JavaScript|JS|Launch|EmbeddedFile|RichMedia|XFA)(?![A-Za-z0-9])")
_PDF_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.DOTALL)
_BETWEEN_TAGS = re.compile(r">([^<]+)")


def kind_of(content: bytes) -> Kind | None:
    """Tell a file's type by its content; None when it is none of the accepted ones."""
    for signature, kind in _SIGNATURES:
        if content.startswith(signature):
            return kind
    if b"%PDF-" in content[:1024]:
        return Kind.PDF
    if content.startswith(b"PK"):
        return _kind_of_zip(content)
    if _CONTROL.search(content) is None:
        return Kind.TEXT
    if content.startswith((b"\xff\xfe", b"\xfe\xff")) and _as_text(content) is not None:
        return Kind.TEXT
    return None


def is_active(content: bytes, kind: Kind) -> str | None:
    """Return the finding for a file with macros (ATTACHMENT-014) or a PDF that acts by itself (ATTACHMENT-015)."""
    if kind is Kind.PDF:
        return "ATTACHMENT-015" if any(_PDF_ACTIVE.search(part) for part in _pdf_parts(content)) else None
    if kind is Kind.OLE:
        # directory entries of a compound file are UTF-16; these two exist in every file with macros
        names = ("_VBA_PROJECT", "Macros", "_VBA_PROJECT_CUR")
        return "ATTACHMENT-014" if any(name.encode("utf-16-le") in content for name in names) else None
    if kind in (Kind.WORD, Kind.EXCEL, Kind.POWERPOINT, Kind.ODF):
        names_found = [name.lower() for name in _names(content)]
        running = ("vbaproject.bin", "basic/", "scripts/", "activex/", "oleobject")
        if any(mark in name for name in names_found for mark in running):
            return "ATTACHMENT-014"
    return None


def readable_text(content: bytes, kind: Kind) -> str:
    """Return what a person could read in a file, as far as it can be had without a renderer; empty for pictures."""
    if kind is Kind.TEXT:
        return _as_text(content) or ""
    if kind is Kind.PDF:
        return "\n".join(part.decode("latin-1") for part in _pdf_parts(content))[:_TEXT_BYTES]
    if kind in (Kind.WORD, Kind.EXCEL, Kind.POWERPOINT, Kind.ODF):
        # what stands between tags; a part without any is text as a whole
        return "".join(text for part in _xml_parts(content) for text in _BETWEEN_TAGS.findall(f">{part}"))
    if kind is Kind.OLE:
        # text in the old formats is one or two bytes a character; both are looked at
        return (
            content[:_TEXT_BYTES].decode("latin-1") + "\n" + content[: _TEXT_BYTES & ~1].decode("utf-16-le", "ignore")
        )
    return ""


def _as_text(content: bytes) -> str | None:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ("utf-16",) if wide else ("utf-8-sig", "cp1252", "latin-1"):
        try:
            return content[:_TEXT_BYTES].decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _kind_of_zip(content: bytes) -> Kind | None:
    names = _names(content)
    if "[Content_Types].xml" in names:
        for folder, kind in _OFFICE:
            if any(name.startswith(folder) for name in names):
                return kind
        return None
    if "mimetype" in names and b"application/vnd.oasis.opendocument" in content[:200]:
        return Kind.ODF
    return None


def _names(content: bytes) -> list[str]:
    end = content.rfind(b"PK\x05\x06")
    if end < 0 or int.from_bytes(content[end + 10 : end + 12], "little") > _PARTS_MOST:
        return []
    try:
        return [entry.filename for entry in Archive(content).entries]
    except DAMAGED:
        return []


def _xml_parts(content: bytes) -> list[str]:
    """Read an office file's XML parts as text, each and all of them bounded; a broken part is left out."""
    texts, room = [], _TEXT_BYTES
    archive = Archive(content)
    for entry in archive.entries:
        if not entry.filename.lower().endswith(".xml") or room <= 0:
            continue
        try:
            read = archive.read(entry, min(_PART_BYTES, room))
        except (
            zipfile.BadZipFile,
            zlib.error,
            RuntimeError,
            NotImplementedError,
            EOFError,
            ValueError,
            OSError,
            IndexError,
        ):
            continue
        room -= len(read)
        texts.append(read.decode("utf-8", "replace"))
    return texts


def _pdf_parts(content: bytes) -> list[bytes]:
    """Return a PDF with its names unescaped, and its compressed streams unpacked, all bounded."""
    parts, room = [_PDF_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), content[:_TEXT_BYTES])], _TEXT_BYTES
    for found in _PDF_STREAM.finditer(content):
        if room <= 0 or len(parts) > _PARTS_MOST:
            break
        try:
            unpacked = zlib.decompressobj().decompress(found[1], min(room, _PART_BYTES))
        except zlib.error:  # a stream of another kind, such as a picture
            continue
        room -= len(unpacked)
        parts.append(unpacked)
    return parts
