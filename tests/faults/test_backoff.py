"""Tests of backoff (F11, F15, F20, F22): schools without answer for days, and the report at the deadline."""

from collections.abc import Callable
from datetime import timedelta
from random import Random

import psycopg
import pytest
from integration.round.deployment import RegionDeployment
from owned import tell_registrations

from overstap.clock import now
from overstap.delivery.backoff import (
    FIRST,
    FIRST_PAUSE,
    GIVES_UP_AFTER,
    LONGEST,
    pause_after,
    wait_after,
)
from overstap.envelope.receipt import Refusal, make_receipt
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.circuit_breaker import circuit_of, next_attempt, resend
from overstap.ledger.delivery.deliveries import AttemptResult, claim_to_send, settle
from overstap.ledger.delivery.non_delivery import mark_undelivered, reported

from .steps import seal, send


@pytest.fixture
def deployment(at_brink: Callable[[str], RegionDeployment]) -> RegionDeployment:
    return at_brink("sealed")


@pytest.fixture
def school(deployment: RegionDeployment) -> str:
    return deployment.region.secondary[0].id


def attempts(deployment: RegionDeployment, school: str) -> int:
    return sum(
        row[0]
        for row in deployment.rows("select attempts, secondary_school from overstap.delivery")
        if row[1] == school
    )


def past(ledger: Ledger) -> None:
    """Let the time pass that everything waits for."""
    with ledger.unit("alfa", "test") as unit:
        unit.run("update overstap.delivery set next_attempt_at = '-infinity' where next_attempt_at < 'infinity'")
        unit.run("update overstap.school_line set rests_until = overstap.clock() - interval '1 second' where rests > 0")


@pytest.mark.fault("F11", "F22")
def test_three_days_of_silence(deployment: RegionDeployment, school: str) -> None:
    """F11, F22: it rests, is tried with one each time, and gets everything, once, when it answers again."""
    total = deployment.count("delivery", secondary_school=school)
    with deployment.ledger() as ledger:
        with pytest.raises(OverstapError, match="DELIVERY-101"):
            send(deployment, school, ledger, is_asked=False)
        with ledger.unit("alfa", "test") as unit:
            circuit, due = circuit_of(unit, school), next_attempt(unit, deployment.round_id, school)
        assert (circuit.failures, circuit.open_periods, circuit.is_open, circuit.problem) == (
            GIVES_UP_AFTER,
            1,
            True,
            "DELIVERY-021",
        )
        assert due is not None
        assert due == circuit.open_until
        assert due - now() + timedelta(seconds=60) >= FIRST_PAUSE / 2
        before = attempts(deployment, school)
        with pytest.raises(OverstapError, match="DELIVERY-101"):
            send(deployment, school, ledger, is_asked=False)
        assert attempts(deployment, school) == before, "it rests: nobody calls"
        for rests in (2, 3, 4):
            past(ledger)
            with pytest.raises(OverstapError, match="DELIVERY-101"):
                send(deployment, school, ledger, is_asked=False)
            with ledger.unit("alfa", "test") as unit:
                assert circuit_of(unit, school).open_periods == rests
        assert attempts(deployment, school) == before + 3, "one each time"
        assert deployment.breaches() == []
        deployment.receive(school)
        with pytest.raises(OverstapError, match="DELIVERY-101"):
            send(deployment, school, ledger, is_asked=False)  # it answers, but nobody knows yet
        past(ledger)
        assert send(deployment, school, ledger, is_asked=False) == {"accepted": total}
        with ledger.unit("alfa", "test") as unit:
            assert circuit_of(unit, school).failures == circuit_of(unit, school).open_periods == 0
            assert next_attempt(unit, deployment.round_id, school) is None
    assert deployment.stored()[school] == total
    assert deployment.breaches() == []


def test_somebody_who_asks_need_not_wait(deployment: RegionDeployment, school: str) -> None:
    with deployment.ledger() as ledger:
        with pytest.raises(OverstapError, match="DELIVERY-101"):
            send(deployment, school, ledger, is_asked=False)
        deployment.receive(school)
        assert set(send(deployment, school, ledger, is_asked=True)) == {"accepted"}


@pytest.mark.fault("F15")
def test_told_when_receipts_were_due_and_sent_again_by_a_click(deployment: RegionDeployment, school: str) -> None:
    """F15: told once, to whom it matters; nothing goes by itself after that; a late receipt counts."""
    total = deployment.count("delivery", secondary_school=school)
    other = deployment.region.secondary[1].id
    deployment.receive(other)
    with deployment.ledger() as ledger:
        send(deployment, other, ledger, is_asked=False)
        with pytest.raises(OverstapError, match="DELIVERY-101"):
            send(deployment, school, ledger, is_asked=False)
        with ledger.unit("alfa", "close") as unit:
            found = mark_undelivered(unit, deployment.round_id)
            assert mark_undelivered(unit, deployment.round_id) == []
        assert {one.secondary_school for one in found} == {school}
        assert {one.primary_school for one in found} == {deployment.region.primary[0].id}
        assert sum(one.count for one in found) == total
        assert found[0].problems["DELIVERY-021"] == total
        deployment.receive(school)
        past(ledger)
        with pytest.raises(OverstapError, match="DELIVERY-101"):
            send(deployment, school, ledger, is_asked=False)
        assert deployment.stored()[school] == 0
        with ledger.unit("alfa", "coordinator_alfa") as unit:
            assert resend(unit, deployment.round_id, school=school) == (total, 0)
        assert send(deployment, school, ledger, is_asked=False) == {"accepted": total}
        with ledger.unit("alfa", "test") as unit:
            assert {one.state for one in reported(unit, deployment.round_id)} == {"confirmed"}
    assert deployment.states()["undelivered"] == 0
    assert deployment.breaches() == []


@pytest.mark.fault("F20")
def test_refused_and_sealed_anew_when_somebody_asks(at_brink: Callable[[str], RegionDeployment]) -> None:
    """F20, and what a person does about it: another message, the same dossier. Who confirmed does not get it again."""
    deployment = at_brink("inspected")
    school, other = (one.id for one in deployment.region.secondary)
    with psycopg.connect(deployment.owner_dsn) as connection:  # one pupil is registered at both schools
        [(dossier,)] = connection.execute(
            "insert into overstap.application "
            "select region, school_year, pupil, primary_school, %s, stage, recorded_at from overstap.application "
            "where secondary_school = %s and stage <> 'applied' and pupil not in "
            "(select pupil from overstap.application where secondary_school = %s) limit 1 "
            "returning (select dossier from overstap.dossier d where d.pupil = application.pupil)",
            [other, school, other],
        ).fetchall()
        tell_registrations(connection, "alfa", deployment.agreement.school_year)
    with deployment.ledger() as ledger:
        seal(deployment, ledger)
        assert deployment.count("delivery", dossier=str(dossier)) == 2
        with ledger.unit("alfa", "deliver") as unit:
            claimed = claim_to_send(unit, deployment.round_id, school, limit=1000)
            [one] = [item for item in claimed if item.ref.dossier == dossier]
        receipt = make_receipt(
            deployment.trust().signing_identity(school, at=now()),
            message_id=one.message_id,
            envelope_sha256=one.envelope_digest,
            manifest_sha256=None,
            at=now(),
            refusal=Refusal.ENVELOPE,
        )
        with ledger.unit("alfa", "deliver") as unit:
            settle(unit, [AttemptResult(one.message_id, "refused", "envelope_refused", receipt)])
        deployment.receive_all()
        send(deployment, school, ledger, is_asked=False)
        send(deployment, other, ledger, is_asked=False)
        with ledger.unit("alfa", "coordinator_alfa") as unit:
            assert resend(unit, deployment.round_id, dossiers=[dossier]) == (0, 1)
        for _ in range(2):
            seal(deployment, ledger)
        assert send(deployment, other, ledger, is_asked=False) == {}
        assert send(deployment, school, ledger, is_asked=False) == {"accepted": 1}
    assert deployment.count("delivery", state="resealed") == 1
    assert deployment.stored()[school] == deployment.count("delivery", secondary_school=school, state="confirmed")
    assert deployment.breaches() == []


def test_waits_grow_are_spread_and_end_somewhere(random: Random) -> None:
    waits = [wait_after(attempt, chance=random) for attempt in range(1, 60)]
    bounds = [min(FIRST * 2 ** min(attempt - 1, 12), LONGEST) for attempt in range(1, 60)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert len(set(waits)) == len(waits), "no two schools are called at one moment"
    assert FIRST_PAUSE / 2 <= pause_after(0, chance=random) <= FIRST_PAUSE
    assert pause_after(10_000, chance=random) <= LONGEST
