"""Files about pupils leave the board with an audit line before them, by whom and with whom in it; others need none."""

# ruff: noqa: F401, F811 (fixtures of another module)

import csv
import io
import json
from collections.abc import Callable
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from owned import by_owner, files_told
from typer.testing import CliRunner

from overstap.cli import app
from overstap.ledger import Ledger, downloads
from overstap.ledger.dossiers.reference import find_by_reference, reference
from overstap.ledger.review import access_log
from overstap.pages.board.app import Board

from .conftest import VIEWER
from .test_deciding import FIRST, HERE, OF_BETA, ROUND, Asking, airflow, filled

TOLD = {"rosters_file": "pupil_list", "applications_file": "applications", "two_regions_file": "two_regions",
        "school_list_file": "fault_list"}  # fmt: skip
WITHOUT = {
    "schools_file": "counts per school, and whom to call there",
    "report_file": "counts per school, and decisions",
    "quality_file": "counts of findings",
    "figures_file": "counts per school and year",
    "places_file": "places of schools, in numbers",
    "calendar_file": "moments of rounds",
}
"""Files of the board without a line in the chain, each with its reason: no pupil is in it."""


def signs(content: bytes, column: str) -> set[str]:
    return {row[column] for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")}


def test_each_file_of_the_board_has_a_line_or_a_reason(client: TestClient) -> None:
    routes = [one for one in client.app.routes if isinstance(one, APIRoute)]  # type: ignore[attr-defined]
    files = {one.endpoint.__name__ for one in routes if one.endpoint.__name__.endswith("_file")}
    assert files == set(TOLD) | set(WITHOUT)
    by_ending = {one.endpoint.__name__ for one in routes if one.path.rpartition("/")[2].count(".")}
    assert by_ending <= files


def test_a_file_of_pupils_is_told_before_it_leaves(client: TestClient, owner_dsn: str, ledger: Ledger) -> None:
    with ledger.unit("alfa", "test") as unit:
        school, dossier = unit.rows("select primary_school, dossier from overstap.dossier order by 2 limit 1")[0]
    there = {
        "applications": (f"{HERE}/aanmeldingen.csv", "leerling"),
        "pupil_list": (f"{HERE}/leerlingenlijst.csv", "Code van de leerling"),
        "two_regions": (f"{HERE}/andere-regio.csv", "leerling"),
        "fault_list": (f"{HERE}/school/{school}/foutenlijst.csv", ""),
    }
    for number, (file, (path, column)) in enumerate(there.items(), 1):
        answer = client.get(path)
        assert answer.status_code == 200, path
        lines = files_told(owner_dsn)
        assert len(lines) == number
        assert (lines[-1]["actor"], lines[-1]["subject"]) == (FIRST.account, ROUND)
        detail = lines[-1]["detail"]
        assert (detail["file"], detail["to"]) == (file, "")
        if column:
            shown = signs(answer.content, column)
            assert detail["pupils"] == len(shown)
            with ledger.unit("alfa", "test") as unit:
                assert detail["signs"] == downloads.recorded_as(unit, shown)
        else:
            assert reference(dossier) in detail["signs"]
    with ledger.unit("alfa", "test") as unit:
        found = access_log.disclosures(unit, dossier)
    told = [(one.purpose, one.actor) for one in found if one.action == "download.take"]
    assert ("fault_list", FIRST.account) in told


def test_a_file_of_applications_is_found_by_dossier_and_no_line_leads_to_a_pupil(
    client: TestClient, owner_dsn: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = signs(client.get(f"{HERE}/aanmeldingen.csv").content, "leerling")
    with ledger.unit("alfa", "test") as unit:
        hashed = {
            reference(UUID(bytes=bytes(row[0][:16]))) for row in unit.rows("select pupil from overstap.application")
        }
        known = dict(
            unit.rows(
                "select pupil, min(dossier::text)::uuid from overstap.dossier where pupil in "
                "(select pupil from overstap.application) group by pupil order by 2"
            )
        )
        pupil, dossier = next(iter(known.items()))
    [line] = files_told(owner_dsn)
    assert shown <= hashed, "as they are shown"
    assert not hashed & set(line["detail"]["signs"]), "when a pupil is erased, nothing in the chain leads there"
    assert line["detail"]["pupils"] == len(shown)
    assert reference(dossier) in line["detail"]["signs"]
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(ledger._where_keys_are))
    for code in (reference(dossier), reference(UUID(bytes=bytes(pupil[:16])))):
        said = CliRunner().invoke(app, ["audit", "who-saw", "alfa", code])
        assert "applications" in said.output, code
    by_owner(ledger, "delete from overstap.application where pupil = %(pupil)s", pupil=pupil)
    with ledger.unit("alfa", "test") as unit:
        assert "applications" in {one.purpose for one in access_log.disclosures(unit, dossier)}


def test_without_its_line_no_file_leaves(
    client: TestClient, board: Board, owner_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise psycopg.OperationalError("the ledger is away")

    monkeypatch.setattr(downloads, "note", fails)
    for path in (f"{HERE}/aanmeldingen.csv", f"{HERE}/leerlingenlijst.xlsx", f"{HERE}/andere-regio.csv"):
        answer = client.get(path)
        assert answer.status_code == 503, path
        assert "content-disposition" not in answer.headers
    assert files_told(owner_dsn) == []


def test_who_gets_no_file_leaves_no_line(client: TestClient, airflow: Asking, owner_dsn: str) -> None:
    for who in (VIEWER, OF_BETA):
        airflow.asks = who
        for name in ("aanmeldingen.csv", "leerlingenlijst.csv", "andere-regio.csv", "school/x/foutenlijst.csv"):
            assert client.get(f"{HERE}/{name}").status_code == 404, name
    assert files_told(owner_dsn) == []


def test_a_large_file_has_some_lines_and_each_pupil_is_found(ledger: Ledger, owner_dsn: str) -> None:
    every = [f"{number:08d}"[:4] + "-" + f"{number:08d}"[4:] for number in range(9_001)]
    with ledger.unit("alfa", "c.een") as unit:
        downloads.note(unit, "pupil_list", ROUND, every)
        downloads.note(unit, "pupil_list", ROUND, [])
    assert [(one["detail"]["pupils"], len(one["detail"]["signs"])) for one in files_told(owner_dsn)] == [
        *((9_001, 4_000), (9_001, 4_000), (9_001, 1_001), (0, 0))
    ]
    with ledger.unit("alfa", "test") as unit:
        for sign in (every[0], every[3_999], every[4_000], every[-1]):
            assert [one.purpose for one in access_log.downloads(unit, sign)] == ["pupil_list"], sign
        assert access_log.downloads(unit, "ZZZZ-ZZZZ") == []
    with ledger.unit("beta", "test") as unit:
        assert access_log.downloads(unit, every[0]) == []


def test_the_command_finds_files_of_a_pupil_without_a_dossier(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    with ledger.unit("alfa", "c.een") as unit:
        assert find_by_reference(unit, "0000-0007") == []
        downloads.note(unit, "applications", "2026-2027", ["0000-0007"], to="98XA00")
    monkeypatch.setenv("OVERSTAP_LEDGER", ledger._dsn)
    monkeypatch.setenv("OVERSTAP_KEYS", str(ledger._where_keys_are))
    said = CliRunner().invoke(app, ["audit", "who-saw", "alfa", "0000-0007", "--json"])
    assert said.exit_code == 0, said.output
    [one] = json.loads(said.stdout)
    assert (one["action"], one["actor"], one["to"], one["purpose"]) == (
        *("download.take", "c.een", "98XA00", "applications"),
    )


@pytest.mark.parametrize(
    ("file", "about", "to", "of"),
    [
        ("Applications", "x", "", []),
        ("applications", "Jan de Vries", "", []),
        ("applications", "x" * 101, "", []),
        ("applications", "x", "de school", []),
        ("applications", "x", "", ["999990019"]),
        ("applications", "x", "", ["Jan de Vries"]),
        ("applications", "x", "", [None]),
        (None, "x", "", []),
        ("applications", None, "", []),
    ],
)
def test_a_line_says_nothing_but_that(ledger: Ledger, file: Any, about: Any, to: str, of: Any) -> None:
    with pytest.raises(psycopg.errors.CheckViolation), ledger.unit("alfa", "x") as unit:
        unit.run(
            "select overstap.note_download(%(file)s, %(about)s, %(to)s, 0, %(of)s::text[])",
            file=file,
            about=about,
            to=to,
            of=of,
        )


def test_nobody_writes_such_a_line_another_way(ledger: Ledger) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), ledger.unit("alfa", "x") as unit:
        unit.run("select overstap.audit('download.take', '{x}', array['{}'])")
