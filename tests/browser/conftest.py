"""A real browser for the tests of pages: headless Chromium as the machine has it, and axe-core in it."""

import os
import shutil
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, BrowserContext, Page, StorageState, expect, sync_playwright

from .sign_in_walks import Walk
from .stage import Stage

expect.set_options(timeout=60_000)  # a busy machine is no fault of the page

_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""The first is the same browser without its windows, for which the others take three times the processor."""
_QUIET = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
"""Without these Chromium asks its makers' servers; a container's root account has no sandbox."""

_STILL = """
if (window.top === window) document.addEventListener("DOMContentLoaded", () => {
    const style = document.createElement("style");
    style.textContent = "*, *::before, *::after { animation: none !important; transition: none !important; }";
    document.head.append(style);
});
"""
"""Airflow's pages turn and pulse while they wait, which takes a browser without a graphics card a whole processor."""

_SERIOUS = """async () => {
    const lesser = axe._audit.rules.filter(rule => ["minor", "moderate"].includes(rule.impact));
    const rules = Object.fromEntries(lesser.map(rule => [rule.id, {enabled: false}]));
    return (await axe.run({resultTypes: ["violations"], rules})).violations;
}"""
"""Without the rules of lesser impact, which take a third of the time: what a rule finds has the impact of the rule."""


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Where the browser is; without one the tests of pages say so and are skipped."""
    named = os.environ.get("OVERSTAP_TEST_BROWSER")
    found = named or next((path for path in map(shutil.which, _NAMES) if path), None)
    if found is None:
        pytest.skip("no Chromium (Debian: apt-get install chromium-headless-shell); or set OVERSTAP_TEST_BROWSER")
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
    source = Axe().axe_script

    def check(page: Page) -> list[str]:
        if not page.evaluate("'axe' in window"):  # reading it takes as long as a check of a small page
            page.evaluate(source)
        return [
            f"{found['id']}: {found['help']}: {', '.join(str(node['target']) for node in found['nodes'])}"
            for found in page.evaluate(_SERIOUS)
            if found["impact"] in {"serious", "critical"}
        ]

    return check


@pytest.fixture(scope="session")
def visit(stage: Stage, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Return a page of an account that has signed in by the form, once: Airflow allows an address five in 40 s."""
    signed_in: dict[str, StorageState] = {}
    contexts: dict[tuple[str, str, int, int], BrowserContext] = {}

    def page(account: str, path: str, *, scheme: str = "light", size: tuple[int, int] = (1280, 900)) -> Page:
        key = (account, scheme, *size)
        if key not in contexts:
            contexts[key] = browser.new_context(
                color_scheme=scheme,  # type: ignore[arg-type]
                viewport={"width": size[0], "height": size[1]},
                locale="nl-NL",
                base_url=stage.address,
                storage_state=signed_in.get(account),
            )
            contexts[key].set_default_timeout(60_000)
            contexts[key].add_init_script(_STILL)
        if account not in signed_in:
            first = contexts[key].new_page()
            first.goto("/")
            walk = Walk(f"{account} at Airflow, by password", first)
            for name, text in (("username", account), ("password", stage.password(account))):
                first.fill(f"input[name={name}]", text)
                walk.typed(text)
            walk.picture("coordinator")
            first.click("[type=submit]")
            walk.clicked()
            first.wait_for_url(lambda url: "/auth/" not in url, wait_until="commit")  # its scripts are of no use here
            walk.tell()
            first.close()
            signed_in[account] = contexts[key].storage_state()
        opened = contexts[key].new_page()
        opened.goto(path)
        return opened

    yield page
    for context in contexts.values():
        context.close()
