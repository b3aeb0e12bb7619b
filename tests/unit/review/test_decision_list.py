"""Tests of schools' lists of decisions, with the changes that spreadsheet programs make."""

import io
import zipfile
from datetime import date, datetime

import pytest
from openpyxl import Workbook

from overstap.errors import OverstapError
from overstap.review.decisions import HEADER, MAX_BYTES, DecisionList, read_list

TODAY = date(2027, 3, 18)
TOP = ";".join(HEADER) + "\r\n"


def read(text: str | bytes) -> DecisionList:
    return read_list(text.encode() if isinstance(text, str) else text, today=TODAY)


def test_a_list_as_agreed() -> None:
    found = read(
        TOP + "AB01;2027-03-18;Ja;\r\nAB02;17-03-2027;nee;Ik zie het anders; 50% €\r\n".replace("anders;", "anders,")
    )
    assert found.refused == []
    assert [(one.pupil, one.seen_on, one.agreed, one.view) for one in found.decisions] == [
        ("AB01", TODAY, "Ja", None),
        ("AB02", date(2027, 3, 17), "Nee", "Ik zie het anders, 50% €"),
    ]
    assert found.lines == [2, 3]


@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [";", ","])
def test_every_coding_and_separator_of_spreadsheets(coding: str, separator: str) -> None:
    lines = [HEADER, ("AB01", "2027-03-01", "Onbekend", "Zoë vindt: café")]
    data = "\r\n".join(separator.join(line) for line in lines).encode(coding)
    [decision] = read(data).decisions
    assert (decision.agreed, decision.view) == ("Onbekend", "Zoë vindt: café")


def test_columns_in_another_order_and_empty_lines() -> None:
    found = read("Akkoord;Zienswijze;LeerlingID;Inzagedatum\n\nJa;;AB01;2027-03-01\n;;;\n")
    assert [(one.pupil, one.agreed) for one in found.decisions] == [("AB01", "Ja")]
    assert found.lines == [3]
    assert found.refused == []


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("AB01;2027-03-18;Ja", "TABLE-010"),
        ("AB01;2027-03-18;Nee;een;twee", "TABLE-010"),
        (";2027-03-18;Ja;", "REVIEW-004"),
        ("AB01;;Ja;", "REVIEW-005"),
        ("AB01;30-02-2027;Ja;", "REVIEW-005"),
        ("AB01;2027-03-19;Ja;", "REVIEW-006"),
        ("AB01;2027-03-18;misschien;", "REVIEW-007"),
        ("AB01;2027-03-18;;", "REVIEW-007"),
        ("AB00;2027-03-18;Nee;", "REVIEW-008"),
        (f"AB01;2027-03-18;Nee;{'x' * 10_001}", "REVIEW-009"),
    ],
)
def test_a_bad_line_is_refused_by_number_and_the_others_count(line: str, code: str) -> None:
    found = read(f"{TOP}AB00;2027-03-18;Ja;\r\n{line}\r\nAB09;2027-03-18;Ja;\r\n")
    assert [(one.line, one.code) for one in found.refused] == [(3, code)]
    assert [one.pupil for one in found.decisions] == ["AB00", "AB09"]
    assert found.lines == [2, 4]
    assert "3" in found.refused[0].error.message_nl
    assert "AB0" not in str(found.refused[0].error)


def test_a_view_over_several_lines_keeps_line_numbers_true() -> None:
    found = read(f'{TOP}AB01;2027-03-18;Nee;"eerst; dan\r\nverder"\r\nAB02;nooit;Ja;\r\n')
    assert found.decisions[0].view == "eerst; dan\r\nverder"
    assert [(one.line, one.code) for one in found.refused] == [(4, "REVIEW-005")]


@pytest.mark.parametrize("data", [b"", b"   ", b"leerlingid;akkoord\n1;Ja\n", b"a;b;c;d\n"])
def test_another_header_is_refused_as_a_whole(data: bytes) -> None:
    with pytest.raises(OverstapError, match="REVIEW-002") as told:
        read(data)
    assert all(name in told.value.do_nl for name in HEADER)


@pytest.mark.parametrize("data", [b"PK\x03\x04\x00\x00", b"PK\x03\x04", b"x" * (MAX_BYTES + 1), b"leerling\0id;x"])
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(OverstapError, match=r"TABLE-00[1236]"):
        read(data)


def test_nothing_personal_shows_in_its_representation() -> None:
    found = read(f"{TOP}AB01;2027-03-18;Nee;Wat wij vinden\r\n")
    assert "AB01" not in repr(found.decisions)
    assert "vinden" not in repr(found.decisions)


def workbook(*lines: tuple[object, ...]) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for line in lines:
        sheet.append(line)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def test_a_workbook_as_a_spreadsheet_program_saves_it() -> None:
    found = read(
        workbook(
            (*HEADER, None),
            (170001, date(2027, 3, 18), "Ja", None, None),
            ("AB02", "17-03-2027", "nee", "Ik zie het anders;\nhet advies is te laag"),
            (None, None, None, None),
            ("AB03", datetime(2027, 3, 18, 12, 30), "Onbekend", ""),  # noqa: DTZ001 (as a workbook holds it)
            ("AB04", "nooit", "Ja", ""),
        )
    )
    assert [(one.pupil, one.seen_on, one.agreed) for one in found.decisions] == [
        ("170001", TODAY, "Ja"),
        ("AB02", date(2027, 3, 17), "Nee"),
        ("AB03", TODAY, "Onbekend"),
    ]
    assert found.decisions[1].view == "Ik zie het anders;\nhet advies is te laag"
    assert found.lines == [2, 3, 5]
    assert [(one.line, one.code) for one in found.refused] == [(6, "REVIEW-005")]


def test_a_workbook_that_blows_up_or_declares_entities_is_no_list() -> None:
    sound = workbook(HEADER, ("AB01", TODAY, "Ja", ""))
    for name, content in (("xl/x.xml", b"0" * 60_000_000), ("xl/y.xml", b'<?xml version="1.0"?><!DOCTYPE x []><x/>')):
        out = io.BytesIO(sound)
        with zipfile.ZipFile(out, "a", zipfile.ZIP_DEFLATED) as package:
            package.writestr(name, content)
        with pytest.raises(OverstapError, match=r"TABLE-00[1236]"):
            read(out.getvalue())


def test_consent_and_a_remark_may_stand_beside_it() -> None:
    found = read("leerlingid;inzagedatum;akkoord;zienswijze;toestemming;opmerking\n1;2027-03-18;Ja;;nee;huisbezoek\n")
    assert (found.decisions[0].consent, found.decisions[0].note, found.decisions[0].view) == ("Nee", "huisbezoek", None)


def test_what_a_school_attests_it_gives_a_reason_for() -> None:
    text = (
        "leerlingid;inzagedatum;akkoord;zienswijze;opmerking\n1;2027-03-18;Onbekend;;\n2;2027-03-18;Onbekend;;Gesprek\n"
    )
    found = read_list(text.encode(), today=TODAY, needs_note=True)
    assert [(one.line, one.code) for one in found.refused] == [(2, "REVIEW-013")]
    assert [one.note for one in found.decisions] == ["Gesprek"]
