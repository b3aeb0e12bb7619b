"""Security alarms as structured log lines for a SIEM: one JSON object each, in the Elastic Common Schema (ECS 8).

A line holds no address, name, code or account; it states the action, the service, and a count.
"""

import json
import logging

from overstap.clock import now

_log = logging.getLogger("overstap.alarm")
_CATEGORIES = {
    "guessing": "authentication",
    "guessing_network": "authentication",
    "code_ended": "authentication",
    "account_guessed": "authentication",
    "factor_guessed": "authentication",
    "invitation_guessed": "authentication",
}


def raise_alarm(action: str, *, service: str, failed: int | None = None, region: str | None = None) -> None:
    """Write an alarm to the log.

    Args:
        action: code of the event, such as "guessing".
        service: the service that detected it: "review", "school" or "airflow".
        failed: number of failed attempts, for events that count them.
        region: region id, for events of one region.
    """
    line: dict[str, object] = {
        "@timestamp": now().isoformat(timespec="milliseconds"),
        "ecs.version": "8.11",
        "log.level": "warning",
        "event.kind": "alert",
        "event.category": [_CATEGORIES.get(action, "process")],
        "event.type": ["info"],
        "event.action": action,
        "service.name": f"overstap-{service}",
    }
    if failed is not None:
        line["overstap.failed"] = failed
    if region is not None:
        line["overstap.region"] = region
    _log.warning("%s", json.dumps(line, ensure_ascii=True, sort_keys=True))
