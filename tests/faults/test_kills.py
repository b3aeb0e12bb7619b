"""Tests of stages that are killed with SIGKILL at random moments and then completed (F01, F04, F05, F06, F21, F23).

Every moment follows from a printed seed. What a kill may never leave behind is what the invariants say, with each
receiver's store and every receipt looked at again.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from random import Random

import psycopg
import pytest
from integration.round.deployment import RegionDeployment, wait_for

from .conftest import PUPILS, Stage

KILLS = 3


def strike(process: "subprocess.Popen[str]", after_seconds: float) -> None:
    """Kill a process after a while."""
    time.sleep(after_seconds)
    process.kill()
    process.wait()


def strike_at_work(process: "subprocess.Popen[str]", deployment: RegionDeployment, table: str, random: Random) -> None:
    """Kill a process in the middle of its writing: soon after its first group has come into a table."""
    begun = deployment.count(table)
    with slow_writing(deployment, table):
        wait_for(lambda: process.poll() is not None or deployment.count(table) > begun)
        strike(process, random.uniform(0, 0.04))


@contextmanager
def slow_writing(deployment: RegionDeployment, table: str) -> Iterator[None]:
    """Let every insert into a table take a third of a second, so that a kill falls between two on any machine."""
    with psycopg.connect(deployment.owner_dsn, autocommit=True) as owner:
        owner.execute(
            "create function overstap.test_slow() returns trigger language plpgsql as"
            " $$ begin perform pg_sleep(0.3); return null; end $$"
        )
        owner.execute(
            f"create trigger test_slow after insert on overstap.{table} for each statement"
            " execute function overstap.test_slow()"
        )
        yield
        owner.execute("drop function overstap.test_slow cascade")


class HeldReceipts:
    """Lets no receipt into the ledger, however slow the machine is, until a group of them is let in.

    Args:
        owner: a connection of the tables' owner.
    """

    def __init__(self, owner: "psycopg.Connection[tuple[int]]") -> None:
        self._owner = owner
        self._hold()

    def _hold(self) -> None:
        self._owner.execute("lock table overstap.receipt in share mode")  # waits for a group that is being written

    def are_there(self, process: "subprocess.Popen[str]") -> bool:
        """Wait until a process has receipts to write; False when it has ended without."""
        waiting = "select count(*) from pg_locks where relation = 'overstap.receipt'::regclass and not granted"
        wait_for(lambda: process.poll() is not None or self._owner.execute(waiting).fetchone() != (0,))
        return process.poll() is None

    def let_in(self) -> None:
        """Let one group in and hold the next."""
        self._owner.rollback()
        self._hold()


def finish(begin: Stage, deployment: RegionDeployment, stage: str, school: str = "-") -> int:
    return begin(deployment, stage, school).wait(120)


@pytest.mark.fault("F01")
def test_collecting_is_killed(at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random) -> None:
    deployment = at_brink("opened")
    school = deployment.region.primary[0].id
    seen = []
    for _ in range(KILLS):
        strike_at_work(begin(deployment, "collect", school), deployment, "dossier", random)
        seen.append(deployment.count("dossier"))
        assert deployment.breaches() == []
    assert finish(begin, deployment, "collect", school) == 0
    assert seen == sorted(seen)
    assert any(0 < part < PUPILS for part in seen), seen  # a kill fell into the work
    assert deployment.states() == {"supplied": PUPILS}
    assert {version for (version,) in deployment.rows("select version from overstap.dossier")} == {1}
    assert deployment.breaches() == []
    before = deployment.dump("dossier_version")
    assert finish(begin, deployment, "collect", school) == 0
    assert deployment.dump("dossier_version") == before


@pytest.mark.fault("F02")
def test_judging_is_killed(at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random) -> None:
    """At any moment: while Great Expectations works, and between two groups of verdicts."""
    deployment = at_brink("collected")
    strike(begin(deployment, "check"), random.uniform(0, 4))
    assert deployment.breaches() == []
    assert finish(begin, deployment, "check") == 0
    assert deployment.states() == {"accepted": PUPILS}
    deployment = at_brink("collected")  # anew: a quick machine had judged all by then
    seen = []
    for _ in range(2):
        strike_at_work(begin(deployment, "check"), deployment, "dossier_event", random)
        seen.append(deployment.states()["accepted"])
        assert deployment.breaches() == []
    assert finish(begin, deployment, "check") == 0
    assert seen == sorted(seen)
    assert any(0 < part < PUPILS for part in seen), seen
    assert deployment.states() == {"accepted": PUPILS}
    assert deployment.breaches() == []
    before = deployment.dump("dossier_version")
    assert finish(begin, deployment, "check") == 0
    assert deployment.dump("dossier_version") == before


@pytest.mark.fault("F03")
def test_the_opening_of_the_window_is_killed(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """Released is all or nothing; who was not invited yet is invited by the next try, and nobody twice."""
    deployment = at_brink("accepted")
    strike(begin(deployment, "open_window"), random.uniform(0, 0.2))
    assert deployment.states() in ({"accepted": PUPILS}, {"in_review": PUPILS})
    assert deployment.breaches() == []
    seen = []
    for _ in range(KILLS):
        strike_at_work(begin(deployment, "open_window"), deployment, "entitled", random)
        assert deployment.states() == {"in_review": PUPILS}
        seen.append(deployment.count("entitled"))
        assert deployment.breaches() == []
    assert finish(begin, deployment, "open_window") == 0
    total = deployment.count("entitled")
    assert any(0 < part < total for part in seen), (seen, total)
    mails = deployment.count("mail")
    assert mails == deployment.count("invitation", channel="email", state="made")
    before = deployment.dump("invitation"), deployment.dump("entitled"), deployment.dump("gate_decision")
    assert finish(begin, deployment, "open_window") == 0
    assert deployment.count("mail") == mails
    assert (deployment.dump("invitation"), deployment.dump("entitled"), deployment.dump("gate_decision")) == before
    assert deployment.breaches() == []


@pytest.mark.fault("F04")
def test_sealing_dies_between_the_envelope_and_the_commit(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """The worst moment, hit each time: a whole group is sealed, and nobody knows of it."""
    deployment = at_brink("inspected")
    for _ in range(KILLS):
        before = deployment.count("delivery")
        groups = random.randrange(1, 6)
        where = f"overstap.delivery.sealing.keep_sealed:{groups}"
        assert begin(deployment, "seal", OVERSTAP_TEST_DIES=where).wait(120) == -signal.SIGKILL
        assert (deployment.count("delivery") > before) == (groups > 1)
        assert deployment.breaches() == []
    assert finish(begin, deployment, "seal") == 0
    assert deployment.breaches() == []


@pytest.mark.fault("F05", "F06")
def test_sending_dies_between_the_receipts_and_the_commit(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """A whole group was sent and its receipts came; the retry sends the same bytes, and gets the same receipts."""
    deployment = at_brink("sealed")
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    for _ in range(KILLS):
        where = f"overstap.delivery.sending.settle:{random.randrange(1, 4)}"
        assert begin(deployment, "send", school, OVERSTAP_TEST_DIES=where).wait(120) == -signal.SIGKILL
        assert deployment.stored()[school] > deployment.count("delivery", state="confirmed")
    total = deployment.count("delivery", secondary_school=school)
    assert finish(begin, deployment, "send", school) == 0
    assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []


@pytest.mark.fault("F04")
def test_sealing_is_killed(at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random) -> None:
    deployment = at_brink("inspected")
    may_leave = deployment.rows("select count(distinct dossier) from overstap.may_receive where stage <> 'applied'")[0][
        0
    ]
    seen = []
    for _ in range(KILLS):
        strike_at_work(begin(deployment, "seal"), deployment, "delivery", random)
        seen.append(deployment.states()["sealed"])
        assert deployment.breaches() == []
    assert finish(begin, deployment, "seal") == 0
    assert any(0 < part < may_leave for part in seen), seen
    assert deployment.states()["sealed"] == may_leave
    assert deployment.breaches() == []
    before = deployment.dump("delivery")
    assert finish(begin, deployment, "seal") == 0
    assert deployment.dump("delivery") == before


@pytest.mark.fault("F04", "F21")
def test_two_seal_at_once_and_one_is_killed(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    deployment = at_brink("inspected")
    zombie, retry = begin(deployment, "seal"), begin(deployment, "seal")
    strike_at_work(zombie, deployment, "delivery", random)
    assert retry.wait(120) == 0
    assert finish(begin, deployment, "seal") == 0
    assert deployment.states()["inspected"] == deployment.count("dossier") - deployment.states()["sealed"]
    assert deployment.breaches() == []


@pytest.mark.fault("F05", "F06")
def test_sending_is_killed_between_the_receivers_store_and_our_commit(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """The receiver has it, and we do not know yet: the worst moment, hit each time (F05, F06)."""
    deployment = at_brink("sealed")
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    total = deployment.count("delivery", secondary_school=school)

    def unknown() -> int:
        return deployment.stored()[school] - deployment.count("delivery", state="confirmed", secondary_school=school)

    for number in range(KILLS):
        with psycopg.connect(deployment.owner_dsn) as owner:
            held = HeldReceipts(owner)
            process = begin(deployment, "send", school)
            has_receipts = held.are_there(process)
            assert has_receipts or number
            if has_receipts and number and random.random() < 0.5:
                held.let_in()
                has_receipts = held.are_there(process)
            strike(process, random.uniform(0, 0.02))
            assert not has_receipts or unknown() > 0
        assert [one for one in deployment.breaches() if one.invariant != "I2" or "not in its store" in one.why] == []
    assert finish(begin, deployment, "send", school) == 0
    assert deployment.stored()[school] == total
    assert deployment.count("delivery", state="confirmed", secondary_school=school) == total
    assert deployment.breaches() == []


@pytest.mark.fault("F21")
def test_two_send_at_once(at_brink: Callable[[str], RegionDeployment], begin: Stage) -> None:
    """F21: a zombie and its retry. The second waits for the first, and finds nothing left."""
    deployment = at_brink("sealed")
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    both = [begin(deployment, "send", school), begin(deployment, "send", school)]
    assert [process.wait(120) for process in both] == [0, 0]
    total = deployment.count("delivery", secondary_school=school)
    assert deployment.stored()[school] == total
    assert deployment.count("delivery", secondary_school=school, attempts="1") == total
    assert deployment.breaches() == []


@pytest.mark.fault("F05", "F14")
def test_the_receiver_is_killed_while_it_takes_in(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """What it had stored it confirms with the same receipt; what it was writing it forgets."""
    deployment = at_brink("sealed")
    school = deployment.region.secondary[0].id
    endpoint = deployment.receive(school)
    total = deployment.count("delivery", secondary_school=school)
    for _ in range(3):
        upto = deployment.stored()[school] + random.randrange(1, 20)
        process = begin(deployment, "send", school)
        wait_for(lambda upto=upto: deployment.stored()[school] >= upto)  # type: ignore[misc]
        time.sleep(random.uniform(0, 0.05))
        endpoint.kill()
        assert process.wait(120) == 1  # says DELIVERY-101: some are not confirmed yet
        assert deployment.breaches() == []
        endpoint = deployment.receive(school)
    assert finish(begin, deployment, "send", school) == 0
    assert deployment.stored()[school] == total
    assert deployment.breaches() == []


@pytest.mark.fault("F23")
def test_postgresql_goes_away_in_the_middle(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """F23: sessions are cut off in a transaction; the task fails, and its retry completes the work."""
    deployment = at_brink("sealed")
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    failed = 0
    for _ in range(3):
        upto = deployment.stored()[school] + random.randrange(1, 10)
        process = begin(deployment, "send", school)
        wait_for(lambda upto=upto: deployment.stored()[school] >= upto)  # type: ignore[misc]
        deployment.server.stop()
        deployment.server.start()
        failed += process.wait(120)
    assert failed == 3
    assert finish(begin, deployment, "send", school) == 0
    total = deployment.count("delivery", secondary_school=school)
    assert deployment.stored()[school] == total
    assert deployment.breaches() == []


@pytest.mark.fault("F23")
def test_one_ledger_goes_on_after_a_restart_of_postgresql(at_brink: Callable[[str], RegionDeployment]) -> None:
    """A process that lives on, such as the triggerer, gets a new connection by itself, before anything fails."""
    deployment = at_brink("opened")
    with deployment.ledger() as ledger:
        with ledger.unit("alfa", "test") as unit:
            unit.one("select 1")
        deployment.server.stop()
        deployment.server.start()
        with ledger.unit("alfa", "test") as unit:
            assert unit.one("select 1") == (1,)


@pytest.mark.fault("F23")
def test_a_lock_that_ended_with_its_connection_is_not_gone_on_without(
    at_brink: Callable[[str], RegionDeployment],
) -> None:
    """Whoever holds a school alone and loses the connection fails: somebody else may have the school by now."""
    deployment = at_brink("opened")
    with deployment.ledger() as ledger, ledger.exclusive("a school"):
        deployment.server.stop()
        deployment.server.start()
        with pytest.raises(psycopg.OperationalError):
            ledger.unit("alfa", "test").__enter__()
