"""What is no official schema or sheet is refused with a cause and a remedy, and nothing is left behind or fetched."""

import shutil
import socket
from pathlib import Path
from typing import Any

import edited_standard as edit
import pytest

from overstap.errors import OverstapError
from overstap.oso.catalogue import versions
from overstap.oso.validation_sheets import read_sheets
from overstap.standards.adding import OfficialFiles, add_version, fill_version
from overstap.standards.schema_reader import read_schema
from overstap.standards.tables import read_answers, read_codes

HEAD = (
    '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" targetNamespace="urn:x" xmlns="urn:x" '
    'elementFormDefault="qualified">'
)
BLOCK = "<xs:complexType><xs:sequence>{}</xs:sequence></xs:complexType>"


def of(content: str) -> str:
    return f'{HEAD}<xs:element name="dossier">{BLOCK.format(content)}</xs:element></xs:schema>'


SCHEMAS: dict[str, tuple[str, str]] = {
    "empty": ("", "STANDARD-002"),
    "text": ("geen xml", "STANDARD-002"),
    "broken": (f"{HEAD}<xs:element", "STANDARD-002"),
    "a dossier": ('<dossier xmlns="http://www.edustandaard.nl/oso_gegevensset/2019/dossier"/>', "STANDARD-002"),
    "an invalid schema": (of('<xs:element name="x" type="nergens"/>'), "STANDARD-002"),
    "a DTD": (f'<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]>{of("")}', "STANDARD-003"),
    "many entities": ('<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>', "STANDARD-003"),
    "a remote import": (
        of("").replace(HEAD, f'{HEAD}<xs:import namespace="urn:y" schemaLocation="http://127.0.0.1:9/x.xsd"/>'),
        "STANDARD-004",
    ),
    "a missing import": (
        of("").replace(HEAD, f'{HEAD}<xs:import namespace="urn:y" schemaLocation="y.xsd"/>'),
        "STANDARD-004",
    ),
    "a file outside its folder": (
        of("").replace(HEAD, f'{HEAD}<xs:include schemaLocation="../../../../etc/passwd"/>'),
        "STANDARD-004",
    ),
    "an import without a place": (of("").replace(HEAD, f'{HEAD}<xs:import namespace="urn:y"/>'), "STANDARD-004"),
    "other roots": (f'{HEAD}<xs:element name="EDEX" type="xs:string"/></xs:schema>', "STANDARD-005"),
    "a wildcard": (of("<xs:any/>"), "STANDARD-006"),
    "any order": (
        f'{HEAD}<xs:element name="dossier"><xs:complexType><xs:all><xs:element name="a" type="xs:string"/></xs:all>'
        "</xs:complexType></xs:element></xs:schema>",
        "STANDARD-006",
    ),
    "twice at most": (of('<xs:element name="a" type="xs:string" maxOccurs="2"/>'), "STANDARD-006"),
    "a repeated choice": (
        of('<xs:choice maxOccurs="unbounded"><xs:element name="a" type="xs:string"/></xs:choice>'),
        "STANDARD-006",
    ),
    "an attribute of a block": (
        of(
            '<xs:element name="a"><xs:complexType><xs:sequence/><xs:attribute name="b" type="xs:string"/>'
            "</xs:complexType></xs:element>"
        ),
        "STANDARD-006",
    ),
    "a block within itself": (
        f'{HEAD}<xs:element name="dossier" type="T"/><xs:complexType name="T"><xs:sequence>'
        '<xs:element name="a" type="T" minOccurs="0"/></xs:sequence></xs:complexType></xs:schema>',
        "STANDARD-006",
    ),
    "mixed content": (
        of('<xs:element name="a"><xs:complexType mixed="true"><xs:sequence/></xs:complexType></xs:element>'),
        "STANDARD-006",
    ),
    "a list of values": (
        of('<xs:element name="a"><xs:simpleType><xs:list itemType="xs:int"/></xs:simpleType></xs:element>'),
        "STANDARD-006",
    ),
    "no namespace": (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="dossier"/></xs:schema>',
        "STANDARD-006",
    ),
    "another standard": (of('<xs:element name="a" type="xs:string"/>'), "STANDARD-008"),
}


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("something was fetched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_that_is_none_is_refused(name: str, tmp_path: Path, standards: Path) -> None:
    content, code = SCHEMAS[name]
    schema = tmp_path / "schema.xsd"
    schema.write_text(content, encoding="utf-8")
    with pytest.raises(OverstapError) as refused:
        add_version(OfficialFiles(schema), version=edit.NEW)
    assert refused.value.code == code
    assert not standards.exists() or list(standards.iterdir()) == []
    assert "passwd" not in refused.value.message_nl or code == "STANDARD-004"


def test_a_file_that_is_not_there_is_named(tmp_path: Path, standards: Path) -> None:
    with pytest.raises(OverstapError, match=r"STANDARD-001.*weg\.xsd"):
        read_schema(tmp_path / "weg.xsd")
    with pytest.raises(OverstapError, match=r"STANDARD-001.*weg\.xsl"):
        read_sheets([tmp_path / "weg.xsl"])
    with pytest.raises(OverstapError, match=r"STANDARD-001.*weg\.csv"):
        read_codes(tmp_path / "weg.csv")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "STANDARD-007"),
        ("<html/>", "STANDARD-007"),
        ('<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>', "STANDARD-003"),
        (
            '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="2.0">'
            '<xsl:include href="http://127.0.0.1:9/x.xsl"/></xsl:stylesheet>',
            "STANDARD-004",
        ),
        (
            '<xsl:stylesheet xmlns:xsl="http://www.w3.org/1999/XSL/Transform" version="2.0">'
            '<xsl:include href="sheet.xsl"/></xsl:stylesheet>',
            "STANDARD-004",
        ),
    ],
)
def test_a_sheet_that_is_none_is_refused(content: str, code: str, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.xsl"
    sheet.write_text(content, encoding="utf-8")
    with pytest.raises(OverstapError) as refused:
        read_sheets([sheet])
    assert refused.value.code == code


def test_schematron_gives_its_code_lists_too(tmp_path: Path) -> None:
    sheet = tmp_path / "regels.sch"
    sheet.write_text(
        '<schema xmlns="http://purl.oclc.org/dsdl/schematron"><ns prefix="od" uri="urn:x"/><pattern>'
        '<rule context="od:eindtoetsresultaat/od:toetssoort"><assert id="CL42" test=". = (\'0011\', \'0017\')">'
        "Niet in codelijst 42.</assert></rule>"
        '<rule context="od:a/od:b"><assert id="X.01" test="matches(., \'[0-9]\')">Niet in codelijst 50.</assert></rule>'
        "</pattern></schema>",
        encoding="utf-8",
    )
    found = read_sheets([sheet])
    assert {number: list(codes) for number, codes in found.lists.items()} == {"42": ["0011", "0017"]}
    assert found.places == {"42": {("eindtoetsresultaat", "toetssoort")}}
    assert found.unread == {"50"}, "what cannot be read with certainty is left to a person"
    assert "urn:x" in found.namespaces


def test_a_built_in_version_is_not_replaced(official: Path, standards: Path) -> None:
    schema = official / "2019.1" / "OSO_gegevensset.xsd"
    with pytest.raises(OverstapError, match=r"STANDARD-011"):
        add_version(OfficialFiles(schema), version="2019.1")
    with pytest.raises(OverstapError, match=r"STANDARD-016.*2019\.1"):
        add_version(OfficialFiles(schema), version=edit.NEW)
    with pytest.raises(OverstapError, match=r"STANDARD-009"):
        add_version(OfficialFiles(schema))
    with pytest.raises(OverstapError, match=r"STANDARD-009"):
        add_version(OfficialFiles(schema), version="../2031.1")


def test_sheets_of_another_version_are_refused(official: Path, edited: OfficialFiles, standards: Path) -> None:
    other = official / "2019.1" / "OV" / "ValideerOverstapprofielen.xsl"
    with pytest.raises(OverstapError, match=r"STANDARD-015"):
        add_version(OfficialFiles(edited.schema, (other,)), version=edit.NEW)


def test_code_lists_can_be_stated_by_a_person(edited: OfficialFiles, standards: Path, tmp_path: Path) -> None:
    codes = tmp_path / "codes.csv"
    codes.write_text("list;value;label\n42;0011;Cito\n42;0099;Nieuwe toets\n", encoding="utf-8")
    done = add_version(OfficialFiles(edited.schema, edited.sheets, codes))
    assert done.made.lists["42"] == {"0011": "Cito", "0099": "Nieuwe toets"}
    codes.write_text("list;value;label\nx;0011;Cito\n", encoding="utf-8")
    with pytest.raises(OverstapError, match=r"STANDARD-014.*codes\.csv"):
        add_version(OfficialFiles(edited.schema, edited.sheets, codes))


def test_without_sheets_the_lists_of_the_nearest_version_count_and_that_is_told(
    edited: OfficialFiles, standards: Path
) -> None:
    done = add_version(OfficialFiles(edited.schema))
    assert done.version == edit.NEW, "by the name of the file"
    assert "42" in done.made.unread
    assert "OVa.MD02" in done.rules.withdrawn, "the value of validatieversie is not known"


def test_only_an_added_version_is_filled_in(standards: Path, tmp_path: Path) -> None:
    for version in ("2019.1", "2031.1"):
        with pytest.raises(OverstapError, match=r"STANDARD-012"):
            fill_version(version)
    other = tmp_path / "lijst.csv"
    other.write_text("a;b\n1;2\n", encoding="utf-8")
    with pytest.raises(OverstapError, match=r"STANDARD-013"):
        read_answers(other)


def test_a_folder_that_is_half_there_is_no_version(edited: OfficialFiles, standards: Path) -> None:
    add_version(edited)
    shutil.copytree(standards / edit.NEW, standards / "2032.1", ignore=shutil.ignore_patterns("version.yaml"))
    assert edit.NEW in versions()
    assert "2032.1" not in versions()
