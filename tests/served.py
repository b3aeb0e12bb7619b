"""Process of the parents' pages, and a client without a browser that reads the forms of the pages."""

import os
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import httpx
from families import Family
from forked import Process, popen

from overstap_tools.local import ports
from overstap_tools.local.waiting import wait_until


@dataclass
class Served:
    """The running service."""

    dsn: str
    log: Path
    port: int = field(default_factory=ports.any_free)
    process: Process | None = None
    env: dict[str, str] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"http://{ports.LOOPBACK}:{self.port}"

    def start(self) -> "Served":
        with self.log.open("ab") as out:
            self.process = process = popen(
                ["-m", "overstap", "review", "serve", "--port", str(self.port)],
                env=os.environ | {"OVERSTAP_REVIEW": self.dsn, "OVERSTAP_REVIEW_ADDRESS": self.address} | self.env,
                stdout=out,
                stderr=out,
            )
        wait_until(lambda: process.poll() is not None or not ports.is_free(self.port), "parents' pages", 180)
        assert process.poll() is None, self.log.read_text()
        return self

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(20)


class _Hidden(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: dict[str, dict[str, str]] = {}
        self._form: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._form = self.forms.setdefault(found.get("action", ""), {})
        elif tag == "input" and found.get("type") == "hidden":
            self._form[found["name"]] = found.get("value", "")


def hidden(page: str, action: str) -> dict[str, str]:
    """Return the hidden fields of the form that is sent there."""
    parser = _Hidden()
    parser.feed(page)
    return parser.forms[action]


class Parent:
    """Somebody who uses the pages as a browser would."""

    def __init__(self, address: str, lang: str = "nl", **more: object) -> None:
        self.lang = lang
        self.http = httpx.Client(base_url=address, follow_redirects=True, timeout=30, **more)  # type: ignore[arg-type]

    def get(self, page: str = "") -> httpx.Response:
        return self.http.get(f"/{self.lang}/{page}")

    def send(self, page: str, to: str, **fields: str) -> httpx.Response:
        """Fill in the form on a page and send it."""
        action = f"/{self.lang}/{to}"
        return self.http.post(action, data={**hidden(self.get(page).text, action), **fields})

    def sign_in(self, code: str, born: object) -> httpx.Response:
        day, month, year = f"{born:%d %m %Y}".split()
        return self.send("", "inloggen", code=code, dag=day, maand=month, jaar=year)

    def enter(self, family: Family, person: int = 0) -> httpx.Response:
        return self.sign_in(family.codes[family.persons[person]], family.born)

    def decide(self, answer: str = "eens", view: str = "", **more: str) -> httpx.Response:
        return self.send("antwoord", "antwoord", antwoord=answer, zienswijze=view, **more)

    def ask(self, text: str, kind: str = "vraag") -> httpx.Response:
        return self.send("vraag", "vraag", soort=kind, tekst=text)


def title(page: httpx.Response) -> str:
    """Return the first heading."""
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
    return re.sub(r"<[^>]+>", "", found[1]).strip() if found else ""
