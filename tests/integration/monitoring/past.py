"""Points of the hours before: what a server would hold that had been sent metrics all the time."""

import itertools
import json
import math
from collections.abc import Iterator

import httpx

from .servers import MetricsServer

EVERY_SECONDS = 60


def backdate(server: MetricsServer, hours: int, *, until: float, named: str = "overstap_.*") -> int:
    """Write a past for each series that a server has, by VictoriaMetrics' import, for pictures.

    The last values are those that came; what lies before is made up: counts that grew evenly towards it, with a
    small wave, and ages that grew with the clock.

    Args:
        server: a running VictoriaMetrics.
        hours: how far back.
        until: seconds since 1970 of the last point written.
        named: regular expression of the metrics.

    Returns:
        How many series were given a past.
    """
    series = server.ask(f'{{__name__=~"{named}"}}')
    _send(
        server,
        [_series(labels, list(_values(labels["__name__"], value, _count(hours))), until) for labels, value in series],
    )
    return len(series)


def visitors(server: MetricsServer, hours: int, *, until: float) -> None:
    """Write made-up counts of requests to pages and desk, and the scheduler's heartbeats.

    Args:
        server: a running VictoriaMetrics.
        hours: how far back.
        until: seconds since 1970 of the last point written.
    """
    lines = []
    for number, service in enumerate(("overstap-review", "overstap-school", "overstap-desk")):
        about = {"service_name": service, "service_instance_id": "made-up", "http_response_status_code": "200"}
        counts = _grown([20 + 14 * math.sin(place / (60 + 20 * number)) for place in range(_count(hours) + 1)])
        name = "http_server_request_duration_seconds"
        lines.append(_series({"__name__": f"{name}_count", **about}, counts, until))
        for bound, share in (
            ("0.025", 0.5),
            ("0.05", 0.9),
            ("0.1", 0.97 + 0.015 * number),
            ("0.25", 1.0),
            ("+Inf", 1.0),
        ):
            of_bucket = [share * count for count in counts]
            lines.append(_series({"__name__": f"{name}_bucket", "le": bound, **about}, of_bucket, until))
    beats = _grown([12.0 - (place % 7 == 0) for place in range(_count(hours) + 1)])
    about = {"service_name": "airflow-scheduler", "service_instance_id": "made-up"}
    lines.append(_series({"__name__": "airflow_scheduler_heartbeat_total", **about}, beats, until))
    _send(server, lines)


def _grown(steps: list[float]) -> list[float]:
    return list(itertools.accumulate(steps))


def _count(hours: int) -> int:
    return hours * 3600 // EVERY_SECONDS


def _series(labels: dict[str, str], values: list[float], until: float) -> dict[str, object]:
    moments = [until - EVERY_SECONDS * (len(values) - 1 - place) for place in range(len(values))]
    return {"metric": labels, "values": values, "timestamps": [int(moment * 1000) for moment in moments]}


def _send(server: MetricsServer, lines: list[dict[str, object]]) -> None:
    content = "\n".join(json.dumps(line) for line in lines)
    answer = httpx.post(f"{server.address}/api/v1/import", content=content, timeout=120)
    assert answer.status_code == 204, answer.text


def _values(name: str, value: float, count: int) -> Iterator[float]:
    for place in range(count + 1):
        left = count - place
        if name.endswith("_age_seconds"):
            yield max(0.0, value - EVERY_SECONDS * left)
        elif name.endswith("_remaining_seconds"):
            yield value + EVERY_SECONDS * left
        elif name in ("overstap_dossiers", "overstap_deliveries", "overstap_mails"):
            yield float(round(value * (0.55 + 0.45 * place / count + 0.05 * math.sin(place / 40)))) if left else value
        else:
            yield value
