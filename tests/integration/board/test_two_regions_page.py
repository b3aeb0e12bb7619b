"""The board's page of pupils who applied in another region too: who sees it, what it says, its search and its files."""

# ruff: noqa: F401, F811 (fixtures of another module)

import csv
import io
import re

import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook
from owned import by_owner

from overstap.ledger import Ledger
from overstap.ledger.comparisons.comparisons import AppliedElsewhere, elsewhere
from overstap.pages.board.views.two_regions import COLUMNS
from overstap_tools.project import PROJECT

from .conftest import VIEWER
from .test_deciding import FIRST, HERE, OF_BETA, ROUND, SAME, SECOND, Asking, airflow, filled, mark, said

PAGE = f"{HERE}/andere-regio"
THERE = "98ZZ00"


def agree(ledger: Ledger, *regions: str) -> None:
    named = ",".join(f'{{"region": "{one}"}}' for one in regions)
    by_owner(
        ledger,
        "update overstap.round_agreement set agreement = jsonb_set(agreement, '{comparisons}', %(named)s::jsonb) "
        "where round_id = %(round)s",
        named=f"[{named}]",
        round=ROUND,
    )


@pytest.fixture
def compared(board: object, ledger: Ledger) -> list[AppliedElsewhere]:
    """Two pupils with a dossier and one application here, one in region beta each: one placed there, one applied."""
    agree(ledger, "beta", "gamma")
    by_owner(ledger, "update overstap.application set stage = 'applied', status = null where region = 'alfa'")
    by_owner(
        ledger,
        "with made as (insert into overstap.comparison (comparison, region, school_year, partner, part, pupils, "
        "question, answer, found, by_whom, begun_at, ended_at) select gen_random_uuid(), region, school_year, 'beta', "
        "'asked', 40, sha256('q'), sha256('a'), 2, 'c.alfa', '2026-11-20 10:15+01', now() from overstap.round "
        "where round_id = %(round)s returning comparison, region, school_year), two as ("
        "select distinct on (a.primary_school) a.pupil from overstap.dossier d join overstap.application a "
        "on a.region = d.region and a.pupil = d.pupil and a.withdrawn_at is null where d.round_id = %(round)s "
        "and d.state <> 'withdrawn' and not exists (select from overstap.application o where o.region = a.region "
        "and o.pupil = a.pupil and o.secondary_school <> a.secondary_school) order by a.primary_school limit 2) "
        "insert into overstap.applied_elsewhere (region, school_year, partner, pupil, secondary_school, state, "
        "comparison) select m.region, m.school_year, 'beta', two.pupil, %(there)s, "
        "case when two.pupil = (select min(pupil) from two) then 'placed' else 'support_examined' end, m.comparison "
        "from made m, two",
        round=ROUND,
        there=THERE,
    )
    with ledger.unit("alfa", "test") as unit:
        return elsewhere(unit, ROUND)


def rows(page: str) -> list[str]:
    return re.findall(r'<tr role="row"><th scope="row".*?</tr>', page, flags=re.DOTALL)


def test_a_coordinator_sees_who_and_where_and_what_to_do(client: TestClient, compared: list[AppliedElsewhere]) -> None:
    placed, examined = sorted(compared, key=lambda one: one.state != "placed")
    assert (placed.state, examined.state) == ("placed", "support_examined")
    assert f'href="/rondes{PAGE}"' in client.get(HERE).text
    page = client.get(PAGE)
    assert "2 leerlingen zijn ook in een andere regio aangemeld" in said(page)
    assert "Regio beta: 2 leerlingen in beide regio" in said(page)
    assert "20 november 2026" in said(page)
    assert "Met regio gamma is dit schooljaar nog niet vergeleken" in said(page)
    lines = {one.sign: next(row for row in rows(page.text) if one.sign in row) for one in compared}
    assert "geplaatst. Vraag de basisschool of de aanmelding in uw regio kan vervallen" in lines[placed.sign]
    assert f"Regio beta, school {THERE}: geplaatst" in lines[placed.sign]
    assert f"Regio beta, school {THERE}: ondersteuning in onderzoek" in lines[examined.sign]
    assert "nog nergens geplaatst" in lines[examined.sign]
    for one in compared:
        assert all(school in lines[one.sign] for school in one.schools)
        assert ": aangemeld</td>" in lines[one.sign]
        assert "nog niemand" in lines[one.sign]
        assert client.get(f"/leerling/alfa/{one.subject}").status_code == 200
    assert not any(name in page.text for name in ("applied", "support_examined"))


def test_where_both_have_a_place_it_says_so(
    client: TestClient, ledger: Ledger, compared: list[AppliedElsewhere]
) -> None:
    by_owner(ledger, "update overstap.application set stage = 'placed', status = null where region = 'alfa'")
    shown = rows(client.get(PAGE).text)
    told = {one.state: row for one in compared for row in shown if one.sign in row}
    assert "in beide regio" in told["placed"]
    assert "aanmelding in de andere regio kan vervallen" in told["support_examined"]


def test_somebody_takes_it_up_and_is_named(client: TestClient, compared: list[AppliedElsewhere]) -> None:
    page = client.get(PAGE).text
    school = compared[0].primary_school
    form = {"mark": mark(client.get(PAGE)), "school": school, "lijst": "two_regions"}
    assert f'name="school" value="{school}"' in page
    assert client.post(f"{HERE}/lijst-oppakken", data=form, headers=SAME).status_code == 303
    after = rows(client.get(PAGE).text)
    assert "nog niemand" not in next(row for row in after if compared[0].sign in row)
    assert "nog niemand" in next(row for row in after if compared[1].sign in row)
    assert compared[1].sign in after[0], "what nobody looks after comes first"


def test_it_is_searched(client: TestClient, compared: list[AppliedElsewhere]) -> None:
    one, other = compared
    for typed in (one.sign, one.sign.replace("-", "").lower(), one.primary_school, f"beta {one.primary_school}"):
        shown = client.get(PAGE, params={"zoek": typed}).text
        assert one.sign in shown, typed
        assert other.sign not in shown, typed
        assert "Alle leerlingen" in shown
    for typed in ("beta", THERE, "", " "):
        assert len(rows(client.get(PAGE, params={"zoek": typed}).text)) == 2, typed
    nothing = client.get(PAGE, params={"zoek": "<script>x" + "9" * 500})
    assert "Geen leerling past bij wat u zoekt" in said(nothing)
    assert "<script>x" not in nothing.text
    found = client.get(f"{PAGE}.csv", params={"zoek": one.sign}).text
    assert one.sign in found
    assert other.sign not in found


def test_the_files_have_the_documented_columns(client: TestClient, compared: list[AppliedElsewhere]) -> None:
    told = client.get(f"{PAGE}.csv")
    assert "attachment" in told.headers["content-disposition"]
    page = (PROJECT / "docs" / "two-regions.md").read_text(encoding="utf-8")
    documented = re.findall(r"`(\w+)`", "".join(re.findall(r"^\| (`\w+`(?:, `\w+`)*) \|", page, flags=re.M)))
    assert tuple(documented) == COLUMNS
    [head, *found] = csv.reader(io.StringIO(told.content.decode("utf-8-sig")), delimiter=";")
    assert tuple(head) == COLUMNS
    lines = [dict(zip(head, row, strict=True)) for row in found]
    assert {(one["leerling"], one["basisschool_brin"], one["school_brin"]) for one in lines} == {
        (one.sign, one.primary_school, school) for one in compared for school in one.schools
    }
    assert {one["andere_status_code"] for one in lines} == {"placed", "support_examined"}
    assert {(one["andere_regio"], one["andere_school_brin"]) for one in lines} == {("beta", THERE)}
    assert {one["vergeleken_op"][:10] for one in lines} == {"2026-11-20"}
    sheet = load_workbook(io.BytesIO(client.get(f"{PAGE}.xlsx").content)).active
    assert sheet is not None
    assert [[str(cell or "") for cell in row] for row in sheet.iter_rows(values_only=True)] == [
        head,
        # The text file marks what a spreadsheet would take for a formula
        *[[cell.removeprefix("'") if cell.startswith("'=") else cell for cell in row] for row in found],
    ]
    assert client.get(f"{PAGE}.pdf").status_code == 404


def test_who_is_no_coordinator_of_the_region_sees_nothing(
    client: TestClient, airflow: Asking, compared: list[AppliedElsewhere]
) -> None:
    looks_on = type(FIRST)("kijker", "77", FIRST.regions, frozenset(), sees_dossiers=True)
    for who in (VIEWER, SECOND, OF_BETA, looks_on):
        airflow.asks = who
        for path in (PAGE, f"{PAGE}.csv", f"{PAGE}.xlsx"):
            assert client.get(path).status_code == 404, (who, path)
    for who in (VIEWER, looks_on):
        airflow.asks = who
        assert "andere-regio" not in client.get(HERE).text


def test_without_anybody_it_says_so(client: TestClient, ledger: Ledger) -> None:
    assert "niet afgesproken om met een andere regio te vergelijken" in said(client.get(PAGE))
    assert "andere-regio" not in client.get(HERE).text
    agree(ledger, "beta")
    page = said(client.get(PAGE))
    assert "Geen leerling is ook in een andere regio aangemeld" in page
    assert "Met regio beta is dit schooljaar nog niet vergeleken" in page
