"""Mappings of exports: the form, cells, whole files of every kind, proposals and trials; nothing quotes a cell."""

import io
import json
import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml
from pydantic import ValidationError
from typer.testing import CliRunner

from overstap.agreements import School
from overstap.cli import app
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.candidates import Candidate
from overstap.intake.mappings.cells import CellFault, converted
from overstap.intake.mappings.loading import BUILT_IN, load, read_mapping
from overstap.intake.mappings.model import REGISTRATION_COLUMNS, SCHEMA, About, ColumnRule, Kind, Mapping, schema_text
from overstap.intake.mappings.proposing import Column, propose
from overstap.intake.mappings.reading import MappedRow, open_table, read_rows
from overstap.intake.mappings.trying import read_columns, try_mapping
from overstap.intake.mappings.writing import to_yaml
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources import mapped_export
from overstap.intake.sources.kit import check_source
from overstap.intake.sources.mapped_export import MappedExport, from_exports
from overstap.intake.sources.source import SourceContext
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.writing import content_digest, to_bytes
from overstap.simulation.synthetic.numbers import bsn
from overstap.tabular import RefusedRow

PUPIL = "huidigeschool/leerling"
NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)
SCHOOL = School.model_validate(
    {
        "id": "99AB00",
        "name": "x",
        "kind": "PO",
        "contact": "x@y.nl",
        "supplies": {"way": "mapped_export", "mapping": "las"},
    }
)
HEADER = ["Stamnr", "BSN", "Naam", "Geboren", "Advies", "Cijfer", "Voornamen", "Ouder", "Straat", "Nr"]
ROW = ["A1", bsn(1), "Şahin", "30-3-2015", "VMBO BB", "7,5", "Noor Ayşe", "Kaya", "Molenpad", "3"]


def mapping(**more: Any) -> Mapping:
    stated = {
        "name": "las",
        "title": "Een las",
        "version": 3,
        "about": "dossiers",
        "columns": {
            "Stamnr": {"field": f"{PUPIL}/leerlingid"},
            "BSN": {"field": f"{PUPIL}/bsn"},
            "Naam": {"field": f"{PUPIL}/achternaam"},
            "Geboren": {"field": f"{PUPIL}/geboortedatum"},
            "Advies": {"field": f"{PUPIL}/overstapadvies/advies", "codes": {"vmbo  bb": "20", "nog niet": None}},
            "Voornamen": {"field": f"{PUPIL}/voornaam", "split": " "},
            "Ouder": {"field": f"{PUPIL}/verzorger[1]/achternaam"},
        },
        "joined": [
            {"field": f"{PUPIL}/adreslijst/adres[1]/straat", "columns": ["Straat", "Nr"], "separator": " "},
        ],
        "constants": {
            f"{PUPIL}/adreslijst/adres[1]/soortadres": "bezoek",
            f"{PUPIL}/verzorger[1]/wettigevertegenwoordiger": "true",
            f"{PUPIL}/overstapadvies/contactnodig": "false",
        },
    }
    return Mapping.model_validate({**stated, **more})


def table(*rows: list[str], header: list[str] = HEADER, sep: str = ";") -> bytes:
    return "\r\n".join(sep.join(row) for row in (header, *rows)).encode()


def book(*rows: list[Any], sheet: str = "Leerlingen", change: Any = None) -> bytes:
    made = openpyxl.Workbook()
    page = made.active
    assert page is not None
    page.title = sheet
    for row in (HEADER, *rows):
        page.append(row)
    if change is not None:
        change(made, page)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def rows_of(data: bytes, by: Mapping | None = None) -> list[MappedRow | RefusedRow]:
    by = by or mapping()
    return list(read_rows(open_table(data, by), by))


def with_cell(column: str, text: Any) -> list[Any]:
    return [text if name == column else cell for name, cell in zip(HEADER, ROW, strict=True)]


# --- the form -------------------------------------------------------------------------------------------------------


def test_the_published_schema_is_current() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"columns": {"x": {"field": f"{PUPIL}/schoenmaat"}}}, "schoenmaat"),
        ({"columns": {"x": {"field": PUPIL}}}, "holds other fields"),
        ({"columns": {"x": {"field": f"{PUPIL}/verzorger/achternaam"}}}, "which verzorger"),
        ({"columns": {"x": {"field": f"{PUPIL}/achternaam[2]"}}}, "occurs once"),
        ({"columns": {"x": {"field": f"{PUPIL}/../bsn"}}}, "no path"),
        ({"constants": {f"{PUPIL}/bsn": "1"}}, "two sources"),
        ({"columns": {"a b": {"field": f"{PUPIL}/bsn"}, "A  B": {"field": f"{PUPIL}/roepnaam"}}}, "same column twice"),
        ({"extra": 1}, "Extra inputs"),
        ({"version": 0}, "greater than"),
        ({"name": "../x"}, "pattern"),
        ({"about": "registrations"}, "no column of registrations"),
    ],
)
def test_a_mapping_that_cannot_be_right_is_refused(change: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        mapping(**change)


def test_a_regions_own_mapping_counts_first_and_each_built_in_one_is_valid(tmp_path: Path) -> None:
    with pytest.raises(OverstapError, match="INTAKE-100"):
        load("las", tmp_path, "demo")
    for name in ("../las", "LAS", "words", "las.yaml"):
        with pytest.raises(OverstapError, match="INTAKE-10"):
            load(name, tmp_path, "demo")
    folder = tmp_path / "demo" / "mappings"
    folder.mkdir(parents=True)
    (folder / "las.yaml").write_text(to_yaml(mapping()), encoding="utf-8")
    assert load("las", tmp_path, "demo") == mapping()
    (folder / "las.yaml").write_text(to_yaml(mapping(name="ander")), encoding="utf-8")
    with pytest.raises(OverstapError, match="INTAKE-101"):
        load("las", tmp_path, "demo")
    (folder / "las.yaml").write_text("name: [", encoding="utf-8")
    with pytest.raises(OverstapError, match="regel"):
        load("las", tmp_path, "demo")
    found = [read_mapping(path) for path in sorted(BUILT_IN.glob("*.yaml")) if path.stem != "words"]
    assert {one.name for one in found} >= {"platform_export", "las_export"}
    assert not any(one.open for one in found)


def test_the_columns_of_registrations_are_those_that_are_read() -> None:
    assert (*applications.HEADER, *applications.OPTIONAL) == REGISTRATION_COLUMNS


# --- cells ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "cell", "order", "text"),
    [
        (Kind.DATE, "30-3-2015", None, "2015-03-30"),
        (Kind.DATE, "3/4/2015", "dmy", "2015-04-03"),
        (Kind.DATE, "3/4/2015", "mdy", "2015-03-04"),
        (Kind.DATE, "20150330", "ymd", "2015-03-30"),
        (Kind.DATE, "30032015", "dmy", "2015-03-30"),
        (Kind.DATE, "42093", "serial", "2015-03-30"),
        (Kind.DATE, "42093,0", "serial", "2015-03-30"),
        (Kind.DATE, "30-3-2015", "serial", "2015-03-30"),
        (Kind.DATE, "3/4/15", "dmy", "INTAKE-104"),
        (Kind.DATE, "3/4/2015", None, "INTAKE-104"),
        (Kind.DATE, "42093", None, "INTAKE-104"),
        (Kind.DATE, "31-2-2015", "dmy", "INTAKE-104"),
        (Kind.DATE, "999999999", "serial", "INTAKE-104"),
        (Kind.DECIMAL, "1,5", None, "1.5"),
        (Kind.DECIMAL, "1.500,5", None, "INTAKE-106"),
        (Kind.WHOLE, "12,0", None, "12"),
        (Kind.WHOLE, "1,5", None, "INTAKE-106"),
        (Kind.FLAG, "Ja", None, "true"),
        (Kind.FLAG, "ONWAAR", None, "false"),
        (Kind.FLAG, "misschien", None, "INTAKE-106"),
        (Kind.NUMBER, bsn(1), None, bsn(1)),
        (Kind.NUMBER, "1,0E+08", None, "INTAKE-043"),
        (Kind.NUMBER, "999990018", None, "INTAKE-105"),
        (Kind.NUMBER, "1234", None, "INTAKE-110"),
        (Kind.NUMBER, "=\"123456782\"", None, "123456782"),
        (Kind.TEXT, "'0123", None, "0123"),
    ],
)  # fmt: skip
def test_a_cell_becomes_its_text_or_is_refused(kind: Kind, cell: str, order: Any, text: str) -> None:
    rule = ColumnRule.model_validate({"field": "x", "order": order})
    if text.startswith("INTAKE"):
        with pytest.raises(CellFault) as refused:
            converted(cell, kind, rule, {})
        assert (refused.value.code, cell in str(refused.value.facts)) == (text, False)
    else:
        assert converted(cell, kind, rule, {}).text == text


def test_leading_zeros_come_back_when_the_check_digit_agrees() -> None:
    found = converted("12345672", Kind.NUMBER, ColumnRule(field="x"), {})
    assert (found.text, found.is_restored) == ("012345672", True)


# --- rows and dossiers ----------------------------------------------------------------------------------------------


def dossiers(folder: Path, by: Mapping | None = None) -> list[Candidate | RefusedItem]:
    return list(from_exports(folder, by or mapping(), SCHOOL, now=NOW, label_key=b"k"))


def put(folder: Path, name: str, data: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    moment = (NOW - timedelta(hours=1)).timestamp()
    os.utime(folder / name, (moment, moment))


def content(found: Candidate | RefusedItem) -> Dossier:
    assert isinstance(found, Candidate)
    assert isinstance(found.content, Dossier)
    return found.content


def test_a_row_becomes_a_dossier_like_any_other(tmp_path: Path) -> None:
    put(tmp_path, "export.csv", table(ROW))
    [found] = dossiers(tmp_path)
    again = read(to_bytes(content(found)))
    pupil = again.pupil
    assert pupil is not None
    assert (again.sender, again.profile, again.pupil_number) == ("99AB00", "POVO", bsn(1))
    texts = {name: pupil.text(name) for name in ("leerlingid", "achternaam", "geboortedatum")}
    assert texts == {"leerlingid": "A1", "achternaam": "Şahin", "geboortedatum": "2015-03-30"}
    xml = to_bytes(content(found)).decode()
    assert "<advies>20</advies>" in xml
    assert "<voornaam>Noor</voornaam><voornaam>Ayşe</voornaam>" in xml.replace("\n", "").replace("  ", "")
    assert "<straat>Molenpad 3</straat>" in xml
    assert "<pakketnaam>las</pakketnaam>" in xml
    assert "7,5" not in xml  # a column that is not mapped is not read
    assert "<datum>2026-10-01</datum>" in xml


def test_the_same_content_exported_again_is_the_same_dossier(tmp_path: Path) -> None:
    put(tmp_path, "export.csv", table(ROW))
    before = content_digest(content(dossiers(tmp_path)[0]))
    (tmp_path / "export.csv").unlink()
    put(
        tmp_path,
        "export-nieuw.csv",
        table(list(reversed(with_cell("Cijfer", "8"))), header=list(reversed(HEADER)), sep=","),
    )
    later = from_exports(tmp_path, mapping(), SCHOOL, now=NOW + timedelta(days=40), label_key=b"k")
    assert content_digest(content(next(iter(later)))) == before


def test_a_constant_makes_no_second_parent_of_nobody(tmp_path: Path) -> None:
    put(tmp_path, "export.csv", table(with_cell("Ouder", "")))
    assert "<verzorger>" not in to_bytes(content(dossiers(tmp_path)[0])).decode()
    put(tmp_path, "export.csv", table(ROW))
    assert "<verzorger>" in to_bytes(content(dossiers(tmp_path)[0])).decode()


def test_one_bad_row_says_where_and_the_rest_goes_on(tmp_path: Path) -> None:
    bad = [("Geboren", "3/4/2015"), ("Advies", "iets anders"), ("BSN", "123"), ("Advies", "nog niet")]
    put(tmp_path, "export.csv", table(ROW, *(with_cell(*one) for one in bad)))
    found = dossiers(tmp_path)
    refused = [one for one in found if isinstance(one, RefusedItem)]
    assert [one.code for one in refused] == ["INTAKE-104", "INTAKE-103", "INTAKE-110", "INTAKE-103"]
    assert [one.facts["column"] for one in refused[:2]] == ["Geboren (D3)", "Advies (E4)"]
    assert "Regel 3, kolom Geboren (D3)" in refused[0].error.message_nl
    assert len(found) - len(refused) == 1
    for one in refused:
        assert "iets anders" not in f"{one.error} {one.label}"
        assert "Şahin" not in f"{one.error} {one.label} {one!r}"


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1254", "utf-16"])
@pytest.mark.parametrize("sep", [";", ",", "\t"])
def test_any_encoding_and_separator(encoding: str, sep: str) -> None:
    row = with_cell("Naam", "Ünal") if encoding == "cp1254" else ROW  # also in cp1252
    row = [cell.replace(",", ".") for cell in row]
    row[HEADER.index("Voornamen")] = "Noor Zoë"
    [found] = rows_of(table(row, sep=sep).decode().encode(encoding))
    assert isinstance(found, MappedRow)
    assert found.texts[f"{PUPIL}/achternaam"] == row[HEADER.index("Naam")]


def codes(data: bytes, by: Mapping | None = None) -> list[str]:
    return [one.code if isinstance(one, RefusedRow) else "" for one in rows_of(data, by)]


def test_a_workbook_with_everything_that_people_do() -> None:
    good = [*ROW[:3], datetime(2015, 3, 30), *ROW[4:]]  # noqa: DTZ001 (as a workbook has it)

    def change(made: Any, page: Any) -> None:
        page.append(with_cell("Geboren", 42093))  # a date as a number
        page.append(good)
        page.merge_cells("A4:B4")
        page.append(with_cell("Naam", "=A1"))  # a formula without a result
        page.append([*good[:1], 12345672, *good[2:]])  # leading zero eaten
        page.column_dimensions["C"].hidden = True
        made.create_sheet("Toelichting")["A1"] = "Lees dit"

    data = book(good, change=change)
    assert codes(data) == ["", "INTAKE-104", "TABLE-021", "TABLE-023", ""]
    restored = rows_of(data)[-1]
    assert isinstance(restored, MappedRow)
    assert (restored.texts[f"{PUPIL}/bsn"], restored.restored) == ("012345672", 1)


def test_a_sheet_is_found_by_its_name_and_a_wrong_one_is_told() -> None:
    def change(made: Any, page: Any) -> None:
        made.create_sheet("Voorblad", 0)["A1"] = "Export"

    data = book(ROW, change=change)
    with pytest.raises(OverstapError) as wrong:
        rows_of(data)
    assert wrong.value.code in ("INTAKE-102", "TABLE-004")
    assert codes(data, mapping(sheet="leerlingen")) == [""]
    with pytest.raises(OverstapError, match="TABLE-025"):
        rows_of(data, mapping(sheet="Groep 8"))


def test_two_hundred_columns_are_no_harm_and_macros_are_told() -> None:
    wide = [f"k{place}" for place in range(200)]
    [found] = rows_of(table([*ROW, *wide], header=[*HEADER, *wide]))
    assert isinstance(found, MappedRow)
    made = io.BytesIO(book(ROW))
    with zipfile.ZipFile(made, "a") as package:
        package.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    with pytest.raises(OverstapError, match="TABLE-026"):
        rows_of(made.getvalue())


def test_what_is_too_large_is_refused_as_a_whole_and_nothing_is_taken_in(tmp_path: Path) -> None:
    many = table(*([ROW] * 5_001))
    bomb = io.BytesIO(book(ROW))
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/media/nul.xml", b" " * 60_000_000)
    put(tmp_path, "1-veel.csv", many)
    put(tmp_path, "2-bom.xlsx", bomb.getvalue())
    put(tmp_path, "3-andere.csv", b"naam;klas\nVis;8\n")
    put(tmp_path, "4-leeg.csv", b"")
    put(tmp_path, "5-brief.docx", b"PK\x03\x04")
    put(tmp_path, "6-goed.csv", table(ROW))
    put(tmp_path, "leerlingenlijst.csv", table(ROW))
    found = dossiers(tmp_path)
    assert [one.code for one in found if isinstance(one, RefusedItem)] == [
        *("TABLE-003", "TABLE-003", "INTAKE-102", "INTAKE-011", "INTAKE-112")
    ]
    assert sum(isinstance(one, Candidate) for one in found) == 1


def test_the_source_is_one_like_any_other(tmp_path: Path) -> None:
    folder = tmp_path / "regions" / "alfa" / "mappings"
    folder.mkdir(parents=True)
    (folder / "las.yaml").write_text(to_yaml(mapping()), encoding="utf-8")
    (tmp_path / "drop" / "alfa").mkdir(parents=True)
    put(tmp_path / "drop" / "alfa" / SCHOOL.id, "export.csv", table(ROW, with_cell("Advies", "?")))

    def no_database(name: str) -> Any:
        raise AssertionError(name)

    context = SourceContext(
        SCHOOL, "alfa", NOW, lambda: tmp_path / "drop", lambda: b"k", no_database, regions=tmp_path / "regions"
    )
    found = check_source(mapped_export.KIND, MappedExport(way="mapped_export", mapping="las"), context)
    assert [type(one) for one in found] == [Candidate, RefusedItem]


# --- registrations --------------------------------------------------------------------------------------------------

PLATFORM = Mapping.model_validate(
    {
        "name": "platform",
        "title": "Een platform",
        "version": 1,
        "about": "registrations",
        "columns": {
            "Burgerservicenr": {"field": "leerlingnummer"},
            "Herkomst": {"field": "basisschool"},
            "Plaatsing": {"field": "vo_school"},
            "Geb": {"field": "geboortedatum", "order": "mdy"},
        },
        "constants": {"fase": "geplaatst"},
    }
)


@pytest.mark.parametrize("is_book", [False, True])
def test_a_platforms_export_gives_registrations(tmp_path: Path, is_book: bool) -> None:
    header = ["Burgerservicenr", "Naam", "Herkomst", "Plaatsing", "Geb"]
    rows = [[bsn(1), "Vis", "99AA00", "98XA00", "3/30/2015"], ["123", "Bos", "99AA00", "98XA00", ""]]
    rows += [[bsn(2), "Bos", "geen", "98XA00", ""], ["12345672", "Mos", "99AA00", "98XA00", ""]]
    path = tmp_path / ("plaatsing.xlsx" if is_book else "plaatsing.csv")
    if is_book:
        made = openpyxl.Workbook()
        assert made.active is not None
        for row in (header, *rows):
            made.active.append(row)
        made.save(path)
    else:
        path.write_bytes(table(*rows, header=header))
    found, refused = applications.read_file(path, PLATFORM)
    assert [(one.pupil_number, one.primary_school, one.secondary_school, one.stage.value) for one in found] == [
        (bsn(1), "99AA00", "98XA00", "placed"),
        ("012345672", "99AA00", "98XA00", "placed"),
    ]
    assert [one.restored_at_line for one in found] == [None, 5], "zeros that came back are told here too"
    assert found[0].birth_date == date(2015, 3, 30)
    assert abs(found[0].recorded_at - datetime.fromtimestamp(path.stat().st_mtime, UTC)) < timedelta(seconds=1)
    assert [(one.code, one.facts["line"]) for one in refused] == [("INTAKE-110", 3), ("INTAKE-038", 4)]
    assert refused[0].about == (None, None)  # nothing is withdrawn that it may be about
    assert refused[1].about == (bsn(2), "98XA00")


def test_a_mapping_for_something_else_is_refused(tmp_path: Path) -> None:
    put(tmp_path, "a.csv", table(ROW))
    with pytest.raises(OverstapError, match="INTAKE-109"):
        applications.read_file(tmp_path / "a.csv", mapping())
    with pytest.raises(OverstapError, match="INTAKE-109"):
        dossiers(tmp_path, PLATFORM)


# --- proposals and trials -------------------------------------------------------------------------------------------


def proposed(*columns: tuple[str, list[str]], about: About = About.DOSSIERS) -> Mapping:
    return propose([Column(name, values) for name, values in columns], name="x", title="x", about=about)


def fields(found: Mapping) -> dict[str, str]:
    return {name: rule.field.removeprefix(f"{PUPIL}/") for name, rule in found.columns.items()}


def test_a_proposal_takes_what_is_sure_and_leaves_the_rest_open() -> None:
    found = proposed(
        ("burgerservicenummer", [bsn(1)]),
        ("achternaam", ["Vis"]),
        ("geb._datum", ["30-3-2015"]),
        ("achternaam_verzorger_2", ["Vis"]),
        ("datum", ["1-2-2027"]),
        ("opmerkingen", ["is vaak ziek"]),
        ("postcode", ["1234 BC"]),
    )
    assert fields(found) == {
        "burgerservicenummer": "bsn",
        "achternaam": "achternaam",
        "geb._datum": "geboortedatum",
        "achternaam_verzorger_2": "verzorger[2]/achternaam",
        "postcode": "adreslijst/adres[1]/postcode",
    }
    assert set(found.open) == {"datum", "opmerkingen"}


def test_values_decide_against_a_name_and_find_a_number_without_one() -> None:
    found = proposed(
        ("geboortedatum", ["onbekend", "?", "8A"]), ("kolom_1", [bsn(one).lstrip("0") for one in range(1, 9)])
    )
    assert fields(found) == {"kolom_1": "bsn"}


@pytest.mark.parametrize(
    ("values", "made"),
    [
        (["m", "v"], {"m": "2", "v": "1"}),
        (["j", "m"], {"j": "2", "m": "1"}),  # a girl, beside boys
        (["Man", "Vrouw", "onbekend"], {"man": "2", "vrouw": "1", "onbekend": "0"}),
        (["m", "m"], None),  # man or meisje: nobody knows
        (["1", "2"], {}),
    ],
)
def test_codes_are_proposed_where_the_values_are_clear(values: list[str], made: dict[str, str] | None) -> None:
    found = proposed(("geslacht", values))
    assert (dict(found.columns["geslacht"].codes) if found.columns else None) == made


def test_remarks_never_become_values_of_a_mapping() -> None:
    found = proposed(("advies", ["havo, maar moeder is ziek", "nog bespreken met Noor", "havo"]))
    assert "ziek" not in to_yaml(found)
    assert found.columns == {}
    known = proposed(("advies", ["havo", "vwo", "havo", "onbekend"]))
    assert known.columns["advies"].codes == {"havo": "60", "vwo": "70", "onbekend": None}


def test_two_columns_for_one_field_are_left_to_a_person() -> None:
    found = proposed(("postcode", ["1234BC"]), ("Postcode", ["1234BC"]))
    assert set(found.open) == {"postcode", "Postcode"}


def test_a_trial_counts_and_the_command_tells(tmp_path: Path) -> None:
    data = table(ROW, with_cell("Advies", "iets anders"), with_cell("BSN", "12345672"))
    told: list[int] = []
    found = try_mapping(data, mapping(), told.append)
    assert sum(told) == 2 * 3, "each row by its columns, and as a whole"
    by_name = {one.column: one for one in found.columns}
    advice = by_name["Advies"]
    assert (advice.filled, advice.taken, dict(advice.refused)) == (3, 2, {"INTAKE-103": 1})
    assert by_name["BSN"].restored == 1
    assert (found.rows, found.usable, list(found.unread)) == (3, 2, ["Cijfer"])
    (tmp_path / "export.csv").write_bytes(data)
    (tmp_path / "las.yaml").write_text(to_yaml(mapping()), encoding="utf-8")
    export = ["intake", "map", str(tmp_path / "export.csv")]
    done = CliRunner().invoke(app, [*export, "--with", str(tmp_path / "las.yaml")])
    assert done.exit_code == 1
    assert "Advies -> huidigeschool/leerling/overstapadvies/advies: gevuld 3, overgenomen 2" in done.output
    assert "Cijfer: wordt niet gelezen" in done.output
    assert "iets anders" not in done.output
    out = tmp_path / "voorstel.yaml"
    done = CliRunner().invoke(app, [*export, "--out", str(out)])
    assert done.exit_code == 1
    assert read_mapping(out).name == "voorstel"
    assert "Şahin" not in out.read_text(encoding="utf-8")


def test_what_is_proposed_is_a_valid_mapping_that_reads_back() -> None:
    columns = read_columns(table(ROW))
    made = propose(columns, name="x", title="x", about=About.DOSSIERS)
    assert Mapping.model_validate(yaml.safe_load(to_yaml(made))) == made
    assert json.loads(schema_text())["additionalProperties"] is False
