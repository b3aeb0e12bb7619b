"""Test that the benchmark of pages asks for every route of the board and of the schools' pages; no time is asserted."""

import io
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
from rich.console import Console

from overstap.pages.board import addresses
from overstap.pages.school.app import build_app
from overstap_tools.bench import pages
from overstap_tools.bench.sandbox import bench_sandbox


def test_every_route_is_asked_for_or_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("PUPILS", 200), ("PRIMARY", 6), ("SECONDARY", 3)):
        monkeypatch.setattr(pages, name, value)
    out = io.StringIO()
    # In a thread of its own: a browser test of the same process leaves a running event loop in this one
    with bench_sandbox((pages.REGION,), is_durable=False) as sandbox, ThreadPoolExecutor(1) as pool:
        found = pool.submit(pages.run, Console(file=out, width=200), sandbox, runs=1).result()
    asked = {who: {one.path for one in found if one.who == who} for who in ("bord", "basisschool", "vo-school")}
    app = build_app(object(), is_secure=False)  # type: ignore[arg-type]
    of_schools = [path for path in pages._get_routes(app) if path not in pages.LEFT_OUT]
    for who in ("basisschool", "vo-school"):
        for route in of_schools:
            form = re.sub(r"{\w+(:\w+)?}", "[^/]+", route)
            assert [path for path in asked[who] if re.fullmatch(form, path)], (who, route)
    assert len(asked["bord"]) > 50
    shown = {one.path for one in found if one.status == 200}
    assert {addresses.home(), addresses.pupil_search(pages.REGION), addresses.yearly(pages.REGION)} <= shown
    assert {"/aanmeldingen", "/overdracht", "/overdracht/klassenlijst", "/terugkoppeling", "/plaatsen"} <= shown
    assert all(one.processor_ms >= 0 for one in found)
    assert max(one.processor_ms for one in found) > 0
    assert "not measured: /code" in out.getvalue()
