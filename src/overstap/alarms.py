"""Security alarms as structured log lines for a SIEM: one JSON object each, in the Elastic Common Schema (ECS 8).

A line holds no address, name, code or account; it states the action, the service, and a count.
"""

import json
import logging
import threading
from collections import OrderedDict

from overstap.clock import now

_log = logging.getLogger("overstap.alarm")
_CATEGORIES = {
    "guessing": "authentication",
    "guessing_network": "authentication",
    "code_ended": "authentication",
    "account_guessed": "authentication",
    "factor_guessed": "authentication",
    "invitation_guessed": "authentication",
    "odd_hours": "authentication",
    "mass_opening": "database",
    "mass_printing": "database",
    "mass_searching": "database",
    "key_refused": "intrusion_detection",
}
_MOST_REMEMBERED = 10_000
_told: OrderedDict[tuple[str, str, str, str], None] = OrderedDict()
"""Alarms that were told once in an hour: action, service, whom they are about, and the hour."""
_telling = threading.Lock()


def raise_alarm(
    action: str, *, service: str, failed: int | None = None, region: str | None = None, about: str | None = None
) -> None:
    """Write an alarm to the log.

    Args:
        action: code of the event, such as "guessing".
        service: the service that detected it, such as "review", "school", "airflow", "keys" or "ledger".
        failed: number of attempts, dossiers or letters, or seconds, for events that count them.
        region: region id, for events of one region.
        about: the account or network of an event that whoever causes it can repeat at will: one alarm in an hour for
            each, so that a log full of the same hides no other. It is not in the line.
    """
    if about is not None and not _is_first(action, service, about):
        return
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


def _is_first(action: str, service: str, about: str) -> bool:
    """Tell whether this alarm was not told in the present hour."""
    one = (action, service, about, now().isoformat(timespec="hours"))
    with _telling:
        if one in _told:
            return False
        _told[one] = None
        if len(_told) > _MOST_REMEMBERED:
            _told.popitem(last=False)
    return True
