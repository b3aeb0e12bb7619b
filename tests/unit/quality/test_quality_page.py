"""The quality page of a region: counts and their trend, and nothing of a pupil."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest
from lxml import html as lxml_html

from overstap.errors import sentences
from overstap.ledger.dossiers.quality_runs import QualityRun
from overstap.oso import structure
from overstap.quality import region_rulebook, rulebook
from overstap.quality.quality_page import MAX_RUNS, html, trend

FIRST = datetime(2027, 1, 11, 6, 30, tzinfo=UTC)
SCHOOLS = {"99AB00": "De Regenboog", "99AC00": "Het <Kompas>", "99AD00": "De Vlinder"}
RUNS = [
    QualityRun("99AB00", FIRST, 20, 14, 6, 1, Counter({"OV-ID-01": 3, "OV-AD-03": 9, "DOSSIER-001": 1})),
    QualityRun("99AC00", FIRST + timedelta(days=1), 30, 29, 1, 0, Counter({"OV-ID-01": 1})),
    QualityRun("99AB00", FIRST + timedelta(days=2), 22, 21, 1, 0, Counter({"OV-ID-01": 1, "OV-AD-03": 9})),
]


def page(runs: list[QualityRun] = RUNS, school: str | None = None) -> str:
    return html(runs, region_name="Waterland", round_title="Adviesronde 2026-2027", schools=SCHOOLS, school=school)


def cells(text: str, part: str) -> list[list[str]]:
    rows = lxml_html.fromstring(text).xpath(f"//div[@aria-labelledby='{part}']//tbody/tr")
    return [[" ".join(cell.text_content().split()) for cell in row] for row in rows]


def counted(text: str) -> dict[str, str]:
    found = lxml_html.fromstring(text).findall(".//dl/div")
    return {each.findtext("dt"): " ".join(each.find("dd").text_content().split()) for each in found}


def test_a_school_without_a_row_stands_as_it_did() -> None:
    past = trend(reversed(RUNS))
    assert [(one.supplied, one.accepted, one.rejected, one.refused) for one in past] == [
        (20, 14, 6, 1),
        (50, 43, 7, 1),
        (52, 50, 2, 0),
    ]
    assert past[1].found["OV-ID-01"] == 4
    assert past[1].schools["OV-ID-01"] == 2
    assert "DOSSIER-001" not in past[2].found


def test_the_region_is_counted_and_compared_with_the_run_before() -> None:
    assert counted(page()) == {
        "Aangeleverd": "52 +2 sinds de vorige controle",
        "Goedgekeurd": "50 +7 sinds de vorige controle",
        "Afgekeurd": "2 -5 sinds de vorige controle",
        "Onleesbare bestanden": "0 -1 sinds de vorige controle",
    }
    assert [row[1:5] for row in cells(page(), "trend")] == [
        ["52", "50", "2", "0"],
        ["50", "43", "7", "1"],
        ["20", "14", "6", "1"],
    ]


def test_rules_stand_by_how_bad_and_how_often_with_what_is_gone() -> None:
    rows = cells(page(), "rules")
    assert [(row[0], row[3], row[4], row[5]) for row in rows] == [
        ("Fout", "2 -2", "2", "OV-ID-01"),
        ("Fout", "0 -1", "0", "DOSSIER-001"),
        ("Waarschuwing", "9", "1", "OV-AD-03"),
    ]
    assert rows[0][1] == rulebook.sentence("OV-ID-01").nl


def test_schools_with_most_to_mend_come_first_and_silent_ones_last() -> None:
    rows = cells(page([*RUNS[:2]]), "schools")
    assert [row[0] for row in rows] == ["De Regenboog (99AB00)", "Het <Kompas> (99AC00)", "De Vlinder (99AD00)"]
    assert rows[0][1:5] == ["20", "14", "6", "1"]
    assert rows[0][5].endswith("OV-ID-01")  # the error, though a warning is more frequent
    assert rows[2][1] == "heeft nog niets aangeleverd"


def test_the_page_of_one_school_holds_no_other() -> None:
    text = page(school="99AC00")
    assert "Regenboog" not in text
    assert "Het &lt;Kompas&gt;" in text
    assert counted(text)["Aangeleverd"] == "30"
    assert cells(text, "schools") == []


def test_nothing_judged_yet_is_said() -> None:
    assert "nog geen dossiers gecontroleerd" in page([])
    assert "nog geen dossiers gecontroleerd" in page(school="99AD00")


def test_the_trend_keeps_the_newest_runs() -> None:
    runs = [QualityRun("99AB00", FIRST + timedelta(hours=n), n + 1, n, 1, 0, Counter()) for n in range(MAX_RUNS + 3)]
    rows = cells(page(runs), "trend")
    assert len(rows) == MAX_RUNS
    assert rows[0][1] == str(MAX_RUNS + 3)
    assert "De 3 oudste" in page(runs)


@pytest.mark.parametrize(
    "code",
    [
        *structure.codes(),
        *rulebook.rules("2019.1"),
        *region_rulebook.severities(),
        *(code for code in sentences() if code.startswith(("DOSSIER-", "INTAKE-"))),
    ],
)
def test_everything_that_can_be_counted_has_a_sentence(code: str) -> None:
    said = rulebook.sentence_of(code)
    assert said.endswith(".")
    assert not re.search(r"[{}]|\(\)|^ ", said)


def test_the_page_stands_alone_and_can_be_read_aloud() -> None:
    text = page()
    whole = lxml_html.fromstring(text)
    assert whole.get("lang") == "nl"
    assert not re.search(r"https?://|<script|<link|url\(|<img", text)
    assert "default-src 'none'" in text
    assert len(whole.findall(".//h1")) == 1
    assert all(header.get("scope") for header in whole.iter("th"))
    ids = [element.get("id") for element in whole.xpath("//*[@id]")]
    assert len(ids) == len(set(ids))
    assert set(whole.xpath("//@aria-labelledby")) <= set(ids)
