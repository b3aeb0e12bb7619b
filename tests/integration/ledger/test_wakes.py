"""Tests of the notices with which the ledger wakes the waits of a round, and of the connection that hears them."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
import pytest
from airflow.triggers.base import TaskSuccessEvent
from owned import by_owner
from psycopg.conninfo import conninfo_to_dict
from test_walk import PUPIL, REGION, ROUND, accept_all, agreement, incoming, inspect, register, release, seal, supply

from overstap.agreements import RoundKind
from overstap.agreements.change_verdicts import shifted
from overstap.ledger import Ledger
from overstap.ledger.delivery import deliveries
from overstap.ledger.review import decisions
from overstap.ledger.rounds import wakes
from overstap.ledger.rounds.steering import apply_file
from overstap.orchestration import triggers
from overstap.orchestration.waiting_rounds import WaitingRounds
from overstap_tools.local.postgres import EmbeddedPostgres

OTHER = "beta.2026-2027.advice"
PUPILS = {"17": PUPIL, "18": "999990020", "19": "999990032"}
A_WHILE = 60.0
"""Seconds after which a test gives up; nothing is expected to take that long."""
DAY_SECONDS = 86_400.0


class Heard:
    """A login that listens.

    Args:
        dsn: its connection string.
    """

    def __init__(self, dsn: str) -> None:
        self._connection = psycopg.connect(dsn, autocommit=True)
        self._connection.execute(f"listen {wakes.CHANNEL}")

    def close(self) -> None:
        self._connection.close()

    def since(self) -> list[str]:
        """Return what was told since the last call: notices come in the order of commits, so one of our own ends it."""
        self._connection.execute("select pg_notify(%s, 'end')", [wakes.CHANNEL])
        found = [notice.payload for notice in self._connection.notifies(timeout=0)]
        while "end" not in found:
            found += [notice.payload for notice in self._connection.notifies(timeout=A_WHILE, stop_after=1)]
        assert found.pop() == "end"
        return found


@pytest.fixture
def heard(postgres: EmbeddedPostgres, ledger: Ledger, app_dsn: str) -> Iterator[Heard]:
    """The triggerer's login, which reads little and writes nothing."""
    watch = postgres.dsn("overstap_watch", str(conninfo_to_dict(app_dsn)["dbname"]))
    with closing(Heard(watch)) as found:
        yield found


@pytest.fixture(autouse=True)
def triggerer(app_dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
    triggers.reader.cache_clear()
    yield
    triggers.reader().close()
    triggers.reader.cache_clear()


def released(ledger: Ledger) -> None:
    supply(ledger, *(incoming(pupil, las_key=key) for key, pupil in PUPILS.items()))
    accept_all(ledger)
    assert release(ledger) == len(PUPILS)


def in_loop(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Run a coroutine in a thread of its own: a browser's driver leaves a loop running in the test's."""

    async def limited() -> Any:
        async with asyncio.timeout(A_WHILE):
            return await work()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, limited()).result()


def listeners(dsn: str) -> list[int]:
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(
            "select pid from pg_stat_activity where application_name = %s and datname = current_database() "
            "and query like 'listen%%'",
            [wakes.NAME],
        ).fetchall()
    return [int(pid) for (pid,) in rows]


async def count_of_listeners(dsn: str, is_right: Callable[[list[int]], bool]) -> list[int]:
    while not is_right(found := await asyncio.to_thread(listeners, dsn)):
        await asyncio.sleep(0.05)
    return found


def test_the_last_answer_tells_of_its_round_and_no_other_answer_does(ledger: Ledger, heard: Heard) -> None:
    released(ledger)
    heard.since()
    inspect(ledger, "17")
    inspect(ledger, "18")
    assert heard.since() == []
    inspect(ledger, "19")
    assert heard.since() == [ROUND]
    inspect(ledger, "19")  # once more: nothing new
    assert heard.since() == []


def test_a_list_of_a_whole_school_tells_once(ledger: Ledger, heard: Heard) -> None:
    released(ledger)
    heard.since()
    with ledger.unit(REGION, "school") as unit:
        listed = [decisions.ReviewDecision(key, date(2027, 1, 12), "Ja", None) for key in PUPILS]
        decisions.record(unit, ROUND, "99AB00", listed, ground="school_list")
    assert heard.since() == [ROUND]


def test_what_is_rolled_back_tells_nothing(ledger: Ledger, heard: Heard) -> None:
    released(ledger)
    heard.since()
    with ledger.unit(REGION, "school") as unit:
        listed = [decisions.ReviewDecision(key, date(2027, 1, 12), "Ja", None) for key in PUPILS]
        assert len(decisions.record(unit, ROUND, "99AB00", listed, ground="school_list").recorded) == len(PUPILS)
        raise psycopg.Rollback
    assert heard.since() == []


def test_a_second_parent_is_waited_for_and_told_of(ledger: Ledger, heard: Heard) -> None:
    """The first answer of a dossier changes its state, and the second nothing that anybody could see there."""
    released(ledger)
    by_owner(
        ledger,
        "insert into overstap.entitled (region, dossier, number, person, kind) "
        "select d.region, d.dossier, d.version, p, 'carer' from overstap.dossier d, unnest(array['a', 'b']) p "
        "where d.las_key = (select las_key from overstap.dossier order by dossier limit 1)",
    )
    heard.since()
    for key in PUPILS:
        with ledger.unit(REGION, "school") as unit:
            stated = decisions.ReviewDecision(key, date(2027, 1, 12), "Ja", None, person="a" if key == "17" else None)
            assert decisions.record(unit, ROUND, "99AB00", [stated], ground="meeting").recorded == (0,)
    assert heard.since() == []
    with ledger.unit(REGION, "school") as unit:
        stated = decisions.ReviewDecision("17", date(2027, 1, 12), "Ja", None, person="b")
        assert decisions.record(unit, ROUND, "99AB00", [stated], ground="meeting").recorded == (0,)
    assert heard.since() == [ROUND]


def test_the_last_receipt_of_a_school_tells_of_the_round(ledger: Ledger, heard: Heard) -> None:
    released(ledger)
    for key in PUPILS:
        inspect(ledger, key)
    register(ledger)
    [message] = seal(ledger)  # the others are registered nowhere, and stay
    heard.since()
    for outcome, tells in (("failed", []), ("unverified", []), ("accepted", [ROUND])):
        with ledger.unit(REGION, "test") as unit:
            unit.run("update overstap.delivery set next_attempt_at = '-infinity' where message_id = %(id)s", id=message)
            deliveries.claim_to_send(unit, ROUND, "98XA00", limit=10)
            receipt = outcome.encode() if outcome != "failed" else None
            deliveries.settle(unit, [deliveries.AttemptResult(message, outcome, None, receipt)])
        assert heard.since() == tells, outcome


def test_a_moment_that_moved_and_dossiers_taken_back_tell_of_the_round(ledger: Ledger, heard: Heard) -> None:
    released(ledger)
    heard.since()
    moved = {name: datetime.now(UTC) + timedelta(days=place) for place, name in enumerate(RoundKind.ADVICE.milestones)}
    with ledger.unit(REGION, "file") as unit:
        apply_file(unit, ROUND, shifted(agreement(), RoundKind.ADVICE, moved), taken_by="file")
    assert heard.since() == [ROUND]
    with ledger.unit(REGION, "test") as unit:
        everybody = "array(select dossier from overstap.dossier)"
        unit.one(f"select overstap.withdraw(%(round)s, {everybody}, 'objection', 'coordinator')", round=ROUND)
    assert heard.since() == [ROUND]


def test_a_notice_holds_the_id_of_a_round_and_nothing_else(ledger: Ledger, heard: Heard, owner_dsn: str) -> None:
    """Every login of the database can listen. Nothing but the id comes in, and nothing else sends notices."""
    with psycopg.connect(owner_dsn) as connection:
        rows = connection.execute(
            "select p.proname, p.prosrc from pg_proc p where p.pronamespace = 'overstap'::regnamespace "
            "and (p.prosrc ~* 'pg_notify|notify ')"
        ).fetchall()
        told = connection.execute(
            "select string_agg(p.prosrc, ' ') from pg_proc p where p.pronamespace = 'overstap'::regnamespace "
            "and p.prosrc like '%tell_round(%'"
        ).fetchone()
    assert [name for name, _ in rows] == ["tell_round"]
    assert "pg_notify('overstap_round', of_round)" in rows[0][1]
    arguments = {each.split(")")[0] for each in str((told or ("",))[0]).split("tell_round(")[1:]}
    assert arguments == {"of_round", "s.round_id", "done.round_id"}
    assert heard.since() == []


def test_only_the_waits_of_the_round_are_woken(owner_dsn: str) -> None:
    async def waits() -> None:
        waiting = WaitingRounds()
        with waiting.wait(ROUND) as first, waiting.wait(ROUND) as second, waiting.wait(OTHER) as other:
            for each in (first, second, other):
                await each.wait()  # it listens: what was told before may be anything
                each.clear()
            await asyncio.to_thread(tell, owner_dsn, ROUND, "unknown", "", "x" * 7_000)
            await first.wait()
            await second.wait()
            assert not other.is_set()
            await asyncio.to_thread(tell, owner_dsn, OTHER)
            await other.wait()

    in_loop(waits)


def tell(dsn: str, *payloads: str) -> None:
    with psycopg.connect(dsn) as connection:
        for payload in payloads:
            connection.execute("select pg_notify(%s, %s)", [wakes.CHANNEL, payload])


def test_eighty_regions_wait_over_one_connection_and_none_stays_behind(owner_dsn: str) -> None:
    async def waits() -> None:
        waiting = WaitingRounds()
        for _ in range(2):  # and again after the last has gone
            with ExitStack() as all_of_them:
                woken = [all_of_them.enter_context(waiting.wait(f"r{number}.2026-2027.advice")) for number in range(80)]
                await woken[-1].wait()
                assert len(await count_of_listeners(owner_dsn, bool)) == 1
            await count_of_listeners(owner_dsn, lambda found: not found)

    in_loop(waits)


def test_a_killed_connection_is_made_again_and_all_look_at_what_they_missed(owner_dsn: str) -> None:
    async def waits() -> None:
        waiting = WaitingRounds()
        with waiting.wait(ROUND) as first, waiting.wait(OTHER) as other:
            await first.wait()
            [before] = await count_of_listeners(owner_dsn, bool)
            first.clear()
            other.clear()
            await asyncio.to_thread(kill, owner_dsn, before)
            await asyncio.to_thread(tell, owner_dsn, ROUND)  # heard by nobody
            await first.wait()
            await other.wait()
            [after] = await count_of_listeners(owner_dsn, bool)
            assert after != before

    in_loop(waits)


def kill(dsn: str, pid: int) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("select pg_terminate_backend(%s, 10000)", [pid])


def test_a_ledger_that_cannot_be_reached_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, app_dsn: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("OVERSTAP_LEDGER", "host=127.0.0.1 port=1 password=secret dbname=x")
    pauses: list[float] = []
    sleep = asyncio.sleep

    async def paused(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            monkeypatch.setenv("OVERSTAP_LEDGER", app_dsn)
        await sleep(0)

    monkeypatch.setattr("overstap.orchestration.waiting_rounds.asyncio.sleep", paused)

    async def waits() -> None:
        with WaitingRounds().wait(ROUND) as woken:
            await woken.wait()

    in_loop(waits)
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
    assert "LEDGER-006" in caplog.text
    assert "secret" not in caplog.text


def review_over(seconds: float) -> triggers.ReviewOver:
    path, arguments = triggers.ReviewOver(REGION, ROUND, seconds, ends_task=True).serialize()
    assert path == "overstap.orchestration.triggers.ReviewOver"
    return triggers.ReviewOver(**arguments)


async def ended(trigger: triggers.RoundTrigger) -> Any:
    [event] = [one async for one in trigger.run()]
    return event


def test_a_review_ends_when_the_last_family_answers_though_the_next_look_is_a_day_away(
    ledger: Ledger, owner_dsn: str
) -> None:
    released(ledger)

    async def reviewed() -> Any:
        wait = asyncio.create_task(ended(review_over(DAY_SECONDS)))
        await count_of_listeners(owner_dsn, bool)
        for key in PUPILS:
            assert not wait.done()
            await asyncio.to_thread(inspect, ledger, key)
        return await wait

    assert isinstance(in_loop(reviewed), TaskSuccessEvent)


def test_an_answer_that_nobody_heard_of_is_found_by_the_next_look(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(ledger)
    monkeypatch.setattr(WaitingRounds, "_wake", lambda self, round_id: None)

    async def reviewed() -> Any:
        wait = asyncio.create_task(ended(review_over(0.05)))
        for key in PUPILS:
            await asyncio.to_thread(inspect, ledger, key)
        return await wait

    assert isinstance(in_loop(reviewed), TaskSuccessEvent)


def test_a_triggerer_that_starts_again_finds_what_was_answered_meanwhile(ledger: Ledger, owner_dsn: str) -> None:
    released(ledger)

    async def begun() -> None:
        wait = asyncio.create_task(ended(review_over(DAY_SECONDS)))
        await count_of_listeners(owner_dsn, bool)
        wait.cancel()
        await asyncio.gather(wait, return_exceptions=True)

    in_loop(begun)
    for key in PUPILS:
        inspect(ledger, key)

    async def again() -> Any:
        return await ended(review_over(DAY_SECONDS))

    assert isinstance(in_loop(again), TaskSuccessEvent)
