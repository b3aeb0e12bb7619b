"""Tests of decisions while pages and database are killed: each confirmed decision is in the ledger exactly once.

The pages, PostgreSQL and the parents are real processes and real HTTP. A parent whose page did not come tries the same
form again, as people do. Moments to strike come of a printed seed.
"""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import psycopg
import pytest
from families import Home, home, open_review_round
from served import Parent, Served, hidden, title

from overstap.ledger.invariants import check
from overstap.ledger.region_keys import EncryptedContent
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.waiting import wait_until

FAMILIES = 12
STRIKES = (2, 7)
"""How many answers are confirmed when something is killed: others are in the middle of theirs."""
_WAIT_SECONDS = 500.0


@pytest.fixture
def at_home(server: EmbeddedPostgres, tmp_path: Path) -> Iterator[Home]:
    with home(server, tmp_path) as found:
        yield found


@pytest.mark.fault("F03", "F23")
def test_every_answer_that_was_confirmed_is_there_once(
    server: EmbeddedPostgres, at_home: Home, tmp_path: Path, random: Random
) -> None:
    review_round = open_review_round(at_home.ledger, FAMILIES)
    families = [family for family in review_round.families() if family.persons]
    review_round.give_codes(families)
    pages = Served(at_home.review_dsn, tmp_path / "review.log").start()
    confirmed: dict[str, str] = {}
    deadline = time.monotonic() + _WAIT_SECONDS
    waiting = list(families)
    lock = threading.Lock()

    def decide() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                family = waiting.pop()
            words = f"Dit is het woord van {family.dossier}"
            while time.monotonic() < deadline:
                parent = Parent(pages.address)
                try:
                    if parent.enter(family).status_code != 200:
                        continue
                    form = hidden(parent.get("antwoord").text, "/nl/antwoord")
                    form |= {"antwoord": "oneens", "zienswijze": words}
                    done = None
                    while done is None and time.monotonic() < deadline:
                        try:
                            found = parent.http.post("/nl/antwoord", data=form)
                            done = found if found.status_code == 200 else None
                        except httpx.HTTPError:
                            time.sleep(0.2)
                    if done is not None and title(done) == "Uw antwoord is ontvangen" and words in done.text:
                        confirmed[str(family.dossier)] = words
                        break
                except (httpx.HTTPError, KeyError):
                    time.sleep(0.2)  # no page, or the page that asks to come back later
                finally:
                    parent.http.close()

    threads = [threading.Thread(target=decide) for _ in range(3)]
    for thread in threads:
        thread.start()
    victims = random.sample(["pages", "postgres"], 2)
    for victim, count in zip(victims, STRIKES, strict=True):
        wait_until(lambda count=count: len(confirmed) >= count, f"{count} answers", _WAIT_SECONDS, 0.02)
        time.sleep(random.uniform(0, 0.1))
        if victim == "pages":
            pages.kill()
            pages.start()
        else:
            os.kill(server._service.pid, signal.SIGKILL)
            server.start()
    for thread in threads:
        thread.join()
    pages.kill()
    print(victims, len(confirmed))

    assert set(confirmed) == {str(family.dossier) for family in families}
    at_home.ledger.close()
    with review_round.unit() as unit:
        rows = unit.rows("select dossier, number, agreed, key_id, view, ground from overstap.review_decision")
        for dossier, number, agreed, key_id, view, ground in rows:
            plain = unit.keys.decrypt(EncryptedContent(key_id, view), f"view/{dossier}/{number}").decode()
            assert (plain, agreed, ground) == (confirmed[str(dossier)], "Nee", "parent_page")
        assert sorted(str(row[0]) for row in rows) == sorted(confirmed)
        recorded = unit.rows(
            "select payload::jsonb ->> 'subject' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'review.record'"
        )
        assert Counter(subject.split("/")[0] for (subject,) in recorded) == Counter(list(confirmed))
        assert check(unit) == []
    with psycopg.connect(at_home.owner_dsn) as owner:
        assert owner.execute("select count(*) from overstap.review_answer").fetchone() == (len(confirmed),)
