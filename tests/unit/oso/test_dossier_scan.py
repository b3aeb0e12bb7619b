"""The quick walk over the text must find exactly what the careful walk over the XML finds, or leave it alone."""

import random
import re

import pytest
from dossier_mutations import mutate
from generated_dossiers import generate
from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.building import build
from overstap.oso.catalogue import catalogue, versions
from overstap.oso.model import Dossier
from overstap.oso.parsing import is_well_formed, parse
from overstap.oso.reading import _scanner, read
from overstap.oso.scan import Scanner
from overstap.oso.tree import grow
from overstap.oso.writing import to_bytes

SEED = 611


@pytest.mark.parametrize("version", versions())
def test_both_walks_find_the_same_in_good_dossiers(version):
    chance, known = random.Random(SEED), catalogue(version)
    scanner = Scanner(known)
    scanned = 0
    for number in range(24):
        odd = number % 3 == 0
        dossier = generate(chance, version, density=chance.random() if odd else 1.0, odd=odd)
        text = to_bytes(dossier).decode()
        if number % 2:
            text = text.replace("><", ">\n  <")
        node, sound = grow(read(text.encode()).root, known.compiled)
        found = scanner.scan(text)
        assert sound
        if found is not None:
            scanned += 1
            assert found == node, f"seed {SEED}, number {number}"
    assert scanned >= 16


def test_both_walks_agree_on_damaged_dossiers():
    chance, known = random.Random(SEED), catalogue("2019.1")
    scanner = Scanner(known)
    originals = [generate(chance, density=density, odd=density < 1).root for density in (0.0, 0.3, 1.0)]
    scanned = refused = 0
    for number in range(600):
        root, done = mutate(chance.choice(originals), chance)
        try:
            dossier = read(to_bytes(Dossier(root, "2019.1")))
        except OverstapError:
            continue
        found = scanner.scan(to_bytes(dossier).decode())
        node, sound = grow(dossier.root, known.compiled)
        if found is None:
            refused += 1
        else:
            scanned += 1
            assert sound, f"seed {SEED}, number {number}: {done}"
            assert found == node, f"seed {SEED}, number {number}: {done}"
    assert scanned > 50
    assert refused > 100


def test_both_walks_agree_on_the_official_examples(example):
    data = example.read_bytes()
    dossier = read(data)
    node, sound = grow(dossier.root, dossier.catalogue.compiled)
    assert sound
    assert Scanner(dossier.catalogue).scan(data.decode()) == node == dossier.tree


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<achternaam>", "<achternaam><!-- x -->"),
        ("<achternaam>", "<achternaam><![CDATA[x]]>"),
        ("<achternaam>", "<achternaam><?x y?>"),
        ("<achternaam>", "\r\n<achternaam>"),
        ("<achternaam>", "<achternaam>a\rb"),
        ("<achternaam>", "x<achternaam>"),
        ("<achternaam>", "\u00a0<achternaam>"),
        ("<achternaam>", "<achternaam/><achternaam>"),
        ("<achternaam>", "<achternaam soort='x'>"),
        ("<achternaam>", "<achternaam ><b/>"),
        ("<leerling>", "<leerling xmlns='urn:x'>"),
        ("<leerling>", "<leerling xml:space='preserve'>"),
        ("</dossier>", "</dossier><!-- x -->"),
        ("</dossier>", "</dossier>x"),
    ],
)
def test_what_is_not_plain_is_left_to_the_careful_walk(before, after):
    known = catalogue("2019.1")
    text = to_bytes(generate(random.Random(SEED), density=1.0, odd=False)).decode()
    assert Scanner(known).scan(text) is not None
    assert before in text
    assert Scanner(known).scan(text.replace(before, after, 1)) is None


@pytest.mark.parametrize(
    "pupil",
    [
        {"bsn": "1", "onderwijsnummer": "2"},
        {"geboortedatum": "2014-03-30", "geboortemaand": "2014-03"},
        {"resultaatvakkenvo": [{"vakcode": "1", "afgerond": True, "examenvak": True}]},
    ],
)
def test_a_choice_is_not_taken_twice_or_left_out(pupil):
    good = {"achternaam": "Vis", "bsn": "1"}
    known = catalogue("2019.1")
    about = {"deeldossier": "LAS", "pakketnaam": "p", "pakketversie": "1", "datum": "2026-01-10"}
    about |= {"standaardversie": "2019.1", "validatieversie": "2019.1.1"}
    school = {"naam": "School", "brincode": "99AB", "vestigingscode": "00", "aanleverpunt": "1"}
    for inner, expected in ((good, True), ({"achternaam": "Vis", **pupil}, False)):
        values = {"metadata": about, "overdrachtsoort": "x", "huidigeschool": {**school, "leerling": inner}}
        text = to_bytes(build(values)).decode()
        assert (Scanner(known).scan(text) is not None) is expected


def test_entities_are_resolved():
    text = to_bytes(generate(random.Random(SEED), density=1.0, odd=False)).decode()
    odd = text.replace("<achternaam>", "<achternaam>&amp;lt;&#38;&#x41;&quot;&apos;&gt;", 1)
    dossier = read(odd.encode())
    assert Scanner(catalogue("2019.1")).scan(odd) == grow(dossier.root, dossier.catalogue.compiled)[0]
    assert dossier.surname is not None
    assert dossier.surname.startswith("&lt;&A\"'>")


def test_attachments_are_left_out_of_the_walk_and_put_back():
    """Whatever stands in and around them: `read` finds what the careful walk finds, or refuses what it refuses."""
    chance, known = random.Random(SEED), catalogue("2019.1")
    whole = to_bytes(generate(chance, "2019.1", density=1.0, odd=False))
    spots = [found.end() for found in re.finditer(b"<bestandsinhoud>[A-Za-z0-9+/=]{0,6}", whole)]
    assert len(spots) > 3
    odd = [
        b"",
        b" ",
        b"\n",
        b"\r\n",
        b"\x0b",
        b"=",
        b"AAAA",
        b"AAAA\nAAAA",
        b"-",
        b"&amp;",
        b"&#65;",
        b"<",
        b"]]>",
        "\u00e9".encode(),
    ]
    odd += [b"<!-- x -->", b"<![CDATA[AAAA]]>", b"</bestandsinhoud>", b"<bestandsinhoud>", b"\xff", b"\x00"]
    odd += [b"</bestandsinhoud><bestandsinhoud>AAAA", b"AAAA</bestandsinhoud></document><document>"]
    alike = quick = 0
    for number in range(250):
        data = whole
        for at in sorted(chance.sample(spots, chance.choice((1, 1, 2))), reverse=True):
            cut = data.index(b"<", at) if chance.random() < 0.3 else at
            data = data[:at] + chance.choice(odd) + data[cut:]
        try:
            root = parse(data)
        except etree.XMLSyntaxError:
            with pytest.raises(OverstapError):
                read(data)
            continue
        dossier = read(data)
        node, sound = grow(root, known.compiled)
        assert (dossier.tree, dossier.is_sound) == (node, sound), f"seed {SEED}, number {number}"
        assert canonical(dossier.root) == canonical(root)
        alike += 1
        quick += dossier._is_simple is None
    assert alike > 50
    assert quick > 25, "nothing was read the quick way, so nothing was compared"


def canonical(root) -> bytes:
    return etree.tostring(root, method="c14n")


def certain(data: bytes) -> bool:
    """Whether a document is taken for well-formed without asking a parser."""
    scanner, text = _scanner("2019.1"), data.decode()
    return scanner.scan(text) is not None and scanner.is_certain(text)


def usual() -> str:
    """A dossier without anything to ask a parser about: the marks of generated texts without their brackets."""
    whole = to_bytes(generate(random.Random(SEED), density=1.0, odd=False)).decode()
    return re.sub(r"&[a-z]+;", "en", whole.replace("[[", "").replace("]]", ""))


def test_what_is_certain_is_well_formed():
    """The parser agrees on thousands of documents with one character or line more, wherever it stands."""
    chance = random.Random(SEED)
    whole = usual()
    assert certain(whole.encode())
    odd = [*map(chr, range(0x20)), *"&<>]\"'", "]]>", "&amp;", "\x7f", "\x85", "\u2028", "\ufffd", "\ufffe", "\uffff"]
    odd += ["\U0001fffe", "\ufeff", "<!---->", "<?x?>", " ", "é", "xmlns=''", " omschrijving='x'", "<a/>", "&#1;"]
    trusted = 0
    for _ in range(6_000):
        at = chance.randrange(len(whole) + 1)
        data = (whole[:at] + chance.choice(odd) + whole[at + chance.choice((0, 0, 1, 5)) :]).encode()
        if certain(data):
            trusted += 1
            assert is_well_formed(data), data[max(0, at - 30) : at + 30]
    assert trusted > 100, "nothing was taken without a parser, so nothing was compared"


@pytest.mark.parametrize(
    "head",
    [
        "\n<?xml version='1.0'?>",
        "<?xml version='2.0'?>",
        '<?xml version="1.0" encoding="UTF-8" standalone="maybe"?>',
        '<?xml version="1.0" encoding="utf-16"?>',
        "<?xml nothing?>",
        "<?xml version='1.0' \x01?>",
        "\ufeff",
    ],
)
def test_unusual_first_lines_are_for_the_parser(head):
    whole = usual()
    assert not certain((head + whole[whole.index("<dossier") :]).encode())


@pytest.mark.parametrize("number", [*range(9), 11, 12, *range(14, 32), 0xFFFE, 0xFFFF])
def test_a_character_that_xml_forbids_is_nowhere_accepted(number):
    known = catalogue("2019.1")
    whole = to_bytes(generate(random.Random(SEED), density=1.0, odd=False)).decode()
    for spot in ("<achternaam>", '<land omschrijving="', "<pakketnaam>"):
        assert spot in whole
        assert Scanner(known).scan(whole.replace(spot, spot + chr(number), 1)) is None
