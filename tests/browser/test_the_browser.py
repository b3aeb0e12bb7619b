"""The tools of the browser tests themselves: what is wrong with a page is found, and a good page passes."""

from collections.abc import Callable

from playwright.sync_api import Browser, Page


def test_axe_finds_what_is_serious_and_passes_what_is_good(
    browser: Browser, serious: Callable[[Page], list[str]]
) -> None:
    page = browser.new_page()
    page.set_content("<html lang=nl><head><title>Goed</title></head><body><main><h1>Goed</h1></main></body></html>")
    assert serious(page) == []
    page.set_content("<html><head><title>Fout</title></head><body><img src='data:,'><input></body></html>")
    assert {line.split(":")[0] for line in serious(page)} >= {"image-alt", "label", "html-has-lang"}
    page.close()
