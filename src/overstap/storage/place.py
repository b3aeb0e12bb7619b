"""A place for files, and what is found in it."""

import errno
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol, Self
from urllib.parse import unquote, urlsplit

from overstap.errors import OverstapError


class ObjectPath(Protocol):
    """What is used of `airflow.sdk.ObjectStoragePath`."""

    @property
    def name(self) -> str:
        """Last part of the path."""
        ...

    @property
    def parent(self) -> Self:
        """The place around it."""
        ...

    @property
    def path(self) -> str:
        """Bucket and key, as the file system takes them."""
        ...

    @property
    def fs(self) -> Any:
        """The file system (fsspec)."""
        ...

    def __truediv__(self, name: str) -> Self:
        """A place below it."""
        ...


Place = Path | ObjectPath
"""A folder of files, or one file: on disk, or in an object store."""


class Unread(StrEnum):
    """Why a file is not read though the store works."""

    LINK = "link"
    SPECIAL = "special"
    """A folder, pipe, socket or device."""
    TOO_LARGE = "too large"
    UNSETTLED = "unsettled"
    """It changed so short ago that it may still be written."""
    CHANGED = "changed"
    """It changed while it was read."""


class UnreadError(Exception):
    """A file that is not read.

    Args:
        why: the reason.
        size_bytes: its size, where that is the reason.
    """

    def __init__(self, why: Unread, size_bytes: int = 0) -> None:
        self.why, self.size_bytes = why, size_bytes
        super().__init__(why.value)


_OF_THE_STORE = frozenset({errno.EHOSTDOWN, errno.ETIMEDOUT, errno.ENODEV, errno.EBUSY, errno.ESTALE})


def is_store_fault(problem: OSError) -> bool:
    """Return whether a fault is one of the store as a whole, not of one file: what follows would fail as well."""
    return problem.errno in _OF_THE_STORE


@dataclass(frozen=True, slots=True)
class Entry:
    """One name in a folder.

    Args:
        name: the name. It can hold a pupil's: never log it.
        why_not: why it cannot be a file to read (`LINK`, `SPECIAL`); None for a plain file.
    """

    name: str = field(repr=False)
    why_not: Unread | None = None


@dataclass(frozen=True, slots=True)
class Stored:
    """The content of a file.

    Args:
        data: its bytes, all of them.
        modified_at: when it last changed, by the clock of disk or store.
    """

    data: bytes = field(repr=False)
    modified_at: datetime


def local_place(location: str) -> Path:
    """Return the folder on disk that a setting names: a path, or `file://` and a path.

    Args:
        location: value of the setting.

    Raises:
        OverstapError: SETTING-003 when it names an object store, which Airflow's connections open.
    """
    if not is_remote(location):
        return Path(unquote(urlsplit(location).path) if location.startswith("file://") else location)
    raise OverstapError("SETTING-003", scheme=urlsplit(location).scheme)


def is_remote(location: str) -> bool:
    """Return whether a setting names an object store, such as `s3://...`, not a folder on disk."""
    return "://" in location and not location.startswith("file://")
