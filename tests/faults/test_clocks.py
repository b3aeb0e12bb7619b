"""Tests of wrong clocks (F33, F34): of the conductor, of a receiver, and of the database, ahead, behind and back.

Clocks of processes are moved by libfaketime (Debian's `faketime`), the database's by the clock of its schema.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import timedelta
from functools import cache
from random import Random

import pytest
from integration.round.deployment import RegionDeployment

from overstap.clock import now
from overstap.ledger.simulated_clock import set_clock

from .conftest import PUPILS, Stage

FAKETIME = shutil.which("faketime")
needs_faketime = pytest.mark.skipif(FAKETIME is None, reason="faketime is not on this machine")


@cache
def library() -> str:
    """Return where the library is that moves a process's clock."""
    assert FAKETIME is not None
    words = [FAKETIME, "-f", "+0s", "printenv", "LD_PRELOAD"]
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()


def off(seconds: float) -> list[str]:
    """Return the words in front of a command whose clock is off.

    Not by `faketime` itself: a semaphore named by its process stays when that is killed, and stops a later one.
    """
    return ["env", f"LD_PRELOAD={library()}", f"FAKETIME={seconds:+.0f}s"]


@needs_faketime
@pytest.mark.fault("F33")
@pytest.mark.parametrize("minutes", [10, -10])
def test_a_clock_of_ours_is_ten_minutes_off(
    minutes: int, at_brink: Callable[[str], RegionDeployment], begin: Stage
) -> None:
    """From collecting to receipts, while the database and the receivers are right: nothing is refused for it."""
    deployment = at_brink("opened")
    before = off(60 * minutes)
    school = deployment.region.primary[0].id
    assert begin(deployment, "collect", school, before).wait(120) == 0
    assert deployment.states() == {"supplied": PUPILS}
    assert deployment.breaches() == []
    deployment = at_brink("inspected")
    assert begin(deployment, "seal", before=before).wait(120) == 0
    receiver = deployment.region.secondary[0].id
    deployment.receive(receiver)
    assert begin(deployment, "send", receiver, before).wait(120) == 0
    total = deployment.count("delivery", secondary_school=receiver)
    assert deployment.stored()[receiver] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []


@needs_faketime
@pytest.mark.fault("F33")
def test_a_receivers_clock_is_ten_minutes_off(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its receipts count; they say the moment that it says."""
    deployment = at_brink("sealed")
    school = deployment.region.secondary[0].id
    monkeypatch.setenv("LD_PRELOAD", library())
    monkeypatch.setenv("FAKETIME", f"{random.choice([-600, 600]):+}s")
    deployment.receive(school)
    monkeypatch.undo()
    assert "FAKETIME" not in os.environ
    assert begin(deployment, "send", school).wait(120) == 0
    total = deployment.count("delivery", secondary_school=school)
    assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []


@needs_faketime
@pytest.mark.fault("F34")
def test_our_clock_jumps_back_between_and_within_steps(
    at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """A try is killed, the clock goes back by half an hour at most, and the next try completes the work, once."""
    deployment = at_brink("inspected")
    back = -random.uniform(60, 1800)
    where = f"overstap.delivery.sealing.keep_sealed:{random.randrange(2, 5)}"
    assert begin(deployment, "seal", OVERSTAP_TEST_DIES=where).wait(120) != 0
    assert begin(deployment, "seal", before=off(back)).wait(120) == 0
    assert deployment.breaches() == []
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    where = f"overstap.delivery.sending.settle:{random.randrange(1, 4)}"
    assert begin(deployment, "send", school, OVERSTAP_TEST_DIES=where).wait(120) != 0
    assert begin(deployment, "send", school, off(back)).wait(120) == 0
    total = deployment.count("delivery", secondary_school=school)
    assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []


@pytest.mark.fault("F34")
@pytest.mark.parametrize("brink", ["inspected", "sealed"])
def test_the_databases_clock_jumps_back(
    brink: str, at_brink: Callable[[str], RegionDeployment], begin: Stage, random: Random
) -> None:
    """The chain goes by its numbers, and what was decided stays decided: all is delivered, once."""
    deployment = at_brink(brink)
    set_clock(deployment.owner_dsn, now() - timedelta(seconds=random.uniform(1, 600)))
    assert begin(deployment, "seal").wait(120) == 0
    deployment.receive_all()
    school = deployment.region.secondary[0].id
    assert begin(deployment, "send", school).wait(120) == 0
    total = deployment.count("delivery", secondary_school=school)
    assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []
