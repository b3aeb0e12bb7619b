"""Event-driven start of a region's background work: an asset per kind of work, with a watcher on the ledger.

In a region in which nothing is due, no task is started (docs/decisions).
"""

import asyncio
from collections.abc import AsyncIterator, Hashable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

import psycopg
from airflow.sdk import Asset, AssetWatcher
from airflow.triggers.base import BaseEventTrigger, TriggerEvent

from overstap.agreements.load import agreement_paths
from overstap.errors import OverstapError
from overstap.ledger.rounds.due_work import AGREEMENTS, ANSWERS, DELIVERIES, NOTICES, due_work
from overstap.orchestration.failures import told
from overstap.orchestration.triggers import reader
from overstap.settings import Settings

__all__ = ["AGREEMENTS", "ANSWERS", "DELIVERIES", "NOTICES", "WorkIsDue", "asset_of"]

LOOK_EVERY = timedelta(seconds=15)
"""Interval between two queries for all regions together: due work starts within a minute."""
SOON = timedelta(seconds=40)
"""Delay of an event for work that became due during a run, which may have done it already."""
AGAIN_AFTER = timedelta(minutes=10)
"""Interval after which an event is repeated while its work is due, in case an event, run or task was lost."""

Due = Mapping[tuple[str, str], str]
"""Since when work is due, by region and kind of work."""


@cache
def asset_of(region: str, work: str) -> Asset:
    """Return the asset that triggers a region's DAG of a kind of work.

    Args:
        region: region id.
        work: `DELIVERIES`, `ANSWERS`, `NOTICES` or `AGREEMENTS`.
    """
    name = f"overstap-{work}-{region}"
    watcher = AssetWatcher(name=name, trigger=WorkIsDue(region, work))
    return Asset(name=name, uri=f"overstap://{work}/{region}", watchers=[watcher])


class WorkIsDue(BaseEventTrigger):
    """Trigger that fires when a kind of work is due in a region. All regions share one query of the ledger.

    It is level-triggered: a lost event is repeated as long as the work is due.

    Args:
        region: region id.
        work: kind of work.
    """

    def __init__(self, region: str, work: str) -> None:
        super().__init__()
        self.region = region
        self.work = work

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the arguments with which the triggerer recreates it: ids only."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {"region": self.region, "work": self.work}

    def shared_stream_key(self) -> Hashable:
        """Return the one key of all regions and kinds of work."""
        return ("overstap", "due_work")

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Due]:
        """Query the ledger at intervals, and yield the due work of all regions; retry while it cannot be reached."""
        changes = AgreementFiles()
        while True:
            try:
                yield await asyncio.to_thread(_look, changes)
            except (OverstapError, psycopg.OperationalError) as problem:
                cls.logger().warning("%s", told(problem))
            await asyncio.sleep(LOOK_EVERY.total_seconds())

    async def filter_shared_stream(self, shared_stream: AsyncIterator[Due]) -> AsyncIterator[TriggerEvent]:
        """Yield an event when this region's work becomes due, and again while it stays due."""
        said: str | None = None
        said_at = 0.0
        async for due in shared_stream:
            since = due.get((self.region, self.work))
            now = monotonic()
            if since is None:
                said = None
                continue
            waited = timedelta(seconds=now - said_at)
            if said is None or (since != said and waited >= SOON) or waited >= AGAIN_AFTER:
                said, said_at = since, now
                yield TriggerEvent({"region": self.region, "work": self.work, "due_at": since})

    async def run(self) -> AsyncIterator[TriggerEvent]:
        """Do the same without sharing, where Airflow does not support shared streams."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event


class AgreementFiles:
    """Detection of changed agreement files, from which running rounds apply permitted changes."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int]] = {}

    def changed(self, folder: Path, looked_at: Mapping[str, datetime | None]) -> dict[str, datetime]:
        """Return the regions with a file that changed since the last call, or since the last run of their work.

        Args:
            folder: folder with the agreements.
            looked_at: last run of each region's work.
        """
        found: dict[str, datetime] = {}
        for path in agreement_paths(folder):
            with suppress(OSError):  # removed since it was listed: the agreement in force stays
                stat = path.stat()
                # ctime also changes when a file with an older mtime is put there
                at = datetime.fromtimestamp(max(stat.st_mtime, stat.st_ctime), UTC)
                state = (stat.st_mtime_ns, stat.st_ctime_ns)
                before = self._seen.setdefault(path, state)
                looked = looked_at.get(path.parent.name)
                if before != state or (looked is not None and at > looked):
                    found[path.parent.name] = at
                if looked is not None and at <= looked:
                    self._seen[path] = state
        return found


def _look(changes: AgreementFiles) -> Due:
    known = due_work(reader())
    due = {(one.region, one.work): one.due_at.isoformat() for one in known if one.is_due}
    looked = {one.region: one.looked_at for one in known if one.work == DELIVERIES}
    for region, at in changes.changed(Settings().regions, looked).items():
        if region in looked:  # its rounds are running
            due.setdefault((region, DELIVERIES), at.isoformat())
    return due
