"""Reading of dossiers from untrusted XML, the only place where it is parsed.

No DTD is accepted, so no entities and no network access; size, depth, texts, attributes and number of elements are
limited; only unambiguous encodings are accepted. Every refusal has a code and never contains content of the file.
"""

import codecs
import contextlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.catalogue import by_namespace, catalogue, has_new_versions, versions
from overstap.oso.model import Dossier
from overstap.oso.tree import build_tree
from overstap.oso.version_cache import forget_versions, forgettable
from overstap.oso.xml_parser import parse


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Limits of a file. The standard sets none; these exceed every real dossier.

    Args:
        size_bytes: size of the file, in bytes.
        depth: nesting depth of elements; the standard needs 13.
        text_chars: length of a text, in characters, which bounds an attachment; below libxml2's own limit of 10 MB.
        attribute_chars: length of an attribute value, in characters.
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
_STATED = re.compile(rb"""xmlns(?::[^\s=]{1,100})?\s*=\s*["']([^"']*)""")
_ATTRIBUTES: Any = etree.XPath("//@*", smart_strings=False)
_TEXTS: Any = etree.XPath("boolean(//text()[string-length() > $most])")
_ELEMENTS: Any = etree.XPath("count(//*)")


def read(data: bytes, *, limits: ReadingLimits = DEFAULT_LIMITS) -> Dossier:
    """Read a dossier from untrusted XML.

    Comments and processing instructions are dropped: they are not part of the dossier and would escape minimisation.

    Args:
        data: content of the file.
        limits: limits of the file.

    Raises:
        OverstapError: DOSSIER-001 unknown version; -002 not well-formed; -003 DOCTYPE; -004 too large; -005 too deep;
            -006 a text is too long; -007 an attribute is too long; -008 too many elements; -009 encoding not accepted;
            -010 not an OSO dossier; -018 a namespace without canonical form; -019 an added version in which a field
            that every dossier must have is not classified yet.
    """
    if len(data) > limits.size_bytes:
        raise OverstapError("DOSSIER-004", size=len(data), most=limits.size_bytes)
    plain = _as_utf8(data)
    _refuse_doctype(plain)
    if len(plain) > 4 * limits.elements and plain.count(b"<") > 2 * limits.elements + 1_000:
        _refuse_unknown_version(plain)
        raise OverstapError("DOSSIER-008", most=limits.elements)
    try:
        root = parse(plain)
    except (etree.XMLSyntaxError, ValueError) as problem:
        _refuse_unknown_version(plain)
        raise _parser_refusal(problem, limits) from None
    version = _version(root)
    if unusable := catalogue(version).unusable:
        raise OverstapError("DOSSIER-019", version=version, count=len(unusable))
    found = build_tree(root, catalogue(version).compiled)
    # A document with elements and attributes of the catalogue only needs no checks of depth and attributes
    if not found.is_bounded or limits is not DEFAULT_LIMITS or len(plain) > limits.text_chars:
        _within(root, len(plain), limits)
        _refuse_namespaces_without_canonical_form(root, plain)
    if found.longest_attribute > limits.attribute_chars:
        raise OverstapError("DOSSIER-007", most=limits.attribute_chars)
    if found.elements > limits.elements:
        raise OverstapError("DOSSIER-008", most=limits.elements)
    return Dossier(found.tree, version, is_sound=found.is_sound)


def from_element(root: Any, version: str) -> Dossier:
    """Return a dossier from a parsed element, without the checks of `read`.

    Args:
        root: the element `dossier` (lxml).
        version: version of the data set, such as `2019.1`.
    """
    found = build_tree(root, catalogue(version).compiled)
    return Dossier(found.tree, version, is_sound=found.is_sound)


def _as_utf8(data: bytes) -> bytes:
    """Convert a file to UTF-8 without byte order mark, so that it can be interpreted in one way only."""
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):  # the first bytes equal those of UTF-16
        raise OverstapError("DOSSIER-009")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        data, encoding = data[3:], "utf-8"
    else:
        declared = _ENCODING.search(_declaration(data[:300].decode("latin-1")))
        encoding = declared[1].lower() if declared else "utf-8"
        if encoding == "utf-16":  # without a byte order mark it cannot be UTF-16
            encoding = "utf-8"
    if encoding not in _ENCODINGS:
        raise OverstapError("DOSSIER-009")
    is_utf8 = encoding in ("utf-8", "utf8")
    if is_utf8 and data.isascii():
        return data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise OverstapError("DOSSIER-009") from None
    if is_utf8:
        return data  # the parser's encoding is set to UTF-8, which overrides the declaration
    return text[len(_declaration(text)) :].encode("utf-8")


def _declaration(text: str) -> str:
    found = _DECLARATION.match(text)
    return found[0] if found else ""


def _refuse_doctype(plain: bytes) -> None:
    """Refuse a DOCTYPE before parsing; in well-formed XML it can only precede the root element."""
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
    if (version := _roots().get(root.tag)) is not None:
        return version
    name = etree.QName(root)
    if name.namespace and has_new_versions():
        forget_versions()
        if (version := _roots().get(root.tag)) is not None:
            return version
    if name.localname == "dossier" and (found := _NAMESPACE.fullmatch(name.namespace or "")):
        raise OverstapError("DOSSIER-001", version=found[1], known=", ".join(versions()))
    raise OverstapError("DOSSIER-010")


def _usual_namespaces() -> frozenset[bytes]:
    return frozenset(
        {b"http://www.w3.org/2001/XMLSchema-instance", *(namespace.encode() for namespace in by_namespace())}
    )


@forgettable
@cache
def _roots() -> dict[str, str]:
    """Return the version number per name of the root element."""
    return {f"{{{namespace}}}{catalogue(version).root}": version for namespace, version in by_namespace().items()}


def _refuse_unknown_version(plain: bytes) -> None:
    """Refuse an unreadable file as an unknown version, if its root element names one: that message helps more."""
    puller: Any = etree.XMLPullParser(
        events=("start",), resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    # errors after the first tag are reported by the caller
    with contextlib.suppress(etree.XMLSyntaxError):
        puller.feed(plain[:10_000])
    for _, element in puller.read_events():
        namespace = str(element.tag)[1:].partition("}")[0]  # not QName, which rejects malformed names
        found = _NAMESPACE.fullmatch(namespace)
        if found and namespace not in by_namespace():
            raise OverstapError("DOSSIER-001", version=found[1], known=", ".join(versions()))
        return


def _parser_refusal(problem: Exception, limits: ReadingLimits) -> OverstapError:
    """Return the error for a refusal of libxml2: a code per limit, or DOSSIER-002 for malformed XML."""
    message = str(problem).lower()
    if "excessive depth" in message:
        return OverstapError("DOSSIER-005", most=limits.depth)
    if "attvalue" in message or "buffer size limit" in message:
        return OverstapError("DOSSIER-007", most=limits.attribute_chars)
    if "text node too long" in message or "huge text node" in message or "too big found" in message:
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
    """Refuse relative namespace names, which Canonical XML 1.0 (section 1.3) does not support."""
    stated = set(_STATED.findall(plain))
    if len(stated) > 1 and not stated <= _usual_namespaces():
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
    """Read a dossier of a required version.

    Args:
        data: content of the file.
        version: the required version, such as `2019.1`.
        limits: limits of the file.

    Raises:
        OverstapError: as `read`; DOSSIER-011 when the dossier has another version.
    """
    wanted = catalogue(version)
    dossier = read(data, limits=limits)
    if dossier.version != wanted.version:
        raise OverstapError("DOSSIER-011", version=dossier.version, wanted=wanted.version)
    return dossier
