"""Tests of unresolved items on the board, from real events in the ledger, until they are resolved."""

import html
import re
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from fastapi.testclient import TestClient

from overstap.clock import now
from overstap.ledger import Ledger
from overstap.ledger.delivery import circuit_breaker, non_delivery, results, test_messages
from overstap.ledger.delivery.test_messages import TestMessage, TestMessageResult
from overstap.ledger.dossiers import outstanding, without_receiver
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review import parent_requests
from overstap.ledger.rounds import registrations
from overstap.ledger.rounds.registrations import RefusedRegistration

from .conftest import VIEWER, Alone


@pytest.fixture
def round_id(client: TestClient, ledger: Ledger) -> str:
    with ledger.unit("alfa", "test") as unit:
        return str(unit.one("select round_id from overstap.round")[0])


def said(client: TestClient, path: str) -> str:
    """Return the words of a page, as a reader has them."""
    answer = client.get(path)
    assert answer.status_code == 200
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", answer.text)).split())


def column(ledger: Ledger, query: str, **values: object) -> list[str]:
    with ledger.unit("alfa", "test") as unit:
        return [row[0] for row in unit.rows(query, **values)]


def test_dossiers_of_nobody_get_an_owner(client: TestClient, ledger: Ledger, round_id: str) -> None:
    with ledger.unit("alfa", "test") as unit:
        [*waiting] = outstanding.without_receiver(unit, round_id)
        assert waiting
        assert {one.owner for one in waiting} == {None}
        school = waiting[0].primary_school
        assert sum(one.count for one in waiting) == len(without_receiver.waiting(unit, round_id))
    assert "en niemand heeft dit nog opgepakt" in said(client, f"/ronde/{round_id}/school/{school}")
    with ledger.unit("alfa", "c.jansen") as unit:
        without_receiver.assign_owner(unit, round_id, "c.jansen", school=school)
        [taken] = outstanding.without_receiver(unit, round_id, school)
        assert (taken.owner, taken.count) == ("c.jansen", waiting[0].count)
    text = said(client, f"/ronde/{round_id}/school/{school}")
    assert "dit zoekt c.jansen uit" in text
    assert "en niemand heeft dit nog opgepakt" not in text
    assert "c.jansen zoekt het uit" in said(client, f"/ronde/{round_id}")


def test_who_did_not_pass_before_the_round(client: TestClient, ledger: Ledger, round_id: str) -> None:
    assert "Proefberichten" not in said(client, f"/ronde/{round_id}")
    [first, second, *_] = column(ledger, "select school from overstap.school where kind = 'PO' order by school")
    [receiver, *_] = column(ledger, "select school from overstap.school where kind = 'VO' order by school")
    message = TestMessage(uuid4(), first, receiver, bytes(32), bytes(32))
    with ledger.unit("alfa", "test") as unit:
        test_messages.begin(unit, round_id, message, sent_by="test")
        test_messages.note_obstacles(unit, round_id, {second: "TRUST-001"}, examined=[first, second])
    with ledger.unit("alfa", "test") as unit:
        test_messages.settle(unit, TestMessageResult(message.message_id, "accepted", None, b"receipt"))
    text = said(client, f"/ronde/{round_id}")
    assert "2 scholen zijn bereikt, 1 niet," in text
    assert "Het proefbericht lukt niet" in said(client, f"/ronde/{round_id}/school/{second}")
    assert "Proefbericht aangekomen" in said(client, f"/ronde/{round_id}/school/{first}")
    with ledger.unit("alfa", "test") as unit:
        test_messages.note_obstacles(unit, round_id, {}, examined=[second])
    assert "Het proefbericht lukt niet" not in said(client, f"/ronde/{round_id}/school/{second}")


def test_what_lies_uncollected_is_told_after_two_days(
    client: TestClient, ledger: Ledger, round_id: str, owner_dsn: str
) -> None:
    def put_ready(days: int) -> None:
        with psycopg.connect(owner_dsn) as connection:
            connection.execute(
                "update overstap.delivery set offered_at = now() - make_interval(days => %s), problem = null "
                "where round_id = %s and secondary_school = %s and state = 'sealed'",
                [days, round_id, receiver],
            )

    [receiver, *_] = column(
        ledger,
        "select l.secondary_school from overstap.delivery l join overstap.dossier d using (dossier) "
        "where l.state = 'sealed' and d.state = 'sealed' group by 1 order by count(*) desc",
    )
    put_ready(1)
    with ledger.unit("alfa", "test") as unit:
        ready = {school: to for school, to in outstanding.not_collected(unit, round_id).items() if receiver in to}
    school, count = next((school, to[receiver]) for school, to in ready.items())
    assert "nog niet opgehaald, sinds" in said(client, f"/ronde/{round_id}")
    assert "nog niet opgehaald" not in said(client, f"/ronde/{round_id}/school/{school}")
    put_ready(3)
    told = "1 dossier staat klaar en is" if count == 1 else f"{count} dossiers staan klaar en zijn"
    assert f"{told} nog niet opgehaald." in said(client, f"/ronde/{round_id}/school/{school}")


def test_what_was_told_undelivered_and_arrived_after_all(
    client: TestClient, ledger: Ledger, round_id: str, owner_dsn: str
) -> None:
    with ledger.unit("alfa", "test") as unit:
        assert outstanding.reported_undelivered(unit, round_id) == []
        given_up = non_delivery.mark_undelivered(unit, round_id)
    assert given_up
    with ledger.unit("alfa", "test") as unit:
        told = outstanding.reported_undelivered(unit, round_id)
    assert sum(one.count for one in told) == sum(one.count for one in given_up)
    assert all(one.is_open for one in told)
    school = told[0].primary_school
    assert "aan de school gemeld." in said(client, f"/ronde/{round_id}/school/{school}")
    assert "gemeld als niet bevestigd: nog niet bevestigd" in said(client, f"/ronde/{round_id}")
    with psycopg.connect(owner_dsn) as connection:
        connection.execute(
            "update overstap.delivery set state = 'confirmed' where message_id in "
            "(select message_id from overstap.non_delivery where primary_school = %s)",
            [school],
        )
    text = said(client, f"/ronde/{round_id}/school/{school}")
    assert "later alsnog bevestigd" in text
    assert "nog niet bevestigd" not in text
    with ledger.unit("alfa", "test") as unit:  # what is asked for again is no trouble of the board's counts
        assert circuit_breaker.resend(unit, round_id, school=None)


def test_what_receivers_say_after_their_receipt(client: TestClient, ledger: Ledger, round_id: str) -> None:
    with ledger.unit("alfa", "test") as unit:
        confirmed = unit.rows(
            "select l.message_id, d.primary_school, s.name from overstap.delivery l "
            "join overstap.dossier d using (dossier) join overstap.school s on s.school = l.secondary_school "
            "where l.state = 'confirmed' order by d.primary_school, l.message_id limit 3"
        )
        school, name = confirmed[0][1:]
        outcomes = ("placed", "not_placed", "not_shown_up")
        results.keep(
            unit,
            [
                results.StoredResult(row[0], "placement", outcome, None, now(), outcome.encode())
                for row, outcome in zip(confirmed, outcomes, strict=True)
            ],
        )
    assert {row[1] for row in confirmed} == {school}
    text = said(client, f"/ronde/{round_id}/school/{school}")
    assert f"{name} meldde terug: 1 geplaatst" in text
    assert "1 leerling is daar niet geplaatst" in text
    assert "1 leerling is daar niet verschenen" in text
    text = said(client, f"/ronde/{round_id}")
    assert "1 niet geplaatst" in text
    assert "1 niet verschenen" in text
    # The last word counts: who was said not to have come, came.
    with ledger.unit("alfa", "test") as unit:
        later = now() + timedelta(seconds=1)
        results.keep(unit, [results.StoredResult(confirmed[2][0], "placement", "placed", None, later, b"later")])
    assert "niet verschenen" not in said(client, f"/ronde/{round_id}/school/{school}")


def test_the_history_of_what_parents_asked(
    client: TestClient, ledger: Ledger, round_id: str, airflow: Alone, owner_dsn: str
) -> None:
    with ledger.unit("alfa", "ouder") as unit:
        found: tuple[UUID, str] = unit.one(
            "select dossier, primary_school from overstap.dossier where state = 'in_review' order by 1 limit 1"
        )
        dossier, school = found
        question = parent_requests.ask(unit, VersionRef(dossier, 1), kind="question", text="Klopt het geheime adres?")
        parent_requests.ask(unit, VersionRef(dossier, 1), kind="correction", text="De achternaam is fout.")
    with ledger.unit("alfa", "school") as unit:
        parent_requests.settle(unit, question, "answered", primary_school=school, answer="Ja, dat klopt.")
    text = said(client, f"/ronde/{round_id}/school/{school}")
    part = text[text.index("Vragen en verbeteringen van ouders") :]
    assert part.index("verzoek om verbetering") < part.index("wacht op de school") < part.index("beantwoord")
    assert "versie 1" in part
    assert not [word for word in ("geheime", "achternaam", "dat klopt") if word in text]
    airflow.asks = VIEWER
    assert "versie 1" not in said(client, f"/ronde/{round_id}/school/{school}")


def test_rows_of_registrations_that_got_their_zeros_back_are_told(
    client: TestClient, ledger: Ledger, round_id: str
) -> None:
    year = round_id.split(".")[1]
    rows = [RefusedRegistration("file", line, "INTAKE-114", {}) for line in range(2, 27)]
    with ledger.unit("alfa", "test") as unit:
        registrations.note_refused(unit, year, rows[:2])
    text = said(client, f"/ronde/{round_id}")
    assert "Bij 2 aanmeldingen ontbraken de nullen vooraan in het leerlingnummer" in text
    assert "(Regel 2, 3.)" in text
    with ledger.unit("alfa", "test") as unit:
        registrations.note_refused(unit, year, rows)
    text = said(client, f"/ronde/{round_id}")
    assert "20, 21; samen 25.)" in text, "the first twenty lines, and how many there are"
    with ledger.unit("alfa", "test") as unit:
        registrations.note_refused(unit, year, [])
    assert "de nullen vooraan" not in said(client, f"/ronde/{round_id}")
