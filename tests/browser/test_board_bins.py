"""What Airflow's own pages do not offer to a coordinator, since Airflow would refuse it."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from .stage import ALFA, Stage

pytestmark = pytest.mark.boot

_SETTLES_MS = 6_000
"""A page of Airflow asks for its parts in turn."""


def test_no_bin_is_offered(stage: Stage, visit: Callable[..., Page]) -> None:
    """Nobody of a region may delete a round: Airflow refuses it, so its button is not there."""
    page = visit(stage.coordinator(ALFA), f"/dags/{stage.dag_id(ALFA)}")
    page.get_by_text("Ronde openen").first.wait_for()
    page.wait_for_timeout(_SETTLES_MS)
    buttons = page.locator("button:visible")
    seen = [buttons.nth(number).evaluate("e => e.outerHTML.slice(0, 300)") for number in range(buttons.count())]
    assert [one for one in seen if "Verwijder" in one or "trash" in one.lower()] == [], seen
