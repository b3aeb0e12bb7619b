"""The walk finds the same whether the parser kept the white space between elements or not, and misses nothing."""

import random
import re

import pytest
from dossier_mutations import mutate
from generated_dossiers import element, generate
from lxml import etree

from overstap.errors import OverstapError
from overstap.oso import xml_parser
from overstap.oso.catalogue import catalogue, versions
from overstap.oso.reading import from_element, read
from overstap.oso.structure import check
from overstap.oso.tree import IRREGULAR, XSI
from overstap.oso.writing import canonical, to_bytes
from overstap.oso.xml_parser import parse

SEED = 611


def exact(data: bytes):
    """Return a dossier as the walk finds it when no white space was left out."""
    root = etree.fromstring(data, xml_parser._PARSERS.exact)
    return from_element(root, "2019.1")


def text_of(dossier) -> str:
    """Return the text of every element that has no elements in it, in document order, from the XML as written."""
    return "".join(each.text or "" for each in etree.fromstring(to_bytes(dossier)).iter() if not len(each))


@pytest.mark.parametrize("version", versions())
def test_layout_makes_no_difference(version):
    chance = random.Random(SEED)
    for number in range(24):
        dossier = generate(chance, version, density=chance.random(), odd=number % 3 == 0)
        data = to_bytes(dossier)
        for between in (b">\n  <", b">\r\n\t<", b"> <"):
            loose = re.sub(rb"(</[^>]+>)(?=<)", rb"\1" + between[1:-1], data)
            found = read(loose)
            assert found.is_sound
            assert found.tree == dossier.tree, f"seed {SEED}, number {number}"


ODD = (
    *(
        "",
        " ",
        "\n",
        "\r\n",
        "\x0b",
        "=",
        "AAAA",
        "AAAA\nAAAA",
        "-",
        "&amp;",
        "&#65;",
        "&#32;",
        "  &lt;",
        "<",
        "]]>",
        "é",
    ),
    *(
        "<!-- x -->",
        "  <!-- x -->  ",
        "<![CDATA[AAAA]]>",
        " <![CDATA[ ]]> ",
        "<?x y?>",
        " <?x y?> ",
        "</bestandsinhoud>",
    ),
    *("<bestandsinhoud>", "</bestandsinhoud><bestandsinhoud>AAAA", "<a/>", "<a> </a>", " <naam/> ", "\u00a0", "\x01"),
    *(" soort='x'", ">x<", "\u2028", "\x85", "   \n   ", " " * 400, "<achternaam>", "</document><document>"),
)


def test_whatever_stands_in_a_file_the_two_parsers_give_the_same_dossier():
    chance = random.Random(SEED)
    whole = to_bytes(generate(chance, "2019.1", density=0.15, odd=False)).decode().replace("><", ">\n  <")
    spots = [found.end() for found in re.finditer(r"<[a-z0-9-]+>[^<]{0,3}|</[a-z0-9-]+>|<[a-z]+(?=>)", whole)]
    alike = tight = faulty = 0
    for number in range(2_000):
        text = whole
        for at in sorted(chance.sample(spots, chance.choice((1, 1, 2))), reverse=True):
            text = text[:at] + chance.choice(ODD) + text[at:]
        data = text.encode()
        try:
            expected = exact(data)
        except etree.XMLSyntaxError:
            with pytest.raises(OverstapError):
                read(data)
            continue
        found = read(data)
        where = f"seed {SEED}, number {number}"
        assert (found.tree, found.is_sound) == (expected.tree, expected.is_sound), where
        assert check(found) == check(expected), where
        assert canonical(found) == canonical(expected), where
        alike += 1
        tight += not (xml_parser._has(b"!", data) or xml_parser._has(b"?", data))
        faulty += not found.is_sound
    assert alike > 700
    assert tight > 250, "white space was never left out, so nothing was compared"
    assert faulty > 150


def test_a_sound_dossier_has_no_irregularity_and_any_other_has_a_fault():
    chance = random.Random(SEED)
    sound = 0
    for number in range(600):
        root, done = mutate(element(generate(chance, density=chance.choice((0.0, 0.3)))), chance)
        dossier = from_element(root, "2019.1")
        assert dossier.is_sound == (check(dossier) == []), f"seed {SEED}, number {number}: {done}"
        sound += dossier.is_sound
        if dossier.is_sound:
            assert IRREGULAR not in repr(dossier.tree)
    assert 40 < sound < 560


def test_a_place_for_a_schema_may_be_named_anywhere_and_is_not_kept():
    data = to_bytes(generate(random.Random(SEED), density=0.5))
    hint = f' xmlns:xsi="{XSI[1:-1]}" xsi:schemaLocation="urn:x x.xsd"'.encode()
    for place in (b"<metadata", b"<leerling", b"<dossier"):
        found = read(data.replace(place, place + hint, 1))
        assert found.is_sound
        assert check(found) == []
        assert to_bytes(found) == data


@pytest.mark.parametrize("place", ["<metadata", "<leerling", "<achternaam", "<dossier"])
def test_an_attribute_that_does_not_belong_is_found_wherever_it_stands(place):
    data = to_bytes(generate(random.Random(SEED), density=0.5)).decode()
    found = read(data.replace(place, place + ' soort="x"', 1).encode())
    assert not found.is_sound
    assert [each.code for each in check(found)] == ["STRUCTURE-009"]


def test_entities_are_resolved():
    data = to_bytes(generate(random.Random(SEED), density=1.0, odd=False)).decode()
    odd = data.replace("<achternaam>", "<achternaam>&amp;lt;&#38;&#x41;&quot;&apos;&gt;", 1)
    surname = read(odd.encode()).surname
    assert surname is not None
    assert surname.startswith("&lt;&A\"'>")


def test_only_what_looks_like_markup_keeps_the_layout():
    data = to_bytes(generate(random.Random(SEED), density=0.5, odd=False))
    asked = data.replace(b"<achternaam>", b"<achternaam>Wat?! ", 1).replace(b"><", b">\n<")
    root = parse(asked)
    assert root.text is None
    assert parse(asked.replace(b"<metadata>", b"<!-- x --><metadata>", 1)).text is not None


@pytest.mark.parametrize("number", [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
def test_a_character_that_xml_forbids_is_nowhere_accepted(number):
    whole = to_bytes(generate(random.Random(SEED), density=1.0, odd=False)).decode()
    for spot in ("<achternaam>", '<land omschrijving="', "<pakketnaam>"):
        assert spot in whole
        with pytest.raises(OverstapError, match="DOSSIER-002"):
            read(whole.replace(spot, spot + chr(number), 1).encode())


@pytest.mark.parametrize("version", versions())
def test_an_element_has_one_character_only_it_has(version):
    for compiled in catalogue(version).compiled_blocks.values():
        assert len({slot.code for slot in compiled.slots.values()}) == len(compiled.slots)
