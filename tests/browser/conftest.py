"""A real browser for the tests of pages: headless Chromium as the machine has it, and axe-core in it."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""Without these Chromium asks its makers' servers; a container's root account has no sandbox."""


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where the browser is; without one the tests of pages say so and are skipped."""
    named = os.environ.get("OVERSTAP_TEST_BROWSER")
    found = named or next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        pytest.skip("no Chromium on this machine (Debian: apt-get install chromium); or set OVERSTAP_TEST_BROWSER")
    return found


@pytest.fixture(scope="session")
def browser(chromium_path: str) -> Iterator[Browser]:
    with sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=chromium_path, args=list(_QUIET))
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def serious() -> Callable[[Page], list[str]]:
    """Return a check of a page by axe-core: what is serious or critical, with where; none is right."""
    axe = Axe()

    def check(page: Page) -> list[str]:
        violations = axe.run(page).response["violations"]
        return [
            f"{found['id']}: {found['help']}: {', '.join(str(node['target']) for node in found['nodes'])}"
            for found in violations
            if found["impact"] in {"serious", "critical"}
        ]

    return check
