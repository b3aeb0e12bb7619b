"""Sending times of notices: a daily digest, urgent mail at once, no mail in quiet hours (Dutch wall time)."""

from datetime import datetime, timedelta

from overstap.agreements.model.notices import Notices
from overstap.clock import dutch_time

_SATURDAY = 5


def is_quiet(agreed: Notices, at: datetime) -> bool:
    """Tell whether no mail is sent at a moment: in quiet hours, and at weekends where the region agreed so.

    Args:
        agreed: the agreed sending times.
        at: the moment, aware.
    """
    local = dutch_time(at)
    if local.weekday() >= _SATURDAY and not agreed.weekends:
        return True
    begin, end = agreed.hour("quiet_from"), agreed.hour("quiet_until")
    if begin == end:
        return False
    if begin < end:
        return begin <= local.time() < end
    return local.time() >= begin or local.time() < end


def is_digest_due(agreed: Notices, at: datetime, last: datetime | None) -> bool:
    """Tell whether the day's digest is due: its hour has passed, and none was made today.

    Args:
        agreed: the agreed sending times.
        at: the moment, aware.
        last: when the last digest was made for this recipient.
    """
    local = dutch_time(at)
    went_today = last is not None and dutch_time(last).date() == local.date()
    return not is_quiet(agreed, at) and local.time() >= agreed.hour("digest_at") and not went_today


def is_urgent_due(agreed: Notices, at: datetime, last: datetime | None) -> bool:
    """Tell whether an urgent mail may be sent: not in quiet hours, and not too soon after the one before.

    Args:
        agreed: the agreed sending times.
        at: the moment, aware.
        last: when the last urgent mail was made for this recipient.
    """
    return not is_quiet(agreed, at) and (last is None or at - last >= max(agreed.urgent_every, timedelta(0)))
