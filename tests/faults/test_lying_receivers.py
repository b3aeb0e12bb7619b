"""F11 to F20, F72: receivers that are down, break off, lie or refuse, each held against a whole sending of a school.

The liars are servers with a certificate of the development authority, so that they get as far as a liar can.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from integration.round.house import House

from overstap.envelope.receipt import Refusal
from overstap.errors import OverstapError
from overstap.ledger.delivery.non_delivery import give_up
from overstap.ledger.dossiers.dossiers import Incoming, contents, decide_release, store, verdicts
from overstap.ledger.region_keys import sha256
from overstap.ledger.review.decisions import ReviewDecision, lapse, record, window

from .liars import Liar, Server, answer, receipt_of, reset
from .steps import send


@pytest.fixture
def house(at_brink: Callable[[str], House]) -> House:
    return at_brink("sealed")


@pytest.fixture
def school(house: House) -> str:
    return house.region.secondary[0].id


@pytest.fixture
def lying(house: House, school: str) -> Iterator[Callable[[Liar], Server]]:
    made: list[Server] = []

    def start(lie: Liar) -> Server:
        made.append(Server(house, school, lie))
        return made[-1]

    yield start
    for one in made:
        one.close()


def test_a_receiver_that_is_down_costs_three_tries_and_nothing_else(house: House, school: str) -> None:
    """F11: three silent attempts, the rest is left for the next try; the other school gets all of its own."""
    other = house.region.secondary[1].id
    house.receive(other)
    with house.ledger() as ledger:
        with pytest.raises(OverstapError) as told:
            send(house, school, ledger)
        assert told.value.code == "DELIVERY-101"
        assert told.value.facts["open"] == house.count("delivery", secondary_school=school)
        assert "DELIVERY-021" in told.value.facts["problems"]
        assert house.agreement.school(school).label in told.value.message_nl
        send(house, other, ledger)
    assert house.count("delivery", secondary_school=school, state="sealed") == told.value.facts["open"]
    assert house.count("delivery", secondary_school=other, state="confirmed") > 0
    assert house.breaches() == []
    house.receive(school)  # three days later
    with house.ledger() as ledger:
        sent = send(house, school, ledger)
    assert sent == {"accepted": told.value.facts["open"]}
    assert house.breaches() == []


LIES: dict[str, tuple[Callable[[House, str], Liar], str]] = {
    "F12 reset under way": (lambda house, school: reset, "DELIVERY-024"),
    "F13 200 without a receipt": (lambda house, school: lambda line, message, body: answer(line, b""), "DELIVERY-025"),
    "F16 receipt for another message": (
        lambda house, school: (
            lambda line, message, body: answer(
                line, receipt_of(house, school, message, body, message_id=UUID(int=message.int ^ 1))
            )
        ),
        "DELIVERY-014",
    ),
    "F17 receipt with a wrong digest": (
        lambda house, school: (
            lambda line, message, body: answer(
                line, receipt_of(house, school, message, body, envelope_sha256=bytes(32))
            )
        ),
        "DELIVERY-015",
    ),
    "F18 receipt signed by another school": (
        lambda house, school: (
            lambda line, message, body: answer(
                line, receipt_of(house, school, message, body, signer=house.region.secondary[1].id)
            )
        ),
        "DELIVERY-013",
    ),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_lie_confirms_nothing_and_is_told_by_its_code(
    lie: str, house: House, school: str, lying: Callable[[Liar], Server]
) -> None:
    make, code = LIES[lie]
    server = lying(make(house, school))
    with house.ledger() as ledger, pytest.raises(OverstapError) as told:
        send(house, school, ledger)
    server.close()
    assert server.seen
    assert told.value.code == "DELIVERY-101"
    assert code in told.value.facts["problems"]
    assert house.count("delivery", state="confirmed") == 0
    assert set(house.states()) <= {"sealed", "inspected"}
    assert house.breaches() == []
    # Its supplier mends it: the same envelopes go again, and are confirmed.
    house.receive(school)
    with house.ledger() as ledger:
        assert send(house, school, ledger) == {"accepted": house.count("delivery", secondary_school=school)}
    assert house.breaches() == []


def test_a_lost_receipt_comes_again_and_the_dossier_is_stored_once(house: House, school: str) -> None:
    """F14: what was stored and answered, but never heard, is answered with the same bytes."""
    house.receive(school)
    with house.ledger() as ledger:
        send(house, school, ledger)
    first = {row[:70] for row in house.dump("receipt")}
    stored = house.stored()
    with psycopg.connect(house.owner_dsn) as connection:  # as if our side had never heard
        connection.execute("alter table overstap.dossier disable trigger keep_transition")
        connection.execute("delete from overstap.receipt")
        connection.execute("update overstap.delivery set state = 'sealed', settled_at = null")
        connection.execute("update overstap.dossier set state = 'sealed' where state = 'confirmed'")
        connection.execute("alter table overstap.dossier enable trigger keep_transition")
    with house.ledger() as ledger:
        send(house, school, ledger)
    assert {row[:70] for row in house.dump("receipt")} == first
    assert house.stored() == stored
    assert [one for one in house.breaches() if one.invariant != "I8"] == []


def test_a_refusal_stops_and_is_kept(house: House, school: str, lying: Callable[[Liar], Server]) -> None:
    """F20: the receiver says no, signed. It is not sent again."""

    def refuse(line: ssl.SSLSocket, message: UUID, body: bytes) -> None:
        answer(line, receipt_of(house, school, message, body, manifest_sha256=None, refusal=Refusal.ENVELOPE))

    server = lying(refuse)
    with house.ledger() as ledger:
        told = send(house, school, ledger)
        assert set(told) == {"refused"}
        seen = len(server.seen)
        assert send(house, school, ledger) == {}
    assert len(server.seen) == seen
    assert house.count("delivery", secondary_school=school, state="refused") == seen
    assert house.count("receipt", outcome="refused") == seen
    assert house.states()["refused"] > 0
    assert house.breaches() == []


def test_a_receipt_after_the_deadline_still_counts(house: House, school: str) -> None:
    """F15."""
    with house.ledger() as ledger:
        with ledger.unit("alfa", "close") as unit:
            given_up = sum(one.count for one in give_up(unit, house.round_id))
        assert given_up == house.states()["undelivered"] > 0
        house.receive_all()
        for one in house.region.secondary:
            send(house, one.id, ledger)
    assert house.states()["confirmed"] == given_up
    assert house.states()["undelivered"] == 0
    assert house.breaches() == []


def test_decisions_of_the_last_second(at_brink: Callable[[str], House]) -> None:
    """F72: the database's clock alone says who was in time, and whoever was not is not delivered."""
    house = at_brink("opened")
    primary = house.region.primary[0].id
    pupils = [pupil.number for pupil in house.region.pupils()][:60]
    with house.ledger() as ledger:
        with ledger.unit("alfa", "collect") as unit:
            group = [Incoming(one, None, one.encode(), sha256(one.encode()), "2019.1", "drop_folder") for one in pupils]
            store(unit, house.round_id, primary, group)
            verdicts(unit, {content.ref: [] for content in contents(unit, house.round_id, ["supplied"])})
            decide_release(
                unit,
                house.round_id,
                approved=True,
                decided_by="coordinator_alfa",
                reason="",
                answer_key="1",
                closes_at=datetime.now(UTC) + timedelta(seconds=1),
            )
        in_time = 0
        for one in pupils:  # one at a time, past the deadline
            with ledger.unit("alfa", "school") as unit:
                done = record(
                    unit,
                    house.round_id,
                    primary,
                    [ReviewDecision(one, house.region.today, "Ja", None)],
                    ground="school_list",
                )
            in_time += len(done.recorded)
            if done.not_open:
                break
            threading.Event().wait(0.03)
        assert 0 < in_time < len(pupils)
        with ledger.unit("alfa", "end_review") as unit:
            assert window(unit, house.round_id).waiting == 0
            assert lapse(unit, house.round_id) == len(pupils) - in_time
    assert house.states() == {"inspected": in_time, "not_inspected": len(pupils) - in_time}
    late = house.rows(
        "select count(*) from overstap.review_decision r join overstap.dossier d using (dossier) "
        "where r.recorded_at > d.review_closes_at + interval '50 ms'"
    )
    assert late == [(0,)]
    assert house.breaches() == []
