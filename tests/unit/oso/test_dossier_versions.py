"""Versions are data: a pretend one is a folder with what differs."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from overstap.errors import OverstapError
from overstap.oso.catalogue import FOLDER, PROFILES, catalogue, versions
from overstap.oso.simple_types import SimpleType
from overstap.quality.rulebook import rules

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def folder(tmp_path):
    """The catalogue's folder with a version 2099.1: a new field in the advice, a new code, another namespace."""
    copy = tmp_path / "oso"
    shutil.copytree(FOLDER, copy)
    new = copy / "2099.1"
    new.mkdir()
    (new / "version.yaml").write_text(
        'version: "2099.1"\nnamespace: http://www.edustandaard.nl/oso_gegevensset/2099/dossier\n'
        'validation: "2099.1.1"\nroot: dossier\nsource: made up for a test\nbased_on: "2019.1"\n'
    )
    with (copy / "2019.1" / "fields.csv").open() as file:
        rows = list(csv.reader(file))
    advice = [row for row in rows if row[0] == "overstapadvies"]
    voorlopig = ["overstapadvies", "voorlopigadvies", "0", "1", "", "string", "", "2", "", "", "", ""]
    with (new / "fields.csv").open("w", newline="") as file:
        csv.writer(file).writerows([rows[0], voorlopig, *advice])
    with (copy / "2019.1" / "codelists.csv").open() as file:
        codes = [row for row in csv.reader(file) if row[0] in ("list", "42")]
    with (new / "codelists.csv").open("w", newline="") as file:
        csv.writer(file).writerows([*codes, ["42", "0017", "Leerling in beeld", "O"]])
    (new / "labels.csv").write_text(
        "block,field,label,help\noverstapadvies,voorlopigadvies,Voorlopig advies,Het advies van januari.\n"
    )
    return copy


def test_a_new_version_is_a_folder(folder):
    old, new = catalogue("2019.1", folder), catalogue("2099.1", folder)
    assert new.namespace.endswith("/2099/dossier")
    assert new.validation == "2099.1.1"
    added = {place.path for place in new.walk()} - {place.path for place in old.walk()}
    assert added == {"dossier/huidigeschool/leerling/overstapadvies/voorlopigadvies"}
    field = new.field("overstapadvies", "voorlopigadvies")
    assert (field.label, field.list) == ("Voorlopig advies", "2")
    assert new.blocks["overstapadvies"][0].name == "voorlopigadvies"
    assert new.lists["42"].keys() - old.lists["42"].keys() == {"0017"}
    assert new.lists["2"] == old.lists["2"]
    assert new.matrix == old.matrix
    assert new.compiled.accepts(old.compiled.slots[old.tag("metadata")].code) is False


TRIED = """
from datetime import date
from overstap.oso.building import build
from overstap.oso.minimisation import minimise
from overstap.oso.reading import read
from overstap.oso.rendering import lines
from overstap.oso.structure import check
from overstap.oso.writing import to_bytes
from overstap.quality.rules import judge

def found(**about):
    words = {"deeldossier": "LAS", "pakketnaam": "p", "pakketversie": "1", "datum": "2098-03-01", "overstap": "POVO"}
    words |= {"standaardversie": "2099.1", "validatieversie": "2099.1.1", **about}
    pupil = {"achternaam": "Vis", "geboortedatum": "2086-03-30", "bsn": "1"}
    pupil["overstapadvies"] = {"voorlopigadvies": "60"}
    school = {"naam": "x", "brincode": "99AB", "vestigingscode": "00", "aanleverpunt": "1", "leerling": pupil}
    values = {"metadata": words, "overdrachtsoort": "overstapdossier", "huidigeschool": school}
    return read(to_bytes(build(values, "2099.1")))

good, old = found(), found(validatieversie="2019.1.1")
assert good.version == "2099.1" and good.is_sound and check(good) == [], check(good)
assert "Voorlopig advies" in [line.label for line in lines(good)]
rules = [{each.rule for each in judge(one, today=date(2098, 3, 2))} for one in (good, old)]
assert "OVa.MD02" in rules[1] and "OVa.MD02" not in rules[0] and "OVa.LL14" in rules[0], rules
assert minimise(good, "POVO", frozenset()).pupil.block("overstapadvies").text("voorlopigadvies") == "60"
emptied = to_bytes(good).replace(b"<geboortedatum>2086-03-30</geboortedatum>", b"<geboortedatum/>")
assert [fault.code for fault in check(read(emptied))] == ["STRUCTURE-007"]
"""


def test_a_dossier_of_a_new_version_is_read_judged_and_cut(folder, tmp_path):
    """The whole of it, with nothing but the folder added: in a copy of the project, as who adds it would see it."""
    for name in ("src", "tools", "include"):
        shutil.copytree(ROOT / name, tmp_path / "project" / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(folder / "2099.1", tmp_path / "project" / "include" / "schemas" / "oso" / "2099.1")
    there = {**os.environ, "PYTHONPATH": os.pathsep.join(str(tmp_path / "project" / name) for name in ("src", "tools"))}
    done = subprocess.run([sys.executable, "-c", TRIED], env=there, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    words = ["dossier", "document", "--out", str(tmp_path / "dossier.md")]
    subprocess.run([sys.executable, "-m", "overstap", *words], env=there, check=True)
    page = (tmp_path / "dossier.md").read_text(encoding="utf-8")
    assert "| 2099.1 |" in page
    assert "voorlopigadvies" in page


def test_a_version_that_is_not_known_is_refused_by_its_name():
    with pytest.raises(OverstapError, match=r"DOSSIER-001.*2022\.1"):
        catalogue("2022.1")


@pytest.mark.parametrize("version", versions())
def test_a_catalogue_is_whole(version):
    known = catalogue(version)
    paths = [place.path for place in known.walk()]
    assert len(paths) == len(set(paths)) > 500
    for place in known.walk():
        field = place.field
        assert (field.type is None) != (field.contains is None), place.path
        assert field.label, place.path
        assert field.help.endswith((".", "?")), place.path
        assert place.category in known.categories, place.path
        assert place.group in known.groups, place.path
        assert place.sensitivity in ("open", "person", "identifying", "special"), place.path
        if field.list:
            assert known.lists[field.list], place.path
            assert known.list_names[field.list], place.path
            assert isinstance(field.type, SimpleType)
    for profile in PROFILES:
        assert known.matrix[profile].keys() == known.categories.keys()
        assert set(known.matrix[profile].values()) <= {"VERPLICHT", "OPTIONEEL", "VERBODEN"}
        for each in known.withheld(profile):
            known.field(each.block, each.name)
            if each.when:
                known.field(each.block, each.when)


def test_the_categories_are_those_of_the_dossier_itself():
    for version in versions():
        known = catalogue(version)
        named = {field.name.removeprefix("cat_") for field in known.blocks["categorie_uitlevering"]}
        assert named == set(known.categories)


def test_the_versions_differ_as_the_standard_did():
    new, middle, old = (
        {place.path.removeprefix("dossier/huidigeschool/leerling/") for place in catalogue(version).walk()}
        for version in ("2019.1", "2018.1", "2017.1")
    )
    assert middle - old == {"verzorger/overleden", "verzorger/overlijdensdatum"}
    assert {"huisarts", "onderwijsondersteuning", "overstapadvies/aandachtspunten"} <= new - middle
    assert {"zorg", "sefunctioneren", "handelingsplanlijst"} <= middle - new
    assert "0015" in catalogue("2018.1").lists["42"]
    assert "0015" not in catalogue("2019.1").lists["42"]
    assert len(catalogue("2017.1").lists["9"]) == 6
    assert catalogue("2018.1").matrix["POVO"]["zorgenbegeleiding"] == "VERPLICHT"


@pytest.mark.parametrize("version", versions())
def test_what_a_profile_withholds_is_asked_by_a_rule_of_that_version(version):
    """Minimisation takes out no more than the version's own rules say; but a secret address stays secret always."""
    book = rules(version)
    for profile in PROFILES:
        for each in catalogue(version).withheld(profile):
            if each.rule:
                assert book[each.rule].is_judged, (profile, each)
            else:
                assert each.when == "adresgeheim", (profile, each)
