"""A next version, made by editing the schema of 2019.1: added, filled in, and then read, cut, judged and shown."""

import csv
import io
import shutil
from datetime import date
from pathlib import Path

import edited_standard as edit
import pytest
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.oso import check, minimise, read, to_bytes
from overstap.oso.catalogue import catalogue, versions
from overstap.oso.labels import labels, names_of_added
from overstap.oso.rendering import lines
from overstap.oso.version_cache import forget_versions
from overstap.oso.withheld import withheld_statement
from overstap.pages.parents.lines import block_html
from overstap.quality.rulebook import rules, sentence, severity
from overstap.quality.rules import judge
from overstap.review.copies import FrozenVersion, person_copy
from overstap.standards.adding import LIST_FILE, OfficialFiles, add_version, fill_version
from overstap.standards.tables import read_answers

PLACE = "overstapadvies/voorlopigadvies"
ALL = frozenset(
    {"onderwijsondersteuning", "eindtoetsbo", "toetsresultaten", "bijlagedocs", "verzuim", "handelingsplannen"}
)


@pytest.fixture
def example(official: Path) -> bytes:
    [path] = (official / "2019.1" / "examples").glob("*OV_POVO_full.xml")
    return path.read_bytes()


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")), delimiter=";"))


def filled(path: Path, **answers: dict[str, str]) -> Path:
    """Fill in the list of a version as a spreadsheet saves it; answers by `what key` with underscores for a slash."""
    listed = rows(path)
    for row in listed:
        row.update(answers.get(row["key"].replace("/", "_"), {}))
    there = path.with_name("filled.csv")
    with there.open("w", encoding="cp1252", newline="") as file:
        writer = csv.DictWriter(file, listed[0], delimiter=";")
        writer.writeheader()
        writer.writerows(listed)
    return there


def test_what_is_new_gone_and_moved_is_told(edited: OfficialFiles, standards: Path, official: Path) -> None:
    done = add_version(edited, examples=official / "2019.1" / "examples")
    assert (done.version, done.base) == (edit.NEW, "2019.1")
    assert edit.NEW in versions()
    made = done.made
    assert set(made.added) == {edit.ADDED, edit.MOVED}
    assert made.moved == {edit.MOVED: edit.MOVED_FROM}
    assert set(made.gone) == {edit.GONE, edit.MOVED_FROM}
    assert made.codes == {edit.CODE[0]: ([edit.CODE[1]], [])}
    assert made.changed == made.looser == made.unread == []
    asked = {(question.what, question.key) for question in made.questions}
    assert asked == {("field", PLACE), ("field", "schoolloopbaan/nnca"), ("code", "42/0017")}
    [moved] = [row for row in rows(standards / edit.NEW / LIST_FILE) if row["key"] == "schoolloopbaan/nnca"]
    before = catalogue("2019.1").field("leerling", "nnca")
    assert (moved["was"], moved["label"], moved["category"]) == (edit.MOVED_FROM, before.label, "")
    assert "bekostiging" in moved["hint"]
    assert {each.by_catalogue for each in done.examples} == {None}, "examples of another version are told apart"


def test_its_dossiers_are_judged_as_its_schema_does(
    edited: OfficialFiles, standards: Path, official: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "examples"
    folder.mkdir()
    for path in sorted((official / "2019.1" / "examples").glob("*OV_POVO*.xml")):
        (folder / path.name).write_bytes(edit.dossier(path.read_bytes(), provisional="60"))
    (folder / "wrong.xml").write_bytes(
        edit.dossier(path.read_bytes()).replace(b"<naam>", b"<naam2>", 1).replace(b"</naam>", b"</naam2>", 1)
    )
    done = add_version(edited, examples=folder)
    verdicts = {each.file: (each.by_schema, each.by_catalogue) for each in done.examples}
    assert verdicts.pop("wrong.xml") == (False, False)
    assert set(verdicts.values()) == {(True, True)}
    assert len(verdicts) == 2


def test_what_nobody_classified_does_not_leave(edited: OfficialFiles, standards: Path, example: bytes) -> None:
    add_version(edited)
    dossier = read(edit.dossier(example, provisional="60"))
    assert dossier.version == edit.NEW
    assert dossier.is_sound
    cut = minimise(dossier, "POVO", ALL)
    advice = cut.pupil.block("overstapadvies")
    assert advice.text("advies"), "what was known goes along as before"
    assert "voorlopigadvies" not in advice
    assert b"voorlopigadvies" not in to_bytes(cut)
    assert check(cut) == []
    copy = person_copy(
        FrozenVersion(cut, 1, bytes(32), None, None, {}),
        own_path="dossier/huidigeschool/leerling/verzorger[1]",
        asks_changes_only=False,
    )
    [told] = [part for part in copy["withheld"] if part["why"] == "unclassified"]
    assert labels("nl").part(told["of"]) == "Nieuw in de standaard"
    assert labels("en").part(told["of"]) == "New in the standard"
    stated = withheld_statement(cut)
    assert edit.ADDED in stated.decode()
    assert withheld_statement(read(example)) is None
    assert catalogue(edit.NEW).unclassified == (edit.ADDED, edit.MOVED)


def test_what_a_person_filled_in_leaves_and_is_shown(
    edited: OfficialFiles, standards: Path, example: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_version(edited)
    file = filled(
        standards / edit.NEW / LIST_FILE,
        overstapadvies_voorlopigadvies={
            "label": "Voorlopig schooladvies",
            "help": "Het advies vóór de toets.",
            "category": "overstapadvies",
            "group": "okr",
        },
        **{"42_0017": {"label": "leerling in beeld"}},
    )
    done = fill_version(edit.NEW, file)
    assert {question.key for question in done.made.questions} == {"schoolloopbaan/nnca"}
    known = catalogue(edit.NEW)
    assert known.unclassified == (edit.MOVED,)
    assert known.lists["42"]["0017"] == "leerling in beeld"
    dossier = read(edit.dossier(example, provisional="60", test="0017"))
    cut = minimise(dossier, "POVO", ALL)
    assert cut.pupil.block("overstapadvies").text("voorlopigadvies") == "60"
    assert ("Voorlopig schooladvies", "60") in [(line.label, line.value) for line in lines(cut)]
    assert any("leerling in beeld" in line.value for line in lines(cut))
    assert labels("nl").of(PLACE) == ("Voorlopig schooladvies", "Het advies vóór de toets.")
    names = names_of_added(edit.NEW)
    monkeypatch.setenv("OVERSTAP_STANDARDS", str(standards / "nowhere"))
    forget_versions()
    there = labels("en").with_names(names)
    assert there.label(PLACE) == "Voorlopig schooladvies", "a copy brings the label to pages that have no such folder"
    assert "Voorlopig schooladvies" in block_html([[0, PLACE, None, "60", True, False]], "", "en", there)
    assert labels("nl").label(PLACE) == "voorlopigadvies", "and without it a page shows the element's name"
    monkeypatch.setenv("OVERSTAP_STANDARDS", str(standards))
    forget_versions()
    again = add_version(edited)
    assert {question.key for question in again.made.questions} == {"schoolloopbaan/nnca"}, "it is kept"


def test_its_rules_follow_its_code_lists_and_its_number(edited: OfficialFiles, standards: Path, example: bytes) -> None:
    done = add_version(edited)
    assert done.rules.withdrawn == []
    today = date(2031, 6, 1)
    good = {each.rule for each in judge(read(edit.dossier(example, test="0017")), today=today)}
    bad = {each.rule for each in judge(read(edit.dossier(example, test="0018")), today=today)}
    assert "CL42" in bad
    assert not {"CL42", "OVa.MD02", "OG.02"} & good
    start = example.index(b"<toetssoort>") + len(b"<toetssoort>")
    as_before = example[:start] + b"0017" + example[start + 4 :]
    assert "CL42" in {each.rule for each in judge(read(as_before), today=today)}, "the older version keeps its list"
    assert "0017" in sentence("CL42", edit.NEW).message_nl
    assert rules(edit.NEW).keys() == rules("2019.1").keys()
    assert severity("OS.cat120"), "a rule that only the sheet has can be shown by whoever reads another version"


def test_a_rule_about_a_field_that_is_gone_never_finds_it(
    edited: OfficialFiles, standards: Path, example: bytes, tmp_path: Path
) -> None:
    """Rules that are functions are not withdrawn: the field they would ask for is not in the version."""
    schema = Path(shutil.copy(edited.schema, tmp_path))
    with edit.editing(schema) as top:
        edit.take_out(top, "contacttelefoon")
        edit.take_out(top, "datuminschrijving")
    done = add_version(OfficialFiles(schema, edited.sheets))
    assert done.rules.withdrawn == ["OVa.LL14"]
    data = edit.dossier(example)
    for name in (b"contacttelefoon", b"datuminschrijving"):
        start, end = data.index(b"<" + name), data.index(b"</" + name) + len(name) + 3
        data = data[:start] + data[end:]
    found = judge(read(data), today=date(2031, 6, 1))
    assert not [each for each in found if each.path.endswith(("contacttelefoon", "datuminschrijving"))]


def test_a_field_that_every_dossier_must_have_waits_for_a_person(
    edited: OfficialFiles, standards: Path, example: bytes, tmp_path: Path
) -> None:
    schema = Path(shutil.copy(edited.schema, tmp_path))
    with edit.editing(schema) as top:
        edit.put_before(top, "aanleverpunt", '<xs:element name="nieuwnummer" type="nonEmptyStringType"/>')
    add_version(OfficialFiles(schema, edited.sheets))
    assert catalogue(edit.NEW).unusable == ("dossier/huidigeschool/nieuwnummer",)
    data = edit.dossier(example).replace(b"<aanleverpunt>", b"<nieuwnummer>1</nieuwnummer><aanleverpunt>", 1)
    with pytest.raises(OverstapError, match="DOSSIER-019"):
        read(data)
    answer = {"label": "Nummer", "help": "Nieuw nummer.", "category": "school", "group": "inschrijving"}
    fill_version(edit.NEW, filled(standards / edit.NEW / LIST_FILE, huidigeschool_nieuwnummer=answer))
    assert read(data).school.text("nieuwnummer") == "1"


def test_a_required_field_that_is_new_keeps_its_optional_block_back(
    edited: OfficialFiles, standards: Path, example: bytes, tmp_path: Path
) -> None:
    """What is left of a block without a field that it must have would be refused by the receiver's schema."""
    schema = Path(shutil.copy(edited.schema, tmp_path))
    with edit.editing(schema) as top:
        del edit.declaration(top, "voorlopigadvies").attrib["minOccurs"]
    add_version(OfficialFiles(schema, edited.sheets))
    cut = minimise(read(edit.dossier(example, provisional="60")), "POVO", ALL)
    assert cut.pupil.block("overstapadvies") is None
    assert check(cut) == []


@pytest.mark.parametrize(
    ("answer", "column"),
    [
        ({"label": "x", "help": "y.", "category": "onzin", "group": "okr"}, "category"),
        ({"label": "x", "help": "y.", "category": "overstapadvies", "group": ""}, "group"),
        (
            {"label": "x", "help": "y.", "category": "overstapadvies", "group": "okr", "sensitivity": "geheim"},
            "sensitivity",
        ),
    ],
)
def test_a_wrong_word_is_refused_and_changes_nothing(
    edited: OfficialFiles, standards: Path, answer: dict[str, str], column: str
) -> None:
    add_version(edited)
    before = {path.name: path.read_bytes() for path in (standards / edit.NEW).glob("*.csv")}
    file = filled(standards / edit.NEW / LIST_FILE, overstapadvies_voorlopigadvies=answer)
    with pytest.raises(OverstapError, match="STANDARD-010") as refused:
        fill_version(edit.NEW, file)
    assert refused.value.facts["column"] == column
    file.unlink()
    assert {path.name: path.read_bytes() for path in (standards / edit.NEW).glob("*.csv")} == before
    assert [path.name for path in standards.iterdir()] == [edit.NEW], "nothing is left behind"


def test_a_field_with_a_label_but_without_a_category_stays_out(edited: OfficialFiles, standards: Path) -> None:
    add_version(edited)
    answer = {"label": "Voorlopig", "help": "Zo.", "category": "", "group": ""}
    done = fill_version(edit.NEW, filled(standards / edit.NEW / LIST_FILE, overstapadvies_voorlopigadvies=answer))
    assert edit.ADDED in catalogue(edit.NEW).unclassified
    [question] = [each for each in done.made.questions if each.key == PLACE]
    assert question.as_row()["label"] == "Voorlopig", "what was filled in stays on the list"


def test_the_commands(edited: OfficialFiles, standards: Path) -> None:
    runner = CliRunner()
    words = ["standard", "add", "--xsd", str(edited.schema)]
    for sheet in edited.sheets:
        words += ["--sheet", str(sheet)]
    done = runner.invoke(app, words)
    assert done.exit_code == 1, done.output
    assert f"verplaatst: {edit.MOVED_FROM} naar {edit.MOVED}" in done.output
    assert f"vervallen: {edit.GONE}" in done.output
    assert "codelijst 42: nieuw 0017; vervallen -" in done.output
    assert "3 regels in te vullen" in done.output
    listed = runner.invoke(app, ["standard", "list"])
    assert listed.exit_code == 0
    assert "2019.1  hoort bij Overstap" in listed.output
    assert f"{edit.NEW}  toegevoegd, naar versie 2019.1; 3 regels open" in listed.output
    checked = runner.invoke(app, ["standard", "check", edit.NEW])
    assert checked.exit_code == 1
    assert f"nieuw: {edit.ADDED}" in checked.output
    words = {"label": "x", "help": "y.", "category": "overstapadvies", "group": "okr"}
    moved = {"category": "schoolloopbaan", "group": "bekostiging"}
    file = filled(
        standards / edit.NEW / LIST_FILE,
        overstapadvies_voorlopigadvies=words,
        schoolloopbaan_nnca=moved,
        **{"42_0017": {"label": "x"}},
    )
    done = runner.invoke(app, ["standard", "fill", edit.NEW, str(file)])
    assert done.exit_code == 0, done.output
    assert "niets meer in te vullen" in done.output
    assert read_answers(standards / edit.NEW / LIST_FILE).count == 0
    assert runner.invoke(app, ["standard", "check", edit.NEW]).exit_code == 0
