"""Atomic writing of files: readers see the old content or the new content, never a part."""

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, data: bytes, *, mode: int, aside: str | None = None) -> None:
    """Write a file atomically: write and sync a temporary file in the same folder, then rename it.

    Args:
        path: path of the file; missing folders are created, for the owner only.
        data: the content.
        mode: permission bits, set before the first byte is written.
        aside: name of the temporary file, replaced when it is there; None: a random one.

    Raises:
        OSError: the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    # A random name, not a process id: two containers can write into one folder with the same process ids
    beside = path.with_name(aside or f".{path.name}.{secrets.token_hex(8)}")
    if aside is not None:
        beside.unlink(missing_ok=True)
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    try:
        with os.fdopen(handle, "wb") as out:
            os.fchmod(out.fileno(), mode)
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        beside.replace(path)
    except BaseException:  # a full disk: a part of it would take the room that is left, and stay
        beside.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Sync the entries of a folder: without it a synced file can still lose its name.

    Args:
        folder: the folder.

    Raises:
        OSError: it cannot be opened or synced.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
