import json
import random
from pathlib import Path

import pytest
from generated_dossiers import element, generate
from hostile import HOSTILE
from typer.testing import CliRunner

from overstap.cli import app
from overstap.cli.dossier import written
from overstap.errors import sentences
from overstap.oso.building import build
from overstap.oso.catalogue import catalogue, versions
from overstap.oso.differences import FieldChange, differences
from overstap.oso.reading import read
from overstap.oso.rendering import lines
from overstap.oso.structure import codes
from overstap.oso.writing import to_bytes
from overstap.quality.rulebook import RuleStatus, rules

ROOT = Path(__file__).resolve().parents[3]
DAY = "--today=2016-06-01"


def run(*arguments):
    return CliRunner().invoke(app, ["dossier", *map(str, arguments)])


@pytest.fixture
def faulty(tmp_path):
    """A dossier without a surname, in a file."""
    data = to_bytes(build({"metadata": {"overstap": "POVO"}, "overdrachtsoort": "overstapdossier"}))
    path = tmp_path / "faulty.xml"
    path.write_bytes(data)
    return path


def year_of(example: Path) -> int:
    """Return the year in which an official example says that it was made."""
    made = read(example.read_bytes()).created_on
    assert made is not None
    return made.year


def test_an_official_example_is_checked_without_errors(example):
    result = run("check", example, "--format", "json", f"--today={year_of(example)}-06-01")
    (report,) = json.loads(result.stdout)
    faults = [each["rule"] for each in report["findings"] if each["severity"] == "error"]
    # what no official sheet reaches, though it says so, stands in official examples too
    assert set(faults) <= {rule.id for rule in rules(report["version"]).values() if rule.status is RuleStatus.REVIVED}
    assert result.exit_code == bool(faults)
    assert list(report) == ["file", "version", "profile", "structure", "findings", "verdict"]
    assert report["file"] == str(example)
    assert report["version"] == example.parent.parent.name
    assert report["structure"] == []
    assert (report["verdict"] == "errors") == bool(faults)
    assert (report["verdict"] == "ok") == (not any(each["severity"] != "note" for each in report["findings"]))


def test_a_faulty_dossier_gives_structure_and_rules(faulty):
    result = run("check", faulty, "--format=json", DAY)
    assert result.exit_code == 1
    (report,) = json.loads(result.stdout)
    assert report["verdict"] == "errors"
    assert {"path", "code", "message_nl", "message_en"} == set(report["structure"][0])
    assert "STRUCTURE-003" in {each["code"] for each in report["structure"]}
    assert {"rule", "severity", "path", "message_nl", "message_en", "who"} == set(report["findings"][0])
    assert "OVa.MD03" in {each["rule"] for each in report["findings"]}  # rules are judged as far as they can be


def test_an_unreadable_file_does_not_stop_the_others(tmp_path, faulty):
    paths = [faulty]
    for number, name in enumerate(("DOCTYPE: billion laughs", "version: later", "nothing to read: text")):
        path = tmp_path / f"{number}.xml"
        path.write_bytes(HOSTILE[name][1]())
        paths.append(path)
    result = run("check", *paths, tmp_path / "absent.xml", tmp_path, "--format=json", DAY)
    assert result.exit_code == 2
    reports = json.loads(result.stdout)
    assert [each["verdict"] for each in reports] == ["errors", *["unreadable"] * 5]
    assert [each["findings"][0]["rule"] for each in reports[1:]] == [
        "DOSSIER-003",
        "DOSSIER-001",
        "DOSSIER-002",
        "DOSSIER-016",
        "DOSSIER-016",
    ]


def test_attachments_are_part_of_the_check(example):
    if "POVO_full" not in example.name:
        pytest.skip("this example has no attachment that is cut off")
    (report,) = json.loads(run("check", example, "--format=json", f"--today={year_of(example)}-06-01").stdout)
    assert [each["rule"] for each in report["findings"]].count("ATTACHMENT-002") == 5


def test_text_names_the_field_and_who_mends_it(faulty):
    result = run("check", faulty, DAY)
    assert result.exit_code == 1
    assert "STRUCTURE-003" in result.stdout
    assert "ontbreekt" in result.stdout
    assert "[supplier]" in result.stdout or "[school]" in result.stdout


def test_another_version_can_be_refused(faulty):
    (report,) = json.loads(run("check", faulty, "--format=json", "--version=2018.1").stdout)
    assert report["findings"][0]["rule"] == "DOSSIER-011"


def test_many_files_at_once(faulty):
    assert len(json.loads(run("check", *[faulty] * 25, "--format=json", DAY).stdout)) == 25


def test_show_speaks_dutch(tmp_path):
    path = tmp_path / "d.xml"
    values = {"achternaam": "Vis", "geslacht": "1", "geboortedatum": "2014-03-30", "adresgeheim": "true"}
    path.write_bytes(to_bytes(build({"huidigeschool": {"leerling": values}})))
    result = run("show", path)
    assert result.exit_code == 0
    assert "Achternaam: Vis" in result.stdout
    assert "Geslacht: 1 (vrouw)" in result.stdout
    assert "Geboortedatum: 30-03-2014" in result.stdout
    assert "Adres is geheim: ja" in result.stdout


def test_show_has_a_line_for_every_field_and_no_attachment(example):
    dossier = read(example.read_bytes())
    shown = lines(dossier)
    assert len(shown) == sum(1 for _ in element(dossier).iter()) - 1
    assert max(len(line.value) for line in shown) < 2_000


def test_cut_writes_the_cut_dossier(tmp_path):
    given, made = tmp_path / "in.xml", tmp_path / "out.xml"
    given.write_bytes(to_bytes(generate(random.Random(1), density=1.0)))
    result = run("cut", given, "--profile", "POVO", "--category", "verzuim", "--out", made)
    assert result.exit_code == 0
    pupil = read(made.read_bytes()).pupil
    assert pupil is not None
    assert "verzuim" in pupil
    assert "toetslijst" not in pupil


def test_diff_tells_what_changed(tmp_path):
    base = {"achternaam": "Vis", "overstapadvies": {"advies": "50"}, "verzuim": {"frequentie": "1"}}
    newer = {"achternaam": "Vis", "overstapadvies": {"advies": "52", "motivatie_herzienadvies": "Toets"}}
    paths = []
    for name, pupil in (("a.xml", base), ("b.xml", newer)):
        path = tmp_path / name
        path.write_bytes(to_bytes(build({"huidigeschool": {"leerling": pupil}})))
        paths.append(path)
    result = run("diff", *paths)
    assert result.exit_code == 1
    assert "~ Schooladvies: 50 (vmbo theoretisch) → 52 (vmbo theoretisch/havo)" in result.stdout
    assert "+ Motivatie van het herziene advies: Toets" in result.stdout
    assert "- Aantal keren ongeoorloofd: 1" in result.stdout
    assert run("diff", paths[0], paths[0]).exit_code == 0


def test_a_test_put_in_front_is_one_test_more():
    def with_tests(*names):
        tests = [{"schooljaar": name, "groepscode": "8a", "jaargroep": "8"} for name in names]
        return build({"huidigeschool": {"leerling": {"schoolloopbaanlijst": {"schoolloopbaan": tests}}}})

    found = differences(with_tests("2024-2025", "2025-2026"), with_tests("2023-2024", "2024-2025", "2025-2026"))
    assert {each.change for each in found} == {FieldChange.ADDED}
    assert len(found) == 3


def test_the_page_is_that_of_the_catalogue():
    """Written by a command, so it can only be stale: `overstap dossier document --out docs/dossier.md`."""
    page = (ROOT / "docs" / "dossier.md").read_text(encoding="utf-8")
    assert page == written()


def test_the_page_names_everything():
    page = written()
    for version in versions():
        assert f"| {version} |" in page
    for place in catalogue(versions()[-1]).walk():
        assert f"`{place.path.removeprefix('dossier/')}`" in page
    for code in [*codes(), *(code for code in sentences() if code.startswith("DOSSIER-"))]:
        assert f"| {code} |" in page
