"""Source `drop_folder`: OSO files that a school's system exports to a folder.

The folder is not trusted. Each entry is read or refused with a code. Symbolic links and special files are not opened,
every read is bounded, and nothing in the folder is changed or removed. The XML is checked later.
"""

import errno
import hashlib
import hmac
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.errors import OverstapError, system_fault
from overstap.intake.candidates import Candidate
from overstap.intake.refusals import RefusedItem
from overstap.intake.sources.source import SourceContext
from overstap.oso.reading import DEFAULT_LIMITS
from overstap.resources import INCLUDE


@dataclass(frozen=True, slots=True)
class DropLimits:
    """Limits of one drop folder."""

    file_bytes: int = DEFAULT_LIMITS.size_bytes
    """Largest file, in bytes, equal to the limit of the dossier reader. Most dossiers are under one megabyte."""
    files: int = 5_000
    """Largest number of entries, far above the number of pupils of a school."""


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """A file that was read from the drop folder."""

    label: str
    """Label without personal data: position in the folder and a keyed digest of the name."""
    data: bytes = field(repr=False)
    source_digest: bytes = field(repr=False)
    """SHA-256 of `data`."""
    modified_at: datetime
    file_name: str = field(repr=False)
    """The school's own file name. It can contain a pupil's name: store it encrypted, never log it."""


# Names of incomplete files, as export, copy and office programs use them
_UNFINISHED = (".part", ".tmp", ".temp", ".filepart", ".crdownload", ".partial", ".download", ".swp", "~")
_UNFINISHED_STARTS = (".", "~$")


def scan(
    folder: Path, *, now: datetime, settle_seconds: float, label_key: bytes, limits: DropLimits | None = None
) -> Iterator[DroppedFile | RefusedItem]:
    """Yield the entries of a school's drop folder, in the order of the file names.

    Args:
        folder: the school's folder.
        now: the present moment, aware.
        settle_seconds: seconds for which a file must be unchanged before it is read. Clocks of file servers differ, so
            a file up to this far in the future counts as unsettled too.
        label_key: key of the digest of file names in labels, so that a name cannot be guessed from its label.
        limits: limits; `DropLimits()` when None.

    Yields:
        Each entry, read or refused (INTAKE-002 to INTAKE-012). Files that are still being written have `is_waiting`.

    Raises:
        OverstapError: INTAKE-001 when the folder is missing or cannot be listed.
    """
    limits = limits or DropLimits()
    try:
        with os.scandir(folder) as entries:
            # Bounded before sorting, since a folder can hold a million files by mistake
            names = sorted(entry.name for _, entry in zip(range(limits.files + 1), entries, strict=False))
    except OSError as problem:
        raise OverstapError("INTAKE-001", kind=system_fault(problem)) from None
    for position, name in enumerate(names[: limits.files], start=1):
        yield _read_entry(folder / name, _label(position, name, label_key), now, settle_seconds, limits)
    if len(names) > limits.files:
        yield RefusedItem("-", "INTAKE-012", {"limit": limits.files})


def _label(position: int, name: str, key: bytes) -> str:
    digest = hmac.new(key, os.fsencode(name), hashlib.sha256).hexdigest()
    return f"bestand {position} ({digest[:8]})"


def _read_entry(
    path: Path, label: str, now: datetime, settle_seconds: float, limits: DropLimits
) -> DroppedFile | RefusedItem:
    name = path.name

    def refused(code: str, *, is_waiting: bool = False, **facts: object) -> RefusedItem:
        return RefusedItem(label, code, facts, file_name=name, is_waiting=is_waiting)

    try:
        kind = path.lstat().st_mode
        if stat.S_ISLNK(kind):
            return refused("INTAKE-003")
        if not stat.S_ISREG(kind):
            return refused("INTAKE-002")
        if name.startswith(_UNFINISHED_STARTS) or name.lower().endswith(_UNFINISHED):
            return refused("INTAKE-004", is_waiting=True)
        if not name.lower().endswith(".xml"):
            return refused("INTAKE-005")
        # Between listing and opening, the file can be replaced by a link or a pipe: neither is opened
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with io.FileIO(descriptor) as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                return refused("INTAKE-002")
            if before.st_size > limits.file_bytes:
                size = before.st_size // 1_000_000
                return refused("INTAKE-006", megabytes=size, limit=limits.file_bytes // 1_000_000)
            age = now.timestamp() - before.st_mtime
            if abs(age) < settle_seconds:
                return refused("INTAKE-007", is_waiting=True)
            data = _read(file, limits.file_bytes)
            after = os.fstat(descriptor)
    except FileNotFoundError:
        return refused("INTAKE-009", is_waiting=True)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            return refused("INTAKE-003")
        return refused("INTAKE-010", kind=system_fault(problem))
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or len(data) != after.st_size:
        return refused("INTAKE-008", is_waiting=True)
    if not data:
        return refused("INTAKE-011")
    modified_at = datetime.fromtimestamp(after.st_mtime, UTC)
    return DroppedFile(label, data, hashlib.sha256(data).digest(), modified_at, name)


def _read(file: io.FileIO, limit: int) -> bytes:
    """Read at most one byte more than the limit, in bytes, since the file can be growing."""
    parts: list[bytes] = []
    left = limit + 1
    while left > 0 and (part := file.read(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    return b"".join(parts)


class DropFolder(SupplyingPart):
    """The school's system exports OSO files into the region's drop folder (`<drop>/<region>/<school>/*.xml`)."""

    way: Literal["drop_folder"] = "drop_folder"


SETTLE_SECONDS = 5.0
"""Seconds for which a file must be unchanged before it is read."""


def from_drop_folder(folder: Path, *, now: datetime, label_key: bytes) -> Iterator[Candidate | RefusedItem]:
    """Yield the dossiers in a school's drop folder.

    Args:
        folder: the school's folder.
        now: the present moment, aware, to distinguish complete files from those still being written.
        label_key: key of the digest of file names in labels.

    Raises:
        OverstapError: INTAKE-001 when the folder is missing or cannot be listed.
    """
    for entry in scan(folder, now=now, settle_seconds=SETTLE_SECONDS, label_key=label_key):
        yield entry if isinstance(entry, RefusedItem) else Candidate(entry.label, entry.file_name, entry.data)


@contextmanager
def _open(supplies: DropFolder, context: SourceContext) -> Iterator[Iterator[Candidate | RefusedItem]]:
    folder = context.drop() / context.region / context.school.id
    yield from_drop_folder(folder, now=context.now, label_key=context.label_key())


KIND = SourceKind(model=DropFolder, help=INCLUDE / "texts" / "sources" / "drop_folder.yaml", open=_open)
