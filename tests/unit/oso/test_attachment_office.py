"""Office files by what their package says: macros, links that are followed, passwords, whatever a part is called."""
# ruff: noqa: E501 - a file a line

import base64
import io
import random
import struct
import zipfile
from pathlib import Path

import pytest
from generated_dossiers import packed

from overstap.oso.attachments import inspect
from overstap.oso.building import build
from overstap.oso.content import AttachmentContent

SEED = 1407
CASES = Path(__file__).resolve().parents[4] / "shared" / "cases" / "attachments"
MAIN = "application/vnd.openxmlformats-officedocument.{}.main+xml"
WORD, EXCEL, POWERPOINT = (
    MAIN.format(each) for each in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/"
VBA = "http://schemas.microsoft.com/office/2006/relationships/"


def codes(name: str, content: bytes) -> list[str]:
    document = {"bestandsnaam": name, "bestandsinhoud": packed(name, content)}
    pupil = {"achternaam": "Vis", "bsn": "999900018", "overigdocumentlijst": {"document": [document]}}
    return [each.code for each in inspect(build({"huidigeschool": {"leerling": pupil}}))]


def zipped(**parts: bytes | str) -> bytes:
    return of_parts(parts)


def of_parts(parts: dict[str, bytes | str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def package(main: str, types: dict[str, str] | None = None, **_: object) -> dict[str, bytes | str]:
    """Return the parts of a package whose main part has a type, with further types per part."""
    listed = "".join(f'<Override PartName="{part}" ContentType="{each}"/>' for part, each in (types or {}).items())
    return {
        "[Content_Types].xml": f'<?xml version="1.0"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/'
        f'content-types"><Override PartName="/hoofd.xml" ContentType="{main}"/>{listed}</Types>',
        "hoofd.xml": '<w:document xmlns:w="urn:w"><w:t>verslag</w:t></w:document>',
    }


def related(kind: str, target: str, *, outside: bool, base: str = RELATIONS) -> str:
    mode = ' TargetMode="External"' if outside else ""
    return (
        '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
        f'<Relationship Id="r1" Type="{base}{kind}" Target="{target}"{mode}/></Relationships>'
    )


def with_relation(kind: str, target: str, *, main: str = WORD, outside: bool = True, base: str = RELATIONS) -> bytes:
    return of_parts({**package(main), "_rels/hoofd.xml.rels": related(kind, target, outside=outside, base=base)})


def with_part(name: str, content: bytes | str, main: str = WORD, types: dict[str, str] | None = None) -> bytes:
    return of_parts({**package(main, types), name: content})


def fields(*texts: str) -> str:
    runs = "".join(f"<w:r><w:instrText>{text}</w:instrText></w:r>" for text in texts)
    begin, end = ('<w:r><w:fldChar w:fldCharType="begin"/></w:r>', '<w:r><w:fldChar w:fldCharType="end"/></w:r>')
    return f'<w:document xmlns:w="urn:w"><w:p>{begin}{runs}{end}</w:p></w:document>'


def odf(**parts: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.text")
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return buffer.getvalue()


def compound(*names: str, workbook: bytes = b"", document: bytes = b"") -> bytes:
    """Return a compound file (MS-CFB, sectors of 512 bytes) with streams of these names, one of 4,096 bytes each."""
    streams = [(name, b"") for name in names]
    streams += [("Workbook", workbook)] if workbook else []
    streams += [("WordDocument", document)] if document else []
    free, end, table_mark = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    sectors: list[bytes] = []
    table: list[int] = [table_mark]
    entries = []
    directory_sectors = (len(streams) + 1 + 3) // 4
    first = 1 + directory_sectors
    for number in range(directory_sectors):
        table.append(end if number == directory_sectors - 1 else number + 2)
    for name, content in streams:
        data = content.ljust(4096, b"\0")
        entries.append((name, 2, first + len(sectors), len(data)))
        for number in range(8):
            table.append(end if number == 7 else first + len(sectors) + 1)
            sectors.append(data[number * 512 : number * 512 + 512])
    listed = b""
    for number, (name, kind, start, size) in enumerate([("Root Entry", 5, end, 0), *entries]):
        raw = name.encode("utf-16-le") + b"\0\0"
        child, right = (1 if number == 0 and entries else free), (number + 1 if 0 < number < len(entries) else free)
        listed += raw.ljust(64, b"\0") + struct.pack("<HBB3L", len(raw), kind, 1, free, right, child)
        listed += bytes(16) + bytes(4) + bytes(16) + struct.pack("<LQ", start, size)
    listed = listed.ljust(directory_sectors * 512, b"\0")
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<5H", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<9L", 0, 1, 1, 0, 4096, end, 0, end, 0) + struct.pack("<109L", 0, *[free] * 108)
    return header + struct.pack("<128L", *table, *[free] * (128 - len(table))) + listed + b"".join(sectors)


def record(kind: int, data: bytes) -> bytes:
    return struct.pack("<HH", kind, len(data)) + data


def sheets(*kinds: int, first: bytes = b"") -> bytes:
    begin = record(0x0809, struct.pack("<2H", 0x0600, 5) + bytes(12)) + first
    return (
        begin + b"".join(record(0x0085, bytes(4) + bytes([0, kind]) + b"\x01\0A") for kind in kinds) + record(0x0A, b"")
    )


MACROS = {
    "macro-enabled by its main type": ("a.docx", of_parts(package("application/vnd.ms-word.document.macroEnabled.main+xml"))),
    "macro-enabled workbook": ("a.xlsx", of_parts(package("application/vnd.ms-excel.sheet.macroEnabled.main+xml"))),
    "macros under another name, by type": (
        "a.docx", with_part("word/plaatje.png", b"x", types={"/word/plaatje.png": "application/vnd.ms-office.vbaProject"})
    ),
    "macros under another name, by relation": (
        "a.docx", with_relation("vbaProject", "media/image1.bin", outside=False, base=VBA)
    ),
    "macros under another name, by content": ("a.docx", with_part("word/media/notitie.bin", compound("_VBA_PROJECT"))),
    "macros under their own name": ("a.docx", with_part("word/vbaProject.bin", b"x")),
    "Excel 4 macro sheet by relation": (
        "a.xlsx", with_relation("xlMacrosheet", "macrosheets/sheet1.xml", main=EXCEL, outside=False, base=VBA)
    ),
    "Excel 4 macro sheet by type": (
        "a.xlsx", with_part("xl/x.xml", "<a/>", EXCEL, {"/xl/x.xml": "application/vnd.ms-excel.macrosheet+xml"})
    ),
    "international macro sheet": (
        "a.xlsx", with_part("xl/x.xml", "<a/>", EXCEL, {"/xl/x.xml": "application/vnd.ms-excel.intlmacrosheet+xml"})
    ),
    "a control": ("a.docx", with_relation("control", "activeX/activeX1.xml", outside=False)),
    "an embedded object": ("a.pptx", with_relation("oleObject", "embeddings/o.bin", main=POWERPOINT, outside=False)),
    "macros of OpenDocument": ("a.odt", odf(Basic__script_xml="<x/>")),
    "scripts of OpenDocument": ("a.odt", odf(Scripts__python__x_xml="<x/>")),
    "a listener of OpenDocument": (
        "a.odt", odf(content_xml='<d xmlns:x="urn:x"><x:event-listener x:href="vnd.sun.star.script:a"/></d>')
    ),
    "macros of before 2007": ("a.doc", compound("Macros", document=bytes(512))),
    "macros of a workbook of before 2007": ("a.xls", compound("_VBA_PROJECT_CUR", workbook=sheets(0))),
    "Excel 4 macro sheet of before 2007": ("a.xls", compound(workbook=sheets(0, 1))),
    "hidden macro sheet of before 2007": ("a.xls", compound("x", workbook=sheets(1))),
    "a program in an old file": ("a.doc", compound("\x01Ole10Native")),
}  # fmt: skip
FETCHING = {
    "template of a web server": ("a.docx", with_relation("attachedTemplate", "https://example.org/t.dotm")),
    "template of another machine": ("a.docx", with_relation("attachedTemplate", "\\\\server\\t.dotx")),
    "template of another machine, as an address": ("a.docx", with_relation("attachedTemplate", "file://server/t.dotx")),
    "a frame": ("a.docx", with_relation("frame", "http://example.org/x.htm")),
    "an object elsewhere": ("a.xlsx", with_relation("externalLinkPath", "http://example.org/x.xlsx", main=EXCEL)),
    "a part of text elsewhere": ("a.docx", with_relation("aFChunk", "https://example.org/x.html")),
    "a picture of another machine": ("a.docx", with_relation("image", "file://server/x.png")),
    "a picture of another machine, as Windows writes it": ("a.pptx", with_relation("image", "\\\\server\\x.png", main=POWERPOINT)),
    "data that are refreshed at opening": (
        "a.xlsx", with_part("xl/connections.xml", "<c><connection id='1' refreshOnLoad='1'/></c>", EXCEL)
    ),
    "a formula that asks the web": ("a.xlsx", with_part("xl/s.xml", "<c><f>_xlfn.WEBSERVICE(A1)</f></c>", EXCEL)),
    "a page in a frame of OpenDocument": (
        "a.odt", odf(content_xml='<d xmlns:x="urn:x"><x:floating-frame x:href="https://example.org"/></d>')
    ),
    "a section of OpenDocument from elsewhere": (
        "a.odt", odf(content_xml='<d xmlns:x="urn:x"><x:section-source x:href="//server/x.odt"/></d>')
    ),
    "cells of OpenDocument from elsewhere": (
        "a.ods", odf(content_xml='<d xmlns:x="urn:x"><x:table-source x:href="https://example.org/x.ods"/></d>')
    ),
    "DDE field": ("a.docx", with_part("hoofd2.xml", fields(' DDEAUTO c:\\windows\\cmd.exe "/k calc" '))),
    "DDE field over several runs": ("a.docx", with_part("hoofd2.xml", fields(" DD", "EAU", "TO cmd ", '"/k calc"'))),
    "DDE field in one element": (
        "a.docx", with_part("h.xml", '<w:d xmlns:w="urn:w"><w:fldSimple w:instr="DDE excel x"/></w:d>')
    ),
    "DDE link of a workbook": ("a.xlsx", with_part("xl/l.xml", "<l><ddeLink ddeService='cmd'/></l>", EXCEL)),
    "DDE formula": ("a.xlsx", with_part("xl/s.xml", "<c><f>cmd|' /C calc'!A0</f></c>", EXCEL)),
    "DDE of OpenDocument": ("a.odt", odf(content_xml='<d xmlns:o="urn:o"><o:dde-source o:dde-application="x"/></d>')),
    "DDE field of before 2007": ("a.doc", compound(document=bytes(400) + b"\x13 DDEAUTO cmd \x14\x15")),
}  # fmt: skip
LOCKED = {
    "docx": ("a.docx", compound("EncryptedPackage", "EncryptionInfo")),
    "xlsx": ("a.xlsx", compound("EncryptionInfo", "EncryptedPackage")),
    "pptx": ("a.pptx", compound("EncryptedPackage")),
    "doc": ("a.doc", compound(document=bytes(11) + b"\x01" + bytes(500))),
    "xls": ("a.xls", compound(workbook=sheets(0, first=record(0x2F, bytes(6))))),
    "ppt": ("a.ppt", compound("EncryptedSummary")),
    "odt": ("a.odt", odf(META_INF__manifest_xml="<m/>").replace(b"META_INF", b"META-INF").replace(b"<m/>", b"<m/>")),
}
LOCKED["odt"] = ("a.odt", of_parts({"mimetype": "application/vnd.oasis.opendocument.text",
                                    "META-INF/manifest.xml": "<m><encryption-data/></m>"}))  # fmt: skip
INNOCENT = {
    "docx": ("a.docx", of_parts(package(WORD))),
    "xlsx": ("a.xlsx", of_parts(package(EXCEL))),
    "pptx": ("a.pptx", of_parts(package(POWERPOINT))),
    "odt": ("a.odt", odf(content_xml="<d/>")),
    "doc": ("a.doc", compound(document=bytes(512))),
    "xls": ("a.xls", compound(workbook=sheets(0, 0))),
    "a hyperlink": ("a.docx", with_relation("hyperlink", "https://example.org/")),
    "a template on the school's own disk": (
        "a.docx", with_relation("attachedTemplate", "file:///C:\\Users\\x\\Normal.dotm")
    ),
    "a template by name": ("a.docx", with_relation("attachedTemplate", "Normal.dotm")),
    "a workbook beside it": ("a.xlsx", with_relation("externalLinkPath", "Leerlingen.xlsx", main=EXCEL)),
    "a field that is no DDE": ("a.docx", with_part("h.xml", fields(" TOC \\o ", " PAGE "))),
    "text that mentions DDE": ("a.docx", with_part("h.xml", "<w:d xmlns:w='urn:w'><w:t>DDEAUTO cmd</w:t></w:d>")),
    "a picture of the web, as copied text has": ("a.docx", with_relation("image", "https://example.org/x.png")),
    "a picture within": ("a.docx", with_relation("image", "media/image1.png", outside=False)),
    "data that are refreshed by hand": (
        "a.xlsx", with_part("xl/connections.xml", "<c><connection id='1' refreshOnLoad='0'/></c>", EXCEL)
    ),
    "a word like a formula": ("a.xlsx", with_part("xl/s.xml", "<c><t>WEBSERVICE(1)</t><f>MYWEBSERVICE(1)</f></c>", EXCEL)),
    "an object of OpenDocument within": ("a.odt", odf(content_xml='<d xmlns:x="urn:x"><x:object x:href="./Object 1"/></d>')),
    "a formula": ("a.xlsx", with_part("xl/s.xml", "<c><f>IF(A1='x y'!B2,1,2)</f></c>", EXCEL)),
    "a chart's workbook": ("a.docx", with_relation("package", "embeddings/Microsoft_Excel.xlsx", outside=False)),
}  # fmt: skip


@pytest.mark.fault("F61")
@pytest.mark.parametrize("name", MACROS)
def test_what_runs_is_found_whatever_its_part_is_called(name):
    assert codes(*MACROS[name]) == ["ATTACHMENT-014"]


@pytest.mark.parametrize("name", FETCHING)
def test_what_fetches_something_is_found(name):
    assert codes(*FETCHING[name]) == ["ATTACHMENT-023"]


@pytest.mark.parametrize("name", LOCKED)
def test_a_password_is_told_as_such(name):
    assert codes(*LOCKED[name]) == ["ATTACHMENT-020"]


@pytest.mark.parametrize("name", INNOCENT)
def test_an_ordinary_file_has_no_finding(name):
    assert codes(*INNOCENT[name]) == []


def test_the_word_file_with_a_password_among_the_cases():
    file = CASES / "docx_password.docx"
    if not file.is_file():
        pytest.skip("../shared/cases is not beside the checkout")
    assert codes("brief.docx", file.read_bytes()) == ["ATTACHMENT-020"]


def test_whatever_an_office_file_holds_there_is_an_answer(thorough):
    chance = random.Random(SEED)
    groups = [MACROS, FETCHING, LOCKED, INNOCENT]
    whole = [content for group in groups for _, content in group.values()]
    parts = [content for content in whole if content.startswith(b"PK")]
    answers = set()
    for number in range(10_000 if thorough else 800):
        if number % 2:
            data = bytearray(chance.choice(whole))
            for _ in range(chance.choice((1, 3, 10))):
                data[chance.randrange(len(data))] = chance.randrange(256)
        else:  # damage within the parts, so that something is left to look at
            with zipfile.ZipFile(io.BytesIO(chance.choice(parts))) as archive:
                found = {name: bytearray(archive.read(name)) for name in archive.namelist()}
            for content in found.values():
                if content and chance.random() < 0.5:
                    content[chance.randrange(len(content))] = chance.randrange(256)
            data = bytearray(of_parts({name: bytes(content) for name, content in found.items()}))
        read = AttachmentContent(bytes(data))
        answers.add((read.kind, read.fault))
        assert isinstance(read.text, str)
    assert len(answers) >= 8


def test_entities_and_addresses_are_not_followed():
    laughs = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><a>&b;</a>'
    for content in (laughs, '<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x"><a/>'):
        assert codes("a.docx", with_part("h.xml", content.replace("<a>", "<a>instrText"))) == []


def test_base64_of_these_is_what_a_dossier_holds():
    assert base64.b64decode(packed("a.docx", b"x")).startswith(b"PK")
