"""What a coordinator's browser hears from Airflow's own pages: no refusal in its console, and no bare traceback."""

from collections.abc import Callable
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, Response

from .stage import ALFA, VIEWER, Stage

pytestmark = pytest.mark.boot

_SETTLES_MS = 6_000
"""A page of Airflow asks for its parts in turn, and again each few seconds."""


def pages_of(stage: Stage, run: str) -> dict[str, str]:
    """Airflow's pages that the guide and the board lead to."""
    dag, of_run = stage.dag_id(ALFA), f"/dags/{stage.dag_id(ALFA)}/runs/{quote(run)}"
    return {
        "home": "/",
        "dags": "/dags",
        "dag": f"/dags/{dag}",
        "runs": f"/dags/{dag}/runs",
        "run": of_run,
        "graph": f"{of_run}?graph=1",
        "task": f"{of_run}/tasks/open",
        "details": f"{of_run}/tasks/open/details",
        "actions": f"{of_run}/required_actions",
        "all actions": "/required_actions",
        "board": "/plugin/rondes",
    }


def refused_to(account: str, pages: dict[str, str], visit: Callable[..., Page]) -> set[str]:
    """Return the requests of Airflow's pages that it refuses to an account, with the page."""
    refused: set[str] = set()
    for name, path in pages.items():
        page = visit(account, "about:blank")
        answers: list[Response] = []
        page.on("response", answers.append)
        page.goto(path)
        page.wait_for_timeout(_SETTLES_MS)
        page.close()
        refused |= {
            f"{name}: {answer.request.method} {urlsplit(answer.url).path} {answer.status}"
            for answer in answers
            if answer.status in (401, 403)
        }
    return refused


def test_nothing_is_refused_to_a_coordinator_or_a_viewer(stage: Stage, visit: Callable[..., Page]) -> None:
    pages = pages_of(stage, stage.run_id(ALFA))
    for account in (stage.coordinator(ALFA), VIEWER):
        assert refused_to(account, pages, visit) == set(), account
