"""Mail of the demonstration: a server that delivers nothing and stores every mail as a file."""

import sys

from overstap.agreements.model import Notices
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds.due_work import NOTICES, due_work
from overstap_tools.demo.sandbox import DemoSandbox
from overstap_tools.local import ports
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until, wait_until_listening

AT_ANY_HOUR = Notices(digest_at="00:00", quiet_from="00:00", quiet_until="00:00", weekends=True)
"""A demonstration is also given in the evening."""


def start(sandbox: DemoSandbox) -> None:
    """Start the mail server, on a port that is the demonstration's for its whole life.

    Raises:
        OverstapError: LOCAL-005 or LOCAL-010 when it does not start.
    """
    port = ports.any_free()
    sandbox.mail_port.write_text(str(port), encoding="utf-8")
    service = Service(sandbox.folder, "mail")
    service.start(
        [sys.executable, "-m", "overstap", "local", "mail", sandbox.mails, "--port", str(port)],
        env=sandbox.command_env(sandbox.postgres()),
    )
    wait_until_listening(service, port)


def wait_until_sent(read_only_ledger: ReadOnlyLedger, region: str, seconds: float) -> None:
    """Wait until no mail of a region is due: its own background work writes and sends what there is to tell.

    Args:
        read_only_ledger: reads the ledger.
        region: region id.
        seconds: how long to wait at most.

    Raises:
        OverstapError: LOCAL-010 when the time is up.
    """
    wait_until(
        lambda: (
            not any(one.is_due for one in due_work(read_only_ledger) if (one.region, one.work) == (region, NOTICES))
        ),
        f"mail of {region}",
        seconds,
        poll_seconds=1.0,
    )
