import base64
import io
import random
import zipfile
from datetime import date

import pytest
from dossier_mutations import mutate
from generated_dossiers import element, generate, marker
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from minimisation_by_elements import by_elements

from overstap.errors import OverstapError
from overstap.oso.building import build
from overstap.oso.catalogue import PROFILES, catalogue, versions
from overstap.oso.inspection import with_inspection
from overstap.oso.minimisation import category_marks, minimise
from overstap.oso.model import Dossier
from overstap.oso.reading import from_element, read
from overstap.oso.structure import check
from overstap.oso.traversal import documents, fields
from overstap.oso.tree import Node
from overstap.oso.writing import canonical, content_digest, to_bytes
from overstap.quality.rulebook import RuleStatus, rules
from overstap.quality.rules import DossierSeverity, judge

TODAY = date(2016, 6, 1)
SEED = 2306
_CATEGORIES = st.frozensets(st.sampled_from(sorted({name for v in versions() for name in catalogue(v).matrix["POVO"]})))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    version=st.sampled_from(versions()),
    profile=st.sampled_from(PROFILES),
    agreed=_CATEGORIES,
    own_choice=_CATEGORIES,
)
def test_nothing_of_an_excluded_category_survives(seed, version, profile, agreed, own_choice):
    """The property of minimisation: legal matrix, agreement and the school's own choice must all allow it."""
    known = catalogue(version)
    agreed, own_choice = agreed & known.matrix[profile].keys(), own_choice & known.matrix[profile].keys()
    dossier = _with_own_choice(generate(random.Random(seed), version, profile, 0.5), own_choice)
    small = minimise(dossier, profile, agreed)
    matrix = known.matrix[profile]
    stays = {
        name
        for name, allowed in matrix.items()
        if allowed == "VERPLICHT" or (allowed == "OPTIONEEL" and name in agreed and name not in own_choice)
    }
    assert check(small) == []
    found = list(fields(small))
    # a block of an excluded category may only stand there to hold what stays (action plans within support)
    assert {each.category for each in found if not isinstance(each.value, Node)} <= stays
    assert not [each.path for each in found if each.category not in stays and not each.value]
    text = to_bytes(small).decode()
    contents = "".join(_unpacked(node.text("bestandsinhoud")) for _, node in documents(small))
    for name in matrix.keys() - stays:
        assert marker(name) not in text
        assert marker(name) not in contents
    marks = small.metadata.block("categorie_uitlevering")
    assert marks is not None
    for name, allowed in matrix.items():
        off = "OPT-UIT" if allowed == "OPTIONEEL" else "VERBODEN"
        assert marks.text(f"cat_{name}") == (allowed if name in stays else off)
    for each in known.withheld(profile):
        if not each.when:
            assert not [f for f in found if f.field.block == each.block and f.field.name == each.name]


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    seed=st.integers(0, 10_000),
    version=st.sampled_from(versions()),
    profile=st.sampled_from(PROFILES),
    agreed=_CATEGORIES,
    own_choice=_CATEGORIES,
    density=st.sampled_from((0.1, 0.5, 1.0)),
)
def test_a_cut_is_what_minimisation_by_elements_gives(seed, version, profile, agreed, own_choice, density):
    """Of a dossier known to be sound much is shared, any other is gone through whole: with the same result."""
    matrix = catalogue(version).matrix[profile]
    agreed_here = agreed & matrix.keys()
    dossier = _with_own_choice(generate(random.Random(seed), version, profile, density), own_choice & matrix.keys())
    assert dossier.is_sound
    careful = by_elements(element(dossier), dossier.catalogue, profile, category_marks(dossier, profile, agreed_here))
    expected = etree.tostring(careful, method="c14n")
    for given_ in (dossier, Dossier(dossier.tree, version), read(to_bytes(dossier).replace(b"><", b">\n <"))):
        quick = minimise(given_, profile, agreed_here)
        assert canonical(quick) == expected
        assert content_digest(quick) == content_digest(read(to_bytes(quick)))
        assert quick.tree == read(to_bytes(quick)).tree


def test_a_cut_of_a_damaged_dossier_is_what_minimisation_by_elements_gives():
    """Order and number stay as they came, for the structure check to tell; all that is unknown goes."""
    chance = random.Random(SEED)
    cut_, faulty = 0, 0
    for number in range(600):
        profile = chance.choice(PROFILES)
        root, done = mutate(element(generate(chance, profile=profile, density=chance.choice((0.1, 0.4)))), chance)
        for _ in range(chance.choice((0, 1, 2))):
            root, _ = mutate(root, chance)
        dossier = from_element(root, "2019.1")
        if dossier.profile not in (None, profile):
            continue
        agreed = frozenset(name for name in dossier.catalogue.matrix[profile] if chance.random() < 0.5)
        careful = by_elements(root, dossier.catalogue, profile, category_marks(dossier, profile, agreed))
        quick = minimise(dossier, profile, agreed)
        assert canonical(quick) == tight(careful), f"seed {SEED}, number {number}: {done}"
        assert read(to_bytes(quick)).tree == quick.tree, f"seed {SEED}, number {number}: {done}"
        assert [each.code for each in check(quick)] == [each.code for each in check(read(to_bytes(quick)))]
        cut_ += 1
        faulty += bool(check(quick))
    assert cut_ > 400
    assert faulty > 100


def tight(root):
    """Return an element in Canonical XML without the white space between elements."""
    for each in root.iter():
        if len(each):
            each.text = None
            for child in each:
                child.tail = None
    root.tail = None
    return etree.tostring(root, method="c14n")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 10_000), profile=st.sampled_from(PROFILES))
def test_what_is_allowed_survives_whole(seed, profile):
    dossier = generate(random.Random(seed), profile=profile, density=0.5)
    everything = frozenset(dossier.catalogue.matrix[profile])
    small = minimise(dossier, profile, everything)
    withheld = {(each.block, each.name) for each in dossier.catalogue.withheld(profile)}
    forbidden = {name for name, mark in dossier.catalogue.matrix[profile].items() if mark == "VERBODEN"}
    kept = [_comparable(each) for each in fields(small)]
    for each in fields(dossier):
        touched = each.path.split("/")
        if each.category in forbidden or isinstance(each.value, Node) or each.field.name == "nummer":
            continue
        if any((block, name) in withheld for block, name in _steps(dossier, touched)):
            continue
        assert _comparable(each) in kept, each.path


def test_cutting_twice_is_cutting_once(example):
    dossier = read(example.read_bytes())
    once = minimise(dossier, dossier.profile, frozenset({"verzuim"}))
    assert to_bytes(minimise(once, dossier.profile, frozenset({"verzuim"}))) == to_bytes(once)


def test_a_cut_official_example_passes_every_rule_of_its_profile(example):
    dossier = read(example.read_bytes())
    for agreed in (
        frozenset(),
        frozenset({"verzuim", "handelingsplannen"}),
        frozenset(dossier.catalogue.matrix["POVO"]),
    ):
        small = minimise(dossier, dossier.profile, agreed)
        day = date(dossier.created_on.year, 6, 1)
        faults = {each.rule for each in judge(small, today=day) if each.severity is DossierSeverity.ERROR}
        assert faults <= {rule.id for rule in rules(dossier.version).values() if rule.status is RuleStatus.REVIVED}


def test_the_supplied_dossier_is_untouched():
    dossier = generate(random.Random(3), density=0.8)
    before = to_bytes(dossier)
    minimise(dossier, "POVO", frozenset())
    assert to_bytes(dossier) == before


def test_secret_contact_details_are_replaced_and_not_dropped():
    contacts = [
        {"soort": "telefoon", "nummer": "0612345678", "geheim": True},
        {"soort": "e-mail", "nummer": "noor@example.org", "geheim": "1"},
        {"soort": "telefoon", "nummer": "0201234567", "geheim": False},
    ]
    pupil = {"achternaam": "Vis", "communicatielijst": {"communicatie": contacts}}
    carer = {"achternaam": "Vis", "wettigevertegenwoordiger": True, "communicatielijst": {"communicatie": contacts[:1]}}
    dossier = build({"metadata": {}, "huidigeschool": {"leerling": {**pupil, "verzorger": [carer]}}})
    small = minimise(dossier, "POVO", frozenset()).pupil
    assert small is not None
    lists = [small.block("communicatielijst"), small.blocks("verzorger")[0].block("communicatielijst")]
    numbers = [[each.text("nummer") for each in found.blocks("communicatie")] for found in lists if found is not None]
    assert numbers == [["9999999999", "geheim@geheim.geheim", "0201234567"], ["9999999999"]]


def test_a_secret_address_is_taken_out():
    address = {"adres": [{"soortadres": "gba", "straat": "S", "nummer": "1", "postcode": "1234AB", "plaats": "P"}]}
    carer = {"achternaam": "Vis", "wettigevertegenwoordiger": True, "adreslijst": address}
    pupil = {
        "achternaam": "Vis",
        "adresgeheim": True,
        "adreslijst": address,
        "adresbuitenland": ["x"],
        "verzorger": [carer, {**carer, "adresgeheim": "1"}],
    }
    small = minimise(build({"metadata": {}, "huidigeschool": {"leerling": pupil}}), "POVO", frozenset()).pupil
    assert small is not None
    assert "adreslijst" not in small
    assert "adresbuitenland" not in small
    assert ["adreslijst" in each for each in small.blocks("verzorger")] == [True, False]


def test_what_the_catalogue_does_not_know_goes_too():
    data = to_bytes(generate(random.Random(5), density=0.3))
    odd = data.replace(b"<metadata>", b'losse tekst<geheim soort="x">tekst</geheim><metadata soort="y">', 1)
    small = to_bytes(minimise(read(odd), "POVO", frozenset()))
    assert b"losse tekst" not in small
    assert b"<geheim soort" not in small
    assert b'soort="y"' not in small


@pytest.mark.parametrize(
    ("profile", "categories", "code"),
    [
        ("VOMBO", frozenset(), "DOSSIER-012"),
        ("POVO", frozenset({"cat_verzuim"}), "DOSSIER-013"),
        ("POVO", frozenset({"zorgenbegeleiding"}), "DOSSIER-013"),
        ("VOVO", frozenset(), "DOSSIER-014"),
    ],
)
def test_what_cannot_be_cut_is_refused(profile, categories, code):
    with pytest.raises(OverstapError, match=code):
        minimise(generate(random.Random(1)), profile, categories)


def test_the_inspection_changes_nothing_else():
    dossier = minimise(generate(random.Random(2), density=0.6), "POVO", frozenset({"verzuim"}))
    seen = with_inspection(
        dossier,
        provisional=False,
        seen_on=date(2027, 3, 12),
        agreed="Nee",
        view=" Het advies is te laag. ",
        consent="Ja",
    )
    assert check(seen) == []
    block = seen.tree.block("inzage")
    assert block is not None
    assert {name: values[0] for name, values in block.items()} == {
        "voorlopigdossier": "false",
        "inzage": "true",
        "inzagedatum": "2027-03-12",
        "akkoord": "Nee",
        "redennietakkoord": "Het advies is te laag.",
    }
    assert content_digest(seen) == content_digest(dossier)
    again = with_inspection(seen, provisional=True, seen_on=date(2027, 3, 13), agreed="Ja", view="  ")
    assert content_digest(again) == content_digest(dossier)
    assert "redennietakkoord" not in (again.tree.block("inzage") or {})
    assert to_bytes(read(to_bytes(again))) == to_bytes(again)


@pytest.mark.parametrize(("consent", "expected"), [(None, "Onbekend"), ("Ja", "Ja"), ("Nee", "Nee")])
def test_between_secondary_schools_something_is_said_about_consent(consent, expected):
    values = {"metadata": {"overstap": "VOVO"}, "overdrachtsoort": "overstapdossier", "huidigeschool": {"naam": "x"}}
    dossier = build(values)
    seen = with_inspection(
        dossier, provisional=False, seen_on=date(2027, 3, 12), agreed="Ja", view=None, consent=consent
    )
    assert (seen.tree.block("inzage") or {})["toestemming"] == [expected]
    assert content_digest(seen) == content_digest(dossier)


@pytest.mark.parametrize(("kind", "profile"), [("overdrachtbinnenbrin", ""), ("swv-dossier", "POSWV")])
def test_where_the_profile_has_no_inspection_nothing_is_filled_in(kind, profile):
    dossier = build({"metadata": {"overstap": profile}, "overdrachtsoort": kind, "huidigeschool": {"naam": "x"}})
    seen = with_inspection(dossier, provisional=False, seen_on=date(2027, 3, 12), agreed="Ja", view="x", consent="Ja")
    assert "inzage" not in seen.tree


def test_an_inspection_is_put_where_there_was_none():
    dossier = build(
        {"metadata": {"deeldossier": "LAS"}, "overdrachtsoort": "overstapdossier", "huidigeschool": {"naam": "x"}}
    )
    seen = with_inspection(dossier, provisional=False, seen_on=date(2027, 3, 12), agreed="Onbekend", view=None)
    assert list(seen.tree) == ["metadata", "overdrachtsoort", "inzage", "huidigeschool"]
    assert content_digest(seen) == content_digest(dossier)


def test_a_view_loses_what_no_xml_can_hold_and_nothing_else():
    view = " Te laag\x0b,\x00 vind ik < havo & \ud800> 'vmbo'\n\uffff "
    sound = minimise(generate(random.Random(2), density=0.6), "POVO", frozenset())
    for dossier in (sound, Dossier(sound.tree, sound.version)):
        seen = with_inspection(dossier, provisional=False, seen_on=date(2027, 3, 12), agreed="Nee", view=view)
        block = read(to_bytes(seen)).tree.block("inzage")
        assert block is not None
        assert block.text("redennietakkoord") == "Te laag, vind ik < havo & > 'vmbo'"


def test_an_answer_outside_the_code_list_is_refused():
    with pytest.raises(OverstapError, match="DOSSIER-017"):
        with_inspection(generate(random.Random(1)), provisional=False, seen_on=TODAY, agreed="ja", view=None)


def _with_own_choice(dossier, own_choice):
    """Let the school have switched some optional categories off, but leave the blocks in, as a careless system does."""
    data = to_bytes(dossier)
    for name in own_choice:
        data = data.replace(f"<cat_{name}>OPTIONEEL<".encode(), f"<cat_{name}>OPT-UIT<".encode())
    return read(data)


def _unpacked(encoded):
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(encoded))) as archive:
        return "".join(archive.read(name).decode() for name in archive.namelist())


def _comparable(each):
    bare = "/".join(step.partition("[")[0] for step in each.path.split("/"))
    return bare, each.value if not isinstance(each.value, Node) else ""


def _steps(dossier, touched):
    known = dossier.catalogue
    block = known.root
    for step in touched[1:]:
        name = step.partition("[")[0]
        yield block, name
        block = known.field(block, name).contains or block


def test_the_profiles_without_the_pupils_number_are_those_of_the_catalogue():
    from overstap.oso.catalogue import PROFILES, catalogue
    from overstap.oso.minimisation import UNNUMBERED

    known = catalogue("2019.1")
    withheld = {one: {(each.block, each.name) for each in known.withheld(one) if not each.when} for one in PROFILES}
    assert {one for one, gone in withheld.items() if ("leerling", "bsn") in gone} == UNNUMBERED
    assert {one for one, gone in withheld.items() if ("leerling", "onderwijsnummer") in gone} == UNNUMBERED
