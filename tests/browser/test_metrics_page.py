"""The page of metrics in a real browser: readable by everybody, on a phone and on a desk, light and dark."""

import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from answering import Found, answering
from playwright.sync_api import Browser, Page

from overstap.monitoring.page import Wanted, draw, page
from overstap.monitoring.prometheus import Prometheus

NOON = datetime(2027, 3, 12, 11, 0, tzinfo=UTC)
STATES = ("supplied", "accepted", "rejected", "in_review", "inspected", "not_inspected", "sealed", "confirmed")


def found(query: str) -> Found:
    """Long names and large numbers, as of a region with several rounds."""
    labels = {"service_name": "overstap-receive", "kind": "airflow", "who": "administrator", "region": "haaglanden"}
    rounds = [f"haaglanden.2026-2027.{kind}" for kind in ("advice", "transfer")]
    value = math.pi * 100_000
    return [
        ({**labels, "round": name, "state": state, "outcome": state, "work": state}, f"{value / (place + 1)}")
        for name in rounds
        for place, state in enumerate(STATES)
    ]


@pytest.fixture(params=["nl", "en"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    wanted = Wanted(NOON, 24, request.param)
    with answering(found) as server, Prometheus(server) as asked:
        written = page(draw(asked, wanted), server, wanted)
    (tmp_path / "page.html").write_text(written)
    return (tmp_path / "page.html").as_uri()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off_and_axe_finds_nothing_serious(
    browser: Browser, serious: Callable[[Page], list[str]], address: str, scheme: str
) -> None:
    context = browser.new_context(
        color_scheme="dark" if scheme == "dark" else "light", bypass_csp=True
    )  # axe is a script
    opened = context.new_page()
    opened.goto(address)
    for width in (1280, 640, 390, 320):
        opened.set_viewport_size({"width": width, "height": 844})
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth"), width
    assert serious(opened) == []
    context.close()


def test_the_page_runs_no_script_and_fetches_nothing(browser: Browser, address: str) -> None:
    context = browser.new_context()
    opened = context.new_page()
    asked: list[str] = []
    opened.on("request", lambda request: asked.append(request.url))
    opened.goto(address)
    assert asked == [address]
    assert opened.locator("script, iframe, object, link[rel=stylesheet]").count() == 0
    context.close()
