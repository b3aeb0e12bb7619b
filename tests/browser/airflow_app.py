"""Airflow's own application in a page of the browser: how to go from page to page in it, and to know that it is still.

It is one script of seven megabytes, which every load of a page reads anew: two seconds of processor time. Its own links
change what is shown without a load, and so does `App.open`.
"""

from playwright.sync_api import Error, Page, Request, expect

STILL_ROUNDS = 3
PATIENCE_ROUNDS = 25
"""A page that asks on and on is looked at as it is then: nobody waits for one that never is still."""

_GOES = """path => {
    const state = { idx: (history.state?.idx ?? 0) + 1, key: Math.random().toString(36).slice(2), usr: null };
    history.pushState(state, "", path);
    dispatchEvent(new PopStateEvent("popstate", { state }));
}"""
"""What a link of the application does, by way of the button that goes back and forth."""
_IDLE = """() => new Promise(done => {
    const idle = { timeout: 300 };
    requestIdleCallback(() => setTimeout(() => requestIdleCallback(() => done(), idle), 100), idle);
})"""
"""Twice nothing to compute. A browser that draws nothing may never call itself idle, so not without an end."""


class App:
    """Airflow in a page.

    Args:
        page: a page of an account that has signed in, with nothing or with Airflow loaded.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._under_way: set[Request] = set()
        self._asked = 0
        self._is_loaded = page.url != "about:blank"
        page.on("request", self._begun)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)

    def open(self, path: str) -> None:
        """Go to a page as by a link of the application, and wait until it is still; the first one is loaded."""
        if not self._is_loaded:
            self.load(path)
            return
        self.page.evaluate(_GOES, path)
        self._shows_itself()

    def load(self, path: str) -> None:
        """Load a page with all its scripts, as by a link in a mail, and wait until it is still."""
        self._under_way.clear()
        self.page.goto(path)
        self._is_loaded = True
        self._shows_itself()

    def settle(self) -> None:
        """Wait until the page has nothing to compute, and every answer to what it asked, three times in a row."""
        still = 0
        for _ in range(PATIENCE_ROUNDS):
            asked = self._asked
            try:
                self.page.evaluate(_IDLE)
            except Error:  # another page is loaded meanwhile
                self.page.wait_for_load_state()
                self._asked += 1
            still = still + 1 if asked == self._asked and not self._under_way else 0
            if still == STILL_ROUNDS:
                return

    def _shows_itself(self) -> None:
        expect(self.page.get_by_text("Verken", exact=True).first).to_be_visible(timeout=60_000)
        self.settle()

    def _begun(self, request: Request) -> None:
        self._asked += 1
        self._under_way.add(request)

    def _ended(self, request: Request) -> None:
        self._under_way.discard(request)
