import pickle
import random
import resource
from datetime import date

import pytest
from generated_dossiers import element, generate
from hostile import HARMLESS, HOSTILE, whole
from lxml import etree

from overstap.errors import OverstapError, sentences
from overstap.oso.building import build
from overstap.oso.catalogue import versions
from overstap.oso.reading import ReadingLimits, read, read_as
from overstap.oso.structure import check
from overstap.oso.tree import XSI
from overstap.oso.writing import canonical, content_digest, to_bytes

SEED = 20260323


def c14n(data: bytes) -> bytes:
    return etree.tostring(etree.fromstring(data), method="c14n", with_comments=False)


NUMBERS = {
    "DOCTYPE: external entity": pytest.mark.fault("F54"),
    "DOCTYPE: external subset": pytest.mark.fault("F54"),
    "DOCTYPE: parameter entity": pytest.mark.fault("F54"),
    "DOCTYPE: billion laughs": pytest.mark.fault("F55"),
    "DOCTYPE: quadratic blow-up": pytest.mark.fault("F55"),
    "too much: 3,000 deep": pytest.mark.fault("F58"),
    "too much: 11 MB in one text": pytest.mark.fault("F58"),
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=NUMBERS.get(name, ())) for name in HOSTILE])
def test_a_hostile_file_is_refused_by_its_code(name):
    code, make = HOSTILE[name]
    with pytest.raises(OverstapError) as refusal:
        read(make())
    assert refusal.value.code == code


@pytest.mark.parametrize("name", HARMLESS)
def test_a_harmless_file_is_read(name):
    dossier = read(HARMLESS[name]())
    assert dossier.version == "2019.1"
    assert b"root:" not in to_bytes(dossier)


def test_every_refusal_of_reading_has_a_hostile_file():
    refusals = {f"DOSSIER-{number:03}" for number in (*range(1, 11), 18)}
    assert refusals <= set(sentences())
    assert {code for code, _ in HOSTILE.values()} == refusals


def test_an_unknown_version_is_called_by_its_name():
    with pytest.raises(OverstapError, match="2022") as refusal:
        read(HOSTILE["version: later"][1]())
    assert "2019.1" in refusal.value.do_nl


@pytest.mark.fault("F58")
def test_ten_thousand_damaged_files_give_a_dossier_or_a_code():
    """Fuzzing with our own damage; other exceptions than the family's fail the test. Memory stays where it was."""
    chance = random.Random(SEED)
    seeds = [to_bytes(generate(chance, version, density=density)) for version in versions() for density in (0.0, 0.3)]
    read_, refused = 0, 0
    for _ in range(1_000):
        refused += not _survives(chance, seeds)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(9_000):
        if _survives(chance, seeds):
            read_ += 1
        else:
            refused += 1
    grown_mb = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    assert read_ > 500, f"seed {SEED}: nothing got past the parser, so nothing behind it was tried"
    assert refused > 500
    assert grown_mb < 50


def _survives(chance: random.Random, seeds: list[bytes]) -> bool:
    data = _damage(chance.choice(seeds), chance)
    try:
        dossier = read(data)
    except OverstapError:
        return False
    check(dossier)
    return True


_PIECES = (
    *(
        b"<",
        b">",
        b"&",
        b"</",
        b"/>",
        b"<!--",
        b"-->",
        b"<![CDATA[",
        b"]]>",
        b"<!DOCTYPE x>",
        b"<?x?>",
        b"&lt;",
        b"&#0;",
    ),
    *(
        b"&#x10FFFF;",
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b'"',
        b"'",
        b' xmlns="x"',
        b"<a>" * 300,
        b"x" * 5_000,
        b"&a;",
    ),
    *(
        b'encoding="UTF-7"',
        b'<?xml version="1.0" encoding="utf-16"?>',
        b"\xc3",
        b"\r\n",
        b"\xe2\x80\xae",
        b"<leerling/>",
    ),
)


def _damage(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        at = chance.randrange(len(changed) + 1)
        kind = chance.random()
        if kind < 0.3 and at < len(changed):
            changed[at] = chance.choice(b"abcdefghijklmnopqrstuvwxyz0123456789<>&\"' \xc3\x00")
        elif kind < 0.5:
            changed[at:at] = chance.choice(_PIECES)
        elif kind < 0.6:
            del changed[at : at + chance.choice((1, 5, 50, 2_000))]
        elif kind < 0.9:  # a line of XML elsewhere: stays well-formed more often than not
            lines = bytes(changed).replace(b"><", b">\n<").split(b"\n")
            lines.insert(chance.randrange(len(lines)), chance.choice(lines))
            changed = bytearray(b"\n".join(lines))
        else:
            del changed[at:]
    return bytes(changed)


def test_an_official_example_comes_back_without_loss(example):
    """But for white space between its elements and the place of a schema: layout of the file, not content."""
    data = example.read_bytes()
    root = etree.fromstring(data)
    for each in root.iter():
        if len(each):
            each.text = None
            for child in each:
                child.tail = None
    root.attrib.pop(f"{XSI}schemaLocation", None)
    etree.cleanup_namespaces(root)
    assert canonical(read(data)) == etree.tostring(root, method="c14n", with_comments=False)
    assert c14n(to_bytes(read(data))) == canonical(read(data))


def test_generated_dossiers_come_back_without_loss(thorough):
    chance = random.Random(SEED)
    for number in range(10_000 if thorough else 300):
        dossier = generate(chance, versions()[number % 3], density=chance.random())
        data = to_bytes(dossier)
        again = read(data)
        assert c14n(to_bytes(again)) == c14n(data), f"seed {SEED}, number {number}"
        assert to_bytes(again) == data
        assert canonical(build(again.tree, again.version)) == canonical(again)


@pytest.mark.parametrize("bad", [b"&onbekend;", b"&", b"\x01", b"&#0;", b"\xef\xbf\xbf", b"]]>", b"&#xD800;"])
def test_a_plain_dossier_is_read_only_when_it_is_well_formed(bad):
    """The quick walk knows nothing of characters and entities: that the text is XML is for the parser to say."""
    data = to_bytes(generate(random.Random(SEED), density=1.0, odd=False))
    assert read(data).is_sound
    with pytest.raises(OverstapError, match="DOSSIER-002"):
        read(data.replace(b"<achternaam>", b"<achternaam>x" + bad, 1))


def test_a_dossier_crosses_to_another_process():
    dossier = read(whole())
    again = pickle.loads(pickle.dumps(dossier))  # noqa: S301 - our own
    assert to_bytes(again) == to_bytes(dossier)
    assert again.tree == dossier.tree


def test_limits_can_be_set():
    with pytest.raises(OverstapError, match="DOSSIER-004"):
        read(whole(), limits=ReadingLimits(size_bytes=1_000))
    with pytest.raises(OverstapError, match="DOSSIER-008"):
        read(whole(), limits=ReadingLimits(elements=10))
    with pytest.raises(OverstapError, match="DOSSIER-006"):
        read(whole(), limits=ReadingLimits(text_chars=20))


def test_comments_and_instructions_do_not_come_along():
    data = whole().replace(b"<metadata>", b"<!-- BSN 999900018 --><?pi 999900018?><metadata>", 1)
    assert b"<!-- BSN" in data
    assert b"<!-- BSN" not in to_bytes(read(data))
    assert b"<?pi" not in to_bytes(read(data))


def test_a_comment_within_a_value_does_not_cut_the_value():
    dossier = read(whole().replace(b"</achternaam>", b"<!-- x -->rest</achternaam>", 1))
    assert dossier.surname is not None
    assert dossier.surname.endswith("rest")


def test_the_facts_of_a_dossier():
    dossier = build(
        {
            "huidigeschool": {
                "vestigingscode": "00",
                "brincode": "99AB",
                "leerling": {
                    "bsn": "012345672",
                    "achternaam": "NA",
                    "voornaam": ["Noor", "Eva"],
                    "geboortedatum": date(2014, 3, 30),
                },
            },
            "metadata": {"overstap": "POVO", "datum": date(2027, 1, 9)},
            "overdrachtsoort": "overstapdossier",
        }
    )
    assert dossier.sender == "99AB00"
    assert dossier.bsn == dossier.pupil_number == "012345672"
    assert dossier.surname == "NA"
    assert dossier.first_name == "Noor"
    assert dossier.birth_date == date(2014, 3, 30)
    assert dossier.created_on == date(2027, 1, 9)
    assert dossier.profile == "POVO"
    assert "NA" not in repr(dossier)
    assert [child.tag.partition("}")[2] for child in element(dossier)] == [
        "metadata",
        "overdrachtsoort",
        "huidigeschool",
    ]


@pytest.mark.parametrize(
    ("kind", "transfer", "profile"),
    [
        ("overstapdossier", "POVO", "POVO"),
        ("overdrachtbinnenbrin", "POVO", "BB"),
        ("overdrachtbinnenbrin", None, "BB"),
        ("swv-dossier", "VOSWV", "VOSWV"),
        ("swv-dossier", "POVO", None),
        ("overstapdossier", "POSWV", None),
        ("overstapdossier", None, None),
        ("anders", "VOMBO", None),
    ],
)
def test_the_profile_follows_from_two_fields(kind, transfer, profile):
    assert build({"overdrachtsoort": kind, "metadata": {"overstap": transfer}}).profile == profile


def test_a_field_that_does_not_exist_is_not_built():
    with pytest.raises(OverstapError, match="DOSSIER-015"):
        build({"metadata": {"verzonnen": "x"}})


def test_the_digest_is_of_the_content_and_not_of_its_layout():
    data = whole()
    loose = data.replace(b"><", b">\n   <")
    assert loose != data
    assert content_digest(read(loose)) == content_digest(read(data))
    assert content_digest(read(data.replace(b"99AB", b"99AC", 1).replace(b"98XA", b"98XB", 1))) != content_digest(
        read(data)
    )


def test_a_dossier_of_another_version_than_asked_is_refused():
    with pytest.raises(OverstapError, match="DOSSIER-011"):
        read_as(whole(), "2018.1")
    assert read_as(whole(), "2019.1").version == "2019.1"
