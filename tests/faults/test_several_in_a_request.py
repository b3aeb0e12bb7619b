"""Tests of receivers that lie or fail within a request of several envelopes (F12 to F14, F16 to F20, F22).

The first envelope goes by itself and is answered honestly, with the offer to take several; the lies come after that.
"""

import signal
import ssl
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from integration.round.deployment import RegionDeployment

from overstap.delivery.channels.channel import HandOver
from overstap.delivery.channels.push import PushChannel
from overstap.envelope.several import ONE, EnvelopeAnswer, answers_bytes
from overstap.errors import OverstapError
from overstap.transport.https_client import TransportProblem

from .conftest import Stage
from .dishonest_receivers import (
    DishonestAboutSeveral,
    Server,
    answer_and_tell,
    answer_several,
    receipt_of,
    reset,
)
from .steps import send

Liar = Callable[[DishonestAboutSeveral], Server]


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("sealed")


@pytest.fixture
def school(deployment: RegionDeployment) -> str:
    return deployment.region.secondary[0].id


@pytest.fixture
def liar(deployment: RegionDeployment, school: str) -> Iterator[Liar]:
    """Start a receiver that is honest about one envelope and lies about several."""
    made: list[Server] = []

    def honest(line: ssl.SSLSocket, message: UUID, body: bytes) -> None:
        answer_and_tell(line, receipt_of(deployment, school, message, body))

    def start(lie: DishonestAboutSeveral) -> Server:
        made.append(Server(deployment, school, honest, lie))
        return made[-1]

    yield start
    for one in made:
        one.close()


def confirmed(deployment: RegionDeployment) -> set[UUID]:
    return {row[0] for row in deployment.rows("select message_id from overstap.delivery where state = 'confirmed'")}


@pytest.mark.fault("F13", "F16", "F17", "F18", "F19")
def test_a_lie_about_one_of_several_confirms_nothing_but_the_honest_ones(
    deployment: RegionDeployment, school: str, liar: Liar
) -> None:
    """Receipts are swapped, of other bytes, of another school, left out, or said twice: only they do not count."""
    honest: set[UUID] = set()
    lied: list[UUID] = []

    def lie(line: ssl.SSLSocket, envelopes: list[tuple[UUID, bytes]]) -> None:
        true = {message: receipt_of(deployment, school, message, body) for message, body in envelopes}
        names = [message for message, _ in envelopes]
        answers = [EnvelopeAnswer(message, 200, true[message]) for message in names]
        if not lied:
            lied.extend(names[:6])
            answers[0] = EnvelopeAnswer(names[0], 200, true[names[1]])
            answers[1] = EnvelopeAnswer(names[1], 200, true[names[0]])
            other = receipt_of(deployment, school, *envelopes[2], envelope_sha256=bytes(32))
            answers[2] = EnvelopeAnswer(names[2], 200, other)
            stranger = receipt_of(deployment, school, *envelopes[3], signer=deployment.region.secondary[1].id)
            answers[3] = EnvelopeAnswer(names[3], 200, stranger)
            answers[5:6] = [answers[5], EnvelopeAnswer(names[5], 503)]
            del answers[4]
        honest.update(set(names) - set(lied))
        answer_several(line, answers_bytes(answers[::-1]))

    server = liar(lie)
    with deployment.ledger() as ledger, pytest.raises(OverstapError) as told:
        send(deployment, school, ledger)
    server.close()
    assert told.value.code == "DELIVERY-101"
    for code in ("DELIVERY-013", "DELIVERY-014", "DELIVERY-015", "DELIVERY-025"):
        assert code in told.value.facts["problems"], code
    assert server.requests
    assert confirmed(deployment) >= honest
    assert confirmed(deployment).isdisjoint(lied)
    assert len(confirmed(deployment)) == deployment.count("delivery", secondary_school=school) - len(lied)
    assert deployment.breaches() == []
    deployment.receive(school)  # its supplier mended it
    with deployment.ledger() as ledger:
        assert send(deployment, school, ledger) == {"accepted": len(lied)}
    assert confirmed(deployment) >= set(lied)


@pytest.mark.fault("F14")
def test_receipts_of_half_a_request_are_lost_and_come_again(
    deployment: RegionDeployment, school: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of a request is stored; half of its receipts do not arrive. They come with the next try, and are the same."""
    endpoint = deployment.receive(school)
    whole = PushChannel.hand_over_all
    lost: dict[UUID, bytes] = {}

    def half(own: PushChannel, envelopes: Sequence[tuple[UUID, bytes]], *, at: datetime) -> list[HandOver]:
        answers = whole(own, envelopes, at=at)
        assert answers is not None
        for place in range(1, len(answers), 2):
            lost[envelopes[place][0]] = answers[place].receipt_unverified or b""
            answers[place] = HandOver(None, TransportProblem.NO_RECEIPT)
        return answers

    monkeypatch.setattr(PushChannel, "hand_over_all", half)
    with deployment.ledger() as ledger, pytest.raises(OverstapError):
        send(deployment, school, ledger)
    monkeypatch.undo()
    assert lost
    assert confirmed(deployment).isdisjoint(lost)
    stored = deployment.stored()[school]
    with deployment.ledger() as ledger:
        send(deployment, school, ledger)
    assert deployment.stored()[school] == stored == deployment.count("delivery", secondary_school=school)
    kept = dict(deployment.rows("select message_id, content from overstap.receipt"))
    assert {name: kept[name] for name in lost} == lost
    assert deployment.breaches() == []
    endpoint.kill()


@pytest.mark.fault("F05", "F06")
@pytest.mark.parametrize("point", ["envelopes_bytes", "read_answers"], ids=["before it is sent", "its answer unread"])
def test_the_sender_is_killed_around_a_request_with_several(
    deployment: RegionDeployment, school: str, begin: Stage, point: str
) -> None:
    """All of a request is stored there, and nothing of it is known here: the next try gets the receipts."""
    deployment.receive(school)
    total = deployment.count("delivery", secondary_school=school)
    for _ in range(2):
        known = len(confirmed(deployment))
        where = f"overstap.envelope.several.{point}:1"
        assert begin(deployment, "send", school, OVERSTAP_TEST_DIES=where).wait(120) == -signal.SIGKILL
        if point == "read_answers":
            assert deployment.stored()[school] - len(confirmed(deployment)) > 1, "several came, and none is known here"
        assert len(confirmed(deployment)) - known <= 1, "at the most the first, which goes by itself"
        others = [one for one in deployment.breaches() if one.invariant != "I2" or "not in its store" in one.why]
        assert others == []
    assert begin(deployment, "send", school).wait(120) == 0
    assert deployment.stored()[school] == total == len(confirmed(deployment))
    assert deployment.breaches() == []


UNUSABLE: dict[str, DishonestAboutSeveral] = {
    "F12 reset under way": lambda line, envelopes: reset(line, envelopes[0][0], b""),
    "F13 200 without an answer": lambda line, envelopes: answer_several(line, b""),
    "F13 another form": lambda line, envelopes: answer_several(line, b'{"format":"overstap-answers/2","answers":[]}'),
    "F22 cut off": lambda line, envelopes: answer_several(
        line, answers_bytes([EnvelopeAnswer(envelopes[0][0], 200)])[:-9]
    ),
    "F13 not a type that it takes": lambda line, envelopes: answer_several(line, b"{}", status=b"415 Unsupported"),
    "F13 longer than it takes": lambda line, envelopes: answer_several(line, b"{}", status=b"413 Too Large"),
    "F13 busy": lambda line, envelopes: answer_several(line, b"{}", status=b"503 Busy"),
}


NUMBERS = {"F12": pytest.mark.fault("F12"), "F13": pytest.mark.fault("F13"), "F22": pytest.mark.fault("F22")}


@pytest.mark.parametrize("what", [pytest.param(name, marks=NUMBERS[name[:3]]) for name in UNUSABLE])
def test_without_a_usable_answer_each_goes_by_itself_in_the_same_run(
    deployment: RegionDeployment, school: str, liar: Liar, what: str
) -> None:
    """A proxy that takes no long request, or a version that takes none with several: nobody waits for it."""
    server = liar(UNUSABLE[what])
    with deployment.ledger() as ledger:
        total = deployment.count("delivery", secondary_school=school)
        assert send(deployment, school, ledger) == {"accepted": total}
    assert len(server.requests) == 1
    assert len(confirmed(deployment)) == total
    assert deployment.count("delivery", secondary_school=school, attempts="1") == total
    assert deployment.breaches() == []


@pytest.mark.fault("F11")
def test_a_receiver_that_goes_down_between_two_requests_costs_what_it_did(
    deployment: RegionDeployment, school: str, liar: Liar
) -> None:
    """F11: three envelopes are tried, and the rest waits; the request with several is no try of its own."""
    server: list[Server] = []

    def end(line: ssl.SSLSocket, envelopes: list[tuple[UUID, bytes]]) -> None:
        server[0].close()
        reset(line, envelopes[0][0], b"")

    server.append(liar(end))
    with deployment.ledger() as ledger, pytest.raises(OverstapError) as told:
        send(deployment, school, ledger)
    total = deployment.count("delivery", secondary_school=school)
    assert told.value.facts["open"] == total - 1
    assert "DELIVERY-021" in told.value.facts["problems"]
    assert deployment.rows("select silent, rests from overstap.school_line") == [(3, 1)]
    assert deployment.breaches() == []
    deployment.receive(school)
    with deployment.ledger() as ledger:
        assert send(deployment, school, ledger) == {"accepted": total - 1}


@pytest.mark.fault("F14")
def test_an_endpoint_that_says_nothing_gets_one_by_one(
    deployment: RegionDeployment, school: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deployment.receive(school)
    sent: list[int] = []
    monkeypatch.setattr("overstap.delivery.channels.push.several.told_by", lambda headers: ONE)
    whole = PushChannel.hand_over

    def counted(own: PushChannel, envelope: bytes, **said: Any) -> HandOver:
        sent.append(1)
        return whole(own, envelope, **said)

    monkeypatch.setattr(PushChannel, "hand_over", counted)
    with deployment.ledger() as ledger:
        assert send(deployment, school, ledger) == {"accepted": len(sent)}
    assert len(sent) == deployment.count("delivery", secondary_school=school)
