"""Tests of the page with the dashboard's panels: same queries, figures that mean what their label says, no script."""

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from answering import Answers, Found, answering, replying
from typer.testing import CliRunner

from overstap.cli import app
from overstap.errors import OverstapError
from overstap.monitoring import charts
from overstap.monitoring.dashboard import DASHBOARD, Panel, hours_shown, panels
from overstap.monitoring.figures import axis, in_words
from overstap.monitoring.page import MOST_LINES, Wanted, draw, page
from overstap.monitoring.prometheus import Prometheus
from overstap.texts import texts

NOON = datetime(2027, 3, 12, 11, 0, tzinfo=UTC)
SHIPPED = json.loads(DASHBOARD.read_text())["panels"]


def made(answers: Answers, asked: list[tuple[str, dict[str, str]]] | None = None, **wanted: Any) -> str:
    """The page of what a server answers."""
    chosen = Wanted(**({"last": NOON, "hours": 24} | wanted))
    with answering(answers, asked) as address, Prometheus(address) as server:
        return page(draw(server, chosen), address, chosen)


def seen(html: str) -> str:
    """What stands on a page, tags taken out."""
    said: list[str] = []

    class Text(HTMLParser):
        def handle_data(self, data: str) -> None:
            said.append(data.strip())

    Text().feed(html.partition("<body>")[2])
    return " ".join(one for one in said if one)


def of(html: str, title: str) -> str:
    """What stands in one panel."""
    [found] = [one for one in html.split("<article")[1:] if f">{title}</h3>" in one]
    return seen("<body><article" + found.partition("</article>")[0])


def only(wanted: str, *found: tuple[dict[str, str], str]) -> Answers:
    """Answer queries that have a word in them, and no other."""
    return lambda query: list(found) if wanted in query else []


def test_it_asks_what_the_dashboard_asks_for_this_period() -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    made(lambda query: [], asked)
    queries = [target["expr"].replace("$region", ".*") for panel in SHIPPED for target in panel["targets"]]
    assert sorted(given["query"] for _, given in asked) == sorted(queries)
    ways = {panel["targets"][0]["expr"].replace("$region", ".*"): panel["type"] for panel in SHIPPED}
    for path, given in asked:
        if ways.get(given["query"]) == "stat":
            assert path == "/api/v1/query"
            assert float(given["time"]) == NOON.timestamp()
        else:
            assert path == "/api/v1/query_range"
            period = (NOON - timedelta(hours=24)).timestamp(), NOON.timestamp()
            assert (float(given["start"]), float(given["end"])) == period
            assert int(given["step"]) == 360


def test_a_region_is_asked_for_alone() -> None:
    asked: list[tuple[str, dict[str, str]]] = []
    html = made(lambda query: [], asked, region="alfa")
    assert 'sum(overstap_rounds{region=~"alfa",state="open"})' in {given["query"] for _, given in asked}
    assert "Alleen regio alfa" in seen(html)


@pytest.mark.parametrize("language", ["nl", "en"])
def test_each_panel_is_there_with_the_dashboards_name_and_says_when_it_has_no_data(language: str) -> None:
    html = made(lambda query: [], language=language)
    words = texts("monitoring/dashboard")["panels"]
    assert list(words) == [panel["title"] for panel in SHIPPED]
    none = {"nl": "Geen gegevens.", "en": "No data."}[language]
    for panel in SHIPPED:
        said = words[panel["title"]]
        assert said["name"]["en"] == panel["title"]
        assert said["what"]["en"] == panel["description"]
        shown = of(html, said["name"][language].replace("'", "&#39;"))
        assert none in shown
        assert said["what"][language] in shown
    assert seen(html).count(none) == len(SHIPPED)


def test_a_value_has_its_unit_and_its_bound() -> None:
    backup = "overstap_backup_age_seconds"
    html = made(only(backup, ({"kind": "ledger"}, "3600"), ({"kind": "keys"}, "126000")))
    assert of(html, "Sinds de laatste back-up").endswith("keys 35 uur ! vraagt aandacht ledger 60 minuten ✓ in orde")
    certificate = "overstap_certificate_remaining_seconds"
    assert "-2 dagen ! vraagt aandacht" in of(
        made(only(certificate, ({}, "-172800"))), "Eerste certificaat dat verloopt"
    )
    assert "nee ! vraagt aandacht" in of(made(only("overstap_ledger_up", ({}, "0"))), "Grootboek leesbaar")
    assert "ja ✓ in orde" in of(made(only("overstap_ledger_up", ({}, "1"))), "Grootboek leesbaar")


def test_a_line_is_named_and_its_last_and_highest_are_told() -> None:
    found = [({"round": "alfa.2026-2027.advice", "state": "in_review"}, "1234")]
    html = made(only("overstap_dossiers{", *found))
    assert of(html, "Dossiers naar toestand").endswith("Hoogste alfa.2026-2027.advice in_review 1.234 1.234")
    [line] = re.findall(r"<polyline[^>]*points=\"([^\"]+)\"", html)
    # Its value is constant: a level line from the left of the chart to the right.
    places = [tuple(map(float, place.split(","))) for place in line.split()]
    assert places[0][0] == 46
    assert places[-1][0] == charts.WIDTH - 12
    assert len({y for _, y in places}) == 1


def test_what_is_no_number_is_no_value() -> None:
    html = made(only("histogram_quantile", ({"service_name": "overstap-school"}, "NaN")))
    assert "Geen gegevens." in of(html, "Duur van een verzoek, 99 van de 100")


def test_where_values_are_missing_the_line_is_interrupted_and_the_last_value_has_its_moment() -> None:
    begin = (NOON - timedelta(hours=24)).timestamp()
    some = [[begin + 360 * place, "5"] for place in (0, 1, 2, 10, 20, 21)]

    def respond(path: str, given: dict[str, str]) -> tuple[int, bytes]:
        found = path.endswith("query_range") and "overstap_audit_uncovered" in given["query"]
        result = [{"metric": {"region": "alfa"}, "values": some}] if found else []
        kind = "matrix" if path.endswith("query_range") else "vector"
        return 200, json.dumps({"status": "success", "data": {"resultType": kind, "result": result}}).encode()

    with replying(respond) as address, Prometheus(address) as server:
        html = page(draw(server, Wanted(NOON, 24)), address, Wanted(NOON, 24))
    assert [len(points.split()) for points in re.findall(r"points=\"([^\"]+)\"", html)] == [3, 2]
    assert html.count("<circle") == 1
    # 21 steps of six minutes after noon of the day before, Dutch time
    assert "alfa 5 van 11-03 14:06 5" in of(html, "Auditregels zonder controlepunt")


def test_no_more_lines_than_can_be_told_apart() -> None:
    many = [({"region": f"r{number:03}"}, str(number)) for number in range(MOST_LINES + 3)]
    html = made(only("overstap_audit_uncovered", *many))
    shown = of(html, "Auditregels zonder controlepunt")
    assert shown.endswith("Niet getekend: 3 lijnen, met lagere laatste waarden.")
    assert "r026" in shown
    assert "r002" not in shown
    looks = re.findall(r"<polyline class=\"(c\d d\d) line\"", html)
    assert len(set(looks)) == len(looks) == MOST_LINES


def test_what_comes_from_labels_is_text_and_there_is_no_script() -> None:
    evil = '</style><script>alert(1)</script>{{ 7*7 }}"><img src=x>'

    def found(query: str) -> Found:
        return [({"region": evil, "round": evil, "state": evil, "kind": evil, "who": evil, "service_name": evil}, "1")]

    html = made(found)
    assert not re.search(
        r"<script|<img|javascript:|\son\w+=|<link|src=", re.sub(r"&[^;]+;", "", html).partition("<body>")[0]
    )
    tags = set(re.findall(r"<([a-zA-Z]+)", html))
    assert not tags & {"script", "img", "link", "iframe", "object", "foreignObject"}
    assert "{{ 7*7 }}" in seen(html)
    assert "default-src 'none'" in html


@pytest.mark.parametrize(
    ("value", "unit", "nl", "en"),
    [
        (0, "s", "0 seconden", "0 seconds"),
        (0.0042, "s", "4 milliseconden", "4 milliseconds"),
        (1, "s", "1 seconde", "1 second"),
        (90, "s", "90 seconden", "90 seconds"),
        (5400, "s", "90 minuten", "90 minutes"),
        (9000, "s", "2,5 uur", "2.5 hours"),
        (302_400, "s", "3,5 dagen", "3.5 days"),
        (-172_800, "s", "-2 dagen", "-2 days"),
        (12_345, "short", "12.345", "12,345"),
        (0.0123, "reqps", "0,012 per seconde", "0.012 a second"),
    ],
)
def test_units_in_words(value: float, unit: str, nl: str, en: str) -> None:
    assert in_words(value, unit, "nl") == nl
    assert in_words(value, unit, "en") == en


@pytest.mark.parametrize(
    ("values", "unit", "said", "levels"),
    [
        ([0.0], "short", "aantal", ["0", "1"]),
        ([3.0], "short", "aantal", ["0", "1", "2", "3"]),
        ([1234.0], "short", "aantal", ["0", "500", "1.000", "1.500"]),
        ([0.5], "short", "aantal", ["0", "0,1", "0,2", "0,3", "0,4", "0,5"]),
        ([100_000.0], "s", "uren", ["0", "10", "20", "30"]),
        ([0.031], "s", "milliseconden", ["0", "10", "20", "30", "40"]),
        ([-10.0, 10.0], "short", "aantal", ["-10", "-5", "0", "5", "10"]),
    ],
)
def test_an_axis_has_round_levels_and_room_for_all(
    values: list[float], unit: str, said: str, levels: list[str]
) -> None:
    found = axis(values, unit, "nl")
    assert found.unit == said
    assert [one for _, one in found.levels] == levels
    assert found.bottom <= min(values)
    assert found.top >= max(values)


@pytest.mark.parametrize("hours", [1, 24, 48, 24 * 30, 24 * 366])
def test_moments_under_a_chart_are_few_and_in_it(hours: int) -> None:
    first = NOON - timedelta(hours=hours)
    drawn = charts.chart([[(NOON.timestamp(), 1.0)]], axis([1.0], "short", "nl"), first, NOON, 60)
    assert 2 <= len(drawn.ticks) <= 8
    assert all(46 <= x <= charts.WIDTH - 12 for x, _ in drawn.ticks)


@pytest.mark.parametrize(
    "address",
    ["", "prometheus:9090", "ftp://x", "http://", "http://a:b@x", "http://x/?a=b", "http://x:99999", "file:///x"],
)
def test_an_address_that_is_none_is_refused_and_not_repeated(address: str) -> None:
    with pytest.raises(OverstapError, match="METRICS-001") as refused:
        Prometheus(address)
    assert "a:b" not in str(refused.value)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, b"not here"),
        (200, b"<html>"),
        (200, b"[" * 100_000),
        (200, b"null"),
        (200, b'{"status": "success"}'),
        (
            200,
            b'{"status": "success", "data": {"resultType": "vector", "result": [{"metric": [], "value": [0, "1"]}]}}',
        ),
        (200, b'{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}, "value": "x"}]}}'),
        (200, b'{"status": "success", "data": {"resultType": "matrix", "result": []}}'),
        (
            200,
            b'{"status": "success", "data": {"resultType": "vector",'
            b'"result": [{"metric": {}, "value": [0, "1e300"]}]}}',
        ),
        (422, b'{"status": "error", "errorType": "execution", "error": "no"}'),
        (302, b""),
        (200, b" " * 21_000_000),
    ],
    ids=[
        "missing",
        "html",
        "deep",
        "null",
        "bare",
        "labels",
        "value",
        "matrix",
        "huge",
        "refused",
        "elsewhere",
        "large",
    ],
)
def test_a_server_that_answers_otherwise_is_told(status: int, body: bytes) -> None:
    refused = pytest.raises(OverstapError, match=f"METRICS-003.*status {status}")
    with replying(lambda *_: (status, body)) as address, Prometheus(address) as server, refused:
        server.at("1", NOON)


def test_what_no_file_can_hold_and_moments_of_another_time_are_left_out() -> None:
    def respond(path: str, given: dict[str, str]) -> tuple[int, bytes]:
        if not path.endswith("query_range"):
            return 200, b'{"status": "success", "data": {"resultType": "vector", "result": []}}'
        values = [[-1e300, "7"], [NOON.timestamp(), "3"], [1e300, "9"]]
        result = [{"metric": {"region": "half \ud800 " + "x" * 100_000}, "values": values}]
        return 200, json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}}).encode()

    with replying(respond) as address, Prometheus(address) as server:
        written = page(draw(server, Wanted(NOON, 24)), address, Wanted(NOON, 24)).encode()
    shown = of(written.decode(), "Auditregels zonder controlepunt")
    assert "half ? xxx" in shown
    assert shown.endswith("x 3 3")
    assert len(written) < 200_000


def test_a_server_that_is_away_is_told() -> None:
    with Prometheus("http://127.0.0.1:9") as server, pytest.raises(OverstapError, match="METRICS-002"):
        server.at("1", NOON)


def test_the_command_writes_the_page_whole_or_not_at_all(tmp_path: Path) -> None:
    written = tmp_path / "page.html"
    run = CliRunner().invoke
    with answering(only("overstap_ledger_up", ({}, "1"))) as address:
        done = run(app, ["metrics", "dashboard", "--from", address, "--output", str(written)])
        assert done.exit_code == 0, done.output
        assert "16 panelen, waarvan zonder gegevens: 15" in done.output
        assert written.read_text().endswith("</html>\n") or written.read_text().endswith("</html>")
        piped = run(app, ["metrics", "dashboard", "--from", address, "--output", "-", "--language", "en"])
        assert piped.stdout.startswith("<!doctype html>")
        assert '<html lang="en">' in piped.stdout
    before = written.read_bytes()
    away = run(app, ["metrics", "dashboard", "--from", "http://127.0.0.1:9", "--output", str(written)])
    assert away.exit_code != 0
    assert written.read_bytes() == before
    wrong = run(app, ["metrics", "dashboard", "--from", address, "--output", "-", "--region", '.*"} or vector(1)'])
    assert wrong.exit_code == 2


def test_the_period_is_the_dashboards_unless_somebody_chooses() -> None:
    assert hours_shown() == 24


def test_every_panel_can_be_drawn() -> None:
    units = texts("monitoring/dashboard")["units"]
    for panel in panels():
        assert isinstance(panel, Panel)
        assert panel.kind in ("stat", "timeseries")
        assert panel.unit in units
        assert {colour for _, colour in panel.thresholds} <= {"green", "red"}
        assert set(panel.names.values()) <= texts("monitoring/dashboard")["values"].keys()
