"""Versions added from their official files give the catalogues that the project has; each difference is explained."""

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from overstap.oso.catalogue import Catalogue, Field, WithheldField, catalogue, load_catalogue
from overstap.oso.validation_sheets import read_sheets
from overstap.oso.version_folders import version_folders
from overstap.quality.rulebook import Rule, rules
from overstap.standards.adding import OfficialFiles, write_version
from overstap.standards.answers import Answers
from overstap.standards.carrying_over import CarriedOver, nearest
from overstap.standards.rule_changes import RuleChanges
from overstap.standards.schema_reader import read_schema

VERSIONS = ("2017.1", "2018.1", "2019.1")
SHEETS = ("OV/ValideerOverstapprofielen.xsl", "PaO/ValideerSwvPaO-profielen.xsl")
DOCTOR = WithheldField("arts", "adreslijst", "adresgeheim", "")
EXPLAINED: dict[tuple[str, str], object] = {
    # An address that is marked secret never leaves: adding a version states it for every block that has both fields.
    # The tables of 2017.1 and 2018.1 state it for carers and other persons, but not for the block of doctors.
    ("2017.1", "forbidden"): DOCTOR,
    ("2018.1", "forbidden"): DOCTOR,
    # A comment of the sheet misspells OS.cat12; read literally it is a rule that Overstap does not have.
    ("2019.1", "unknown rules"): ["OS.cat120"],
}
"""Every difference, with its reason."""


def made(official: Path, version: str, base: str, folder: Path) -> tuple[Catalogue, CarriedOver, RuleChanges, Path]:
    files = OfficialFiles(
        official / version / "OSO_gegevensset.xsd", tuple(official / version / each for each in SHEETS)
    )
    sheets = read_sheets(files.sheets)
    assert sheets.version == version
    new = f"3{version[1:]}"
    tables, changes = write_version(
        folder / new,
        files,
        read_schema(files.schema),
        sheets,
        catalogue(base),
        Answers(),
        version=new,
        validation=sheets.validation,
    )
    return load_catalogue(new, {**version_folders(), new: folder / new}), tables, changes, folder / new


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_added_from_its_official_files_is_the_one_there_is(
    official: Path, version: str, tmp_path: Path
) -> None:
    new, tables, changes, _ = made(official, version, version, tmp_path)
    known = catalogue(version)
    found: dict[tuple[str, str], object] = {}
    for each in fields(Catalogue):
        if each.name in ("version", "compiled_blocks"):
            continue
        ours, theirs = getattr(known, each.name), getattr(new, each.name)
        if ours != theirs:
            found[version, each.name] = _more(ours, theirs) if each.name == "forbidden" else (ours, theirs)
    if changes.unknown:
        found[version, "unknown rules"] = changes.unknown
    assert found == {key: why for key, why in EXPLAINED.items() if key[0] == version}
    assert [block.pattern for block in new.compiled_blocks.values()] == [
        known.compiled_blocks[name].pattern for name in new.compiled_blocks
    ]
    assert [tables.added, tables.gone, tables.changed, tables.questions, tables.looser, changes.rows] == [[]] * 6
    assert tables.codes == {}


def _more(ours: dict[str, tuple[WithheldField, ...]], theirs: dict[str, tuple[WithheldField, ...]]) -> object:
    """Return the one thing that the added version withholds besides, in every profile."""
    assert ours.keys() == theirs.keys()
    assert all(set(ours[profile]) <= set(theirs[profile]) for profile in ours)
    [more] = {frozenset(theirs[profile]) - frozenset(ours[profile]) for profile in ours}
    [one] = more
    return one


@pytest.mark.parametrize(("version", "base"), [("2019.1", "2018.1"), ("2018.1", "2019.1"), ("2017.1", "2018.1")])
def test_from_another_version_all_that_the_schema_and_the_sheets_say_is_the_same(
    official: Path, version: str, base: str, tmp_path: Path
) -> None:
    """What a person has to say (labels, categories, legal groups) is blank where it is new; nothing else differs."""
    new, tables, _, _ = made(official, version, base, tmp_path)
    known = catalogue(version)
    assert (new.namespace, new.validation, new.root) == (known.namespace, known.validation, known.root)
    assert {number: list(codes) for number, codes in new.lists.items()} == {
        number: list(codes) for number, codes in known.lists.items()
    }
    theirs = {place.path: place for place in new.walk()}
    assert list(theirs) == [place.path for place in known.walk()]
    open_paths = {question.path for question in tables.questions}
    for place in known.walk():
        other = theirs[place.path]
        assert _from_schema(other.field) == _from_schema(place.field), place.path
        if other.category != "?":
            assert (other.category, other.group, other.sensitivity) == (place.category, place.group, place.sensitivity)
            assert (other.field.label, other.field.help) == (place.field.label, place.field.help)
        else:
            above = [place.path[:at] for at in range(len(place.path)) if place.path[at : at + 1] == "/"]
            assert {place.path, *above} & open_paths or _shared(place.path, open_paths), place.path
    assert set(new.unclassified) == set(tables.added)


def _from_schema(field: Field) -> tuple[Any, ...]:
    """Return what a schema and its sheets say about a field; the number of a choice is a name only."""
    kind = replace(field.type, label="", name="") if field.type is not None else None
    return field.name, field.min, field.max, field.choice, kind, field.contains is None, field.list, field.attribute


def _shared(path: str, open_paths: set[str]) -> bool:
    """Tell whether a field is listed at another path, where its block comes first."""
    block_and_name = "/".join(path.split("/")[-2:])
    return any(
        each.endswith(block_and_name) or each.rsplit("/", 1)[-1] == path.rsplit("/", 1)[-1] for each in open_paths
    )


def test_each_version_is_nearest_to_itself(official: Path) -> None:
    known = [catalogue(version) for version in VERSIONS]
    for version in VERSIONS:
        schema = read_schema(official / version / "OSO_gegevensset.xsd")
        assert nearest(schema, known).version == version


def test_rules_of_fields_that_are_gone_are_withdrawn_as_the_standard_did(official: Path, tmp_path: Path) -> None:
    """2019.1 made from 2018.1 has the rules that the table of 2019.1 has, but for those about what is new in it."""
    _, _, changes, _ = made(official, "2019.1", "2018.1", tmp_path)
    before, after = rules("2018.1"), rules("2019.1")
    gone = {rule for rule in before if _judged(before, rule) and not _judged(after, rule)}
    # OVa.ZB01 is a function about a block that is gone; it finds nothing. The two categories below were rearranged.
    assert set(changes.withdrawn) == gone - {"OVa.ZB01"} | {"OS.cat09", "OS.cat13"}
    assert changes.narrowed == ["CL48"]


def _judged(book: dict[str, Rule], rule: str) -> bool:
    return rule in book and book[rule].is_judged and not book[rule].is_own
