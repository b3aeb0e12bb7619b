"""Tests of two concurrent processes on the same dossiers."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from test_walk import (
    PO,
    REGION,
    ROUND,
    VO,
    accept_all,
    agreement,
    incoming,
    inspect,
    register,
    release,
    seal,
    states,
    supply,
)

from overstap.errors import OverstapError
from overstap.intake.candidates import Candidate
from overstap.intake.collect import collect_school
from overstap.ledger import Ledger
from overstap.ledger.audit import AuditLine
from overstap.ledger.delivery import deliveries


def wait_for_a_waiter(dsn: str) -> None:
    deadline = time.monotonic() + 20
    with psycopg.connect(dsn, autocommit=True) as connection:
        while time.monotonic() < deadline:
            waiting = connection.execute(
                "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
            ).fetchone()
            if waiting and waiting[0]:
                return
            time.sleep(0.02)
    raise AssertionError("nobody came to wait")


@pytest.mark.fault("F15", "F27")
def test_a_receipt_that_comes_while_the_round_gives_up_counts(
    ledger: Ledger, app_dsn: str, owner_dsn: str, keys_folder: Path
) -> None:
    """Both hold rows and the region's chain: taken in another order, PostgreSQL would end one of them (deadlock)."""
    supply(ledger, incoming())
    accept_all(ledger)
    release(ledger)
    inspect(ledger)
    register(ledger)
    seal(ledger)
    with ledger.unit(REGION, "test") as unit:
        (sent,) = deliveries.claim_to_send(unit, ROUND, VO, limit=10)
    problems: list[BaseException] = []

    def settle() -> None:
        other = Ledger(app_dsn, keys_folder)
        try:
            with other.unit(REGION, "deliver") as unit:
                deliveries.settle(unit, [deliveries.AttemptResult(sent.message_id, "accepted", None, b"receipt")])
        except psycopg.Error as problem:
            problems.append(problem)
        finally:
            other.close()

    settler = threading.Thread(target=settle)
    with ledger.unit(REGION, "close") as unit:
        unit.run("update overstap.dossier set state = 'undelivered'")  # as giving up does, before its audit line
        settler.start()
        wait_for_a_waiter(owner_dsn)
        unit.audit("delivery.give_up", AuditLine("the same"))
    settler.join(20)
    assert problems == []
    assert states(ledger) == ["confirmed"]


def test_a_school_is_collected_from_by_one_at_a_time(
    ledger: Ledger, app_dsn: str, owner_dsn: str, keys_folder: Path
) -> None:
    """A second collection looks into the source only when the first is done: no older look is written last."""
    supply(ledger, incoming())
    looked = threading.Event()
    told: list[str] = []

    def source() -> Iterator[Candidate]:
        looked.set()
        yield from ()

    def collect() -> None:
        other = Ledger(app_dsn, keys_folder)
        region = agreement()
        try:
            collect_school(
                other,
                agreement=region,
                agreed=region.round("advice"),
                round_id=ROUND,
                school=region.school(PO),
                source="drop_folder",
                candidates=source(),
                actor="collect",
            )
        except OverstapError as error:
            told.append(error.code)
        finally:
            other.close()

    second = threading.Thread(target=collect)
    with ledger.exclusive(f"collect {ROUND} {PO}"):
        second.start()
        wait_for_a_waiter(owner_dsn)
        assert not looked.is_set()
    second.join(20)
    assert told == ["INTAKE-050"]
