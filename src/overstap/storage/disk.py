"""Files in a folder on disk: opened without following links, written by renaming, synced."""

import errno
import io
import itertools
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

from overstap.atomic_files import sync_folder, write_atomically
from overstap.storage.place import Entry, Stored, Unread, UnreadError

_WRITTEN_ONCE_MODE = 0o444


def entries(folder: Path, limit: int) -> list[Entry]:
    """Return the names in a folder; see `use.entries`."""
    with os.scandir(folder) as found:
        # Bounded before sorting, since a folder can hold a million files by mistake
        return sorted((_entry(one) for one in itertools.islice(found, limit + 1)), key=lambda one: one.name)


def _entry(found: "os.DirEntry[str]") -> Entry:
    if found.is_symlink():
        return Entry(found.name, Unread.LINK)
    return Entry(found.name, None if found.is_file(follow_symlinks=False) else Unread.SPECIAL)


def read(path: Path, limit_bytes: int, now: datetime | None, settle_seconds: float, *, follows_links: bool) -> Stored:
    """Read a file; see `use.read`."""
    # Between listing and opening, the file can be replaced by a link or a pipe: neither is opened
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if follows_links else os.O_NOFOLLOW)
    try:
        descriptor = os.open(path, flags)
    except OSError as problem:
        if problem.errno == errno.ELOOP and not follows_links:
            raise UnreadError(Unread.LINK) from None
        raise
    with io.FileIO(descriptor) as file:
        before = os.fstat(descriptor)
        if not stat.S_ISREG(before.st_mode):
            raise UnreadError(Unread.SPECIAL)
        if before.st_size > limit_bytes:
            raise UnreadError(Unread.TOO_LARGE, before.st_size)
        if now is not None and abs(now.timestamp() - before.st_mtime) < settle_seconds:
            raise UnreadError(Unread.UNSETTLED)
        data = _read(file, limit_bytes)
        after = os.fstat(descriptor)
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        raise UnreadError(Unread.CHANGED)
    return Stored(data, datetime.fromtimestamp(after.st_mtime, UTC))


def _read(file: io.FileIO, limit: int) -> bytes:
    """Read at most one byte more than the limit, in bytes, since the file can be growing."""
    parts: list[bytes] = []
    left = limit + 1
    while left > 0 and (part := file.read(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


def write(path: Path, data: bytes, mode: int, folder_mode: int, aside: str | None) -> Path:
    """Write a file; see `use.write`."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=folder_mode)
    write_atomically(path, data, mode=mode, aside=aside)
    sync_folder(path.parent)
    return path


def write_once(path: Path, data: bytes) -> Path:
    """Write a new file; see `use.write_once`."""
    with path.open("xb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    path.chmod(_WRITTEN_ONCE_MODE)
    return path
