"""Alarms as structured log lines, one JSON object each in the fields of the Elastic Common Schema (ECS 8), for a SIEM.

No address, name, code or account is in a line: what happened, where in the product, and how often.
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
}


def raise_alarm(action: str, *, service: str, failed: int | None = None, region: str | None = None) -> None:
    """Write an alarm to the log.

    Args:
        action: what happened, one of a few words.
        service: which service noticed: "review", "school" or "airflow".
        failed: how many attempts failed, where that is what it is about.
        region: region id, where it is of one.
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
