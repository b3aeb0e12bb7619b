"""The one construction of an XML parser: no DTD, so no entities and no network, and libxml2's own limits kept."""

import threading
from typing import Any

from lxml import etree

_SAFE: dict[str, Any] = {
    "encoding": "utf-8",
    "resolve_entities": False,
    "no_network": True,
    "load_dtd": False,
    "dtd_validation": False,
    "attribute_defaults": False,
    "huge_tree": False,
    "recover": False,
    "remove_comments": True,
    "remove_pis": True,
}


class _Parsers(threading.local):
    """A thread's own parsers: one keeps all white space, one leaves out what only lays out the file."""

    def __init__(self) -> None:
        self.exact = etree.XMLParser(**_SAFE)
        self.tight = etree.XMLParser(remove_blank_text=True, **_SAFE)


_PARSERS = _Parsers()


def parse(plain: bytes) -> Any:
    """Return the root element of a document in UTF-8 without DOCTYPE.

    White space between elements is left out where the file has nothing but elements and texts, which is a third of the
    work. libxml2 tells such white space by what comes next, and is sure of it when that is a tag; beside a comment, a
    processing instruction or a CDATA section it would take the blanks that a text begins with.

    Raises:
        lxml.etree.XMLSyntaxError: it is not well-formed, or more than libxml2 takes.
    """
    return etree.fromstring(plain, _PARSERS.exact if _has(b"!", plain) or _has(b"?", plain) else _PARSERS.tight)


def _has(mark: bytes, plain: bytes) -> bool:
    """Tell whether anything but the first line begins with `<` and a mark; one byte is found much sooner than two."""
    at = plain.find(b"?>") + 2 if plain.startswith(b"<?xml") else 0
    return plain.find(mark, at) >= 0 and plain.find(b"<" + mark, at) >= 0
