"""Detection of macros, passwords, damage and remote content in office files.

It covers Open Packaging (ECMA-376 part 2: docx, xlsx, pptx), OpenDocument, and compound files (MS-CFB: doc, xls, ppt,
and newer files with a password), which olefile opens. Content types, relationships and streams decide, not the names of
parts.
"""

import io
import logging
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import olefile  # type: ignore[import-untyped]
from lxml import etree

from overstap.oso.xml_parser import parse_other

_log = logging.getLogger(__name__)
DAMAGED = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, ValueError, OSError, IndexError)
"""Exceptions of `zipfile` and zlib for damaged or hostile archives."""
OLE_MARK = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
MAX_PARTS = 4_000
PART_BYTES = 4_000_000
_ALL_PARTS_BYTES = 60_000_000
TYPES = "[Content_Types].xml"


class OfficeFault(Enum):
    """Fault of an office file, with the code of its finding."""

    MACROS = "ATTACHMENT-014"
    LOCKED = "ATTACHMENT-020"
    DAMAGED = "ATTACHMENT-021"
    FETCHES = "ATTACHMENT-023"
    """When it is opened, it loads remote content or starts another program."""


_RUNNING_TYPES = ("vbaproject", "vbadata", "macrosheet", "activex", "oleobject", "macroenabled", "sheet.binary")
_RUNNING_RELATIONS = (
    *("vbaproject", "wordvbadata", "xlmacrosheet", "xlintlmacrosheet", "macrosheet", "intlmacrosheet"),
    *("control", "oleobject", "activexcontrolbinary"),
)
_FETCHING_RELATIONS = (
    "attachedtemplate",
    "oleobject",
    "frame",
    "subdocument",
    "externallinkpath",
    "control",
    "afchunk",
)
"""Relationships to external targets that a program loads when the file is opened; hyperlinks are not among them."""
_MAIN_TYPES = (
    *(("wordprocessingml", "word"), ("spreadsheetml", "excel"), ("presentationml", "powerpoint")),
    *(("ms-word", "word"), ("ms-excel", "excel"), ("ms-powerpoint", "powerpoint")),
)
_DDE = re.compile(r"(?<![A-Za-z])DDE(?:AUTO)?(?![A-Za-z])", re.IGNORECASE)
_DDE_OLD = re.compile(rb"\x13[ \x00\"]{0,20}D\x00?D\x00?E(?:\x00?A\x00?U\x00?T\x00?O)?[ \x00\"]", re.IGNORECASE)
_OUTSIDE_FORMULA = re.compile(r"\|\s*'[^'<]{0,500}'\s*!|(?<![A-Za-z0-9_.])(?:_xlfn\.)?WEBSERVICE\s*\(", re.IGNORECASE)
"""A formula that requests data from another program (DDE) or a web service."""
_LINKING = (b"instrText", b"fldSimple", b"ddeLink", b"|'", b"|&apos;", b"|&#39;")
"""Each part with a field or link that starts another program contains one of these."""
_ODF_SOURCES = ("floating-frame", "section-source", "table-source", "cell-range-source", "object", "object-ole")
"""Elements of OpenDocument 1.2 part 1 whose content a program fetches to display it."""
_ODF_MACROS = re.compile(r"(?:^|/)(?:basic|scripts|dialogs)/", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Relation:
    kind: str
    """Last segment of its type, in lower case."""
    target: str
    is_outside: bool


class OfficePackage:
    """An office file in ZIP format (OPC or OpenDocument).

    Args:
        data: content of the file.

    Raises:
        One of `DAMAGED`: the file is not a ZIP archive, or a damaged one.
    """

    def __init__(self, data: bytes) -> None:
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self.entries = self._archive.infolist()[: MAX_PARTS + 1]
        self.names = [entry.orig_filename for entry in self.entries]
        self._room = _ALL_PARTS_BYTES

    def read(self, at: int, most: int = PART_BYTES) -> bytes:
        """Return at most `most` bytes of a part, within the limit of all parts; empty for an unreadable part."""
        most = min(most, self._room)
        if most <= 0:
            return b""
        try:
            with self._archive.open(self.entries[at]) as file:
                read = file.read(most)
        except DAMAGED:
            return b""
        self._room -= len(read)
        return read

    def read_by_name(self, name: str) -> bytes:
        """Return the part with a name, case-insensitively; empty without one."""
        found = [at for at, each in enumerate(self.names) if each.lower() == name.lower()]
        return self.read(found[0]) if found else b""

    @property
    def is_encrypted(self) -> bool:
        """Whether a part has ZIP encryption."""
        return any(entry.flag_bits & 0x1 for entry in self.entries)


def package_kind(package: OfficePackage) -> str | None:
    """Return "word", "excel" or "powerpoint" by the type of the main part, or "odf"; None for other archives."""
    if TYPES not in package.names:
        return "odf" if package.read_by_name("mimetype").startswith(b"application/vnd.oasis.opendocument") else None
    for part_type in _types(package):
        if part_type.endswith("main+xml"):
            for mark, kind in _MAIN_TYPES:
                if mark in part_type:
                    return kind
    folders = (("word/", "word"), ("xl/", "excel"), ("ppt/", "powerpoint"))
    return next((kind for folder, kind in folders if any(name.startswith(folder) for name in package.names)), None)


def package_fault(package: OfficePackage, kind: str) -> OfficeFault | None:
    """Return the most serious fault of a package, or None.

    Args:
        package: the file.
        kind: its kind, as `package_kind` returns it.
    """
    if package.is_encrypted:
        return OfficeFault.LOCKED
    found = set(_faults_of_odf(package) if kind == "odf" else _faults_of_opc(package))
    for at, name in enumerate(package.names):
        if not _is_picture(name) and package.read(at, 8) == OLE_MARK and _holds_code(package.read(at)):
            found.add(OfficeFault.MACROS)
    return next((fault for fault in OfficeFault if fault in found), None)


def _is_picture(name: str) -> bool:
    return name.lower().endswith((".png", ".jpg", ".jpeg", ".gif", ".emf", ".wmf", ".tif", ".tiff", ".svg"))


def _faults_of_opc(package: OfficePackage) -> Iterator[OfficeFault]:
    types = _types(package)
    if any(mark in each for each in types for mark in _RUNNING_TYPES):
        yield OfficeFault.MACROS
    # the stated type of a part can be false; programs find VBA and ActiveX parts by these names too
    if any(name.lower().endswith("vbaproject.bin") or "/activex/" in name.lower() for name in package.names):
        yield OfficeFault.MACROS
    for at, name in enumerate(package.names):
        lower = name.lower()
        if lower.endswith(".rels"):
            yield from _faults_of_relations(_relations(package.read(at)))
        elif lower.endswith((".xml", ".vml")) or "." not in lower.rpartition("/")[2]:
            yield from _faults_of_part(package.read(at))


def _faults_of_relations(relations: Sequence[_Relation]) -> Iterator[OfficeFault]:
    for each in relations:
        if each.kind in _RUNNING_RELATIONS:
            yield OfficeFault.MACROS
        if each.is_outside and each.kind in _FETCHING_RELATIONS and _is_remote(each.target):
            yield OfficeFault.FETCHES
        # Text copied from web pages contains pictures of the web, which are allowed; a picture of another machine on
        # the network makes Windows log in to it
        if each.is_outside and each.kind in ("image", "video", "audio", "media") and _is_on_network(each.target):
            yield OfficeFault.FETCHES


def _is_remote(target: str) -> bool:
    """Return whether a target is on another machine; a path on a local disk does not exist at the receiver."""
    plain = target.strip().replace("\\", "/").lower()
    if plain.startswith("file:"):
        rest = plain[5:]
        slashes = len(rest) - len(rest.lstrip("/"))
        return slashes in (2, 4, 5) and not re.match(r"/*[a-z]:", rest)
    return plain.startswith(("http:", "https:", "ftp:", "//", "mhtml:", "ldap:"))


def _is_on_network(target: str) -> bool:
    """Return whether a target is a file of another machine instead of a web address."""
    return _is_remote(target) and not target.strip().lower().startswith(("http:", "https:"))


def _faults_of_part(data: bytes) -> Iterator[OfficeFault]:
    """Search a part for DDE fields (ECMA-376 part 1, 17.16.5) and DDE links, which start other programs."""
    if not any(
        mark in data
        for mark in (
            *(b"instrText", b"w:instr", b"ddeLink", b"DDE", b"|'", b"|&apos;", b":fldSimple"),
            *(b"refreshOnLoad", b"WEBSERVICE"),
        )
    ):
        return
    root = _xml(data)
    if root is None:
        return
    instructions = []
    for each in root.iter():
        if not isinstance(each.tag, str):
            continue
        name = etree.QName(each).localname
        if name in ("instrText", "delInstrText"):
            instructions.append(each.text or "")
        elif name == "fldChar":
            instructions.append("\n")
        elif name == "fldSimple":
            instructions += ["\n", *each.attrib.values(), "\n"]
        elif name == "ddeLink" or (name in ("f", "definedName") and _OUTSIDE_FORMULA.search(each.text or "")):
            yield OfficeFault.FETCHES
        elif each.get("refreshOnLoad", "").lower() in ("1", "true") and name in ("connection", "queryTable"):
            yield OfficeFault.FETCHES  # ECMA-376 part 1, 18.13.1: external data fetched at opening
    if any(_DDE.match(line.strip().strip('"')) for line in "".join(instructions).split("\n")):
        yield OfficeFault.FETCHES


def _types(package: OfficePackage) -> list[str]:
    """Return the content types of a package, in lower case."""
    root = _xml(package.read_by_name(TYPES))
    if root is None:
        return []
    return [(each.get("ContentType") or "").lower() for each in root.iter() if isinstance(each.tag, str)]


def _relations(data: bytes) -> list[_Relation]:
    root = _xml(data)
    if root is None:
        return []
    return [
        _Relation(
            (each.get("Type") or "").rpartition("/")[2].lower(),
            each.get("Target") or "",
            (each.get("TargetMode") or "").lower() == "external",
        )
        for each in root.iter()
        if isinstance(each.tag, str)
    ]


def _xml(data: bytes) -> Any:
    """Parse an XML part; return its root, or None for malformed XML and XML with a DOCTYPE."""
    if not data or b"<!DOCTYPE" in data[:2_000].upper():
        return None
    try:
        return parse_other(data, keeps_comments=True)
    except (etree.XMLSyntaxError, ValueError):
        return None


def _faults_of_odf(package: OfficePackage) -> Iterator[OfficeFault]:
    if any(_ODF_MACROS.search(name) for name in package.names):
        yield OfficeFault.MACROS
    manifest = package.read_by_name("META-INF/manifest.xml")
    if b"encryption-data" in manifest:
        yield OfficeFault.LOCKED
    for name in ("content.xml", "styles.xml"):
        root = _xml(package.read_by_name(name))
        for each in root.iter() if root is not None else ():
            if not isinstance(each.tag, str):
                continue
            local = etree.QName(each).localname
            if local in ("dde-source", "dde-connection-decl", "dde-link") or (
                local in _ODF_SOURCES
                and any(
                    etree.QName(key).localname == "href" and _is_remote(value) for key, value in each.attrib.items()
                )
            ):
                yield OfficeFault.FETCHES
            elif local in ("plugin", "applet") or (
                local == "event-listener" and any("vnd.sun.star.script" in value for value in each.attrib.values())
            ):
                yield OfficeFault.MACROS


def compound_file_fault(data: bytes) -> OfficeFault | None:
    """Return the fault of a compound file (doc, xls, ppt, or a newer file with a password), or None.

    Args:
        data: content of the file.
    """
    try:
        with olefile.OleFileIO(io.BytesIO(data)) as file:
            names = ["/".join(path).lower() for path in file.listdir(streams=True, storages=True)][:MAX_PARTS]
            bare = {name.rpartition("/")[2] for name in names}
            if "encryptedpackage" in bare or "encryptedsummary" in bare:
                return OfficeFault.LOCKED
            if bare & {"_vba_project", "_vba_project_cur", "macros", "vba"} or bare & {"\x01ole10native", "package"}:
                return OfficeFault.MACROS
            for name in ("workbook", "book"):
                if name in names and (fault := _fault_of_workbook(_stream(file, name))):
                    return fault
            if "worddocument" in names:
                document = _stream(file, "worddocument")
                # FibBase.fEncrypted, MS-DOC 2.5.1
                if len(document) > 11 and document[11] & 0x01:
                    return OfficeFault.LOCKED
                if _DDE_OLD.search(document):
                    return OfficeFault.FETCHES
    except Exception:  # olefile raises arbitrary exceptions for damaged files
        _log.debug("a compound file cannot be opened; the names in it decide")
    # Names of streams are UTF-16 and can be found even when the directory is damaged
    if any(name in data for name in _OLE_LOCKED):
        return OfficeFault.LOCKED
    return OfficeFault.MACROS if any(name in data for name in _OLE_MACROS) else None


_OLE_LOCKED = tuple(name.encode("utf-16-le") for name in ("EncryptedPackage", "EncryptionInfo"))
_OLE_MACROS = tuple(name.encode("utf-16-le") for name in ("_VBA_PROJECT", "Macros", "_VBA_PROJECT_CUR"))


def _stream(file: Any, name: str) -> bytes:
    with file.openstream(name) as stream:
        return bytes(stream.read(PART_BYTES))


def _fault_of_workbook(data: bytes) -> OfficeFault | None:
    """Scan the records of a workbook (MS-XLS 2.3) for a password and macro sheets."""
    at = 0
    while at + 4 <= len(data):
        kind, size = struct.unpack_from("<HH", data, at)
        record = data[at + 4 : at + 4 + size]
        at += 4 + size
        if kind == 0x002F:  # FilePass
            return OfficeFault.LOCKED
        if kind == 0x0085 and len(record) > 5 and record[5] in (0x01, 0x06):  # BoundSheet8: a macro sheet, a module
            return OfficeFault.MACROS
        if kind == 0x000A:  # EOF of the workbook's globals; the records of its sheets follow
            break
    return None


def _holds_code(data: bytes) -> bool:
    return compound_file_fault(data) is OfficeFault.MACROS
