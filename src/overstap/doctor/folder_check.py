"""Check of folders: existence, permissions of this process and of others, free disk space."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from overstap import storage
from overstap.doctor.finding import Finding, good, mind, unseen, wrong
from overstap.errors import system_fault
from overstap.orchestration.object_storage import place_of
from overstap.settings import Settings
from overstap.texts import texts

ROOM_MIND_BYTES, ROOM_WRONG_BYTES = 5_000_000_000, 1_000_000_000
_READ = ("regions", "keys", "board_keys", "trust", "drop", "registers")
_WRITTEN = ("outbox", "reports", "checkpoints")
_PRIVATE = frozenset({"keys", "board_keys", "trust"})
_OTHERS = 0o077


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on each folder in this process's settings."""
    seen: list[Path] = []
    for name in (*_READ, *_WRITTEN):
        location = getattr(settings, name)
        subject = f"folder {name}"
        if location is None:
            yield unseen(subject, f"OVERSTAP_{name.upper()} is not set here")
            continue
        if storage.is_remote(str(location)):
            yield _in_a_store(subject, str(location))
            continue
        folder = storage.local_place(str(location))
        if not folder.is_dir():
            yield wrong(subject, f"{folder} is not there", "make it with: overstap deploy init")
            continue
        seen.append(folder)
        yield _one(subject, folder, is_written=name in _WRITTEN, is_private=name in _PRIVATE)
    yield from _room(seen)


def _one(subject: str, folder: Path, *, is_written: bool, is_private: bool) -> Finding:
    needed = os.R_OK | os.X_OK | (os.W_OK if is_written else 0)
    give = f"give it to the containers' account: chown -R 50000 {folder.name}"
    if not os.access(folder, needed):
        return wrong(subject, f"this process may not {'write' if is_written else 'read'} in it", give)
    if is_private:
        if folder.stat().st_mode & _OTHERS:
            return wrong(subject, "others may enter it", f"close it: chmod 700 {folder.name}")
        unread = [path for path in folder.rglob("*") if path.is_file() and not os.access(path, os.R_OK)]
        if unread:
            return wrong(subject, f"{len(unread)} files cannot be read, such as {unread[0].name}", give)
    return good(subject, "is there, with the rights it needs")


def _in_a_store(subject: str, location: str) -> Finding:
    try:
        storage.entries(place_of(location), 1)
    except OSError as error:
        kind = texts("system").get(system_fault(error), {}).get("en", "")
        return wrong(subject, f"{location} cannot be listed: {kind}", "look at the store and its connection")
    return good(subject, f"{location} answers and can be listed")


def _room(folders: list[Path]) -> Iterator[Finding]:
    # Several folders usually share one disk.
    disks = {folder.stat().st_dev: folder for folder in folders}
    for folder in disks.values():
        free = shutil.disk_usage(folder).free
        said = f"{free / 1e9:.1f} GB free where {folder} is"
        do = "make room: old reports and logs first (docs/monitoring.md)"
        if free < ROOM_WRONG_BYTES:
            yield wrong("disk", said, do)
        elif free < ROOM_MIND_BYTES:
            yield mind("disk", said, do)
        else:
            yield good("disk", said)
