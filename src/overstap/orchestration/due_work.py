"""Starts a region's background work when the ledger says that it is due: an asset per kind of work, with a watcher.

Nothing runs, and nothing is scheduled, in a region in which nothing is due (docs/decisions).
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
from overstap.ledger.rounds.due_work import ANSWERS, DELIVERIES, NOTICES, due_work
from overstap.orchestration.failures import told
from overstap.orchestration.triggers import reader
from overstap.settings import Settings

__all__ = ["ANSWERS", "DELIVERIES", "NOTICES", "WorkIsDue", "asset_of"]

LOOK_EVERY = timedelta(seconds=15)
"""Between two looks for all regions together: what becomes due starts within a minute."""
SOON = timedelta(seconds=40)
"""What became due while the run before it was at work is said after that: the run may have seen it."""
AGAIN_AFTER = timedelta(minutes=10)
"""What is still due after that is said once more: its event, its run or its task was lost."""

Due = Mapping[tuple[str, str], str]
"""Since when work is due, by region and kind of work."""


@cache
def asset_of(region: str, work: str) -> Asset:
    """Return the asset that a region's DAG of a kind of work waits for.

    Args:
        region: region id.
        work: `DELIVERIES`, `ANSWERS` or `NOTICES`.
    """
    name = f"overstap-{work}-{region}"
    watcher = AssetWatcher(name=name, trigger=WorkIsDue(region, work))
    return Asset(name=name, uri=f"overstap://{work}/{region}", watchers=[watcher])


class WorkIsDue(BaseEventTrigger):
    """Says when a kind of work is due in a region. All regions share one question to the ledger.

    It tells what is so rather than what changed: an event that is lost is told again as long as the work is due.

    Args:
        region: region id.
        work: kind of work.
    """

    def __init__(self, region: str, work: str) -> None:
        super().__init__()
        self.region = region
        self.work = work

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return what the triggerer needs to make it again: ids only."""
        kind = type(self)
        return f"{kind.__module__}.{kind.__qualname__}", {"region": self.region, "work": self.work}

    def shared_stream_key(self) -> Hashable:
        """Return the one key of all regions and kinds of work."""
        return ("overstap", "due_work")

    @classmethod
    async def open_shared_stream(cls, kwargs: dict[str, Any]) -> AsyncIterator[Due]:
        """Look into the ledger every so often, and yield what is due everywhere; one that is away is asked again."""
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
        """Do the same alone, where Airflow does not let triggers share."""
        async for event in self.filter_shared_stream(self.open_shared_stream(self.serialize()[1])):
            yield event


class AgreementFiles:
    """Tells which regions' agreement files changed: a running round takes over what may still change."""

    def __init__(self) -> None:
        self._seen: dict[Path, tuple[int, int]] = {}

    def changed(self, folder: Path, looked_at: Mapping[str, datetime | None]) -> dict[str, datetime]:
        """Return the regions with a file that changed since this was asked last, or since their work looked last.

        Args:
            folder: with the agreements.
            looked_at: when each region's work looked last.
        """
        found: dict[str, datetime] = {}
        for path in agreement_paths(folder):
            with suppress(OSError):  # gone since it was listed: the round goes on with what holds
                stat = path.stat()
                # The change time moves too when a file is put there with an older modification time
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
