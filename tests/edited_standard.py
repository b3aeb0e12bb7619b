"""A next version of the standard, made for tests by editing the official files of 2019.1 (not in the repository).

One field is added, one is gone, one has moved, and a code list is longer.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lxml import etree
from official_files import VERSION

NEW = "2031.1"
NAMESPACE = "http://www.edustandaard.nl/oso_gegevensset/2031/dossier"
ADDED = "dossier/huidigeschool/leerling/overstapadvies/voorlopigadvies"
GONE = "dossier/huidigeschool/leerling/overstapadvies/aandachtspunten"
MOVED_FROM = "dossier/huidigeschool/leerling/nnca"
MOVED = "dossier/huidigeschool/leerling/schoolloopbaanlijst/schoolloopbaan/nnca"
CODE = ("42", "0017")
"""Number of the longer code list, and the code that is new."""

_XS = "{http://www.w3.org/2001/XMLSchema}"


def make(official: Path, folder: Path) -> tuple[Path, list[Path]]:
    """Write the schema and the sheets of the next version; return the schema and the two sheets."""
    folder.mkdir(parents=True)
    source = official / VERSION
    schema = folder / f"OSO_gegevensset_{NEW}.xsd"
    schema.write_text(_renewed((source / "OSO_gegevensset.xsd").read_text(encoding="utf-8")), encoding="utf-8")
    with editing(schema) as top:
        put_before(top, "advies", '<xs:element name="voorlopigadvies" minOccurs="0" type="nonEmptyStringType"/>')
        take_out(top, "aandachtspunten")
        moved = take_out(top, "nnca")
        put_before(top, "groepscode", etree.tostring(moved, encoding="unicode"))
    sheets = []
    for kind in ("OV", "PaO"):
        for path in (source / kind).rglob("*.xsl"):
            there = folder / kind / path.relative_to(source / kind)
            there.parent.mkdir(parents=True, exist_ok=True)
            sheet = _renewed(path.read_text(encoding="utf-8"))
            sheet = sheet.replace("not(text()='0016')", "not(text()='0016') and not(text()='0017')")
            there.write_text(sheet, encoding="utf-8")
            if there.parent.name == kind:
                sheets.append(there)
    return schema, sorted(sheets)


def dossier(data: bytes, *, provisional: str | None = None, test: str | None = None) -> bytes:
    """Return a dossier of 2019.1 as one of the next version.

    Args:
        data: a dossier without `nnca` and `aandachtspunten`, or with: these are taken out.
        provisional: value of the field that is new.
        test: kind of final test to state.
    """
    text = _renewed(data.decode("utf-8"))
    for name in ("aandachtspunten", "nnca"):
        if f"<{name}>" in text:
            text, _ = _cut(text, f"<{name}>", f"</{name}>")
    if provisional is not None:
        text = _once(text, "<advies>", f"<voorlopigadvies>{provisional}</voorlopigadvies><advies>")
    text = _once(text, "<groepscode>", "<nnca>J</nnca><groepscode>")
    if test is not None and "<toetssoort>" in text:
        _, old = _cut(text, "<toetssoort>", "</toetssoort>")
        text = text.replace(old, f"<toetssoort>{test}</toetssoort>")
    return text.encode()


def _renewed(text: str) -> str:
    text = text.replace("oso_gegevensset/2019/", "oso_gegevensset/2031/").replace("2019.1.1", f"{NEW}.1")
    return text.replace(">2019.1<", f">{NEW}<").replace("'2019.1'", f"'{NEW}'")


def _once(text: str, old: str, new: str) -> str:
    assert old in text, old
    return text.replace(old, new, 1)


def _cut(text: str, begin: str, end: str) -> tuple[str, str]:
    start = text.index(begin)
    stop = text.index(end, start) + len(end)
    return text[:start] + text[stop:], text[start:stop]


@contextmanager
def editing(schema: Path) -> Iterator[Any]:
    """Read a schema, to be changed, and write it."""
    tree = etree.parse(schema)
    yield tree.getroot()
    tree.write(schema, encoding="utf-8", xml_declaration=True)


def declaration(top: Any, name: str) -> Any:
    """Return the one declaration of an element within a type."""
    [found] = [each for each in top.iter(f"{_XS}element") if each.get("name") == name and each.getparent() is not top]
    return found


def put_before(top: Any, name: str, declared: str) -> None:
    """Declare an element before another."""
    wrapped = f'<xs:x xmlns:xs="{_XS[1:-1]}" xmlns="{top.get("targetNamespace")}">{declared}</xs:x>'
    declaration(top, name).addprevious(etree.fromstring(wrapped)[0])


def take_out(top: Any, name: str) -> Any:
    """Remove the declaration of an element and return it."""
    found = declaration(top, name)
    found.getparent().remove(found)
    return found
