"""Tests of the styles with which Airflow's pages hide from who only looks what Airflow would refuse."""

import json
from pathlib import Path
from typing import Any

import airflow
import pytest
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from overstap.pages.shared.readers_theme import STYLES, ReadersTheme

HIDDEN = json.loads(STYLES.read_text(encoding="utf-8"))
THEME = {"globalCss": {"button.bin": {"display": "none !important"}}}
LOCALES = Path(airflow.__file__).parent / "ui" / "dist" / "i18n" / "locales"


def client(menus: list[str], status: int = 200, *, menus_status: int = 200, theme: Any = THEME) -> TestClient:
    def answer(request: Request) -> Response:
        assert request.headers["cookie"] == "_token=x", "as the same account"
        if request.url.path.endswith("/ui/config"):
            return JSONResponse({"theme": theme, "other": "é" * 2_000}, status, headers={"set-cookie": "y=z"})
        if request.url.path.endswith("/ui/auth/menus"):
            return JSONResponse({"authorized_menu_items": menus, "extra_menu_items": []}, menus_status)
        return JSONResponse({"path": request.url.path})

    app = GZipMiddleware(Starlette(routes=[Route("/{path:path}", answer)]), minimum_size=1)
    return TestClient(ReadersTheme(app), headers={"cookie": "_token=x"})


@pytest.mark.parametrize("path", ["/ui/config", "/airflow/ui/config"])
def test_who_only_looks_gets_the_styles(path: str) -> None:
    answer = client(["Dags", "Plugins"]).get(path)
    told = answer.json()
    assert told["theme"]["globalCss"] == THEME["globalCss"] | HIDDEN
    assert told["other"] == "é" * 2_000
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["set-cookie"] == "y=z"
    assert client(["Dags"], theme=None).get(path).json()["theme"] == {"globalCss": HIDDEN}


@pytest.mark.parametrize("menus", [["Dags", "Required Actions"], ["Dags", "Connections"]])
def test_who_acts_gets_what_airflow_says(menus: list[str]) -> None:
    assert client(menus).get("/ui/config").json()["theme"] == THEME


def test_a_refusal_stays_one_and_nothing_is_guessed() -> None:
    assert client([], 401).get("/ui/config").status_code == 401
    assert client([], menus_status=500).get("/ui/config").json()["theme"] == THEME
    assert client([]).get("/ui/config/x").json() == {"path": "/ui/config/x"}


def test_it_hides_buttons_as_airflow_names_them() -> None:
    def words(language: str, name: str) -> Any:
        return json.loads((LOCALES / language / f"{name}.json").read_text(encoding="utf-8"))

    selectors = " ".join(HIDDEN)
    for language in ("nl", "en"):
        common, actions = words(language, "common"), words(language, "dags")["runAndTaskActions"]
        wanted = {
            words(language, "components")["triggerDag"]["title"],
            actions["clearAllMapped"]["button"],
            actions["clear"]["buttonTooltip"],
            actions["clearAllMapped"]["buttonTooltip"],
            common["note"]["add"],
            common["note"]["edit"],
        }
        for what in ("dagRun_one", "taskInstance_one"):
            wanted |= {actions[act]["button"].replace("{{type}}", common[what]) for act in ("clear", "markAs")}
        for label in wanted:
            assert f"button[aria-label='{label}']" in selectors, label
