"""Tests of a network partition (F22): what is sent or answered is swallowed without a word, and comes through later.

A relay on loopback stands between the region and the school; where it is cut nothing is reset and nothing closed.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from integration.round.deployment import RegionDeployment

from overstap.agreements import School
from overstap.clock import now
from overstap.delivery.channels.push import PushChannel
from overstap.errors import OverstapError
from overstap.pki import TrustStore
from overstap.rounds import delivering
from overstap.rounds.context import Context
from overstap_tools.local import ports

DEADLINE_SECONDS = 1.5


class Relay:
    """Passes bytes on between two ports, but for a direction that is cut.

    Args:
        listens: the port at which the region finds the school.
        leads_to: the port at which the school really is.
    """

    def __init__(self, listens: int, leads_to: int) -> None:
        self.leads_to = leads_to
        self.cut: frozenset[str] = frozenset()
        self.swallowed = 0
        self.listener = socket.create_server((ports.LOOPBACK, listens))
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self.listener.accept()
                far = socket.create_connection((ports.LOOPBACK, self.leads_to))
                for pair in ((near, far, "there"), (far, near, "back")):
                    threading.Thread(target=self._pass, args=pair, daemon=True).start()

    def _pass(self, source: socket.socket, target: socket.socket, direction: str) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if direction in self.cut:
                    self.swallowed += len(data)
                else:
                    target.sendall(data)
            if not self.cut:
                target.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        with suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


@contextmanager
def impatient(school: School, *, region: str, trust: TrustStore, at: Any, **_: object) -> Iterator[PushChannel]:
    """Open the school's channel with a short deadline."""
    client = trust.conductor_identity(region, at=at)
    with PushChannel(
        school.receives.url, school=school.id, trust=trust, client=client, at=at, deadline_seconds=DEADLINE_SECONDS
    ) as channel:
        yield channel


@pytest.mark.fault("F22")
@pytest.mark.parametrize("cut", [{"there"}, {"back"}, {"there", "back"}], ids=["there", "back", "both"])
def test_a_partition_ends_by_the_deadline_and_is_made_good(
    cut: set[str], at_brink: Callable[[str], RegionDeployment], random: Random
) -> None:
    """It begins in the middle of sending. What arrived is stored once, whether we heard of it or not."""
    deployment = at_brink("sealed")
    school = deployment.region.secondary[0].id
    total = deployment.count("delivery", secondary_school=school)
    behind = replace(deployment, ports={school: ports.any_free()}, endpoints=deployment.endpoints)
    behind.receive(school)
    relay = Relay(deployment.ports[school], behind.ports[school])
    context = Context(deployment.sandbox.settings(), deployment.sandbox.ledger(), now, channel=impatient)
    try:
        of_round = context.of_round(deployment.round_id, deployment.agreement)
        upto = random.randrange(1, total // 2)

        def cut_when_some_arrived() -> None:
            while deployment.stored()[school] < upto and not over.wait(0.005):
                pass
            relay.cut = frozenset(cut)

        over = threading.Event()
        watcher = threading.Thread(target=cut_when_some_arrived)
        watcher.start()
        with pytest.raises(OverstapError) as told:
            delivering.send(of_round, school, actor="deliver", is_asked=True)
        over.set()
        watcher.join()
        assert told.value.code == "DELIVERY-101"
        assert relay.swallowed > 0
        stored, confirmed = deployment.stored()[school], deployment.count("delivery", state="confirmed")
        assert confirmed <= stored < total
        if cut == {"back"}:
            assert stored > confirmed  # it came, and nobody told us
        said = [one for one in deployment.breaches() if one.invariant != "I2" or "not in its store" in one.why]
        assert said == []
        relay.cut = frozenset()
        assert delivering.send(of_round, school, actor="deliver", is_asked=True)["accepted"] == total - confirmed
    finally:
        context.ledger.close()
        relay.close()
    assert deployment.stored()[school] == total == deployment.count("delivery", state="confirmed")
    assert deployment.breaches() == []
