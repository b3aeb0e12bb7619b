import random
from copy import deepcopy

import pytest
from dossier_mutations import TEXTS, XSI, mutate
from generated_dossiers import element, generate
from lxml import etree

from overstap.oso.building import build
from overstap.oso.catalogue import catalogue, versions
from overstap.oso.reading import from_element, read
from overstap.oso.structure import check, codes
from overstap.oso.writing import to_bytes

SEED = 20190416


@pytest.mark.parametrize("version", versions())
def test_generated_dossiers_are_accepted(version):
    chance = random.Random(SEED)
    for density in (0.0, 0.3, 0.7, 1.0):
        assert check(generate(chance, version, density=density)) == []


def test_an_official_example_is_accepted(example):
    assert check(read(example.read_bytes())) == []


def test_the_official_schema_agrees_on_generated_dossiers(official):
    schema = etree.XMLSchema(etree.parse(official / "2019.1" / "OSO_gegevensset.xsd"))
    chance = random.Random(SEED)
    for _ in range(60):
        root = element(generate(chance, density=chance.random()))
        assert schema.validate(root), schema.error_log


def test_the_official_schema_agrees_on_thousands_of_mutations(official):
    """The differential test: accept and reject exactly as the official XSD does."""
    schema = etree.XMLSchema(etree.parse(official / "2019.1" / "OSO_gegevensset.xsd"))
    chance = random.Random(SEED)
    roots = [_light(etree.parse(path).getroot()) for path in sorted((official / "2019.1" / "examples").glob("*.xml"))]
    roots += [_light(element(generate(chance, density=0.8))) for _ in range(3)]
    accepted = 0
    for number in range(3_000):
        root, done = mutate(chance.choice(roots), chance)
        for _ in range(chance.choice((0, 0, 1))):
            root, more = mutate(root, chance)
            done = f"{done}, {more}"
        faults = check(from_element(root, "2019.1"))
        expected = schema.validate(root)
        accepted += expected
        assert (not faults) == expected, f"mutation {number} (seed {SEED}): {done}; {faults[:2]}; {schema.error_log}"
    assert 200 < accepted < 2_800  # a run in which all or nothing passes compares nothing


@pytest.mark.parametrize("name", sorted(catalogue("2019.1").types))
def test_the_official_schema_language_agrees_on_values(name):
    """Every type of the catalogue judges texts as libxml2 judges the XML Schema type it stands for."""
    kind = catalogue("2019.1").types[name]
    facets = {
        "pattern": kind.pattern.pattern.replace(r"\d", r"\p{Nd}") if kind.pattern else None,
        "minLength": kind.shortest if kind.base == "string" else None,
        "maxLength": kind.longest,
        "minInclusive": kind.least,
        "maxInclusive": kind.most,
    }
    inner = "".join(f'<xs:{facet} value="{value}"/>' for facet, value in facets.items() if value is not None)
    schema = etree.XMLSchema(
        etree.fromstring(
            f'<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema"><xs:element name="x"><xs:simpleType>'
            f'<xs:restriction base="xs:{kind.base}">{inner}</xs:restriction></xs:simpleType></xs:element></xs:schema>'
        )
    )
    chance = random.Random(SEED)
    texts = {*TEXTS, *(pad + text + end for text in TEXTS for pad in ("", " ", "\t\n") for end in ("", " ", "\n"))}
    for _ in range(1_500):
        text = list(chance.choice(TEXTS)[:40])
        text.insert(chance.randint(0, len(text)), chance.choice("0123456789-+. :ZT\tAF٣"))
        texts.add("".join(text))
    for text in sorted(texts):
        element = etree.Element("x")
        element.text = text
        assert kind.accepts(text) == schema.validate(element), repr(text)


def test_a_file_may_not_choose_its_own_types():
    dossier = generate(random.Random(SEED))
    root = element(dossier)
    root.find(catalogue("2019.1").tag("huidigeschool")).set(f"{{{XSI}}}type", "huidigeschoolType")
    assert [fault.code for fault in check(from_element(root, "2019.1"))] == ["STRUCTURE-013"]


MINIMAL = {
    "metadata": {
        "deeldossier": "LAS",
        "pakketnaam": "p",
        "pakketversie": "1",
        "datum": "2026-01-10",
        "standaardversie": "2019.1",
        "validatieversie": "2019.1.1",
        "overstap": "POVO",
    },
    "overdrachtsoort": "overstapdossier",
    "huidigeschool": {
        "naam": "School",
        "brincode": "99AB",
        "vestigingscode": "00",
        "aanleverpunt": "1",
        "leerling": {"achternaam": "NA", "geboortedatum": "2014-03-30", "bsn": "999900018"},
    },
}
SITUATIONS = {
    "STRUCTURE-001": (b"<overdrachtsoort>", b"<verzonnen/><overdrachtsoort>", "dossier/?"),
    "STRUCTURE-002": (b"<pakketnaam>p</pakketnaam><pakketversie>1</pakketversie>",
                      b"<pakketversie>1</pakketversie><pakketnaam>p</pakketnaam>", "dossier/metadata/pakketnaam"),
    "STRUCTURE-003": (b"<brincode>99AB</brincode>", b"", "dossier/huidigeschool/brincode"),
    "STRUCTURE-004": (b"<bsn>", b"<bsn>1</bsn><bsn>", "dossier/huidigeschool/leerling/bsn[2]"),
    "STRUCTURE-005": (b"<bsn>", b"<onderwijsnummer>1</onderwijsnummer><bsn>", "dossier/huidigeschool/leerling/bsn"),
    "STRUCTURE-006": (b"2014-03-30", b"30-03-2014", "dossier/huidigeschool/leerling/geboortedatum"),
    "STRUCTURE-007": (b"<achternaam>NA</achternaam>", b"<achternaam/>", "dossier/huidigeschool/leerling/achternaam"),
    "STRUCTURE-008": (b"<overdrachtsoort>", b"tekst<overdrachtsoort>", "dossier"),
    "STRUCTURE-009": (b"<bsn>", b'<bsn soort="x">', "dossier/huidigeschool/leerling/bsn"),
    "STRUCTURE-010": (b"NA</achternaam>", b"NA<b/></achternaam>", "dossier/huidigeschool/leerling/achternaam"),
    "STRUCTURE-011": (b"<bsn>", b"<adresbuitenland>" + b"x" * 36 + b"</adresbuitenland><bsn>",
                      "dossier/huidigeschool/leerling/adresbuitenland[1]"),
    "STRUCTURE-012": (b"<overdrachtsoort>", b'<overdrachtsoort xmlns="urn:x"/><overdrachtsoort>',
                      "dossier/overdrachtsoort"),
    "STRUCTURE-013": (b"<huidigeschool>",
                      b'<huidigeschool xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:type="x">',
                      "dossier/huidigeschool"),
    "STRUCTURE-014": (b"<bsn>999900018</bsn>",
                      b"<bsn>999900018</bsn><resultaatvakkenvo><vakcode>1</vakcode><afgerond>1</afgerond>"
                      b"<examenvak>1</examenvak></resultaatvakkenvo>",
                      "dossier/huidigeschool/leerling/resultaatvakkenvo[1]"),
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(SITUATIONS))
def test_each_fault_has_its_code_and_place(code):
    before, after, path = SITUATIONS[code]
    data = to_bytes(build(MINIMAL))
    assert before in data
    faults = check(read(data.replace(before, after, 1)))
    assert [(fault.code, fault.path) for fault in faults] == [(code, path)]
    assert faults[0].message_nl != faults[0].message_en
    assert faults[0].who in ("school", "supplier")
    assert "999900018" not in faults[0].message_nl + faults[0].message_en


def test_every_structure_code_has_a_situation():
    assert {code for code in codes() if code.startswith("STRUCTURE-")} == set(SITUATIONS)


def _light(root):
    """Shorten attachments, so that thousands of copies are quick."""
    root = deepcopy(root)
    for each in root.iter():
        if each.text and len(each.text) > 300:
            each.text = "QUJD"
    return root


def test_a_name_that_is_not_of_the_standard_is_not_repeated():
    known = catalogue("2019.1")
    root = element(generate(random.Random(SEED), "2019.1"))
    etree.SubElement(root.find(f".//{known.tag('leerling')}"), known.tag("Pietersen_999990019"))
    faults = check(read(etree.tostring(root)))
    assert "STRUCTURE-001" in {fault.code for fault in faults}
    assert "dossier/huidigeschool/leerling/?" in {fault.path for fault in faults}
    assert not any("Pietersen" in str(fault) for fault in faults)
