"""Bad files by name, each with the code it must give: finds of fuzzing and the attacks everybody knows."""

import itertools
import random
from collections.abc import Callable

from generated_dossiers import generate

from overstap.oso.writing import to_bytes

HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'
HEAD_16 = b'<?xml version="1.0" encoding="UTF-16"?>'
SPACE = b"http://www.edustandaard.nl/oso_gegevensset/2019/dossier"
LATER = SPACE.replace(b"2019", b"2022")
NOWHERE = b"http://127.0.0.1:9/x"


def _dossier(inner: bytes = b"", *, before: bytes = b"", space: bytes = SPACE, head: bytes = HEAD) -> bytes:
    return head + before + b'<dossier xmlns="' + space + b'">' + inner + b"</dossier>"


def _in(encoding: str, data: bytes) -> bytes:
    return data.decode("ascii").encode(encoding)


def _nested(depth: int) -> bytes:
    return b"<a>" * depth + b"</a>" * depth


def _laughs() -> bytes:
    names = b"abcdefghijklmnopqrstuvwxyz"
    steps = (b"<!ENTITY %c '%s'>" % (name, b"&%c;" % before * 10) for before, name in itertools.pairwise(names))
    return b"<!DOCTYPE d [<!ENTITY a 'aaaaaaaaaa'>" + b"".join(steps) + b"]>"


Situation = tuple[str, Callable[[], bytes]]

NOTHING_TO_READ: dict[str, Situation] = {
    "empty file": ("DOSSIER-002", lambda: b""),
    "white space only": ("DOSSIER-002", lambda: b"  \n"),
    "text": ("DOSSIER-002", lambda: b"Beste school, hierbij het dossier."),
    "a zip": ("DOSSIER-009", lambda: b"PK\x03\x04\x14\x00\x00\x00\xff\xfe"),
    "NUL bytes": ("DOSSIER-002", lambda: _dossier(b"\x00")),
    "cut off": ("DOSSIER-002", lambda: _dossier(b"<metadata>")[:-12]),
    "two roots": ("DOSSIER-002", lambda: _dossier() + _dossier(head=b"")),
    "text behind the root": ("DOSSIER-002", lambda: _dossier() + b"x"),
    "undeclared entity": ("DOSSIER-002", lambda: _dossier(b"&onbekend;")),
    "forbidden character reference": ("DOSSIER-002", lambda: _dossier(b"&#0;")),
    "another root": ("DOSSIER-010", lambda: HEAD + b'<dossiers xmlns="' + SPACE + b'"/>'),
    "another namespace": ("DOSSIER-010", lambda: _dossier(space=b"urn:x")),
    "no namespace": ("DOSSIER-010", lambda: HEAD + b"<dossier/>"),
    "a prefix that nothing declares": ("DOSSIER-002", lambda: b'<xi:include href="file:///etc/passwd"/>'),
    # finds of fuzzing: they parse, but have no canonical form, so no digest
    "relative namespace": ("DOSSIER-018", lambda: _dossier(b'<a xmlns="x"/>')),
    "relative namespace behind a prefix": ("DOSSIER-018", lambda: _dossier(b"<p:a xmlns:p = 'x'/>")),
}

DOCTYPES: dict[str, Situation] = {
    "external entity": (
        "DOSSIER-003",
        lambda: _dossier(b"&x;", before=b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
    ),
    "external subset": ("DOSSIER-003", lambda: _dossier(before=b'<!DOCTYPE d SYSTEM "' + NOWHERE + b'">')),
    "parameter entity": (
        "DOSSIER-003",
        lambda: _dossier(before=b'<!DOCTYPE d [<!ENTITY % p SYSTEM "' + NOWHERE + b'">%p;]>'),
    ),
    "billion laughs": ("DOSSIER-003", lambda: _dossier(b"&z;", before=_laughs())),
    "quadratic blow-up": (
        "DOSSIER-003",
        lambda: _dossier(b"&a;" * 20_000, before=b"<!DOCTYPE d [<!ENTITY a '" + b"a" * 50_000 + b"'>]>"),
    ),
    "bare": ("DOSSIER-003", lambda: _dossier(before=b"<!DOCTYPE dossier>")),
    "behind a comment": ("DOSSIER-003", lambda: _dossier(before=b"<!-- > -->\n<?a b?>\n<!DOCTYPE dossier>")),
    "in UTF-16": ("DOSSIER-003", lambda: _in("utf-16", _dossier(before=b"<!DOCTYPE d>", head=b""))),
    "in declared UTF-16": ("DOSSIER-003", lambda: _in("utf-16", _dossier(before=b"<!DOCTYPE d>", head=HEAD_16))),
    "in the wrong case": ("DOSSIER-003", lambda: _dossier(before=b"<!doctype dossier>")),
    "a web page": ("DOSSIER-003", lambda: b"<!DOCTYPE html><html><body>404</body></html>"),
}

# encodings in which a filter may see something else than the parser
ENCODINGS: dict[str, Situation] = {
    "UTF-7": (
        "DOSSIER-009",
        lambda: _dossier(b"+ADwAIQ-DOCTYPE d+AD4-", head=b'<?xml version="1.0" encoding="UTF-7"?>'),
    ),
    "UTF-32": ("DOSSIER-009", lambda: _in("utf-32", _dossier(head=b""))),
    "EBCDIC": ("DOSSIER-009", lambda: _in("cp037", _dossier(head=b'<?xml version="1.0" encoding="cp037"?>'))),
    "bytes that are no UTF-8": ("DOSSIER-009", lambda: _dossier(b"\xff\xfe\xfa")),
    "overlong UTF-8": ("DOSSIER-009", lambda: _dossier(b"\xc0\xbcscript")),
    "surrogate": ("DOSSIER-009", lambda: _dossier(b"\xed\xa0\x80")),
}

TOO_MUCH: dict[str, Situation] = {
    "file too large": ("DOSSIER-004", lambda: _dossier(b" " * 32_000_000)),
    "3,000 deep": ("DOSSIER-005", lambda: _dossier(_nested(3_000))),
    "one level too deep": ("DOSSIER-005", lambda: _dossier(_nested(24))),
    "11 MB in one text": ("DOSSIER-006", lambda: _dossier(b"<a>" + b"x" * 11_000_000 + b"</a>")),
    "9.5 MB in one text": ("DOSSIER-006", lambda: _dossier(b"<a>" + b"x" * 9_500_000 + b"</a>")),
    "11 MB in one CDATA": ("DOSSIER-006", lambda: _dossier(b"<a><![CDATA[" + b"x" * 11_000_000 + b"]]></a>")),
    "11 MB in one comment": ("DOSSIER-006", lambda: _dossier(b"<!--" + b"x" * 11_000_000 + b"-->")),
    "long attribute": ("DOSSIER-007", lambda: _dossier(b'<a b="' + b"x" * 2_001 + b'"/>')),
    "11 MB in one attribute": ("DOSSIER-007", lambda: _dossier(b'<a b="' + b"x" * 11_000_000 + b'"/>')),
    "a million elements": ("DOSSIER-008", lambda: _dossier(b"<a/>" * 1_000_000)),
    "a few elements too many": ("DOSSIER-008", lambda: _dossier(b"<a/>" * 50_000)),
    "long element name": ("DOSSIER-002", lambda: _dossier(b"<" + b"a" * 100_000 + b"/>")),
}

# the version is named first, whatever else is wrong
VERSIONS: dict[str, Situation] = {
    "later": ("DOSSIER-001", lambda: _dossier(space=LATER)),
    "later, cut off": ("DOSSIER-001", lambda: _dossier(b"<metadata>", space=LATER)[:-12]),
    "later, too deep": ("DOSSIER-001", lambda: _dossier(_nested(3_000), space=LATER)),
    "later, a little too deep": ("DOSSIER-001", lambda: _dossier(_nested(30), space=LATER)),
    "later, too many elements": ("DOSSIER-001", lambda: _dossier(b"<a/>" * 1_000_000, space=LATER)),
    "no year": ("DOSSIER-001", lambda: _dossier(space=SPACE.replace(b"2019", b"2019b"))),
}

HOSTILE: dict[str, Situation] = {
    f"{group}: {name}": situation
    for group, situations in (
        ("nothing to read", NOTHING_TO_READ),
        ("DOCTYPE", DOCTYPES),
        ("encoding", ENCODINGS),
        ("too much", TOO_MUCH),
        ("version", VERSIONS),
    )
    for name, situation in situations.items()
}

HARMLESS: dict[str, Callable[[], bytes]] = {
    "DOCTYPE in a comment": lambda: _dossier(b"<!-- <!DOCTYPE x> -->"),
    "DOCTYPE in a CDATA section": lambda: _dossier(b"<a><![CDATA[<!DOCTYPE x>]]></a>"),
    "XInclude is not followed": lambda: _dossier(
        b'<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'
    ),
    "a style sheet is not fetched": lambda: _dossier(before=b'<?xml-stylesheet href="' + NOWHERE + b'"?>'),
    "a byte order mark": lambda: b"\xef\xbb\xbf" + _dossier(),
    "UTF-16": lambda: _in("utf-16", _dossier(head=b"")),
    "ISO-8859-1": lambda: _dossier(b"<a>\xe9</a>", head=b'<?xml version="1.0" encoding="ISO-8859-1"?>'),
    "windows-1252": lambda: _dossier(b"<a>\x80</a>", head=b"<?xml version='1.0' encoding='windows-1252'?>"),
    "a claim of UTF-16 that is none": lambda: _dossier(head=HEAD_16),
    "24 levels": lambda: _dossier(_nested(23)),
}


def whole(seed: int = 1) -> bytes:
    """Return a dossier with every field there can be, as bytes."""
    return to_bytes(generate(random.Random(seed), density=1.0))
