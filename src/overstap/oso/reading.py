"""The one place where XML from outside is parsed.

Nothing here trusts the file: no DTD at all (so no entities and no network), bounds on size, depth, texts, attributes
and number of elements, and only encodings that leave no doubt about what the characters are. Every refusal has a code;
none tells what was in the file.
"""

import binascii
import codecs
import contextlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree
from pybase64 import b64decode

from overstap.errors import OverstapError
from overstap.oso.catalogue import by_namespace, catalogue, versions
from overstap.oso.model import Dossier
from overstap.oso.parsing import is_well_formed, parse
from overstap.oso.scan import Scanner
from overstap.oso.traversal import attachments


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """How much a file may be. The standard sets none; these hold every real dossier with room to spare.

    Args:
        size_bytes: the file as a whole.
        depth: elements within elements; the standard needs 13.
        text_chars: one text, which bounds an attachment; below the 10 MB at which libxml2 itself gives up.
        attribute_chars: one attribute.
        elements: number of elements.
    """

    size_bytes: int = 32_000_000
    depth: int = 24
    text_chars: int = 9_000_000
    attribute_chars: int = 2_000
    elements: int = 50_000


DEFAULT_LIMITS = ReadingLimits()

_ENCODINGS = {
    "utf-8",
    "utf8",
    "us-ascii",
    "ascii",
    "iso-8859-1",
    "iso-8859-15",
    "latin-1",
    "latin1",
    "windows-1252",
    "utf-16",
}
_DECLARATION = re.compile(r"<\?xml[ \t\r\n][^>]{0,200}?\?>")
_ENCODING = re.compile(r"""[ \t\r\n]encoding[ \t\r\n]*=[ \t\r\n]*["']([A-Za-z][A-Za-z0-9._-]{0,39})["']""")
_NAMESPACE = re.compile(r"http://www\.edustandaard\.nl/oso_gegevensset/([A-Za-z0-9._-]{1,20})/dossier")
_CONTENT = "bestandsinhoud"
_CONTENT_BEGINS, _IN_ITS_PLACE = f"<{_CONTENT}>".encode(), b"Base64"
_STATED_FIRST = re.compile(rb'<dossier xmlns="([^"]{1,200})"')
_STATED = re.compile(rb"""xmlns(?::[^\s=]{1,100})?\s*=\s*["']([^"']*)""")
_USUAL = frozenset(
    {b"http://www.w3.org/2001/XMLSchema-instance", *(namespace.encode() for namespace in by_namespace())},
)
_ATTRIBUTES: Any = etree.XPath("//@*", smart_strings=False)
_TEXTS: Any = etree.XPath("boolean(//text()[string-length() > $most])")
_ELEMENTS: Any = etree.XPath("count(//*)")


def read(data: bytes, *, limits: ReadingLimits = DEFAULT_LIMITS) -> Dossier:
    """Read a dossier, whoever sent it.

    Comments and processing instructions are left out: they are no part of the dossier, and would escape minimisation.
    A dossier that is plain and sound is known as `Dossier.tree` at once, its XML only when somebody asks for it.

    Args:
        data: the file.
        limits: how much the file may be.

    Raises:
        OverstapError: DOSSIER-001 version not known, -002 not well-formed, -003 a DOCTYPE, -004 too large, -005 too
            deep, -006 a text too long, -007 an attribute too long, -008 too many elements, -009 encoding not accepted,
            -010 not an OSO dossier, -018 a namespace without canonical form.
    """
    if len(data) > limits.size_bytes:
        raise OverstapError("DOSSIER-004", size=len(data), most=limits.size_bytes)
    if limits is DEFAULT_LIMITS and len(data) <= limits.text_chars and (dossier := _read_plain(data)) is not None:
        return dossier
    plain = _as_utf8(data)
    _refuse_doctype(plain)
    if len(plain) > 4 * limits.elements and plain.count(b"<") > 2 * limits.elements + 1_000:
        _refuse_unknown_version(plain)
        raise OverstapError("DOSSIER-008", most=limits.elements)
    try:
        root = parse(plain)
    except (etree.XMLSyntaxError, ValueError) as problem:
        _refuse_unknown_version(plain)
        raise _why_not(problem, limits) from None
    version = _version(root)
    _within(root, len(plain), limits)
    _refuse_namespaces_without_canonical_form(root, plain)
    return Dossier(root=root, version=version)


def _read_plain(data: bytes) -> Dossier | None:
    """Read a dossier that is as plain and as sound as most are; None when it has to be looked at with care.

    A scanned dossier has no attribute, depth or namespace but those of the standard, and is UTF-8: there is nothing
    left to bound but its elements, which have two tags each. Attachments are most of a large file and are left out of
    all of it: what is Base64 has no character that could mean anything to XML.
    """
    data = data.removeprefix(codecs.BOM_UTF8)
    stated = _STATED_FIRST.search(data, 0, 1_000)
    version = by_namespace().get(stated[1].decode("utf-8", "replace")) if stated else None
    if version is None:
        return None
    thin, contents = _without_contents(data)
    try:
        text = thin.decode("utf-8")
    except UnicodeDecodeError:
        return None
    if len(thin) > 4 * DEFAULT_LIMITS.elements and thin.count(b"<") > 2 * DEFAULT_LIMITS.elements:
        return None
    declared = _ENCODING.search(_declaration(text[:300]))
    if declared and declared[1].lower() not in ("utf-8", "utf8"):
        return None
    scanner = _scanner(version)
    node = scanner.scan(text, thin)
    if node is None or not (scanner.is_certain(text) or is_well_formed(thin)):
        return None
    dossier = Dossier.scanned(data, version, node, is_bare=scanner.is_usual(text))
    return dossier if not contents or _put_back(dossier, contents) else None


def _without_contents(data: bytes) -> tuple[bytes, list[str | None]]:
    """Take the attachments' contents out of a document.

    Returns:
        The document with a word in the place of each that is Base64; and what stood there, in document order, None for
        what was left in its place.
    """
    thin: list[bytes] = []
    contents: list[str | None] = []
    done, begin = 0, data.find(_CONTENT_BEGINS)
    while begin >= 0:
        begin += len(_CONTENT_BEGINS)
        end = data.find(b"<", begin)
        content = data[begin:end]
        if _is_base64(content):
            contents.append(content.decode("ascii"))
            thin += data[done:begin], _IN_ITS_PLACE
            done = end
        else:
            contents.append(None)
        begin = data.find(_CONTENT_BEGINS, begin if end < 0 else end)
    thin.append(data[done:])
    return b"".join(thin), contents


def _is_base64(content: bytes) -> bool:
    """Tell whether a text is Base64, in lines or not: letters, digits and three marks, so plain in any XML."""
    if not content or content.isspace():
        return False
    try:
        b64decode(content, validate=True)
    except binascii.Error:
        try:
            b64decode(content.translate(None, b" \t\n"), validate=True)
        except binascii.Error:
            return False
    return True


def _put_back(dossier: Dossier, contents: list[str | None]) -> bool:
    """Give the attachments their contents; no when they are not as many as there are in the text."""
    nodes = list(attachments(dossier))
    if len(nodes) != len(contents):
        return False
    for node, content in zip(nodes, contents, strict=True):
        if content is not None:
            node[_CONTENT] = [content]
    return True


@cache
def _scanner(version: str) -> Scanner:
    return Scanner(catalogue(version))


def _as_utf8(data: bytes) -> bytes:
    """Return the file in UTF-8 without mark or declaration, so that there is one reading of it only."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # begins as UTF-16 does
        raise OverstapError("DOSSIER-009")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        data, encoding = data[3:], "utf-8"
    else:
        declared = _ENCODING.search(_declaration(data[:300].decode("latin-1")))
        encoding = declared[1].lower() if declared else "utf-8"
        if encoding == "utf-16":  # without a mark it is not UTF-16, whatever it says
            encoding = "utf-8"
    if encoding not in _ENCODINGS:
        raise OverstapError("DOSSIER-009")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise OverstapError("DOSSIER-009") from None
    if not text.startswith("<?xml"):
        return data if encoding in ("utf-8", "utf8") else text.encode("utf-8")
    if encoding in ("utf-8", "utf8"):
        return data  # the parser is told the encoding, so the declaration does no harm
    return text[len(_declaration(text)) :].encode("utf-8")


def _declaration(text: str) -> str:
    found = _DECLARATION.match(text)
    return found[0] if found else ""


def _refuse_doctype(plain: bytes) -> None:
    """Refuse a DOCTYPE before the parser sees it: in well-formed XML it can only stand before the root element."""
    at = 0
    while True:
        at = plain.find(b"<", at)
        if at < 0:
            return
        if plain.startswith(b"<!--", at):
            at = plain.find(b"-->", at + 4)
        elif plain.startswith(b"<?", at):
            at = plain.find(b"?>", at + 2)
        elif plain[at : at + 9].upper() == b"<!DOCTYPE":
            raise OverstapError("DOSSIER-003")
        else:
            return
        if at < 0:
            return


def _version(root: Any) -> str:
    name = etree.QName(root)
    if name.localname == "dossier":
        if name.namespace in by_namespace():
            return by_namespace()[name.namespace]
        if found := _NAMESPACE.fullmatch(name.namespace or ""):
            raise OverstapError("DOSSIER-001", version=found[1], known=", ".join(versions()))
    raise OverstapError("DOSSIER-010")


def _refuse_unknown_version(plain: bytes) -> None:
    """Of a file that cannot be read as a whole, say first that its version is not known, if its first tag tells so."""
    puller: Any = etree.XMLPullParser(
        events=("start",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    # whatever is wrong further on is the caller's to say: the first tag may have come through
    with contextlib.suppress(etree.XMLSyntaxError):
        puller.feed(plain[:10_000])
    for _, element in puller.read_events():
        namespace = str(element.tag)[1:].partition("}")[0]  # not QName: half a file may have names that are none
        found = _NAMESPACE.fullmatch(namespace)
        if found and namespace not in by_namespace():
            raise OverstapError("DOSSIER-001", version=found[1], known=", ".join(versions()))
        return


def _why_not(problem: Exception, limits: ReadingLimits) -> OverstapError:
    """Translate libxml2's refusal: its own limits have a code of ours, anything else is not well-formed."""
    said = str(problem).lower()
    if "excessive depth" in said:
        return OverstapError("DOSSIER-005", most=limits.depth)
    if "attvalue" in said or "buffer size limit" in said:
        return OverstapError("DOSSIER-007", most=limits.attribute_chars)
    if "text node too long" in said or "huge text node" in said or "too big found" in said:
        return OverstapError("DOSSIER-006", most=limits.text_chars)
    line, column = getattr(problem, "position", (0, 0))
    return OverstapError("DOSSIER-002", line=line, column=column)


def _within(root: Any, size: int, limits: ReadingLimits) -> None:
    if root.getroottree().docinfo.internalDTD is not None:
        raise OverstapError("DOSSIER-003")
    if _deeper_than(limits.depth)(root):
        raise OverstapError("DOSSIER-005", most=limits.depth)
    if size > limits.text_chars and _TEXTS(root, most=limits.text_chars):
        raise OverstapError("DOSSIER-006", most=limits.text_chars)
    if any(len(value) > limits.attribute_chars for value in _ATTRIBUTES(root)):
        raise OverstapError("DOSSIER-007", most=limits.attribute_chars)
    if size > limits.elements * 4 and _ELEMENTS(root) > limits.elements:  # `<a/>` is the shortest element
        raise OverstapError("DOSSIER-008", most=limits.elements)


def _refuse_namespaces_without_canonical_form(root: Any, plain: bytes) -> None:
    """Refuse what cannot be digested: Canonical XML 1.0 (section 1.3) has no form for relative namespace names."""
    stated = set(_STATED.findall(plain))
    if len(stated) > 1 and not stated <= _USUAL:
        try:
            etree.tostring(root, method="c14n")
        except etree.C14NError:
            raise OverstapError("DOSSIER-018") from None


_DEEPER: dict[int, Any] = {}


def _deeper_than(depth: int) -> Any:
    if depth not in _DEEPER:
        _DEEPER[depth] = etree.XPath(f"boolean({'/*' * (depth + 1)})")
    return _DEEPER[depth]


def read_as(data: bytes, version: str, *, limits: ReadingLimits = DEFAULT_LIMITS) -> Dossier:
    """Read a dossier that must be of one version.

    Args:
        data: the file.
        version: the version wanted, such as `2019.1`.
        limits: how much the file may be.

    Raises:
        OverstapError: as `read`, and DOSSIER-011 when the dossier is of another version.
    """
    wanted = catalogue(version)
    dossier = read(data, limits=limits)
    if dossier.version != wanted.version:
        raise OverstapError("DOSSIER-011", version=dossier.version, wanted=wanted.version)
    return dossier
