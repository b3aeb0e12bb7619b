"""Tests of the round report: sums, formulas in CSV, HTML escaping."""

import csv
import io
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from overstap.agreements import RoundKind
from overstap.closing.report import (
    RoundReport,
    primary_table,
    results_table,
    round_report,
    secondary_table,
    write_report,
)
from overstap.ledger.delivery.deliveries import UnreceivedDossiers
from overstap.ledger.delivery.results import ResultCounts
from overstap.ledger.rounds.counts import PrimaryCounts, SecondaryCounts
from overstap.ledger.rounds.gate_decisions import GateDecision, WindowChoice
from overstap.ledger.rounds.rounds import RoundRow
from overstap.simulation.synthetic.agreement import agreement_of
from overstap.simulation.synthetic.region import make_region

AT = datetime(2027, 3, 25, 7, 0, tzinfo=UTC)
PRIMARY = [
    PrimaryCounts(
        "99AA00",
        "=De <b>Draak</b> & Co",
        30,
        Counter(rejected=2, not_inspected=3, no_receiver=1, sealed=4, confirmed=15, refused=2, undelivered=1),
        Counter({"DOSSIER-002": 1, "INTAKE-006": 2}),
        Counter({"OVa.OA02": 2}),
    ),
    PrimaryCounts("99AB00", "De Vos", 10, Counter(confirmed=9), Counter(), Counter()),
]
SECONDARY = [SecondaryCounts("98XA00", "Het College", 31, 24, 2, Counter({"DELIVERY-021": 3, "": 2}))]
WHO = ("coordinator_alfa", "Anna de Wit")
DECISIONS = [
    GateDecision(AT, "release_for_review", *WHO, False, 38, ""),
    GateDecision(AT, "release_for_review", *WHO, True, 37, "Nagekeken"),
    GateDecision(AT, "release_for_review", *WHO, True, 1, ""),
    GateDecision(
        *(AT, "not_inspected", *WHO, True, 3, ""),
        (WindowChoice("hold", 1, 1, None), WindowChoice("extend", 2, 2, AT)),
    ),
    GateDecision(AT, "release_for_delivery", *WHO, True, 4, ""),
    GateDecision(AT, "accept_undeliverable", *WHO, True, 5, "{{ name }} {count}"),
]


def sentence_of(code: str) -> str:
    return f"zin van {code}"


@pytest.fixture(scope="module")
def report() -> RoundReport:
    agreement = agreement_of(make_region(1, 4, 4, 1, today=date(2026, 11, 23), name="alfa"))
    found = RoundRow("alfa.2026-2027.advice", "alfa", "2026-2027", RoundKind.ADVICE, agreement, AT, None)
    return round_report(
        found,
        primary=PRIMARY,
        secondary=SECONDARY,
        decisions=DECISIONS,
        checkpoint=(1234, "ab" * 32),
        sentence_of=sentence_of,
        at=AT,
        missing=[UnreceivedDossiers("99AA00", "outside", 1)],
    )


def test_each_kind_of_decision_is_told_in_a_sentence_of_its_own(report: RoundReport) -> None:
    """By the person's name and not the account, with the number in the right form, and the reason as it was given."""
    for said in (
        "Anna de Wit heeft nog niets vrijgegeven voor inzage. Het ging om 38 dossiers.",
        "Anna de Wit heeft 37 dossiers vrijgegeven voor inzage door ouders. Reden: Nagekeken",
        "Anna de Wit heeft 1 dossier vrijgegeven voor inzage door ouders.",
        "Anna de Wit heeft besloten over 3 dossiers zonder inzage: 1 dossier gaat niet mee (1 school), "
        "voor 2 dossiers mogen de ouders kijken tot",
        "Anna de Wit laat de levering doorgaan. Er viel iets op. Het ging om 4 dossiers.",
        "Anna de Wit sluit de ronde af, ook al zijn niet alle dossiers aangekomen. Het gaat om 5 dossiers.",
        "Reden: {{ name }} {count}",
    ):
        assert said in report.html
    assert "coordinator_alfa" not in report.html


def test_the_figures_of_each_school_add_up() -> None:
    """Also of a round that ended in the middle: every state of a dossier is in one column."""
    states = [
        *("supplied", "rejected", "accepted", "in_review", "not_inspected", "inspected", "no_receiver"),
        *("sealed", "confirmed", "refused", "undelivered"),
    ]
    everything = Counter({state: 2**place for place, state in enumerate(states)})
    school = PrimaryCounts("99AC00", "Alles", 5000, everything, Counter(), Counter())
    for row in primary_table([*PRIMARY, school], sentence_of).rows:
        assert row["supplied"] == row["rejected"] + row["waiting"] + row["not_inspected"] + row["inspected"]
        assert row["inspected"] == row["no_receiver"] + row["not_sent"] + row["delivered"]
        assert row["delivered"] == row["confirmed"] + row["refused"] + row["open"]
    assert row["supplied"] == 2 ** len(states) - 1


def test_what_became_of_dossiers_adds_up() -> None:
    table = primary_table(PRIMARY, sentence_of)
    first, second = table.rows
    assert first["supplied"] == 28
    assert first["inspected"] == 23  # no_receiver, sealed, confirmed, refused, undelivered
    assert first["delivered"] == 22
    assert (first["rejected"], first["refused_files"], first["not_inspected"]) == (2, 3, 3)
    assert table.totals["expected"] == 40
    assert table.totals["confirmed"] == 24 == second["confirmed"] + first["confirmed"]
    [deliveries] = secondary_table(SECONDARY, sentence_of).rows
    assert (deliveries["delivered"], deliveries["confirmed"], deliveries["refused"], deliveries["open"]) == (
        31,
        24,
        2,
        5,
    )


def test_what_schools_said_stands_in_it_once_they_said_something(report: RoundReport) -> None:
    silent = ResultCounts("98XB00", "Het Stille", 4, Counter(), Counter())
    said = ResultCounts(
        "98XA00", "Het College", 24, Counter(imported=20, rejected=3, placed=9), Counter(incomplete=2, other=1)
    )
    assert results_table([silent]) is None
    assert "ingelezen" not in report.html.lower()
    table = results_table([silent, said])
    assert table is not None
    [row] = table.rows
    assert [row[column.name] for column in table.columns[1:]] == [24, 20, 3, 9, 0, 0]
    assert table.notes == [
        "Het College: niet ingelezen: 2 (er ontbreekt iets).",
        "Het College: niet ingelezen: 1 (een andere reden).",
    ]


def test_reasons_stand_in_words_the_most_frequent_first() -> None:
    notes = primary_table(PRIMARY, sentence_of).notes
    assert [next(code for code in ("OVa.OA02", "INTAKE-006", "DOSSIER-002") if code in note) for note in notes] == [
        "OVa.OA02",
        "INTAKE-006",
        "DOSSIER-002",
    ]
    assert all("zin van" in note for note in notes)
    [open_note] = secondary_table(SECONDARY, sentence_of).notes
    assert "zin van DELIVERY-021" in open_note


def test_a_school_name_is_text_in_the_page_and_no_formula_in_the_table(report: RoundReport) -> None:
    assert "<b>Draak</b>" not in report.html
    assert "&lt;b&gt;Draak&lt;/b&gt; &amp; Co" in report.html
    rows = list(csv.reader(io.StringIO(report.csv), delimiter=";"))
    assert [row[0] for row in rows if row and "Draak" in row[0] and len(row) > 1] == ["'=De <b>Draak</b> & Co (99AA00)"]
    assert not [cell for row in rows for cell in row if cell[:1] in ("=", "+", "-", "@")]


def test_who_is_registered_outside_the_round_is_told(report: RoundReport) -> None:
    told = "Co: alleen aangemeld bij een school die volgens de afspraken niet meedoet aan deze ronde: 1."
    assert told in report.html
    assert told in report.csv


def test_decisions_and_the_checkpoint_are_in_it(report: RoundReport) -> None:
    assert "Anna de Wit" in report.html
    assert "38" in report.html
    assert "ab" * 32 in report.html
    assert "1234" in report.html
    assert "donderdag 25 maart 2027, 08:00 uur" in report.html
    assert "http" not in report.html.replace("http://www.w3.org", "")  # nothing is fetched from anywhere


def test_it_is_written_whole_and_over_the_last_one(report: RoundReport, tmp_path: Path) -> None:
    path = write_report(tmp_path, "alfa.2026-2027.advice", report)
    assert write_report(tmp_path, "alfa.2026-2027.advice", report) == path
    assert path == tmp_path / "alfa" / "2026-2027" / "advice.html"
    assert path.read_text(encoding="utf-8") == report.html
    assert path.with_suffix(".csv").read_bytes().startswith(b"\xef\xbb\xbf")
    assert sorted(one.name for one in path.parent.iterdir()) == ["advice.csv", "advice.html"]


def test_what_lacks_a_required_consent_is_told_per_school() -> None:
    school = PrimaryCounts("99AB00", "De Vos", 10, Counter(inspected=3), Counter(), Counter(), without_consent=2)
    assert "De Vos: ingezien zonder de toestemming die de regio vraagt: 2." in str(
        primary_table([school], sentence_of).notes
    )
    assert "toestemming" not in str(primary_table(PRIMARY, sentence_of).notes)
