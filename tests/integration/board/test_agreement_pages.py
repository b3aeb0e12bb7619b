"""Tests of the calendar with its files, what changed in an agreement, and a page that waits for the collecting."""

import html
import re
from datetime import UTC, timedelta

import pytest
from fastapi.testclient import TestClient
from icalendar import Calendar
from owned import by_owner

from overstap.agreements.change_verdicts import shifted
from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.rounds.round_agreements import add_version
from overstap.ledger.rounds.rounds import get_round
from overstap.pages.board.airflow_port import RunRef, TaskRef
from overstap.pages.board.formatting import when
from overstap.pages.board.person import BoardUser

from .conftest import HOSTILE, VIEWER, Alone

ROUND = "alfa.2026-2027.advice"
OF_DEMO = BoardUser("c.demo", "4", frozenset({"demo"}), frozenset({"demo"}))


def said(text: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def move(ledger: Ledger, **more: object) -> None:
    """Move the last moment of the round, as a coordinator's form does."""
    with ledger.unit("alfa", "coordinator_alfa") as unit:
        found = get_round(unit, ROUND)
        later = found.agreement.round(found.kind).milestones.receipts_due + timedelta(days=2)
        moved = shifted(found.agreement, found.kind, {"receipts_due": later})
        add_version(
            unit,
            ROUND,
            moved,
            origin="form",
            offered_digest=moved.digest,
            taken_by="coordinator_alfa",
            **more,  # type: ignore[arg-type]
        )


def test_what_changed_says_old_new_and_who(client: TestClient, airflow: Alone, ledger: Ledger) -> None:
    path = f"/ronde/{ROUND}/afspraken"
    assert f'href="/rondes{path}"' in client.get(f"/ronde/{ROUND}").text
    assert "is er niets aan de afspraken veranderd" in said(client.get(path).text)
    with ledger.unit("alfa", "test") as unit:
        found = get_round(unit, ROUND)
        old = found.agreement.round(found.kind).milestones.receipts_due
        [name] = [one.name for one in found.agreement.coordinators]
    reason = "Griep {{ 7 * 7 }} <script>alert(1)</script>"
    refused = {"path": "schools.x", "allowed": False, "reason": "not_while_running", "said": f"x: was {HOSTILE}"}
    move(ledger, reason=reason, changes=[refused, {**refused, "reason": "passed", "said": "y: was 1"}])
    page = client.get(path)
    text = said(page.text)
    assert "Advies: Bevestigd uiterlijk" in text
    assert f"Door {name}, formulier" in text
    assert f"Reden: {reason}" in text
    assert str(old.year) in text
    assert "Dit ging niet door" in text
    assert "Kan niet zolang de ronde loopt" in text
    assert "{key}" not in text
    assert "<script>alert" not in page.text
    cells = re.findall(r"<td[^>]*><bdi>([^<]+)</bdi>", page.text)
    assert len(cells) == 2
    assert cells[0] != cells[1]
    airflow.asks = VIEWER
    assert client.get(path).status_code == 200
    airflow.asks = OF_DEMO
    assert client.get(path).status_code == 404


def events(content: bytes) -> dict[str, object]:
    return {str(one["uid"]): one["dtstart"].dt for one in Calendar.from_ical(content).walk("VEVENT")}


def test_the_calendar_has_the_moments_that_hold(client: TestClient, airflow: Alone, ledger: Ledger) -> None:
    page = client.get("/agenda/alfa")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    files = re.findall(r'href="/rondes(/agenda/[^"]+\.ics)"', page.text)
    assert len(files) == 1 + 7  # the region's, five primary and two secondary schools'
    answer = client.get(files[0])
    assert answer.headers["content-type"].startswith("text/calendar")
    assert 'attachment; filename="alfa.ics"' in answer.headers["content-disposition"]
    before = events(answer.content)
    due = "alfa.2026-2027.advice.receipts_due@overstap"
    move(ledger)
    after = events(client.get(files[0]).content)
    assert after[due] - before[due] == timedelta(days=2)  # type: ignore[operator]
    assert set(after) == set(before)
    own = events(client.get(files[1]).content)
    assert set(own) < set(before)
    with ledger.unit("alfa", "test") as unit:
        moved = get_round(unit, ROUND).agreement.round("advice").milestones.receipts_due.astimezone(UTC)
    assert after[due] == moved.replace(microsecond=0)
    assert when(moved, now()) in client.get("/agenda/alfa").text


@pytest.mark.parametrize(
    "path", ["/agenda/beta", "/agenda/nowhere", "/agenda/beta/2026-2027/beta.ics", "/agenda/alfa/2026-2027/99ZZ99.ics",
             "/agenda/alfa/1999-2000/alfa.ics", "/agenda/alfa/..%2F..%2Fx/alfa.ics"]
)  # fmt: skip
def test_another_regions_calendar_is_not_there(client: TestClient, path: str) -> None:
    assert client.get(path).status_code == 404


def test_a_region_without_rounds_has_its_planned_moments(client: TestClient, airflow: Alone) -> None:
    airflow.asks = OF_DEMO
    assert "Advies" in said(client.get("/agenda/demo").text)
    assert events(client.get("/agenda/demo/2026-2027/demo.ics").content)


def test_a_school_that_is_collected_from_says_so_until_it_has_ended(
    client: TestClient, airflow: Alone, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ledger.unit("alfa", "test") as unit:
        school = unit.one("select min(school) from overstap.school where kind = 'PO'")[0]
    path = f"/ronde/{ROUND}/school/{school}"
    monkeypatch.setattr(airflow, "run", lambda dag_id: RunRef(dag_id, "r"))
    for state, query, is_busy, is_done in (
        ("success", "", False, False),
        (None, "", False, False),  # it waits for the moment of collecting
        (None, "?opnieuw=5", True, False),
        ("queued", "?opnieuw=5", True, False),
        ("running", "", True, False),
        ("success", "?opnieuw=5", False, True),
        ("failed", "?opnieuw=5", False, True),
    ):
        task = TaskRef("collect", 0, "x", state)
        monkeypatch.setattr(airflow, "collect_task", lambda run, school, task=task, **_: task)
        text = client.get(f"{path}{query}").text
        assert ("data-busy" in text, "Bezig met ophalen" in text) == (is_busy, is_busy), (state, query)
        assert ("Het ophalen is klaar" in text) == is_done, (state, query)


def test_a_round_that_families_answered_has_no_way_back(client: TestClient, ledger: Ledger) -> None:
    """Families of this round have decided, so there is no way back, whoever asks."""
    by_owner(ledger, "update overstap.round set closed_at = null where region = 'alfa'")
    assert client.get(f"/ronde/{ROUND}/terugnemen").status_code == 409
    assert "terugnemen" not in client.get(f"/ronde/{ROUND}").text
