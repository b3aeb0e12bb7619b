"""What is done with files: list, read, write, write once, remove; on disk and in an object store alike."""

from datetime import datetime
from pathlib import Path

from overstap.storage import disk, objects
from overstap.storage.place import Entry, Place, Stored


def entries(folder: Place, limit: int) -> list[Entry]:
    """Return the names in a folder, sorted, at most `limit` and one more.

    An object store has no folders: one without objects is empty, and only a missing bucket is an error.

    Raises:
        OSError: the folder is missing, may not be listed, or the store does not answer. What cannot be listed is
            never given as empty.
    """
    return disk.entries(folder, limit) if isinstance(folder, Path) else objects.entries(folder, limit)


def read(
    folder: Place,
    name: str,
    *,
    limit_bytes: int,
    now: datetime | None = None,
    settle_seconds: float = 0,
    follows_links: bool = False,
) -> Stored:
    """Read a whole file of a folder, or nothing of it.

    Args:
        folder: the folder, which is not trusted: no link, pipe or device is opened.
        name: the file.
        limit_bytes: a larger file is not read.
        now: the present moment, aware, to tell whether the file has settled; None: it is not asked.
        settle_seconds: seconds for which a file on disk must be unchanged. An object appears whole.
        follows_links: whether a link on disk is followed, where the folder is the administrator's own.

    Raises:
        UnreadError: it is no plain file, too large, or changing.
        OSError: it is gone, may not be read, did not arrive whole, or the store does not answer.
    """
    if isinstance(folder, Path):
        return disk.read(folder / name, limit_bytes, now, settle_seconds, follows_links=follows_links)
    return objects.read(folder, name, limit_bytes)


def state(place: Place) -> tuple[int, float]:
    """Return the size of a file, in bytes, and when it last changed, in seconds since 1970.

    Raises:
        OSError: it is missing, or cannot be looked at.
    """
    if isinstance(place, Path):
        found = place.stat()
        return found.st_size, found.st_mtime_ns / 1e9
    return objects.state(place)


def write(
    folder: Place, name: str, data: bytes, *, mode: int, folder_mode: int = 0o777, aside: str | None = None
) -> Place:
    """Write a file whole: a reader sees the old content or the new, never a part; return its place.

    Args:
        folder: the folder, made when it is missing.
        name: the file.
        data: its content.
        mode: permission bits on disk.
        folder_mode: permission bits of a folder that is made, less the umask.
        aside: name on disk while it is not whole, by which a writer that is tried again finds what it left; None: a
            random one.

    Raises:
        OSError: it cannot be written.
    """
    if isinstance(folder, Path):
        return disk.write(folder / name, data, mode, folder_mode, aside)
    return objects.write(folder, name, data)


def write_once(folder: Place, name: str, data: bytes) -> Place:
    """Write a file that is never written again; return its place.

    Raises:
        FileExistsError: it is there.
        OSError: it cannot be written.
    """
    if isinstance(folder, Path):
        return disk.write_once(folder / name, data)
    return objects.write(folder, name, data, is_new=True)


def remove(folder: Place, name: str) -> None:
    """Remove a file; one that is missing is no fault.

    Raises:
        OSError: it cannot be removed.
    """
    if isinstance(folder, Path):
        (folder / name).unlink(missing_ok=True)
    else:
        objects.remove(folder, name)
