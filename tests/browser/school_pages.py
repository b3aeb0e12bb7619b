"""The schools' pages in a browser: signing in, sizes, and what every page has to be."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page, ViewportSize
from school_service import PASSWORD, School

from overstap_tools.project import PROJECT

PHONE: ViewportSize = {"width": 390, "height": 844}
DESK: ViewportSize = {"width": 1200, "height": 900}
NARROWEST: ViewportSize = {"width": 320, "height": 640}
IMAGES = PROJECT / "docs" / "images" if os.environ.get("OVERSTAP_TEST_IMAGES") else None
"""Where pictures go when they are asked for."""
_PATIENCE = 60_000
_LONGEST = 2_000


@contextmanager
def signed_in(browser: Browser, school: School, account: str) -> Iterator[Page]:
    """Yield a page on which somebody signed in by password."""
    context = browser.new_context(viewport=DESK, locale="nl-NL", accept_downloads=True)
    context.set_default_timeout(_PATIENCE)
    opened = context.new_page()
    opened.goto(school.address)
    opened.get_by_label("Account").fill(account)
    opened.get_by_label("Wachtwoord").fill(PASSWORD)
    opened.get_by_role("button", name="Inloggen").click()
    yield opened
    context.close()


def sound(page: Page, serious: Callable[[Page], list[str]], name: str, *, is_long: bool = False) -> None:
    """Axe finds nothing, and a phone of 320 pixels needs no scrolling sideways; a picture of a long page is cut off."""
    assert serious(page) == [], name
    page.set_viewport_size(NARROWEST)
    assert page.evaluate("document.documentElement.scrollWidth") <= NARROWEST["width"], name
    if IMAGES is not None:
        for kind, size in (("desk", DESK), ("phone", PHONE)):
            page.set_viewport_size(size)
            page.screenshot(
                path=IMAGES / f"school-{name}-{kind}.png",
                full_page=True,
                clip={"x": 0, "y": 0, "width": size["width"], "height": _LONGEST} if is_long else None,
            )
    page.set_viewport_size(DESK)
