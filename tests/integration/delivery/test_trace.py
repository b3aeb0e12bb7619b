"""Tests that a delivery and the endpoint that receives it log one trace id."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from overstap.delivery.channels.push import PushChannel
from overstap.telemetry.trace import traced

from .conftest import Endpoint, Maker, start

TRACE = "5" * 32


@pytest.fixture
def endpoint(trust_folder: Path, tmp_path: Path) -> Iterator[Endpoint]:
    """A running endpoint that logs JSON."""
    found = start(trust_folder, tmp_path / "store", tmp_path / "log", environment={"OVERSTAP_LOG_FORMAT": "json"})
    yield found
    found.kill()


def test_both_sides_log_the_trace_of_the_run(
    endpoint: Endpoint, make: Maker, pusher: Callable[..., PushChannel], tmp_path: Path
) -> None:
    message = make()
    with traced(TRACE):
        pusher(endpoint.url).push(message.sealed.envelope, message_id=message.id)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    of_it = [line for line in lines if line.get("trace", {}).get("id") == TRACE]
    assert any(str(message.id) in line["message"] for line in of_it), lines
    assert {line["service"]["name"] for line in lines} == {"overstap-receive"}
