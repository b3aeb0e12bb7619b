"""Tests of the empty lists for Airflow's own pages: their paths and forms are Airflow's, and nobody else gets them."""

import json
import re
import subprocess
import sys

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from overstap.pages.shared.withheld_lists import EMPTY, WithheldLists

OF_A_PAGE = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "empty"}
PATHS = [re.sub(r"\[\^/\]\+", "round__alfa__advice", path) for path in EMPTY]


def client(status: int = 403) -> TestClient:
    def answer(request: Request) -> Response:
        kept = {"set-cookie": "token=x", "etag": "w"}
        return JSONResponse({"detail": "secret of Beta"}, status, headers=kept)

    every = Route("/{path:path}", answer, methods=["GET", "POST"])
    return TestClient(WithheldLists(Starlette(routes=[every])), headers=OF_A_PAGE)


@pytest.mark.parametrize("path", PATHS)
def test_a_refused_list_is_empty_for_a_page(path: str) -> None:
    answer = client().get(path)
    assert answer.status_code == 200
    assert answer.json() in EMPTY.values()
    assert "Beta" not in answer.text
    assert answer.headers["content-length"] == str(len(answer.content))
    assert answer.headers["set-cookie"] == "token=x"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("status", [200, 401, 404, 500])
def test_all_other_answers_pass(status: int) -> None:
    answer = client(status).get(PATHS[0])
    assert (answer.status_code, answer.json()) == (status, {"detail": "secret of Beta"})


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "none"}, {"sec-fetch-dest": "document"}],
    ids=["another site", "by hand", "as a page"],
)
def test_who_is_no_page_of_ours_is_refused(headers: dict[str, str]) -> None:
    assert client().get(PATHS[0], headers=headers).status_code == 403


def test_nothing_else_is_answered() -> None:
    for path in ("/api/v2/importErrors/7", "/api/v2/assets", "/api/v2/eventLogs", "/api/v2/variables", "/api/v2/dags"):
        assert client().get(path).status_code == 403, path
    assert client().post(PATHS[0]).status_code == 403


def test_paths_and_forms_are_those_of_airflow() -> None:
    """In a process of its own, as everything that imports Airflow's server."""
    done = subprocess.run([sys.executable, "-c", _OF_AIRFLOW], capture_output=True, text=True, check=True)
    models = json.loads(done.stdout.splitlines()[-1])
    for pattern, empty in EMPTY.items():
        [wanted] = [fields for path, fields in models.items() if re.fullmatch(pattern, path)]
        assert {name for name, is_needed in wanted.items() if is_needed} <= set(empty) <= set(wanted), pattern


_OF_AIRFLOW = """
import json
from airflow.api_fastapi.core_api.routes.public import public_router
from airflow.api_fastapi.core_api.routes.ui import ui_router

found = {}
for router in (public_router, ui_router):
    for route in router.routes:
        model = getattr(route, "response_model", None)
        if "GET" in getattr(route, "methods", ()) and hasattr(model, "model_fields"):
            found[route.path] = {name: field.is_required() for name, field in model.model_fields.items()}
print(json.dumps(found))
"""
