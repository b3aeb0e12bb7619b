"""Parents of the demonstration: the server of their pages, and clients that use them as a browser does."""

import sys
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import httpx

from overstap.clock import dutch_time, now
from overstap.family_languages import languages
from overstap.ledger import Ledger
from overstap.ledger.dossiers.dossiers import contents
from overstap.oso.facts import facts_of
from overstap.oso.reading import read
from overstap.review.codes import issue
from overstap.review.people import people_of
from overstap_tools.demo.forms import hidden
from overstap_tools.demo.sandbox import LEDGER, REGION, DemoSandbox
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until, wait_until_listening

VIEWS = (None, "Wij denken dat ons kind meer aankan dan dit advies zegt.", None)
"""What the families say who use the pages, one each: a view, or that they agree."""
_LONGEST_SECONDS = 600.0


@dataclass(frozen=True, slots=True)
class FamilyLetter:
    """Content of a family's letter."""

    code: str = field(repr=False)
    born: date = field(repr=False)


def start(sandbox: DemoSandbox, postgres: EmbeddedPostgres) -> str:
    """Start the parents' pages; return their address.

    Raises:
        OverstapError: LOCAL-005 or LOCAL-010 when they do not start.
    """
    service = Service(sandbox.folder, "parents")
    service.start(
        [sys.executable, "-m", "overstap", "review", "serve", "--port", str(sandbox.review_port)],
        # Their own login, and no key of the region.
        env={
            "PATH": str(Path(sys.executable).parent),
            "OVERSTAP_REVIEW": postgres.dsn("overstap_review", LEDGER),
            "OVERSTAP_REVIEW_ADDRESS": sandbox.review_address,
        },
    )
    port = sandbox.review_port
    wait_until_listening(service, port)
    return sandbox.review_address


def letters(ledger: Ledger, round_id: str, school: str, most: int) -> list[FamilyLetter]:
    """Give the first families of a school their codes, as the school's letters do.

    Args:
        ledger: the ledger, with the region's keys.
        round_id: the round.
        school: the primary school.
        most: how many families.
    """
    found = []
    with ledger.unit(REGION, "letters") as unit:
        for content in contents(unit, round_id, ["in_review"], primary_school=school):
            dossier = read(content.content)
            people = people_of(unit.keys, facts_of(dossier), dutch_time(now()).date())
            if people and dossier.birth_date is not None:
                found.append((content.ref.dossier, people[0].key, dossier.birth_date))
            if len(found) == most:
                break
        codes = issue(unit, round_id, [(dossier, person) for dossier, person, _ in found])
    return [FamilyLetter(code, born) for code, (_, _, born) in zip(codes, found, strict=True) if code]


def decide(address: str, letter: FamilyLetter, view: str | None) -> str:
    """Sign in with a letter, read the dossier, and answer; return the answer as the receipt says it.

    Raises:
        OverstapError: LOCAL-010 when the window does not open in time.
    """
    with httpx.Client(base_url=address, follow_redirects=True, timeout=30) as browser:

        def is_in() -> bool:
            form = hidden(browser.get("/nl/").text, "/nl/inloggen")
            born = {"dag": letter.born.day, "maand": letter.born.month, "jaar": letter.born.year}
            return browser.post("/nl/inloggen", data=form | born | {"code": letter.code}).status_code == 200

        wait_until(is_in, "the review window", _LONGEST_SECONDS)
        browser.get("/nl/dossier").raise_for_status()
        form = hidden(browser.get("/nl/antwoord").text, "/nl/antwoord")
        answer = {"antwoord": "oneens" if view else "eens", "zienswijze": view or ""}
        page = browser.post("/nl/antwoord", data=form | answer)
        page.raise_for_status()
        dutch = languages()["nl"]
        said = [dutch.plain("receipt.disagreed"), dutch.plain("receipt.agreed")]
        return said[0] if said[0] in page.text else said[1]
