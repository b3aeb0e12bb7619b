"""Reading of XML from outside: the only place where it is parsed.

Nothing here trusts the file: no DTD at all (so no entities and no network), bounds on size, depth, texts, attributes
and number of elements, and only encodings that leave no doubt about what the characters are. Every refusal has a code;
none tells what was in the file.
"""

import codecs
import contextlib
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.catalogue import by_namespace, catalogue, versions
from overstap.oso.model import Dossier
from overstap.oso.parsing import parse
from overstap.oso.tree import grow


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
    found = grow(root, catalogue(version).compiled)
    # What is sound holds nothing but the catalogue's own, so its depth and attributes need no bounds.
    if not found.is_bounded or limits is not DEFAULT_LIMITS or len(plain) > limits.text_chars:
        _within(root, len(plain), limits)
        _refuse_namespaces_without_canonical_form(root, plain)
    if found.longest_attribute > limits.attribute_chars:
        raise OverstapError("DOSSIER-007", most=limits.attribute_chars)
    if found.elements > limits.elements:
        raise OverstapError("DOSSIER-008", most=limits.elements)
    return Dossier(found.tree, version, is_sound=found.is_sound)


def from_element(root: Any, version: str) -> Dossier:
    """Return a dossier from an element that a parser made already; the bounds of `read` are not looked at.

    Args:
        root: the element `dossier` (lxml).
        version: version of the data set, such as `2019.1`.
    """
    found = grow(root, catalogue(version).compiled)
    return Dossier(found.tree, version, is_sound=found.is_sound)


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
    is_utf8 = encoding in ("utf-8", "utf8")
    if is_utf8 and data.isascii():
        return data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        raise OverstapError("DOSSIER-009") from None
    if is_utf8:
        return data  # the parser is told the encoding, so a declaration does no harm
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
    if (version := _roots().get(root.tag)) is not None:
        return version
    name = etree.QName(root)
    if name.localname == "dossier" and (found := _NAMESPACE.fullmatch(name.namespace or "")):
        raise OverstapError("DOSSIER-001", version=found[1], known=", ".join(versions()))
    raise OverstapError("DOSSIER-010")


@cache
def _roots() -> dict[str, str]:
    """Return the version per outermost element."""
    return {f"{{{namespace}}}{catalogue(version).root}": version for namespace, version in by_namespace().items()}


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
