"""A school's roster as it comes in: a file in the drop folder, a view of its database, and what cannot be used."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psycopg
import pytest
from test_walk import PO, REGION, agreement

from overstap.agreements.model import RoundKind
from overstap.errors import OverstapError
from overstap.intake.rosters.collecting import collect_roster, take_file
from overstap.intake.sources.drop_folder import from_drop_folder
from overstap.ledger import Ledger
from overstap.ledger.rosters import matching
from overstap.ledger.rosters.entries import open_entries
from overstap.ledger.rosters.taking import Taken
from overstap.ledger.rounds.rounds import open_round
from overstap.simulation.synthetic.numbers import bsn

YEAR = "2026-2027"
NOW = datetime(2027, 2, 1, 9, tzinfo=UTC)
HEADER = "leerlingnummer;achternaam;geboortedatum;jaargroep"


def table(*numbers: str, group: str = "8") -> bytes:
    return "\n".join(
        (HEADER, *(f"{one};Vis;2015-03-{place + 1:02};{group}" for place, one in enumerate(numbers)))
    ).encode()


def put(folder: Path, name: str, data: bytes, at: datetime = NOW - timedelta(hours=1)) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(data)
    os.utime(folder / name, (at.timestamp(), at.timestamp()))


@pytest.fixture
def opened(ledger: Ledger) -> Ledger:
    with ledger.unit(REGION, "test") as unit:
        open_round(unit, agreement(), RoundKind.ADVICE)
    return ledger


def collect(ledger: Ledger, folder: Path | None, **facts: object) -> Taken | None:
    given = {"region": REGION, "school_year": YEAR, "school": PO, "actor": "collect", "now": NOW, "database": None}
    return collect_roster(ledger, folder=folder, **{**given, **facts})  # type: ignore[arg-type]


def problem(ledger: Ledger) -> str | None:
    with ledger.unit(REGION, "test") as unit:
        found = matching.statuses(unit, YEAR).get(PO)
    return found.refused.code if found and found.refused else None


def on(ledger: Ledger) -> list[str]:
    with ledger.unit(REGION, "test") as unit:
        return sorted(one.person.number for one in open_entries(unit, YEAR, PO))


def test_the_newest_file_in_the_folder_is_taken_in_and_no_dossier_is_looked_for_in_it(
    opened: Ledger, tmp_path: Path
) -> None:
    folder = tmp_path / PO
    put(folder, "leerlingenlijst-oud.csv", table(bsn(1)), NOW - timedelta(days=3))
    put(folder, "Leerlingenlijst groep 8.CSV", table(bsn(2), bsn(3)))
    taken = collect(opened, folder)
    assert taken is not None
    assert (taken.outcome, taken.counts["leavers"]) == ("taken", 2)
    assert on(opened) == [bsn(2), bsn(3)]
    assert list(from_drop_folder(folder, now=NOW, label_key=b"k")) == []
    again = collect(opened, folder)
    assert again is not None
    assert again.outcome == "same"


def test_a_roster_among_the_dossiers_under_another_name_is_told(tmp_path: Path) -> None:
    folder = tmp_path / PO
    put(folder, "export.xml", b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- LAS -->\n<EDEX xmlns='urn:x'><school/></EDEX>")
    [refused] = from_drop_folder(folder, now=NOW, label_key=b"k")
    assert refused.code == "INTAKE-094"  # type: ignore[union-attr]


def test_what_cannot_be_used_is_told_until_one_can_and_changes_nothing(opened: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / PO
    put(folder, "leerlingenlijst.csv", table(bsn(1)))
    collect(opened, folder)
    for data, code in (
        (b"naam;klas\nVis;8\n", "INTAKE-089"),
        (table(bsn(1), group="5"), "INTAKE-093"),
        (b"%PDF-1.7", "TABLE-006"),
        (b"<EDEX><school><brincode>99ZZ</brincode></school></EDEX>", "INTAKE-091"),
        (b"<EDEX><school><schooljaar>2025-2026</schooljaar></school></EDEX>", "INTAKE-092"),
    ):
        put(folder, "leerlingenlijst.csv", data)
        assert collect(opened, folder) is None
        assert problem(opened) == code
        assert on(opened) == [bsn(1)]
    put(folder, "leerlingenlijst.csv", table(bsn(1), bsn(2)))
    collect(opened, folder)
    assert problem(opened) is None


def test_a_link_and_a_file_that_is_being_written_are_not_read(opened: Ledger, tmp_path: Path) -> None:
    folder = tmp_path / PO
    put(folder, "leerlingenlijst.csv", table(bsn(1)), NOW)
    assert collect(opened, folder) is None
    (tmp_path / "elsewhere").write_bytes(table(bsn(1)))
    (folder / "leerlingenlijst.csv").unlink()
    (folder / "leerlingenlijst.csv").symlink_to(tmp_path / "elsewhere")
    assert collect(opened, folder) is None
    assert (problem(opened), on(opened)) == (None, [])
    assert collect(opened, tmp_path / "missing") is None


def test_edexml_says_of_which_moment_it_is(opened: Ledger) -> None:
    def edexml(day: str, *numbers: str) -> bytes:
        pupils = "".join(
            f"<leerling key='{one}'><achternaam>Vis</achternaam><bsn>{one}</bsn><jaargroep>8</jaargroep></leerling>"
            for one in numbers
        )
        return (
            f"<EDEX><school><brincode>{PO[:4]}</brincode><aanmaakdatum>{day}T10:00:00</aanmaakdatum></school>"
            f"<leerlingen>{pupils}</leerlingen></EDEX>"
        ).encode()

    def take(data: bytes) -> Taken:
        return take_file(
            *(opened, data), region=REGION, school_year=YEAR, school=PO, source="page", actor="x", now=NOW, moment=NOW
        )  # fmt: skip

    take(edexml("2027-01-20", bsn(1), bsn(2)))
    with pytest.raises(OverstapError, match="INTAKE-098"):
        take(edexml("2027-01-10", bsn(1)))
    assert on(opened) == [bsn(1), bsn(2)]
    # A clock that runs ahead does not keep later rosters out
    take(edexml("2031-01-10", bsn(1), bsn(2), bsn(3)))
    assert take(edexml("2027-02-01", bsn(1), bsn(2), bsn(4))).outcome == "taken"


VIEW = """
create schema overstap_las;
create view overstap_las.oso_leerlingenlijst as select '99AB' as brincode, '00' as vestigingscode, 'AA1' as leerlingid,
    {number}::text as leerlingnummer, 'Şahin' as achternaam, null::text as voorvoegsel, 'Ali' as roepnaam,
    date '2015-03-30' as geboortedatum, '2' as geslacht, '8' as jaargroep, '8A' as groep,
    null::date as datumuitschrijving
"""


def test_the_view_of_a_database_is_a_roster(opened: Ledger, owner_dsn: str) -> None:
    def connect() -> psycopg.Connection[object]:
        return psycopg.connect(owner_dsn)

    assert collect(opened, None, database=connect) is None  # a supplier without the view
    assert problem(opened) is None
    with psycopg.connect(owner_dsn) as owner:
        owner.execute(VIEW.format(number=f"'{bsn(1)}'"))
    collect(opened, None, database=connect)
    with opened.unit(REGION, "test") as unit:
        [found] = open_entries(unit, YEAR, PO)
        assert matching.statuses(unit, YEAR)[PO].source == "database"
    assert (found.person.name, found.person.sex, found.person.las_key) == ("Ali Şahin", "boy", "AA1")
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("drop schema overstap_las cascade")
        owner.execute("create schema overstap_las; create view overstap_las.oso_leerlingenlijst as select 1 as x")
    collect(opened, None, database=connect)
    assert problem(opened) == "INTAKE-099"
