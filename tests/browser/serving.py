"""The board alone on a port of this machine, without Airflow, for tests of its pages; and what each page must be."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, Page

from overstap.pages.board import addresses
from overstap.pages.board.app import Board, make_app
from overstap_tools.local import ports
from overstap_tools.local.waiting import wait_until

DESK, PHONE = (1280, 900), (390, 844)
_PICTURES = os.environ.get("OVERSTAP_TEST_IMAGES_FOLDER")


@contextmanager
def serve(board: Board) -> Iterator[str]:
    """Serve a board; yield the address."""
    app, port = FastAPI(), ports.any_free()
    app.mount(addresses.PREFIX, make_app(board))
    server = uvicorn.Server(uvicorn.Config(app, host=ports.LOOPBACK, port=port, log_level="warning"))
    running = threading.Thread(target=server.run, daemon=True)
    running.start()
    wait_until(lambda: server.started, "the board", 60)
    try:
        yield f"http://{ports.LOOPBACK}:{port}"
    finally:
        server.should_exit = True
        running.join()
        board.read_only_ledger.close()


@contextmanager
def pages_at(address: str, browser: Browser) -> Iterator[Callable[..., Page]]:
    """Yield a maker of pages at an address; at the end nothing may have been an error in the browser's console."""
    contexts = []
    complaints: list[str] = []

    def page(size: tuple[int, int] = DESK, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            color_scheme=scheme,  # type: ignore[arg-type]
            locale="nl-NL",
            base_url=address,
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        opened = context.new_page()
        opened.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        return opened

    yield page
    for context in contexts:
        context.close()
    assert complaints == []


def sound(page: Page, serious: Callable[[Page], list[str]], name: str, *, is_long: bool = False) -> None:
    """Axe finds nothing, and nothing needs scrolling sideways, on a desk and on a phone.

    Args:
        page: the page.
        serious: the check by axe.
        name: what it is called, also in OVERSTAP_TEST_IMAGES_FOLDER.
        is_long: whether a picture shows its beginning only.
    """
    assert serious(page) == [], name
    for size, said in ((PHONE, f"{name}-phone"), (DESK, name)):
        page.set_viewport_size({"width": size[0], "height": size[1]})
        assert page.evaluate("document.documentElement.scrollWidth") <= size[0], said
        if _PICTURES:
            page.screenshot(path=Path(_PICTURES) / f"{said}.png", full_page=not is_long)
