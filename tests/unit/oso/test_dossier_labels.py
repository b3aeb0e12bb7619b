"""What fields are called on the parents' pages, in each language that `labels.csv` has."""

import csv
from pathlib import Path

import pytest

from overstap.oso.catalogue import FOLDER, catalogue, versions
from overstap.oso.labels import labels

LANGUAGES = ("en",)
SAME = {"Arrangement", "BRIN", "Diploma", "Document", "Portfolio", "Postcode", "School", "Website"}
"""Words that are the same in both."""


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("version", versions())
def test_every_field_of_every_version_has_a_label_and_an_explanation(version: str, language: str) -> None:
    found = labels(language)
    assert found.language == language
    for fields in catalogue(version).blocks.values():
        for field in fields:
            label, said = found.of(f"{field.block}/{field.name}")
            assert label, f"{field.block}/{field.name} has no label"
            assert said.endswith((".", "?")), f"{field.block}/{field.name} is not explained"
            assert said != field.help, f"{field.block}/{field.name} is explained in Dutch"
            assert label != field.label or label in SAME, f"{field.block}/{field.name} is called in Dutch"


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_line_of_the_file_is_left_out(language: str) -> None:
    with (FOLDER / "labels.csv").open(encoding="utf-8", newline="") as file:
        lacking = [
            row["field"] for row in csv.DictReader(file) if not row[f"label_{language}"] or not row[f"help_{language}"]
        ]
    assert lacking == []


def test_dutch_is_what_the_catalogue_says() -> None:
    for version in versions():
        for fields in catalogue(version).blocks.values():
            for field in fields:
                assert labels("nl").of(f"{field.block}/{field.name}") == (field.label, field.help)


def test_a_language_that_the_file_lacks_is_said_in_dutch(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("block,field,label,help,label_tr,help_tr\n*,naam,Naam,Hoe het heet.,Ad,\n")
    assert labels("tr", tmp_path).of("school/naam") == ("Ad", "Hoe het heet.")
    assert labels("tr", tmp_path).language == "tr"
    assert labels("pl", tmp_path).of("school/naam") == ("Naam", "Hoe het heet.")
    assert labels("pl", tmp_path).language == "nl"


def test_several_are_numbered_and_parts_are_named() -> None:
    assert labels("en").label("toetslijst/toets", 2) == "Test 2"
    assert labels("nl").part("categorie_uitlevering/cat_vve") == "Voor- en vroegschool"
    assert labels("en").part("categorie_uitlevering/cat_vve") == "Early childhood education"
