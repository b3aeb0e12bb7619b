"""Tests of the desk with wrong, repeated and foreign requests, receipts and results, followed by the invariants."""

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from os import urandom
from uuid import UUID

import psycopg
import pytest
from integration.round.deployment import RegionDeployment

from overstap.clock import now
from overstap.delivery.desk import desk as desks
from overstap.delivery.desk.desk import DeskRefusal, DeskReply, RegionDesk
from overstap.delivery.desk.identity import is_of
from overstap.delivery.feedback import feedback_csv
from overstap.envelope.envelope import open_envelope
from overstap.envelope.message_ids import message_id
from overstap.envelope.pull_messages import NoDossier, answer_bytes
from overstap.envelope.receipt import make_receipt
from overstap.envelope.result import Rejection, ResultOutcome, make_result
from overstap.ledger import Ledger
from overstap.ledger.delivery.deliveries import stages_from
from overstap.ledger.delivery.results import counts
from overstap.ledger.session import UnitOfWork
from overstap.simulation.synthetic.pupil import SyntheticPupil

from .steps import asked


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("sealed")


@pytest.fixture
def school(deployment: RegionDeployment) -> str:
    return deployment.region.secondary[0].id


@pytest.fixture
def desk(deployment: RegionDeployment) -> Iterator[RegionDesk]:
    """The desk, with its own login of the ledger."""
    with closing(
        Ledger(deployment.server.dsn("overstap_desk", deployment.database), deployment.sandbox.keys)
    ) as ledger:
        yield RegionDesk(ledger, deployment.region.name, trust=deployment.trust())


def of_school(deployment: RegionDeployment, school: str) -> dict[str, list[SyntheticPupil]]:
    """Sort pupils by what they are to a school: its own, not as sure yet, strangers."""
    sure = stages_from(deployment.round.receivers)
    sorted_out: dict[str, list[SyntheticPupil]] = {"own": [], "unsure": [], "stranger": []}
    for pupil in deployment.region.pupils():
        stages = {choice.stage.value for choice in pupil.choices if choice.school_id == school}
        kind = "own" if stages & set(sure) else "unsure" if stages else "stranger"
        sorted_out[kind].append(pupil)
    return sorted_out


def receipt(
    deployment: RegionDeployment, school: str, told: DeskReply, *, signer: str | None = None, **other: object
) -> bytes:
    """Make the receipt that an honest school would, but for what `other` says."""
    assert told.envelope is not None
    trust = deployment.trust()
    opened = open_envelope(told.envelope, keyring=trust.keyring(school, at=now()), trust=trust, school=school, at=now())
    said = {
        "message_id": opened.manifest.message_id,
        "envelope_sha256": opened.envelope_sha256,
        "manifest_sha256": opened.manifest_sha256,
        "at": now(),
    }
    return make_receipt(trust.signing_identity(signer or school, at=now()), **said | other)  # type: ignore[arg-type]


def hand_in(desk: RegionDesk, deployment: RegionDeployment, school: str, pupil: SyntheticPupil) -> tuple[UUID, bytes]:
    """Ask for a dossier and confirm it; return its message id and envelope digest."""
    told = desk.ask(asked(pupil), school=school)
    assert told.message_id is not None
    assert desk.receipt(receipt(deployment, school, told), told.message_id, school=school, at=now()) == "accepted"
    [(digest,)] = deployment.rows(
        f"select envelope_digest from overstap.delivery where message_id = '{told.message_id}'"  # noqa: S608
    )
    return told.message_id, digest


def test_only_the_registered_receiver_gets_it_and_others_cannot_tell_who_exists(
    deployment: RegionDeployment, school: str, desk: RegionDesk
) -> None:
    pupils = of_school(deployment, school)
    own, stranger = pupils["own"][0], pupils["stranger"][0]
    told = desk.ask(asked(own), school=school)
    assert told.envelope is not None
    nobody = {"pupil_number": "123456782"}
    wrong = {
        "somebody else's pupil": asked(stranger),
        "nobody": asked(own, **nobody),
        "another name": asked(own, surname="Niemand"),
        "another day": asked(own, birth_date=own.birth_date + timedelta(days=1)),
        "another sender": asked(own, sender="99ZZ00"),
        "nobody at all": asked(own, surname="Niemand", sender="99ZZ00", **nobody),
    }
    answers = {}
    for name, request in wrong.items():
        found = desk.ask(request, school=school)
        assert found.envelope is None
        answers[name] = answer_bytes(told.message_id or UUID(int=0), found.answer)  # type: ignore[arg-type]
    # A dossier that this sender has not supplied is still to come, for a pupil that is known to be the school's own
    assert NoDossier.NOT_READY.value in answers.pop("another sender").decode()
    assert len(set(answers.values())) == 1
    reasons = Counter(row[0] for row in deployment.rows("select reason from overstap.dossier_request"))
    assert reasons == {"dossier": 1, "not_receiver": 1, "unknown": 2, "name_or_birth_date": 2, "not_supplied": 1}
    kept = deployment.rows("select pupil from overstap.dossier_request where answer = 'unknown'")
    assert kept == [(None,)] * 5, "of whom was asked in vain nothing is kept"
    assert deployment.breaches() == []


def test_unknown_is_the_same_work_whoever_is_asked_for(
    deployment: RegionDeployment, school: str, desk: RegionDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same questions to the ledger, and one dossier opened and compared: no time says whether a pupil exists."""
    pupils = of_school(deployment, school)
    own, stranger = pupils["own"][0], pupils["stranger"][0]
    requests = {
        "nobody": asked(own, pupil_number="123456782", surname="Niemand"),
        "somebody else's": asked(stranger),
        "own, another name": asked(own, surname="Niemand"),
        "own, another day": asked(own, birth_date=own.birth_date + timedelta(days=1)),
    }
    work: list[str] = []
    for name in ("rows", "one", "run"):
        inner = getattr(UnitOfWork, name)

        def noted(self: UnitOfWork, query: str, _inner: Callable[..., object] = inner, **given: object) -> object:
            work.append(" ".join(query.split()))
            return _inner(self, query, **given)

        monkeypatch.setattr(UnitOfWork, name, noted)
    known = desks.records.of
    monkeypatch.setattr(desks.records, "of", lambda *given, **more: (work.append("read"), known(*given, **more))[1])
    monkeypatch.setattr(desks, "is_of", lambda *given, **more: (work.append("compare"), is_of(*given, **more))[1])
    desk.ask(requests["nobody"], school=school)  # what is kept for later is kept from here on
    done = {}
    for name, request in requests.items():
        work.clear()
        assert desk.ask(request, school=school).answer is NoDossier.UNKNOWN
        done[name] = tuple(work)
    assert len(set(done.values())) == 1, done
    assert done["nobody"].count("read") == done["nobody"].count("compare") == 1
    assert len(done["nobody"]) > 6


def test_every_other_answer(
    deployment: RegionDeployment, school: str, desk: RegionDesk, at_brink: Callable[[str], RegionDeployment]
) -> None:
    pupils = of_school(deployment, school)
    own = pupils["own"][1]
    message, _ = hand_in(desk, deployment, school, own)
    [(envelope,)] = deployment.rows(f"select envelope from overstap.delivery where message_id = '{message}'")  # noqa: S608
    trust = deployment.trust()
    opened = open_envelope(envelope, keyring=trust.keyring(school, at=now()), trust=trust, school=school, at=now())
    sealed = opened.manifest.created_at
    assert abs(now() - sealed) < timedelta(hours=1), "the moment of sealing, not one that a message id holds"
    assert desk.ask(asked(own, newer_than=sealed), school=school).answer is NoDossier.NOT_NEWER
    again = desk.ask(asked(own, newer_than=sealed - timedelta(seconds=1)), school=school)
    assert again.message_id == message, "the same bytes again, for who lost them"
    assert desk.ask(asked(own, oso_versions=("2017.1",)), school=school).answer is NoDossier.WRONG_VERSION
    if pupils["unsure"]:
        assert desk.ask(asked(pupils["unsure"][0]), school=school).answer is NoDossier.NOT_RECEIVER
    early = at_brink("inspected")
    with early.ledger() as ledger:
        found = RegionDesk(ledger, early.region.name, trust=early.trust()).ask(asked(own), school=school)
    assert found.answer is NoDossier.NOT_READY
    assert deployment.breaches() == []


def test_a_registration_that_was_withdrawn_ends_it(deployment: RegionDeployment, school: str, desk: RegionDesk) -> None:
    own = of_school(deployment, school)["own"][2]
    with psycopg.connect(deployment.owner_dsn) as connection:
        connection.execute(
            "update overstap.application set withdrawn_at = clock_timestamp() where secondary_school = %s", [school]
        )
    assert desk.ask(asked(own), school=school).answer is NoDossier.UNKNOWN


def test_what_the_coordinator_holds_is_not_handed_out(
    deployment: RegionDeployment, school: str, desk: RegionDesk
) -> None:
    own = of_school(deployment, school)["own"][2]
    with psycopg.connect(deployment.owner_dsn) as connection:
        connection.execute(
            "insert into overstap.gate_hold (region, round_id, gate, batch, reason, subject, count, facts) "
            "select region, round_id, 'release_for_delivery', 1, 'test', '', 1, '{}' from overstap.round"
        )
    assert desk.ask(asked(own), school=school).answer is NoDossier.NOT_READY
    with psycopg.connect(deployment.owner_dsn) as connection:
        connection.execute("update overstap.gate_hold set withdrawn_at = clock_timestamp()")
    assert desk.ask(asked(own), school=school).envelope is not None
    assert deployment.breaches() == []


def test_who_tries_numbers_gets_no_more_answers(
    deployment: RegionDeployment, school: str, desk: RegionDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desks, "UNKNOWN_PER_DAY", 5)
    pupils = of_school(deployment, school)
    for stranger in pupils["stranger"][:5]:
        assert desk.ask(asked(stranger), school=school).answer is NoDossier.UNKNOWN
    assert desk.ask(asked(pupils["own"][0]), school=school).answer is DeskRefusal.TOO_MANY
    other = deployment.region.secondary[1].id
    theirs = of_school(deployment, other)["own"][0]
    assert desk.ask(asked(theirs), school=other).envelope is not None, "another school is not harmed"


@pytest.mark.fault("F16", "F17", "F18", "F19")
def test_receipts_that_do_not_count_change_nothing(deployment: RegionDeployment, school: str, desk: RegionDesk) -> None:
    """F16 to F19 at the desk."""
    other = deployment.region.secondary[1].id
    own = of_school(deployment, school)["own"][3]
    told = desk.ask(asked(own), school=school)
    assert told.message_id is not None
    good = receipt(deployment, school, told)
    at = now()
    unhanded = message_id(at, urandom(10))
    assert desk.receipt(good, unhanded, school=school, at=at) == DeskRefusal.UNKNOWN_MESSAGE
    assert desk.receipt(good, told.message_id, school=other, at=at) == DeskRefusal.UNKNOWN_MESSAGE
    wrong = {
        "DELIVERY-011": b"no receipt",
        "DELIVERY-012": good[:-1] + bytes([good[-1] ^ 1]),
        "DELIVERY-013": receipt(deployment, school, told, signer=other),
        "DELIVERY-014": receipt(deployment, school, told, message_id=unhanded),
        "DELIVERY-015": receipt(deployment, school, told, envelope_sha256=bytes(32)),
        "DELIVERY-016": receipt(deployment, school, told, at=at + timedelta(days=1)),
    }
    rules: dict[str, list[str]] = {code: [] for code in wrong}
    for code, content in wrong.items():
        said = desk.receipt(content, told.message_id, school=school, at=at, explain=rules[code].append)
        assert said == code
    assert rules["DELIVERY-011"] == ["malformed"]
    assert rules["DELIVERY-014"] == ["message_id"]
    assert deployment.count("delivery", state="confirmed") == 0
    assert deployment.breaches() == []
    for _ in range(2):
        assert desk.receipt(good, told.message_id, school=school, at=at) == "accepted"
    assert deployment.count("delivery", state="confirmed") == 1
    assert deployment.count("receipt", outcome="accepted") == 1
    assert deployment.breaches() == []


@pytest.mark.fault("F21")
def test_the_same_question_at_the_same_moment(deployment: RegionDeployment, school: str) -> None:
    """F21: several desks hand out the same bytes; each hand-out is in the evidence; one confirmation."""
    own = of_school(deployment, school)["own"][4]

    def ask(_: int) -> DeskReply:
        with deployment.ledger() as ledger:
            mine = RegionDesk(ledger, deployment.region.name, trust=deployment.trust())
            told = mine.ask(asked(own), school=school)
            assert told.message_id is not None
            said = mine.receipt(receipt(deployment, school, told), told.message_id, school=school, at=now())
            assert said == "accepted"
            return told

    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(ask, range(8)))
    assert len({(told.message_id, told.envelope) for told in found}) == 1
    assert deployment.count("delivery", state="confirmed") == 1
    assert deployment.breaches() == []


def test_results_are_signed_kept_counted_and_shown_to_the_sender(
    deployment: RegionDeployment, school: str, desk: RegionDesk
) -> None:
    other = deployment.region.secondary[1].id
    first, second, third = of_school(deployment, school)["own"][5:8]
    trust = deployment.trust()
    told = desk.ask(asked(third), school=school)
    assert told.message_id is not None

    def state(message: UUID, digest: bytes, outcome: ResultOutcome, signer: str = school, **other: object) -> str:
        said = {"message_id": message, "envelope_sha256": digest, "outcome": outcome, "at": now()}
        made = make_result(trust.signing_identity(signer, at=now()), **said | other)  # type: ignore[arg-type]
        return desk.result(made, message, school=school, at=now())

    assert state(told.message_id, bytes(32), ResultOutcome.IMPORTED) == "DELIVERY-038", "first the receipt"
    one, digest = hand_in(desk, deployment, school, first)
    two, second_digest = hand_in(desk, deployment, school, second)
    early = now() - timedelta(minutes=5)
    assert state(one, digest, ResultOutcome.REJECTED, reason=Rejection.INCOMPLETE, at=early) == "rejected"
    assert state(one, digest, ResultOutcome.IMPORTED) == "imported"
    assert state(two, second_digest, ResultOutcome.REJECTED, reason=Rejection.PUPIL_UNKNOWN) == "rejected"
    assert state(one, digest, ResultOutcome.PLACED) == "DELIVERY-037", "this is no placement round"
    assert state(one, digest, ResultOutcome.IMPORTED, signer=other) == "DELIVERY-033"
    assert state(one, bytes(32), ResultOutcome.IMPORTED) == "DELIVERY-035"
    assert state(one, digest, ResultOutcome.IMPORTED, message_id=two) == "DELIVERY-034"
    assert state(one, digest, ResultOutcome.IMPORTED, at=now() + timedelta(days=1)) == "DELIVERY-036"
    assert desk.result(b"x", one, school=school, at=now()) == "DELIVERY-031"
    assert deployment.count("result") == 3
    announced = deployment.rows("select count(*) from overstap.audit_line where payload like '%delivery.result%'")
    assert announced == [(3,)]
    primary = first.school.id
    with deployment.ledger() as ledger:
        with ledger.unit(deployment.region.name, "test") as unit:
            [found] = counts(unit, deployment.round_id)
            assert counts(unit, deployment.round_id, primary) == [found]
            assert counts(unit, deployment.round_id, "99ZZ00") == []
        assert (found.school, found.confirmed) == (school, 2)
        assert found.outcomes == {"imported": 1, "rejected": 1}
        assert found.reasons == {"pupil_unknown": 1}
        lines = (
            feedback_csv(ledger, deployment.region.name, deployment.round_id, primary).decode("utf-8-sig").split("\r\n")
        )
    by_key = {line.split(";")[0]: line for line in lines[1:] if line}
    assert by_key.keys() == {first.las_key, second.las_key}
    assert ";ingelezen;" in by_key[first.las_key]
    assert ";niet ingelezen;de school kent de leerling niet;" in by_key[second.las_key]
    everything = "".join(lines)
    assert first.number not in everything
    assert first.surname not in everything
    assert deployment.breaches() == []
