"""A school's roster: EDEXML of three versions, CSV and workbooks, read leniently, and what was skipped told."""

import io
from datetime import date
from pathlib import Path

import openpyxl
import pytest
from official_files import official_folder
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.intake.rosters.roster import LeaverKind, Roster
from overstap.intake.rosters.table import read_roster

TODAY = date(2027, 2, 1)
BSN, OTHER, THIRD = "999990019", "999990020", "999990032"


def pupil(key: str, more: str, name: str = "Vis") -> str:
    return f'<leerling key="{key}"><achternaam>{name}</achternaam>{more}</leerling>'


def edexml(*pupils: str, version: str = "2.1", extra: str = "") -> bytes:
    return (
        f"<EDEX><school><schooljaar>2026-2027</schooljaar><brincode>99zz</brincode><dependancecode>00</dependancecode>"
        f"<xsdversie>{version}</xsdversie></school><groepen><groep key='a'><naam>8A</naam><jaargroep>8</jaargroep>"
        f"</groep></groepen><leerlingen>{''.join(pupils)}</leerlingen>{extra}</EDEX>"
    ).encode()


def kinds(roster: Roster) -> dict[str, LeaverKind]:
    return {each.las_key: each.kind(TODAY) for each in roster.pupils}


def test_who_leaves_follows_from_group_and_day() -> None:
    found = read_roster(
        edexml(
            pupil("8", "<jaargroep>8</jaargroep>"),
            pupil("by group", "<groep key='a'/>", "Bos"),
            pupil("7", "<jaargroep>7</jaargroep>"),
            pupil("7 leaves", "<jaargroep>7</jaargroep><uitstroomdatum>2027-07-31</uitstroomdatum>"),
            pupil("7 later", "<jaargroep>7</jaargroep><uitstroomdatum>2028-07-31</uitstroomdatum>"),
            pupil("vso", "<jaargroep>V</jaargroep>"),
            pupil("history", "<jaargroep>H</jaargroep>"),
            pupil("gone", "<jaargroep>8</jaargroep><uitstroomdatum>2026-12-01</uitstroomdatum>"),
        )
    )
    assert kinds(found) == {
        "8": "group_8",
        "by group": "group_8",
        "7": "stays",
        "7 leaves": "announced",
        "7 later": "stays",
        "vso": "special_secondary",
        "history": "gone",
        "gone": "gone",
    }
    assert [each.las_key for each in found.leavers(TODAY)] == ["8", "by group", "7 leaves", "vso"]
    assert (found.form, found.brin, found.branch, found.school_year) == ("EDEXML 2.1", "99ZZ", "00", "2026-2027")


def test_one_is_a_boy_there() -> None:
    """The reverse of code list 14 of OSO."""
    found = read_roster(edexml(*(pupil(sex, f"<geslacht>{sex}</geslacht>") for sex in "120")))
    assert [each.sex for each in found.pupils] == ["boy", "girl", ""]


def test_each_version_has_its_number() -> None:
    found = read_roster(
        edexml(
            pupil("a", f"<bsn>{BSN}</bsn>"),
            pupil("b", f"<sofinummer>{OTHER}</sofinummer>"),
            pupil("c", "<bsn_ondwnr-4>2731</bsn_ondwnr-4>"),
            pupil("d", "<bsn>123456789</bsn>"),
            pupil("e", "<onderwijsnummer>100000009</onderwijsnummer>"),
        )
    )
    numbers = {each.las_key: each.number for each in found.pupils}
    assert (numbers["a"], numbers["b"], numbers["c"], numbers["d"]) == (BSN, OTHER, "", "")
    assert found.problems()["INTAKE-084"] == ["leerling 3"]
    assert "leerling 4" in found.problems()["INTAKE-085"]


def test_private_additions_a_namespace_and_missing_dates_stop_nothing() -> None:
    data = edexml(
        pupil("a", f"<bsn>{BSN}</bsn><toevoegingen><blok><onbekend>x</onbekend></blok></toevoegingen><eigen/>"),
        pupil("b", "<geboortedatum>30-02-2015</geboortedatum>"),
        "<leerling key='c'/>",
        extra="<eigenblok/>",
    ).replace(b"<EDEX>", b"<EDEX xmlns='urn:eigen'>")
    found = read_roster(data)
    assert [each.las_key for each in found.pupils] == ["a", "b"]
    assert found.problems() == {
        "INTAKE-084": ["leerling 2"],
        "INTAKE-086": ["leerling 3"],
        "INTAKE-088": ["leerling 1", "leerling 2"],
        "INTAKE-097": ["leerling 1", "leerling 2"],  # without a year group nobody knows whether they leave
    }


@pytest.mark.parametrize(
    ("stated", "kind"),
    [("8", "group_8"), ("groep 8", "group_8"), ("Groep 8b", "group_8"), ("8 A", "group_8"), ("v", "special_secondary")],
)
def test_a_year_group_is_read_as_schools_write_it(stated: str, kind: str) -> None:
    table = f"leerlingnummer;achternaam;geboortedatum;jaargroep\n{BSN};Vis;2015-03-30;{stated}\n".encode()
    for found in (read_roster(table), read_roster(edexml(pupil("a", f"<jaargroep>{stated}</jaargroep>")))):
        assert [each.kind(TODAY) for each in found.pupils] == [kind]
        assert "INTAKE-097" not in found.problems()


@pytest.mark.parametrize("stated", ["acht", "8/7", "18", "groep"])
def test_an_unknown_year_group_is_told(stated: str) -> None:
    table = f"leerlingnummer;achternaam;geboortedatum;jaargroep\n{BSN};Vis;2015-03-30;{stated}\n".encode()
    assert read_roster(table).problems() == {"INTAKE-097": ["regel 2"]}


def test_who_stands_there_twice_counts_once_and_is_told() -> None:
    found = read_roster(
        edexml(
            pupil("a", f"<bsn>{BSN}</bsn><jaargroep>7</jaargroep>"),
            pupil("b", f"<bsn>{OTHER}</bsn>"),
            pupil("a2", f"<bsn>{BSN}</bsn><jaargroep>8</jaargroep>"),
        )
    )
    assert [(each.las_key, each.year_group) for each in found.pupils] == [("b", ""), ("a2", "8")]
    assert found.problems()["INTAKE-087"] == ["leerling 1"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"<EDEX><school></EDEX>", "INTAKE-082"),
        (b'<!DOCTYPE EDEX [<!ENTITY e SYSTEM "file:///etc/passwd">]><EDEX><school>&e;</school></EDEX>', "INTAKE-081"),
        (b'<dossier xmlns="http://www.edustandaard.nl/oso_gegevensset/2019/dossier"/>', "INTAKE-083"),
        (b"", "INTAKE-089"),
        (b"naam;klas\nVis;8\n", "INTAKE-089"),
        (b"%PDF-1.7", "TABLE-006"),
    ],
)
def test_another_file_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(OverstapError) as refused:
        read_roster(data)
    assert refused.value.code == code


def test_a_file_that_is_too_large_is_refused() -> None:
    with pytest.raises(OverstapError, match="INTAKE-080"):
        read_roster(b"<EDEX>" + b" " * 30_000_001 + b"</EDEX>")


ROWS = [
    ("leerlingnummer", "achternaam", "geboortedatum", "jaargroep", "uitstroomdatum", "iets anders"),
    (BSN, "Vis", "30-3-2015", "8", "", "x"),
    (OTHER, "Bos", "2015-04-01", "groep 7", "31-7-2027", ""),
    ("123456789", "Pas", "2015-04-01", "", "", ""),
    ("", "Weg", "geen", "7", "straks", ""),
]


def test_a_table_is_read_too() -> None:
    text = "\n".join(";".join(row) for row in ROWS)
    found = read_roster(text.encode("cp1252"))
    assert [each.year_group for each in found.pupils] == ["8", "7", "8", "7"], "without a group: a list of group 8"
    assert [each.kind(TODAY) for each in found.pupils] == ["group_8", "announced", "group_8", "stays"]
    assert found.pupils[0].birth_date == date(2015, 3, 30)
    assert found.problems() == {
        "INTAKE-084": ["regel 5"],
        "INTAKE-085": ["regel 4"],
        "INTAKE-088": ["regel 5"],
        "INTAKE-090": ["regel 5"],
    }


def test_zeros_that_a_spreadsheet_took_away_come_back_by_the_check_digit_and_it_is_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Leerlingnummer", "Achternaam", "Geboortedatum"])
    book.active.append([10464554, "Vis", "2015-03-30"])
    out = io.BytesIO()
    book.save(out)
    read = read_roster(out.getvalue())
    [found] = read.pupils
    assert found.number == "010464554"
    assert found.problems == ()
    assert read.restored == ["regel 2"], "which is said"
    file = tmp_path / "lijst.xlsx"
    file.write_bytes(out.getvalue())
    said = CliRunner().invoke(app, ["intake", "roster", str(file), "--today", "2027-01-12"]).stdout
    assert "voorloopnullen teruggezet, en de elfproef klopt: 1" in said
    short = f"leerlingnummer;achternaam;geboortedatum\n{BSN};Vis;2015-03-30\n10464555;Vos;2015-03-30\n"
    whole = read_roster(short.encode())
    assert (whole.restored, whole.problems()) == ([], {"INTAKE-116": ["regel 3"]}), "the check digit disagrees"


def test_nothing_of_a_pupil_is_shown_by_accident() -> None:
    [found] = read_roster(edexml(pupil("sleutel", f"<bsn>{BSN}</bsn><roepnaam>Ada</roepnaam>"))).pupils
    assert not {"Vis", BSN, "Ada", "sleutel"} & set(repr(found).replace("'", " ").split())


def test_the_command_tells_counts_and_no_names(tmp_path: Path) -> None:
    file = tmp_path / "lijst.xml"
    in_8 = "<jaargroep>8</jaargroep>"
    file.write_bytes(edexml(pupil("a", f"<bsn>{BSN}</bsn>{in_8}"), pupil("b", in_8)))
    done = CliRunner().invoke(app, ["intake", "roster", str(file), "--today", "2027-02-01"])
    assert done.exit_code == 1
    assert "EDEXML 2.1: 2 leerlingen, school 99ZZ00, schooljaar 2026-2027" in done.output
    assert "in groep 8: 2" in done.output
    assert "2 leerlingen verlaten de school dit jaar; zonder bruikbaar nummer: 1" in done.output
    assert "Vis" not in done.output
    assert BSN not in done.output
    file.write_bytes(edexml(pupil("a", f"<bsn>{BSN}</bsn>{in_8}<geboortedatum>2015-01-01</geboortedatum>")))
    assert CliRunner().invoke(app, ["intake", "roster", str(file), "--today", "2027-02-01"]).exit_code == 0


@pytest.mark.parametrize("version", ["2.0", "2.1"])
def test_the_official_examples(version: str) -> None:
    folder = official_folder()
    file = folder.parent / "standards" / "edexml" / version / f"EDEXML.Voorbeeld.{version}.xml" if folder else None
    if file is None or not file.is_file():
        pytest.skip("the official EDEXML examples are not at hand beside OVERSTAP_OFFICIAL")
    found = read_roster(file.read_bytes())
    assert found.form == f"EDEXML {version}"
    assert (found.brin, found.branch) == ("99ZZ", "00")
    assert len(found.pupils) >= 3
    assert found.skipped == ()
    assert LeaverKind.GONE in found.counts(TODAY)
