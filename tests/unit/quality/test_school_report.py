"""The report a school gets: readable, harmless in a spreadsheet, and without a pupil's data."""

import csv
import io
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import rule_examples as examples
from lxml import html as lxml_html

from overstap.errors import OverstapError
from overstap.oso import structure
from overstap.quality import report, rulebook
from overstap.quality.findings import DossierSeverity
from overstap.quality.rules import judge

PUPIL = "dossier/huidigeschool/leerling"
ROWS = (
    report.row("D-2", "OV-ID-01", f"{PUPIL}/bsn", las_key="LN-2"),
    report.row("D-1", "OV-DT-08", f"{PUPIL}/schoolloopbaanlijst/schoolloopbaan[2]/jaargroep", las_key="LN-1"),
    report.row("D-2", "OV-AD-03", f"{PUPIL}/overstapadvies/herzienadvies", las_key="LN-2"),
    report.row("D-3", "OV-ID-01", f"{PUPIL}/bsn"),
)
FULL = report.SchoolReportContent(
    region_name="Regio Waterland",
    school_name="De Regenboog",
    school_id="99AB00",
    round_title="Adviesronde 2026-2027",
    made_at=datetime(2027, 3, 1, 8, 5, tzinfo=UTC),
    supplied=24,
    accepted=22,
    rejected=2,
    rows=ROWS,
    refused=(report.unreadable_file(OverstapError("DOSSIER-001", version="2016.1", known="2019.1"), "bestand 4"),),
    previous=report.SchoolCounts(24, 20, 4),
)


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=";"))


def test_a_row_has_the_sentences_of_its_rule() -> None:
    words = rulebook.sentence("OV-ID-01")
    assert ROWS[0] == report.ReportRow(
        "D-2", "OV-ID-01", DossierSeverity.ERROR, f"{PUPIL}/bsn", words.nl, words.do_nl, "school", "LN-2"
    )


def test_an_unknown_rule_has_no_row() -> None:
    with pytest.raises(KeyError):
        report.row("D-1", "OV-XX-99", PUPIL)


@pytest.mark.parametrize("code", structure.codes())
def test_structure_and_attachments_have_their_sentences_too(code: str) -> None:
    made = report.row("D-1", code, f"{PUPIL}/overstapadvies/aandachtspunten")
    assert made.sentence.endswith(".")
    assert made.what_to_do.endswith(".")
    assert "{" not in made.sentence + made.what_to_do


def test_a_place_is_told_in_words() -> None:
    assert (
        report.readable_path(f"{PUPIL}/verzorger[2]/overlijdensdatum") == "Ouder of verzorger (2), Datum van overlijden"
    )
    assert report.readable_path(f"{PUPIL}/adreslijst") == "Adressen"
    assert report.readable_path("dossier") == "dossier"
    assert report.readable_path(f"{PUPIL}/unheard[3]/of") == "unheard (3), of"


def test_the_page_says_what_is_wrong_per_pupil_worst_first() -> None:
    page = lxml_html.fromstring(report.html(FULL))
    headings = [heading.text_content() for heading in page.iter("h3")]
    assert headings == ["Dossier D-2, leerling-id LN-2", "Dossier D-3", "Dossier D-1, leerling-id LN-1"]
    first = page.find(".//section")
    assert first is not None
    assert [cell.text_content() for cell in first.findall(".//td[1]")] == ["Fout", "Waarschuwing"]
    assert "Burgerservicenummer" in first.text_content()


def test_the_page_counts_and_shows_the_trend() -> None:
    page = lxml_html.fromstring(report.html(FULL))
    counts = {div.find("dt").text_content(): div.find("dd").text_content() for div in page.findall(".//dl/div")}
    assert counts == {
        "Aangeleverd": "24 gelijk aan de vorige foutenlijst",
        "Goedgekeurd": "22 +2 sinds de vorige foutenlijst",
        "Afgekeurd": "2 -2 sinds de vorige foutenlijst",
        "Onleesbare bestanden": "1",
    }


def test_the_page_gathers_what_more_pupils_have() -> None:
    page = lxml_html.fromstring(report.html(FULL))
    table = page.xpath("//div[@aria-labelledby='frequent']//tbody/tr")
    assert [row.findall("td")[3].text_content() for row in table] == ["2"]
    assert rulebook.sentence("OV-ID-01").nl in table[0].text_content()


def test_refused_files_are_told_with_their_code() -> None:
    page = lxml_html.fromstring(report.html(FULL))
    text = page.xpath("//div[@aria-labelledby='refused']")[0].text_content()
    assert "bestand 4" in text
    assert "DOSSIER-001" in text
    assert "2016.1" in text


def test_a_school_without_faults_reads_that() -> None:
    good = replace(FULL, rows=(), refused=(), previous=None)
    assert "Er is niets gevonden dat u moet herstellen." in report.html(good)
    assert "Per leerling" not in report.html(good)
    assert "nog geen dossiers binnen" in report.html(replace(good, supplied=0))


def test_the_page_stands_alone_and_can_be_read_aloud() -> None:
    text = report.html(FULL)
    page = lxml_html.fromstring(text)
    assert page.get("lang") == "nl"
    assert not re.search(r"https?://|<script|<link|url\(", text)
    assert "default-src 'none'" in text
    assert len(page.findall(".//h1")) == 1
    assert all(header.get("scope") for header in page.iter("th"))
    ids = [element.get("id") for element in page.xpath("//*[@id]")]
    assert len(ids) == len(set(ids))
    assert set(page.xpath("//@aria-labelledby")) <= set(ids)


def test_a_place_found_twice_is_told_once() -> None:
    twice = replace(FULL, rows=(*ROWS, *ROWS))
    assert report.csv_text(twice) == report.csv_text(FULL)
    assert report.html(twice).count("<tr>") == report.html(FULL).count("<tr>")


def test_what_schools_write_is_no_markup() -> None:
    hostile = replace(FULL, school_name="<script>alert(1)</script>", rows=(replace(ROWS[0], label="<b>x"),))
    assert "<script>" not in report.html(hostile)
    assert "&lt;b&gt;x" in report.html(hostile)


def test_the_csv_opens_in_a_dutch_spreadsheet() -> None:
    text = report.csv_text(FULL)
    assert text.startswith("\ufeff")
    assert text.count("\r\n") == 6
    head, refused, *rows = cells(text)
    assert head[0] == "Dossier"
    assert refused[0] == "bestand 4"
    assert [row[0] for row in rows] == ["D-2", "D-2", "D-3", "D-1"]
    assert {len(row) for row in (head, refused, *rows)} == {8}


@pytest.mark.parametrize("cell", ["=cmd|' /C calc'!A0", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"])
def test_a_formula_is_not_one_in_the_csv(cell: str) -> None:
    found = cells(report.csv_text(replace(FULL, refused=(), rows=(replace(ROWS[0], las_key=cell, label=cell),))))
    assert found[1][0].startswith("'")
    assert found[1][1].startswith("'")


def test_no_value_of_a_dossier_gets_into_a_report() -> None:
    """Every rule's breaking dossier is reported; none of the texts people wrote in it turns up."""
    rows = []
    for number, example in enumerate(examples.BREAKING.values()):
        for finding in judge(examples.made(*example), today=examples.TODAY):
            rows.append(report.row(f"D-{number}", finding.rule, finding.path, severity=finding.severity))
    told = report.html(replace(FULL, rows=tuple(rows), refused=())) + report.csv_text(replace(FULL, rows=tuple(rows)))
    for value in (examples.BSN, examples.OTHER_BSN, "Sanne", "Jansen", "Dorpsstraat", "0612345678", "1234AB", "ADHD"):
        assert value not in told
