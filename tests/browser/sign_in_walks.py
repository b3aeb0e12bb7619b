"""What signing in costs a person: clicks, keys and seconds, told and kept, and judged by nobody's clock.

A walk is printed (`pytest -s`, or `-rP`); with OVERSTAP_TEST_WALKS=folder in the environment it is kept there as a line
of walks.jsonl, with a picture of each page that somebody types at.
"""

import json
import os
import time
from pathlib import Path

from playwright.sync_api import Page

_FOLDER = Path(os.environ["OVERSTAP_TEST_WALKS"]) if os.environ.get("OVERSTAP_TEST_WALKS") else None


class Walk:
    """One sign-in, from the page with the form to the first page behind it.

    Args:
        who: whose it is, and by what means.
        page: the page; its waits are in the seconds, and the person's reading and typing are not.
    """

    def __init__(self, who: str, page: Page) -> None:
        self.who = who
        self.page = page
        self.clicks = 0
        self.keys = 0
        self.seconds = 0.0
        self._since: float | None = time.perf_counter()

    def clicked(self) -> None:
        """Count a click."""
        self.clicks += 1

    def typed(self, text: str) -> None:
        """Count the characters of a text."""
        self.keys += len(text)

    def pressed(self) -> None:
        """Count a key that is no character, such as Tab."""
        self.keys += 1

    def pause(self) -> None:
        """Leave out what a test does beside the walk."""
        if self._since is not None:
            self.seconds += time.perf_counter() - self._since
            self._since = None

    def go_on(self) -> None:
        """Count again."""
        self._since = time.perf_counter()

    def picture(self, name: str) -> None:
        """Keep a picture of the page, when it is asked for; its time is left out."""
        if _FOLDER is not None:
            self.pause()
            _FOLDER.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=_FOLDER / f"{name}.png")
            self.go_on()

    def tell(self) -> None:
        """Print the walk, and keep it where asked."""
        self.pause()
        print(
            f"sign-in walk, {self.who}: {self.clicks} clicks, {self.keys} keys, {self.seconds:.1f} seconds of the pages"
        )
        if _FOLDER is not None:
            _FOLDER.mkdir(parents=True, exist_ok=True)
            line = {"who": self.who, "clicks": self.clicks, "keys": self.keys, "seconds": round(self.seconds, 2)}
            with (_FOLDER / "walks.jsonl").open("a", encoding="utf-8") as kept:
                kept.write(json.dumps(line) + "\n")
