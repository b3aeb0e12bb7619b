"""Rosters on the board: what is missing of whom, in counts and signs, who looks after it, and who may see it."""

# ruff: noqa: F401, F811 (fixtures of another module)

import csv
import io
import re
from datetime import UTC, date, datetime

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.rosters import matching, taking
from overstap.ledger.rosters.entries import RosterPerson, all_entries
from overstap.ledger.rosters.taking import Leaver, SuppliedRoster
from overstap.simulation.synthetic.numbers import bsn
from overstap_tools.project import PROJECT

from .test_deciding import FIRST, HERE, ROUND, SAME, SECOND, VIEWER, Asking, airflow, filled, mark, said

YEAR = ROUND.split(".")[1]
NUMBERS = [bsn(position) for position in range(7001, 7008)]


def supplied(*numbers: str, at: datetime) -> SuppliedRoster:
    people = [RosterPerson(one, "", f"Geheim {one}", "", "Noor", date(2015, 3, 30), "girl", "8A") for one in numbers]
    return SuppliedRoster("folder", "tabel", f"{at} {numbers}", at, [Leaver(one, "group_8") for one in people], True)


@pytest.fixture
def school(board: object, ledger: Ledger) -> str:
    """A school of the region with a roster of pupils of whom nothing is there."""
    with ledger.unit("alfa", "test") as unit:
        found = str(unit.one("select min(school) from overstap.school where kind = 'PO'")[0])
        taking.take(unit, YEAR, found, supplied(*NUMBERS, at=datetime(2027, 1, 10, tzinfo=UTC)))
    return found


def test_what_is_missing_is_told_with_a_button_until_somebody_looks_after_it(
    client: TestClient,
    airflow: Asking,
    ledger: Ledger,
    school: str,
) -> None:
    page = client.get(HERE)
    assert "7 leerlingen hebben geen dossier en geen aanmelding. Niemand heeft dit nog opgepakt." in said(page)
    assert not any(number in page.text for number in NUMBERS)
    assert "Geheim" not in page.text
    form = {"mark": mark(page), "school": school, "lijst": "neither"}
    there = f"{HERE}/lijst-oppakken"
    for who, headers in ((VIEWER, SAME), (SECOND, SAME), (FIRST, {"Sec-Fetch-Site": "cross-site"})):
        airflow.asks = who
        assert client.post(there, data=form, headers=headers).headers["location"] == f"/rondes{HERE}"
    airflow.asks = FIRST
    for wrong in ({"lijst": "x"}, {"lijst": "dossier_only"}, {"school": "99ZZ00"}, {"mark": "x"}, {"lijst": "\x00"}):
        answer = client.post(there, data={**form, **wrong}, headers=SAME)
        assert answer.headers["location"] == f"/rondes{HERE}"
    with ledger.unit("alfa", "test") as unit:
        assert {one.owner for one in matching.list_counts(unit, ROUND, school)} == {None}
    answer = client.post(there, data=form, headers=SAME)
    assert answer.headers["location"] == f"/rondes{HERE}?gedaan=taken_up#leerlingen"
    assert "Coördinator Regio Alfa zoekt het uit" in said(client.get(HERE))
    assert "geen dossier en geen aanmelding" in said(client.get(f"{HERE}/school/{school}"))


def test_the_file_has_signs_and_no_pupil_for_who_may_see_single_dossiers(
    client: TestClient,
    airflow: Asking,
    ledger: Ledger,
    school: str,
) -> None:
    answer = client.get(f"{HERE}/leerlingenlijst.csv")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    rows = [line.split(";") for line in answer.text.splitlines() if school in line]
    with ledger.unit("alfa", "test") as unit:
        signs = {one.sign for one in matching.listed(unit, ROUND, school)}
    assert {row[3] for row in rows} == signs
    assert not any(secret in answer.text for secret in ("Geheim", *NUMBERS))
    head, *lines = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";")
    page = (PROJECT / "docs" / "board.md").read_text(encoding="utf-8")
    documented = page.partition("## Pupils of whom something is missing")[2].partition("\n## ")[0]
    assert head == re.findall(r"`([^`]+)`", documented)
    sheet = load_workbook(io.BytesIO(client.get(f"{HERE}/leerlingenlijst.xlsx").content)).active
    assert sheet is not None
    cells = [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)]
    assert [row[1:4] for row in cells] == [row[1:4] for row in (head, *lines)]
    assert client.get(f"{HERE}/leerlingenlijst.pdf").status_code == 404
    airflow.asks = VIEWER
    for kind in ("csv", "xlsx"):
        assert client.get(f"{HERE}/leerlingenlijst.{kind}").status_code == 404
        assert f"leerlingenlijst.{kind}" not in client.get(HERE).text


def test_a_roster_that_waits_for_somebody_is_told(client: TestClient, ledger: Ledger, school: str) -> None:
    with ledger.unit("alfa", "test") as unit:
        gone = all_entries(unit, YEAR, school)[0].entry
        taking.take_off(unit, school, gone, "moved")
        taking.take(unit, YEAR, school, supplied(*NUMBERS[:2], at=datetime(2027, 1, 12, tzinfo=UTC)))
        taking.note_refused(unit, YEAR, school, "folder", OverstapError("INTAKE-089", needed="x", missing="achternaam"))
    told = said(client.get(HERE))
    assert "ontbreken in de nieuwste leerlingenlijst" in told
    assert "mist kolommen: achternaam" in told
