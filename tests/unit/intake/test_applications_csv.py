import codecs
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overstap.agreements.model import RegistrationStage
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.applications import HEADER, Application, read_file

HEAD = ";".join(HEADER)
ROW = "999900006;2015-03-30;99AA00;98XA00;geplaatst;2027-03-26 14:05"
ONE = Application(
    pupil_number="999900006",
    birth_date=date(2015, 3, 30),
    primary_school="99AA00",
    secondary_school="98XA00",
    stage=RegistrationStage.PLACED,
    recorded_at=datetime(2027, 3, 26, 13, 5, tzinfo=UTC),
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "aanmeldingen.csv"


def lines(*rows: str) -> bytes:
    return "\r\n".join((HEAD, *rows, "")).encode()


def test_a_clean_file(path: Path) -> None:
    path.write_bytes(lines(ROW))
    assert read_file(path) == ([ONE], [])


@pytest.mark.fault("F62", "F63")
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_write(path: Path, encoding: str, separator: str, ending: str) -> None:
    text = ending.join((HEAD, ROW, ROW)).replace(";", separator)
    path.write_bytes(text.encode(encoding))
    assert read_file(path) == ([ONE, ONE], [])


def test_big_endian_with_a_mark(path: Path) -> None:
    path.write_bytes(codecs.BOM_UTF16_BE + f"{HEAD}\n{ROW}".encode("utf-16-be"))
    assert read_file(path) == ([ONE], [])


def test_columns_in_any_order_quoted_and_with_capitals(path: Path) -> None:
    path.write_text(
        '"Fase";"Leerlingnummer";"VO school";"Basisschool";"Vastgelegd op";"Geboortedatum"\n'
        '"Geplaatst";"999900006";"98xa 00";"99AA-00";"26-03-2027 14:05";"30-03-2015"\n'
    )
    assert read_file(path) == ([ONE], [])


@pytest.mark.fault("F64")
@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("999900006", "999900006"),
        ("12345672", "012345672"),
        ("012345672", "012345672"),
        ('"=""012345672"""', "012345672"),
        ("'012345672", "012345672"),
        ("9999.00.006", "999900006"),
        ("109900000", "109900000"),
    ],
)
def test_pupil_numbers_keep_their_zeros(path: Path, written: str, number: str) -> None:
    path.write_bytes(lines(ROW.replace("999900006", written)))
    good, refused = read_file(path)
    assert refused == []
    assert good[0].pupil_number == number


@pytest.mark.fault("F64")
def test_a_number_that_lost_its_zeros_is_told_by_line_and_a_short_one_with_the_check_digit(path: Path) -> None:
    written = ("999900006", "12345672", "012345672", "12345673", "72")
    path.write_bytes(lines(*(ROW.replace("999900006", one) for one in written)))
    good, refused = read_file(path)
    assert [one.restored_at_line for one in good] == [None, 3, None]
    assert [(one.facts["line"], one.code) for one in refused] == [(5, "INTAKE-115"), (6, "INTAKE-115")]


@pytest.mark.fault("F64")
@pytest.mark.parametrize("date_text", ["2015-03-30", "30-03-2015"])
def test_both_ways_to_write_a_date(path: Path, date_text: str) -> None:
    path.write_bytes(lines(ROW.replace("2015-03-30", date_text)))
    assert read_file(path) == ([ONE], [])


def test_no_birth_date_is_no_fault(path: Path) -> None:
    path.write_bytes(lines(ROW.replace("2015-03-30", "")))
    assert read_file(path)[0][0].birth_date is None


@pytest.mark.fault("F63")
@pytest.mark.parametrize(
    ("row", "code"),
    [
        (ROW.rsplit(";", 1)[0], "TABLE-010"),
        (ROW + ";NA", "TABLE-010"),
        (ROW.replace("99AA00", '"99AA00'), "TABLE-011"),
        (ROW.replace("99AA00", "99AA\x0000"), "TABLE-015"),
        (ROW.replace("999900006", "999900007"), "INTAKE-036"),
        (ROW.replace("999900006", "9,999E+08"), "INTAKE-036"),
        (ROW.replace("999900006", "NA"), "INTAKE-036"),
        (ROW.replace("999900006", ""), "INTAKE-036"),
        (ROW.replace("2015-03-30", "03-30-2015"), "INTAKE-037"),
        (ROW.replace("2015-03-30", "42093"), "INTAKE-037"),
        (ROW.replace("2015-03-30", "2015-03-30x"), "INTAKE-037"),
        (ROW.replace("2027-03-26 14:05", "gisteren"), "INTAKE-037"),
        (ROW.replace("2027-03-26 14:05", ""), "INTAKE-037"),
        (ROW.replace("99AA00", "99AA"), "INTAKE-038"),
        (ROW.replace("98XA00", "Denkbeeld College"), "INTAKE-038"),
        (ROW.replace("geplaatst", "misschien"), "INTAKE-039"),
        (HEAD, "TABLE-016"),
    ],
)
def test_a_bad_row_is_refused_and_the_rows_around_it_are_taken(path: Path, row: str, code: str) -> None:
    path.write_bytes(lines(ROW, row, ROW))
    good, [refused] = read_file(path)
    assert good == [ONE, ONE]
    assert (refused.code, refused.label) == (code, "regel 3")
    assert "999900006" not in str(refused.error)
    assert "{" not in str(refused.error)


@pytest.mark.fault("F63")
def test_an_unclosed_quote_does_not_swallow_the_rest(path: Path) -> None:
    path.write_bytes(lines('"999900006;2015-03-30', ROW, ROW, ROW))
    good, refused = read_file(path)
    assert (len(good), len(refused)) == (3, 1)


def test_empty_lines_and_trailing_cells_are_nothing(path: Path) -> None:
    path.write_bytes(("\r\n" + HEAD + ";;\r\n" + ROW + ";;\r\n;;;;;;;\r\n\r\n" + ROW).encode())
    assert read_file(path) == ([ONE, ONE], [])


@pytest.mark.fault("F63")
@pytest.mark.parametrize(
    ("header", "missing", "double", "unknown"),
    [
        (HEAD.replace("fase", "stand"), "fase", "-", "5"),
        (HEAD.replace("fase", "basisschool"), "fase", "basisschool", "-"),
        (HEAD + ";achternaam", "-", "-", "7"),
        (ROW, ", ".join(HEADER), "-", "1, 2, 3, 4, 5, 6"),
    ],
)
def test_another_header_is_an_error_that_does_not_tell_the_line(
    path: Path, header: str, missing: str, double: str, unknown: str
) -> None:
    path.write_text(f"{header}\n{ROW}\n")
    with pytest.raises(OverstapError, match="INTAKE-032") as caught:
        read_file(path)
    facts = caught.value.facts
    assert (facts["missing"], facts["double"], facts["unknown"]) == (missing, double, unknown)
    assert "999900006" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\r\n\r\n", codecs.BOM_UTF8])
def test_an_empty_file(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(OverstapError, match="INTAKE-033"):
        read_file(path)


def test_no_file(path: Path) -> None:
    with pytest.raises(OverstapError, match="INTAKE-030"):
        read_file(path)


def test_a_huge_file_is_not_read(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(60_000_000)
    with pytest.raises(OverstapError, match="INTAKE-031"):
        read_file(path)


def test_an_application_does_not_show_its_pupil() -> None:
    assert "999900006" not in repr(ONE)
    assert "2015" not in repr(ONE)


def test_wall_time_is_dutch_and_a_zone_is_kept(path: Path) -> None:
    path.write_bytes(lines(ROW.replace("2027-03-26 14:05", "2027-03-26T13:05:00+00:00"), ROW))
    (first, second), _ = read_file(path)
    assert first.recorded_at == second.recorded_at
    assert first.recorded_at.utcoffset() is not None


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file that generated contents replace one another in."""
    return tmp_path_factory.mktemp("csv") / "a.csv"


@pytest.mark.fault("F63")
@given(st.binary(max_size=300))
def test_any_rubbish_below_the_header_is_refused_or_taken_but_never_stops_it(place: Path, rubbish: bytes) -> None:
    path = place
    path.write_bytes(lines(ROW) + rubbish)
    good, refused = applications.read_file(path)
    assert len(good) == 1 or refused
    for one in refused:
        assert one.error


CELLS = {
    "pupil": st.sampled_from(["999900006", "10000094.0", "9,99E+08", "", '"', "99990000-6", "x"]),
    "born": st.sampled_from(["2015-03-30", "30-3-2015", "30-02-2015", "", '"2015']),
    "to": st.sampled_from(["98XA00", "98XA", "", '98XA00"', "98XA00;98XB00"]),
    "stage": st.sampled_from(["geplaatst", "Geplaatst", "geplaats", ""]),
    "moment": st.sampled_from(["2027-03-26 14:05", "26-3-2027 9:05", "2027-03-26", "14:05", ""]),
}


@given(st.lists(st.fixed_dictionaries(CELLS), max_size=6))
def test_each_row_is_taken_or_told_by_its_line(place: Path, rows: list[dict[str, str]]) -> None:
    path = place
    written = [
        ";".join((row["pupil"], row["born"], f"99A{'ABCDEF'[number]}00", row["to"], row["stage"], row["moment"]))
        for number, row in enumerate(rows)
    ]
    path.write_bytes(lines(*written))
    good, refused = applications.read_file(path)
    told = {one.facts["line"] for one in refused}
    taken = [one.primary_school for one in good]
    for number in range(len(rows)):
        assert (number + 2 in told) != (f"99A{'ABCDEF'[number]}00" in taken), f"row {number}"
    assert len(taken) == len(set(taken))
