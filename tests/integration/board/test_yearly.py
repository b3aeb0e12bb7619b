"""The board's figures of a school year against the year before: page, CSV and workbook."""

import csv
import io
import re
from collections import Counter

import openpyxl
import psycopg
import pytest
from fastapi.testclient import TestClient

from overstap.agreements import RoundKind, load_agreement
from overstap.ledger import Ledger
from overstap.pages.board.app import Board
from overstap.pages.board.views.yearly import APPLICATION_COLUMNS, DOSSIER_COLUMNS
from overstap_tools.bench.filling import Filling, fill
from overstap_tools.project import PROJECT

from .conftest import ADMINISTRATOR, COORDINATOR, HOSTILE, VIEWER, Alone, Filled


@pytest.fixture
def filled() -> Filled:
    return Filled(("alfa", "beta"))


@pytest.fixture
def two_years(board: Board, ledger: Ledger, owner_dsn: str) -> tuple[str, str]:
    """A year before that of alfa, with a hundred dossiers, all confirmed, and no application left."""
    [path] = (board.settings.regions / "alfa").glob("*.yaml")
    agreement = load_agreement(path)
    year = agreement.school_year
    before = f"{int(year[:4]) - 1}-{year[:4]}"
    earlier = agreement.model_copy(update={"school_year": before})
    fill(ledger, owner_dsn, earlier, RoundKind.ADVICE, Filling(100, {"confirmed": 100}))
    with psycopg.connect(owner_dsn) as owner:
        owner.execute("delete from overstap.application where school_year = %s", [before])
        owner.execute(
            "insert into overstap.milestone_passed (region, round_id, milestone, moment, behind) select 'alfa', "
            "%(round)s, 'data_due', now(), jsonb_build_object(min(primary_school), 3) from overstap.dossier "
            "where region = 'alfa'",
            {"round": f"alfa.{before}.advice"},
        )
    return year, before


def rows(content: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))


def counted(owner_dsn: str) -> Counter[tuple[str, str]]:
    with psycopg.connect(owner_dsn) as owner:
        found = owner.execute(
            "select o.school_year, d.state, count(*) from overstap.dossier d join overstap.round o "
            "using (round_id) where d.region = 'alfa' group by 1, 2"
        ).fetchall()
    return Counter({(year, state): count for year, state, count in found})


def test_figures_stand_beside_those_of_the_year_before(
    client: TestClient, two_years: tuple[str, str], owner_dsn: str
) -> None:
    year, before = two_years
    page = client.get("/jaarcijfers/alfa").text
    states = counted(owner_dsn)
    supplied = [sum(count for (of, _), count in states.items() if of == one) for one in two_years]
    line = re.search(r'<th scope="row">aangeleverd</th>(.*?)</tr>', page)
    assert line
    assert re.findall(r'class="number">([^<]+)<', line[1]) == [str(supplied[0]), str(supplied[1]),
                                                             f"+{supplied[0] - supplied[1]}"]  # fmt: skip
    assert "niet meer bekend" in page, "applications of the year before were erased"
    assert "<script>alert(1)" not in page
    assert year in page
    assert before in page


def test_a_figure_counts_a_dossier_once(client: TestClient, two_years: tuple[str, str], owner_dsn: str) -> None:
    year, before = two_years
    found = rows(client.get("/jaarcijfers/alfa/jaarcijfers.csv").content)
    states = counted(owner_dsn)
    for of, name, state in (
        (year, "ingetrokken", "withdrawn"),
        (year, "zonder_school", "no_receiver"),
        (year, "niet_ingezien", "not_inspected"),
        (before, "bevestigd", "confirmed"),
    ):
        assert sum(int(one[name]) for one in found if one["schooljaar"] == of) == states[of, state], name
    for one in found:
        assert int(one["bevestigd"]) <= int(one["verstuurd"]) <= int(one["ingezien"]) <= int(one["aangeleverd"])
    assert Counter(one["te_laat"] for one in found if one["schooljaar"] == before)["ja"] == 1
    assert {one["te_laat"] for one in found if one["schooljaar"] == year} == {""}


@pytest.mark.parametrize(("name", "columns"), [("jaarcijfers", DOSSIER_COLUMNS), ("aanmeldingen", APPLICATION_COLUMNS)])
def test_files_have_the_documented_columns(
    client: TestClient, two_years: tuple[str, str], name: str, columns: tuple[str, ...]
) -> None:
    answer = client.get(f"/jaarcijfers/alfa/{name}.csv")
    assert f"{name}-alfa-{two_years[0]}.csv" in answer.headers["content-disposition"]
    found = rows(answer.content)
    assert tuple(found[0]) == columns
    documented = (PROJECT / "docs" / "board.md").read_text(encoding="utf-8")
    assert ", ".join(f"`{column}`" for column in columns) in " ".join(documented.split())
    book = openpyxl.load_workbook(io.BytesIO(client.get(f"/jaarcijfers/alfa/{name}.xlsx").content))
    sheet = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert tuple(sheet[0]) == columns
    assert len(sheet) == len(found) + 1
    if name == "jaarcijfers":
        assert HOSTILE in [row[3] for row in sheet[1:]], "in a workbook as text"
        assert not any(one["school"].startswith("=") for one in found)


@pytest.mark.parametrize("name", ["", "x.csv", "jaarcijfers.pdf", "jaarcijfers", "..%2F..%2Fgeheim.csv"])
def test_no_other_file(client: TestClient, two_years: tuple[str, str], name: str) -> None:
    assert client.get(f"/jaarcijfers/alfa/{name}").status_code in (404, 307) or not name


def test_who_sees_the_region_sees_its_figures(client: TestClient, two_years: tuple[str, str], airflow: Alone) -> None:
    for who in (COORDINATOR, VIEWER, ADMINISTRATOR):
        airflow.asks = who
        assert client.get("/jaarcijfers/alfa").status_code == 200
    airflow.asks = VIEWER
    for path in ("beta", "beta/jaarcijfers.csv", "nergens", "{{7*7}}"):
        assert client.get(f"/jaarcijfers/{path}").status_code == 404
    airflow.asks = ADMINISTRATOR
    assert "Er zijn nog geen rondes geopend" in client.get("/jaarcijfers/demo").text
