"""The demonstration's mail: a server that delivers nothing and keeps every mail as a file to be opened."""

import sys

from overstap.agreements.model import Notices
from overstap_tools.demo.sandbox import DemoPlace
from overstap_tools.local import ports
from overstap_tools.local.api import AirflowApi
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until_listening

AT_ANY_HOUR = Notices(digest_at="00:00", quiet_from="00:00", quiet_until="00:00", weekends=True)
"""A demonstration is also given in the evening."""


def start(place: DemoPlace) -> None:
    """Start the mail server, on a port that is the demonstration's for its whole life.

    Raises:
        OverstapError: LOCAL-005 or LOCAL-010 when it does not start.
    """
    port = ports.any_free()
    place.mail_port.write_text(str(port), encoding="utf-8")
    service = Service(place.folder, "mail")
    service.start(
        [sys.executable, "-m", "overstap", "local", "mail", place.mails, "--port", str(port)],
        env=place.command_env(place.postgres()),
    )
    wait_until_listening(service, port)


def deliver(api: AirflowApi, region: str) -> None:
    """Let the region's mail be written and sent now, instead of within five minutes.

    Args:
        api: the coordinator's.
        region: region id.
    """
    dag_id = f"notices__{region}"
    api.wait_for_run(dag_id, api.trigger(dag_id))
