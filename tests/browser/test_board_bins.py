"""What Airflow's own pages do not offer to a coordinator, since Airflow would refuse it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from .airflow_app import App
from .stage import ALFA, Stage

pytestmark = pytest.mark.boot


def test_no_bin_is_offered(stage: Stage, visit: Callable[..., Page]) -> None:
    """Nobody of a region may delete a round: Airflow refuses it, so its button is not there."""
    page = visit(stage.coordinator(ALFA), "about:blank")
    app = App(page)
    app.load(f"/dags/{stage.dag_id(ALFA)}")
    page.get_by_text("Ronde openen").first.wait_for()
    app.settle()  # it asks for its parts in turn
    buttons = page.locator("button:visible")
    seen = [buttons.nth(number).evaluate("e => e.outerHTML.slice(0, 300)") for number in range(buttons.count())]
    assert [one for one in seen if "Verwijder" in one or "trash" in one.lower()] == [], seen
