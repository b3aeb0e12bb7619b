"""The board's file of applications one by one: who gets it, and its documented columns."""

# ruff: noqa: F401, F811 (fixtures of another module)

import csv
import io
import re

from fastapi.testclient import TestClient
from openpyxl import load_workbook
from owned import by_owner

from overstap.ledger import Ledger
from overstap.ledger.rounds import school_applications
from overstap.ledger.rounds.application_list import COLUMNS

from .conftest import HOSTILE, VIEWER
from .test_deciding import FIRST, HERE, OF_BETA, ROUND, SECOND, Asking, airflow, filled, mark, said

FILE, YEAR = f"{HERE}/aanmeldingen", "2026-2027"


def lines_of(content: bytes) -> list[dict[str, str]]:
    head, *found = csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";")
    assert tuple(head) == COLUMNS
    return [dict(zip(head, row, strict=True)) for row in found]


def test_a_coordinator_gets_the_applications_of_the_region(client: TestClient, ledger: Ledger) -> None:
    with ledger.unit("alfa", "test") as unit:
        known = school_applications.listed(unit, YEAR, None)
        [(in_region,)] = unit.rows(
            "select count(*) from overstap.application where region = 'alfa' and school_year = %(year)s", year=YEAR
        )
        schools = {one for (one,) in unit.rows("select distinct secondary_school from overstap.application")}
    assert len(known) == in_region
    assert len(schools) > 1
    by_owner(
        ledger,
        "update overstap.application set stage = 'applied', status = null, preference = 1 where region = 'alfa'",
    )
    by_owner(
        ledger,
        "update overstap.application set status = 'refused', status_reason = 'full', withdrawn_at = now() "
        "where (region, school_year, pupil, secondary_school) = (select region, school_year, pupil, secondary_school "
        "from overstap.application where region = 'alfa' order by pupil limit 1)",
    )
    page = client.get(HERE).text
    for kind in ("csv", "xlsx"):
        assert f'href="/rondes{FILE}.{kind}"' in page
    answer = client.get(f"{FILE}.csv")
    assert answer.headers["cache-control"] == "no-store"
    assert f"aanmeldingen-alfa-{YEAR}.csv" in answer.headers["content-disposition"]
    lines = lines_of(answer.content)
    assert sorted((one["leerling"], one["school_brin"], one["basisschool_brin"]) for one in lines) == sorted(
        (one.sign, one.school_id, one.primary_school_id) for one in known
    )
    assert {one["school_brin"] for one in lines} == schools
    assert {one["voorkeur"] for one in lines} == {"1"}
    [refused] = [one for one in lines if one["status_code"] == "refused"]
    assert (refused["reden"], refused["reden_code"], refused["besluit_uiterlijk"]) == ("geen plaats", "full", "")
    others = [one for one in lines if one is not refused]
    assert {one["status"] for one in others} == {"aangemeld"}
    assert all(re.fullmatch(r"2027-\d\d-\d\d", one["besluit_uiterlijk"]) for one in others)
    assert {one["termijn_voorbij"] for one in lines} == {"nee"}


def test_a_name_that_looks_like_a_formula_is_text(client: TestClient, ledger: Ledger) -> None:
    by_owner(
        ledger,
        "update overstap.school set name = %(name)s where school in (select secondary_school "
        "from overstap.application)",
        name=HOSTILE,
    )
    lines = lines_of(client.get(f"{FILE}.csv").content)
    assert {one["school"][:2] for one in lines} == {"'="}
    sheet = load_workbook(io.BytesIO(client.get(f"{FILE}.xlsx").content)).active
    assert sheet is not None
    head, *rows = sheet.iter_rows()
    assert tuple(cell.value for cell in head) == COLUMNS
    assert len(rows) == len(lines)
    assert {row[COLUMNS.index("school")].data_type for row in rows} == {"s"}
    assert {str(row[COLUMNS.index("leerling")].value) for row in rows} == {one["leerling"] for one in lines}


def test_who_is_no_coordinator_of_the_region_gets_nothing(client: TestClient, airflow: Asking) -> None:
    assert client.get(f"{FILE}.pdf").status_code == 404
    assert client.get(f"/ronde/beta.{YEAR}.advice/aanmeldingen.csv").status_code == 404
    looks_on = type(FIRST)("kijker", "77", FIRST.regions, frozenset(), sees_dossiers=True)
    for who in (VIEWER, SECOND, OF_BETA, looks_on):
        airflow.asks = who
        for kind in ("csv", "xlsx"):
            assert client.get(f"{FILE}.{kind}").status_code == 404, (who, kind)
    for who in (VIEWER, looks_on):
        airflow.asks = who
        assert "aanmeldingen.csv" not in client.get(HERE).text
    airflow.asks = None
    for kind in ("csv", "xlsx"):
        answer = client.get(f"{FILE}.{kind}", follow_redirects=False)
        assert (answer.status_code, "/auth/login/" in answer.headers["location"]) == (303, True)
