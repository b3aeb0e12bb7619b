"""Tests of receivers that are down, disconnect, give false answers or refuse (F11 to F20, F72).

They are servers with a certificate of the development authority, so that they get as far as such a receiver can.
"""

import ssl
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from integration.round.deployment import RegionDeployment

from overstap.envelope.receipt import Refusal
from overstap.errors import OverstapError
from overstap.ledger.delivery.non_delivery import mark_undelivered
from overstap.ledger.dossiers.dossiers import IncomingDossier, contents, decide_release, store, verdicts
from overstap.ledger.region_keys import sha256
from overstap.ledger.review.decisions import ReviewDecision, lapse, record, window

from .dishonest_receivers import DishonestReceiver, Server, answer, receipt_of, reset
from .steps import send


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("sealed")


@pytest.fixture
def school(deployment: RegionDeployment) -> str:
    return deployment.region.secondary[0].id


@pytest.fixture
def dishonest(deployment: RegionDeployment, school: str) -> Iterator[Callable[[DishonestReceiver], Server]]:
    made: list[Server] = []

    def start(lie: DishonestReceiver) -> Server:
        made.append(Server(deployment, school, lie))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.fault("F11")
def test_a_receiver_that_is_down_costs_three_tries_and_nothing_else(deployment: RegionDeployment, school: str) -> None:
    """F11: three silent attempts, the rest is left for the next try; the other school gets all of its own."""
    other = deployment.region.secondary[1].id
    deployment.receive(other)
    with deployment.ledger() as ledger:
        with pytest.raises(OverstapError) as told:
            send(deployment, school, ledger)
        assert told.value.code == "DELIVERY-101"
        assert told.value.facts["open"] == deployment.count("delivery", secondary_school=school)
        assert "DELIVERY-021" in told.value.facts["problems"]
        assert deployment.agreement.school(school).label in told.value.message_nl
        send(deployment, other, ledger)
    assert deployment.count("delivery", secondary_school=school, state="sealed") == told.value.facts["open"]
    assert deployment.count("delivery", secondary_school=other, state="confirmed") > 0
    assert deployment.breaches() == []
    deployment.receive(school)  # three days later
    with deployment.ledger() as ledger:
        sent = send(deployment, school, ledger)
    assert sent == {"accepted": told.value.facts["open"]}
    assert deployment.breaches() == []


LIES: dict[str, tuple[Callable[[RegionDeployment, str], DishonestReceiver], str]] = {
    "F12 reset under way": (lambda deployment, school: reset, "DELIVERY-024"),
    "F13 200 without a receipt": (
        lambda deployment, school: lambda line, message, body: answer(line, b""),
        "DELIVERY-025",
    ),
    "F16 receipt for another message": (
        lambda deployment, school: (
            lambda line, message, body: answer(
                line, receipt_of(deployment, school, message, body, message_id=UUID(int=message.int ^ 1))
            )
        ),
        "DELIVERY-014",
    ),
    "F17 receipt with a wrong digest": (
        lambda deployment, school: (
            lambda line, message, body: answer(
                line, receipt_of(deployment, school, message, body, envelope_sha256=bytes(32))
            )
        ),
        "DELIVERY-015",
    ),
    "F18 receipt signed by another school": (
        lambda deployment, school: (
            lambda line, message, body: answer(
                line, receipt_of(deployment, school, message, body, signer=deployment.region.secondary[1].id)
            )
        ),
        "DELIVERY-013",
    ),
}


NUMBERS = {
    "F12": pytest.mark.fault("F12"),
    "F13": pytest.mark.fault("F13"),
    "F16": pytest.mark.fault("F16"),
    "F17": pytest.mark.fault("F17"),
    "F18": pytest.mark.fault("F18"),
}


@pytest.mark.parametrize("lie", [pytest.param(lie, marks=NUMBERS[lie[:3]]) for lie in LIES])
def test_a_lie_confirms_nothing_and_is_told_by_its_code(
    lie: str, deployment: RegionDeployment, school: str, dishonest: Callable[[DishonestReceiver], Server]
) -> None:
    make, code = LIES[lie]
    server = dishonest(make(deployment, school))
    with deployment.ledger() as ledger, pytest.raises(OverstapError) as told:
        send(deployment, school, ledger)
    server.close()
    assert server.seen
    assert told.value.code == "DELIVERY-101"
    assert code in told.value.facts["problems"]
    assert deployment.count("delivery", state="confirmed") == 0
    assert set(deployment.states()) <= {"sealed", "inspected"}
    assert deployment.breaches() == []
    # Its supplier mends it: the same envelopes go again, and are confirmed.
    deployment.receive(school)
    with deployment.ledger() as ledger:
        assert send(deployment, school, ledger) == {"accepted": deployment.count("delivery", secondary_school=school)}
    assert deployment.breaches() == []


@pytest.mark.fault("F14")
def test_a_lost_receipt_comes_again_and_the_dossier_is_stored_once(deployment: RegionDeployment, school: str) -> None:
    """F14: what was stored and answered, but never heard, is answered with the same bytes."""
    deployment.receive(school)
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
    first = {row[:70] for row in deployment.dump("receipt")}
    stored = deployment.stored()
    with psycopg.connect(deployment.owner_dsn) as connection:  # as if our side had never heard
        connection.execute("alter table overstap.dossier disable trigger keep_transition")
        connection.execute("delete from overstap.receipt")
        connection.execute("update overstap.delivery set state = 'sealed', settled_at = null")
        connection.execute("update overstap.dossier set state = 'sealed' where state = 'confirmed'")
        connection.execute("alter table overstap.dossier enable trigger keep_transition")
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
    assert {row[:70] for row in deployment.dump("receipt")} == first
    assert deployment.stored() == stored
    assert [one for one in deployment.breaches() if one.invariant != "I8"] == []


@pytest.mark.fault("F20")
def test_a_refusal_stops_and_is_kept(
    deployment: RegionDeployment, school: str, dishonest: Callable[[DishonestReceiver], Server]
) -> None:
    """F20: the receiver says no, signed. It is not sent again."""

    def refuse(line: ssl.SSLSocket, message: UUID, body: bytes) -> None:
        answer(line, receipt_of(deployment, school, message, body, manifest_sha256=None, refusal=Refusal.ENVELOPE))

    server = dishonest(refuse)
    with deployment.ledger() as ledger:
        told = send(deployment, school, ledger)
        assert set(told) == {"refused"}
        seen = len(server.seen)
        assert send(deployment, school, ledger) == {}
    assert len(server.seen) == seen
    assert deployment.count("delivery", secondary_school=school, state="refused") == seen
    assert deployment.count("receipt", outcome="refused") == seen
    assert deployment.states()["refused"] > 0
    assert deployment.breaches() == []


@pytest.mark.fault("F15")
def test_a_receipt_after_the_deadline_still_counts(deployment: RegionDeployment, school: str) -> None:
    """F15."""
    with deployment.ledger() as ledger:
        with ledger.unit("alfa", "close") as unit:
            given_up = sum(one.count for one in mark_undelivered(unit, deployment.round_id))
        assert given_up == deployment.states()["undelivered"] > 0
        deployment.receive_all()
        for one in deployment.region.secondary:
            send(deployment, one.id, ledger)
    assert deployment.states()["confirmed"] == given_up
    assert deployment.states()["undelivered"] == 0
    assert deployment.breaches() == []


@pytest.mark.fault("F72")
def test_decisions_of_the_last_second(at_brink: Callable[[str], RegionDeployment]) -> None:
    """F72: the database's clock alone says who was in time, and whoever was not is not delivered."""
    deployment = at_brink("opened")
    primary = deployment.region.primary[0].id
    pupils = [pupil.number for pupil in deployment.region.pupils()][:60]
    with deployment.ledger() as ledger:
        with ledger.unit("alfa", "collect") as unit:
            group = [
                IncomingDossier(one, None, one.encode(), sha256(one.encode()), "2019.1", "drop_folder")
                for one in pupils
            ]
            store(unit, deployment.round_id, primary, group)
            verdicts(unit, {content.ref: [] for content in contents(unit, deployment.round_id, ["supplied"])})
            decide_release(
                unit,
                deployment.round_id,
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
                    deployment.round_id,
                    primary,
                    [ReviewDecision(one, deployment.region.today, "Ja", None)],
                    ground="school_list",
                )
            in_time += len(done.recorded)
            if done.not_open:
                break
            threading.Event().wait(0.03)
        assert 0 < in_time < len(pupils)
        with ledger.unit("alfa", "end_review") as unit:
            assert window(unit, deployment.round_id).waiting == 0
            assert lapse(unit, deployment.round_id) == len(pupils) - in_time
    assert deployment.states() == {"inspected": in_time, "not_inspected": len(pupils) - in_time}
    late = deployment.rows(
        "select count(*) from overstap.review_decision r join overstap.dossier d using (dossier) "
        "where r.recorded_at > d.review_closes_at + interval '50 ms'"
    )
    assert late == [(0,)]
    assert deployment.breaches() == []
