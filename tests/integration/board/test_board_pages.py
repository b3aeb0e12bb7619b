"""Tests of the board's pages over filled rounds: counts, permissions, and names as plain text."""

import csv
import io
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from fastapi.testclient import TestClient
from openpyxl import load_workbook

from overstap.agreements.change_verdicts import shifted
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger, backups, certificate_dates
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds.round_agreements import add_version
from overstap.ledger.rounds.rounds import get_round
from overstap.pages.board import render
from overstap.pages.board.airflow_port import GateQuestion, PausedDag
from overstap.pages.board.app import Board
from overstap.pages.board.formatting import when
from overstap.pages.board.person import BoardUser
from overstap.texts import texts

from .conftest import ADMINISTRATOR, COORDINATOR, HOSTILE, VIEWER, Alone

ROUND = "/ronde/{}.2026-2027.advice"
Count = Callable[[str], int]


@pytest.fixture
def here(client: TestClient) -> str:
    found = re.search(r"/rondes(/ronde/alfa\.[0-9-]+\.advice)", client.get("/").text)
    assert found is not None
    return found[1]


def rows(client: TestClient, here: str, query: str = "") -> list[dict[str, str]]:
    text = client.get(f"{here}/scholen.csv{query}").content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text), delimiter=";"))


def test_counts_are_those_of_the_ledger(client: TestClient, here: str, counted: Count) -> None:
    told = rows(client, here)
    of_alfa = "select count(*) from overstap.dossier where region = 'alfa'"
    for column, condition in (
        ("Aangeleverd", ""),
        ("Afgekeurd", " and state = 'rejected'"),
        ("Bevestigd", " and state = 'confirmed'"),
        ("Verstuurd", " and state in ('sealed', 'confirmed', 'refused', 'undelivered')"),
    ):
        assert sum(int(row[column]) for row in told) == counted(of_alfa + condition) > 0, column
    assert sum(int(row["Verwacht"]) for row in told) == 200
    assert sum(int(row["Onleesbare bestanden"]) for row in told) == counted(
        "select count(*) from overstap.refused_input where region = 'alfa'"
    )
    page = client.get(here)
    assert page.status_code == 200
    schools = page.text.partition('<table class="schools')[2].partition("</table>")[0]
    assert schools.count('<tr role="row"><th scope="row"') == len(told) == 5


def test_what_moved_today_and_each_day(client: TestClient, here: str, counted: Count) -> None:
    """The sum over all days is how it stands, so what moved today is right as well."""
    text = client.get(here).text
    table = text[text.index("Cijfers per dag") :]
    first = re.search(r"<tbody[^>]*><tr[^>]*>(.*?)</tr>", table, re.S)
    assert first is not None
    newest = [int(cell.replace(".", "")) for cell in re.findall(r'class="number">([\d.]+)<', first[1])]
    states = "select count(*) from overstap.dossier where region = 'alfa'"
    assert newest[0] == counted(states)
    assert newest[-1] == counted(f"{states} and state = 'confirmed'")
    today = counted(
        "select count(*) from overstap.dossier_event where region = 'alfa' and to_state = 'confirmed' "
        "and at >= (date_trunc('day', now() at time zone 'Europe/Amsterdam') at time zone 'Europe/Amsterdam')"
    )
    assert f">+{today}<" in text if today else True


def test_a_round_that_is_over_raises_no_alarm(client: TestClient, here: str, owner_dsn: str, counted: Count) -> None:
    """Whatever did not go along stands there still, below a sentence that says what came of the round."""
    over = "De ronde is afgesloten."
    assert over not in client.get(here).text
    with psycopg.connect(owner_dsn) as connection:
        connection.execute("update overstap.round set closed_at = now() where region = 'alfa'")
    page = client.get(here).text
    confirmed = counted("select count(*) from overstap.dossier where region = 'alfa' and state = 'confirmed'")
    assert f"{over} Bevestigd: {confirmed} van 200." in page
    for alarm in ("kunnen niet verder", "zijn er problemen", "is er hetzelfde probleem"):
        assert alarm not in page


def test_a_milestone_that_moved_in_a_running_round_is_told(client: TestClient, here: str, ledger: Ledger) -> None:
    """By the form of a run or by a changed file: what holds now, not what the round began with."""
    later = now().replace(microsecond=0) + timedelta(days=40)
    told = when(later, now())
    assert told not in client.get(here).text
    with ledger.unit("alfa", "c.alfa") as unit:
        found = get_round(unit, here.rpartition("/")[2])
        moved = shifted(found.agreement, found.kind, {"receipts_due": later})
        add_version(unit, found.round_id, moved, origin="form", offered_digest=moved.digest, taken_by="c.alfa")
    for path in (here, "/"):
        assert told in client.get(path).text, path


def test_what_every_page_needs_was_read_before_the_first(client: TestClient, board: Board, airflow: Alone) -> None:
    """Words, templates and agreements: nobody waits for them after a start."""
    texts.cache_clear()
    render._environment.cache_clear()
    board.prepare()
    words, read, made = texts.cache_info().misses, dict(board.agreement_cache._read), render._environment()
    templates = set(made.cache or ())
    assert len(read) == 3
    round_id = "alfa.2026-2027.advice"
    for asks, paths in (
        (
            COORDINATOR,
            (
                "/",
                f"/ronde/{round_id}",
                f"/ronde/{round_id}/school/99AA00",
                f"/ronde/{round_id}/school/99AA00/opnieuw",
                f"/ronde/{round_id}/scholen.csv",
            ),
        ),
        (ADMINISTRATOR, ("/beheer", "/ronde/nowhere")),
    ):
        airflow.asks = asks
        for path in paths:
            assert client.get(path).status_code in (200, 404, 409), path
            assert texts.cache_info().misses == words, path
    assert set(made.cache or ()) == templates
    assert {path: id(found) for path, found in board.agreement_cache._read.items()} == {
        path: id(one) for path, one in read.items()
    }


def test_sort_filter_and_search(client: TestClient, here: str) -> None:
    names = [row["School"] for row in rows(client, here, "?op=naam")]
    assert names == sorted(names, key=lambda name: name.lstrip("'").casefold())
    assert [row["School"] for row in rows(client, here, "?op=naam&om=1")] == names[::-1]
    problems = rows(client, here, "?toon=probleem")
    assert {row["Status"] for row in problems} == {"Probleem"}
    assert [row["School"] for row in rows(client, here, "?zoek=SCRIPT")] == [f"'{HOSTILE}"]
    assert rows(client, here, "?zoek=bestaat+niet") == []
    assert len(rows(client, here, "?op=onzin&toon=onzin&om=onzin")) == 5
    assert "Geen school voldoet hieraan" in client.get(f"{here}?zoek=%3Cscript%3E%22x").text


@pytest.mark.fault("F65", "F71")
def test_names_change_nothing_on_any_page(client: TestClient, here: str, airflow: Alone) -> None:
    hostile = rows(client, here, "?zoek=script")[0]["BRIN en vestiging"]
    pages = ["/", here, f"{here}?zoek={HOSTILE}", f"{here}/school/{hostile}", f"{here}/school/{hostile}/opnieuw"]
    for path in pages:
        text = client.get(path).text
        assert "<script>alert" not in text, path
        assert not re.findall(r"""\son\w+=|style=|javascript:""", text), path
        assert text.count("<script") == 1, path
    assert "&lt;script&gt;alert(1)" in client.get(f"{here}/school/{hostile}").text


@pytest.mark.fault("F65")
def test_a_spreadsheet_holds_no_formula(client: TestClient, here: str) -> None:
    answer = client.get(f"{here}/scholen.xlsx")
    assert "attachment" in answer.headers["content-disposition"]
    sheet = load_workbook(io.BytesIO(answer.content)).active
    cells = [cell for row in sheet.iter_rows() for cell in row]
    assert HOSTILE in {cell.value for cell in cells}
    assert {cell.data_type for cell in cells} == {"s", "n"}
    assert sheet.max_row == 6


def test_report_and_quality_page_are_downloaded(client: TestClient, here: str, counted: Count) -> None:
    page = client.get(here).text
    for path, name in (
        ("rondeverslag.html", "advice.html"),
        ("rondeverslag.csv", "advice.csv"),
        ("kwaliteit.html", "advice-quality.html"),
    ):
        assert f'href="/rondes{here}/{path}" download' in page
        answer = client.get(f"{here}/{path}")
        assert answer.status_code == 200, path
        assert f'attachment; filename="{name}"' in answer.headers["content-disposition"]
    lines = csv.reader(io.StringIO(client.get(f"{here}/rondeverslag.csv").content.decode("utf-8-sig")), delimiter=";")
    assert next(lines) == ["Basisscholen"]
    heading = next(lines)
    schools = [dict(zip(heading, line, strict=True)) for line in lines if len(line) == len(heading)]
    of_alfa = "select count(*) from overstap.dossier where region = 'alfa'"
    assert sum(int(one["Aangeleverd"]) for one in schools) == counted(of_alfa) > 0
    assert sum(int(one["Bevestigd"]) for one in schools) == counted(f"{of_alfa} and state = 'confirmed'")
    html = client.get(f"{here}/rondeverslag.html").text
    assert 'href="advice-quality.html"' in html
    assert "nog geen controlepunt" in html
    assert client.get(f"{here}/rondeverslag.exe").status_code == 404


def test_a_schools_list_is_downloaded_without_keys_of_pupils(
    client: TestClient, here: str, airflow: Alone, owner_dsn: str
) -> None:
    with psycopg.connect(owner_dsn) as owner:
        [(school, dossiers)] = owner.execute(
            "select d.primary_school, count(distinct d.dossier) from overstap.dossier d "
            "join overstap.finding f on f.dossier = d.dossier and f.number = d.version "
            "where d.region = 'alfa' group by 1 order by 2 desc limit 1"
        ).fetchall()
        owner.execute(
            "insert into overstap.refused_input "
            "(region, round_id, primary_school, label, code, facts, key_id, file_name) select 'alfa', round_id, %s, "
            "'bestand 1 (1f0c9a77)', 'DOSSIER-001', jsonb_build_object('version', '9', 'known', '2019.1'), '1', 'x' "
            "from overstap.round where region = 'alfa'",
            [school],
        )
    page = client.get(f"{here}/school/{school}").text
    for kind in ("html", "csv"):
        assert f'href="/rondes{here}/school/{school}/foutenlijst.{kind}" download' in page
    answer = client.get(f"{here}/school/{school}/foutenlijst.csv")
    assert answer.status_code == 200, answer.text
    assert f'filename="advice-{school}.csv"' in answer.headers["content-disposition"]
    found = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    of_dossiers = [row for row in found if row["Waar"] != "onleesbaar bestand"]
    assert len({row["Dossier"] for row in of_dossiers}) == dossiers > 0
    assert {row["Leerling-id"] for row in found} == {""}
    assert all(row["Dossier"] in page for row in of_dossiers), "the sign of a dossier is the same on the page"
    assert "bestand 1 (1f0c9a77)" in {row["Dossier"] for row in found if row["Waar"] == "onleesbaar bestand"}
    html = client.get(f"{here}/school/{school}/foutenlijst.html").text
    assert "zonder naam en zonder leerling-id" in html
    assert "een persoonsgegeven" not in html
    for path in (f"{school}/foutenlijst.exe", "98ZZ00/foutenlijst.csv", "%00/foutenlijst.csv"):
        assert client.get(f"{here}/school/{path}").status_code == 404, path
    airflow.asks = VIEWER
    assert client.get(f"{here}/school/{school}/foutenlijst.csv").status_code == 404
    assert "foutenlijst.csv" not in client.get(f"{here}/school/{school}").text


@pytest.mark.fault("F68")
def test_another_region_is_as_if_it_were_not_there(client: TestClient, here: str, airflow: Alone) -> None:
    other = here.replace("alfa", "beta")
    files = ("/scholen.csv", "/scholen.xlsx", "/rondeverslag.html", "/rondeverslag.csv", "/kwaliteit.html")
    of_school = ("/school/99AB00", "/school/99AB00/opnieuw", "/school/99AB00/foutenlijst.csv")
    for path in ("", *files, *of_school):
        found, nowhere = client.get(other + path), client.get(here.replace("alfa", "nowhere") + path)
        assert found.status_code == nowhere.status_code == 404
        assert found.text == nowhere.text
    assert client.get("/dag/round__beta__advice").status_code == 404
    assert client.get("/beheer").status_code == 404
    assert "Beta" not in client.get("/").text


def test_single_dossiers_are_for_those_with_the_right(
    client: TestClient, here: str, airflow: Alone, counted: Count
) -> None:
    school = rows(client, here)[1]["BRIN en vestiging"]
    text = client.get(f"{here}/school/{school}").text
    shown = re.findall(r">([0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4})<", text)
    own = f"select count(*) from overstap.dossier where region = 'alfa' and primary_school = '{school}'"  # noqa: S608
    assert len(set(shown)) == counted(own) > 0
    airflow.asks = VIEWER
    text = client.get(f"{here}/school/{school}").text
    assert "Per dossier" not in text
    assert 'opnieuw"' not in text


def test_a_round_by_its_dag_and_one_that_has_not_opened(client: TestClient, here: str, airflow: Alone) -> None:
    assert "Basisscholen" in client.get("/dag/round__alfa__advice?run=x").text
    assert "Basisscholen" in client.get("/dag/intake__alfa").text
    assert client.get("/dag/other__alfa__advice").status_code == 404
    airflow.asks = ADMINISTRATOR
    planned = client.get(here.replace("alfa", "demo"))
    assert "Deze ronde is nog niet begonnen." in planned.text
    assert client.get(here.replace("alfa", "demo") + "/school/99AA00").status_code == 404


def test_the_administrators_page(client: TestClient, airflow: Alone, app_dsn: str) -> None:
    airflow.asks = ADMINISTRATOR
    text = client.get("/beheer").text
    assert "Nooit gemeld" in text
    assert text.index("afgekeurd en niet hersteld") < text.index("Gepland")
    for kind in backups.KINDS:
        backups.record(app_dsn, kind, "test")
    assert "Nooit gemeld" not in client.get("/beheer").text


def test_signed_out_and_forms(client: TestClient, here: str, airflow: Alone) -> None:
    school = rows(client, here)[1]["BRIN en vestiging"]
    form = f"{here}/school/{school}/opnieuw"
    assert client.get(form).status_code == 409  # nothing runs in this Airflow
    assert client.post(form, data={"note": "x", "mark": "y"}).status_code == 422
    airflow.asks = None
    assert client.get("/").headers["location"] == "/auth/login/?next=/"
    assert client.post(form, data={"note": "x", "mark": "y"}).status_code == 401
    for path in ("/docs", "/openapi.json", "/redoc"):
        assert client.get(path).status_code == 404


def test_an_agreement_that_cannot_be_read_is_told(client: TestClient, airflow: Alone, tmp_path: Path) -> None:
    path = next((tmp_path / "regions" / "alfa").glob("*.yaml"))
    path.write_text("region: [", encoding="utf-8")
    assert "kunnen niet worden gelezen" in client.get("/").text


def test_looking_writes_nothing_and_has_no_key(app_dsn: str, ledger: Ledger) -> None:
    read_only_ledger = ReadOnlyLedger(app_dsn)
    with read_only_ledger.region("alfa") as unit:
        with pytest.raises(OverstapError, match="LEDGER-013"):
            unit.keys.lookup("pupil", "123")
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            unit.run("insert into overstap.school values ('alfa', '99AA00', 'x', 'PO', 'x')")
    with pytest.raises(OverstapError, match="LEDGER-007"), read_only_ledger.region("nowhere"):
        pass
    read_only_ledger.close()


@pytest.mark.fault("F24")
def test_a_ledger_that_does_not_answer_is_a_page(
    airflow: Alone, tmp_path: Path, client: TestClient, owner_dsn: str
) -> None:
    from overstap.pages.board.app import Board, make_app
    from overstap.settings import Settings

    nowhere = Settings(ledger="host=127.0.0.1 port=1 user=x dbname=x password=geheim", regions=tmp_path / "regions")
    with TestClient(make_app(Board(airflow, lambda: nowhere))) as broken:
        answer = broken.get("/")
    assert answer.status_code == 503
    assert "LEDGER-006" in answer.text
    assert "geheim" not in answer.text
    # After the server cut all connections the next look is a new one.
    airflow.asks = COORDINATOR
    with psycopg.connect(owner_dsn, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'overstap board'"
        )
    assert client.get("/").status_code == 200


def test_certificates_are_known_without_their_folder(client: TestClient, airflow: Alone, app_dsn: str) -> None:
    airflow.asks = ADMINISTRATOR
    assert "Nog niet bekeken" in client.get("/beheer").text
    for _ in range(2):
        seen = {"98XA00 tls-1": now() + timedelta(days=400), "98XB00 tls-1": now() + timedelta(days=5)}
        certificate_dates.note(app_dsn, seen)
    assert "Verloopt binnenkort: 1 van 2. Als eerste dat van 98XB00 tls-1" in client.get("/beheer").text


def test_the_checks_of_doctor_are_on_a_page_for_administrators(
    client: TestClient, airflow: Alone, board: Board
) -> None:
    assert client.get("/beheer/controle").status_code == 404
    airflow.asks = ADMINISTRATOR
    assert 'href="/rondes/beheer/controle"' in client.get("/beheer").text
    broken = board.settings.regions / "kapot" / "2026-2027.yaml"
    broken.parent.mkdir()
    broken.write_text("region: [")
    page = client.get("/beheer/controle").text
    wrong, good = page.index("agreement kapot/2026-2027.yaml"), page.index("PostgreSQL")
    assert wrong < good
    assert "It stops this region only" in page
    assert "keys alfa" not in page, "what this process cannot see is no line"
    assert "postgresql://" not in page


def test_today_shows_first_what_waits(client: TestClient, airflow: Alone) -> None:
    """The question with its button, the schools to call and the moments of today, before timeline and rounds."""
    waits = GateQuestion(
        "{{ 7 * 7 }} <b>Vrijgeven</b>",
        "/dags/round__alfa__advice/runs/r/tasks/t/required_actions",
        None,
        "release_for_review",
        2,
    )
    airflow.questions = lambda dag_id: [waits] if dag_id == "round__alfa__advice" else []  # type: ignore[method-assign]
    page = client.get("/").text
    assert page.index("Vandaag") < page.index("Tijdlijn")
    assert "{{ 7 * 7 }} &lt;b&gt;Vrijgeven&lt;/b&gt;" in page
    assert 'href="/rondes/ronde/alfa.2026-2027.advice/besluit/release_for_review/2"' in page
    assert "Scholen om te bellen" in page
    assert "Er wacht niets op u" not in page


def test_a_paused_dag_is_red_on_its_own_regions_board(client: TestClient, airflow: Alone) -> None:
    """Airflow itself says nowhere that nothing of it starts; who only looks on is told without the button."""
    off = [
        PausedDag("alfa", "{{ 7 * 7 }} <b>Alfa</b>: berichten", "/dags/notices__alfa"),
        PausedDag("beta", "Regio Beta: dagelijks ophalen", "/dags/intake__beta"),
    ]
    airflow.paused = lambda: off  # type: ignore[method-assign]
    page = client.get("/").text
    assert page.index("Dit staat uit") < page.index("Vandaag")
    assert "{{ 7 * 7 }} &lt;b&gt;Alfa&lt;/b&gt;: berichten" in page
    assert 'href="/dags/notices__alfa"' in page
    assert "Regio Beta" not in page
    airflow.asks = VIEWER
    page = client.get("/").text
    assert "Dit staat uit" in page
    assert 'href="/dags/notices__alfa"' not in page
    airflow.paused = list  # type: ignore[method-assign]
    assert "Dit staat uit" not in client.get("/").text


def test_a_region_in_which_nothing_waits_says_so(client: TestClient, airflow: Alone) -> None:
    airflow.asks = BoardUser("c.demo", "4", frozenset({"demo"}), frozenset({"demo"}))
    page = client.get("/").text
    assert "Er wacht niets op u." in page
    assert "Scholen om te bellen" not in page
