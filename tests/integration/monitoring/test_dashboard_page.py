"""Test of the page of metrics with a real server, which real services send to; its picture for docs/monitoring.md.

With OVERSTAP_TEST_IMAGES=1 in the environment the picture is made anew; the hours before the test are made up then.
"""

import io
import json
import os
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import httpx
import psycopg
import pytest
from families import home
from PIL import Image
from playwright.sync_api import sync_playwright
from served import Served
from typer.testing import CliRunner

from overstap.cli import app
from overstap.clock import now
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.project import PROJECT

from . import servers
from .past import backdate, visitors
from .servers import MetricsServer
from .test_export import exporting

_IMAGES = PROJECT / "docs" / "images" if os.environ.get("OVERSTAP_TEST_IMAGES") else None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[MetricsServer]:
    with servers.running(tmp_path) as found:
        yield found


@pytest.fixture
def sends(server: MetricsServer) -> dict[str, str]:
    told = {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": server.otlp, "OTEL_METRIC_EXPORT_INTERVAL": "1000"}
    return told | {"OVERSTAP_LOG_FORMAT": "json"}


@pytest.fixture
def pages(postgres: EmbeddedPostgres, ledger_template: str, tmp_path: Path, sends: dict[str, str]) -> Iterator[Served]:
    """The parents' pages, which send their metrics and log JSON."""
    with home(postgres, tmp_path / "home", ledger_template) as at_home:
        found = Served(at_home.review_dsn, tmp_path / "review.log", env=sends).start()
        try:
            yield found
        finally:
            found.kill()


def test_latencies_and_log_lines_of_a_page_server_are_as_documented(server: MetricsServer, pages: Served) -> None:
    given = "0af7651916cd43dd8448eb211c80319c"
    header = {"traceparent": f"00-{given}-b7ad6b7169203331-01"}
    for _ in range(20):
        assert httpx.get(f"{pages.address}/nl/", headers=header, timeout=60).status_code == 200
    assert httpx.get(f"{pages.address}/nl/code-ABCD-1234", timeout=60).status_code == 404

    [(labels, count)] = server.wait_for('http_server_request_duration_seconds_count{http_response_status_code="404"}')
    assert count == 1
    # Of all that it sends: no path, no address of a visitor.
    known = {"service_name", "service_instance_id", "http_request_method", "http_response_status_code"}
    about_sender = {"__name__", "scope_name", "scope_version"}
    about_sender |= {f"telemetry_sdk_{word}" for word in ("language", "name", "version")}
    assert labels.keys() - about_sender == known
    assert labels["service_name"] == "overstap-review"
    query = "histogram_quantile(0.99, sum by (le, service_name) (http_server_request_duration_seconds_bucket))"
    [(_, seconds)] = server.wait_for(query)
    assert 0 < seconds < 60

    lines = [json.loads(line) for line in pages.log.read_text().splitlines()]  # each line is an object
    assert lines
    for line in lines:
        assert {"@timestamp", "log.level", "message", "ecs.version"} <= line.keys()
        assert line["service"] == {"name": "overstap-review"}
    # The caller's trace where it sent one, else one of the request's own.
    of_requests = [line["trace"]["id"] for line in lines if line["message"].startswith("GET ")]
    assert of_requests[:-1] == [given] * 20
    assert re.fullmatch("[0-9a-f]{32}", of_requests[-1])
    assert of_requests[-1] != given
    assert not re.search("ABCD-1234|127.0.0.1:[0-9]+ - ", pages.log.read_text())


def test_the_page_shows_what_services_sent(
    filled: str, postgres: EmbeddedPostgres, ledger_database: str, server: MetricsServer, pages: Served, tmp_path: Path
) -> None:
    dsn = postgres.dsn("overstap_watch", ledger_database)
    with ExitStack() as stack:
        stack.enter_context(exporting(dsn, server.otlp, tmp_path / "log"))
        [(_, confirmed)] = server.wait_for('overstap_dossiers{region="alfa",state="confirmed"}')
        for _ in range(5):
            httpx.get(f"{pages.address}/nl/", timeout=60)
        server.wait_for('http_server_request_duration_seconds_count{service_name="overstap-review"}')
        written = tmp_path / "page.html"
        command = ["metrics", "dashboard", "--from", server.address, "--output", str(written), "--hours", "1"]
        done = CliRunner().invoke(app, command)
        assert done.exit_code == 0, done.output
    html = written.read_text()
    name = f"alfa.{filled}.advice"
    dossiers = html.partition("Dossiers naar toestand</h3>")[2].partition("</article>")[0]
    [said] = re.findall(rf"<bdi>{name} confirmed</bdi></th><td>([^< ]*)", dossiers)
    assert int(said.replace(".", "")) == confirmed
    [up] = re.findall(r"<h3>Grootboek leesbaar</h3>.*?<b>(\w+)", html, re.DOTALL)
    assert up == "ja"


@pytest.mark.skipif(_IMAGES is None, reason="makes pictures: OVERSTAP_TEST_IMAGES=1")
def test_pictures(
    filled: str, owner_dsn: str, postgres: EmbeddedPostgres, ledger_database: str, server: MetricsServer, tmp_path: Path
) -> None:
    assert _IMAGES is not None
    at = now()
    with psycopg.connect(owner_dsn) as connection:
        for kind, hours in (("ledger", 9), ("airflow", 9), ("keys", 31)):
            made = at - timedelta(hours=hours)
            query = "insert into overstap.backup (what, made_at, made_by) values (%s, %s, 'x')"
            connection.execute(query, [kind, made])
        query = "insert into overstap.certificate (holder, holds_until) values ('99XA00', %s)"
        connection.execute(query, [at + timedelta(days=41)])
    with exporting(postgres.dsn("overstap_watch", ledger_database), server.otlp, tmp_path / "log"):
        server.wait_for('overstap_dossiers{region="beta"}')
        time.sleep(5)
        until = time.time() - 60
        assert backdate(server, 25, until=until) > 50
        visitors(server, 25, until=until)
        server.wait_for('http_server_request_duration_seconds_count{service_name="overstap-desk"}')
        for name, language, size in (("desk", "en", (1280, 900)), ("phone", "nl", (390, 844))):
            written = tmp_path / f"{name}.html"
            command = ["metrics", "dashboard", "--from", server.address, "--output", str(written)]
            done = CliRunner().invoke(app, [*command, "--language", language])
            assert done.exit_code == 0, done.output
            picture(written, _IMAGES / f"metrics-{name}.png", size)


def picture(page: Path, path: Path, size: tuple[int, int]) -> None:
    """Take the picture of a page, on a phone of its beginning; a palette is enough for it."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=servers.program("chromium"), args=["--no-sandbox"])
        opened = browser.new_page(viewport={"width": size[0], "height": size[1]}, color_scheme="light")
        opened.goto(page.as_uri())
        taken = Image.open(io.BytesIO(opened.screenshot(full_page=True)))
        browser.close()
    taken = taken.crop((0, 0, taken.width, min(taken.height, 5 * taken.width)))
    taken.convert("RGB").quantize(96, dither=Image.Dither.NONE).save(path, optimize=True)
