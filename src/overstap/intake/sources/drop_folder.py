"""Source `drop_folder`: OSO files that a school's system exports to a folder, on disk or in an object store.

The folder is not trusted. Each entry is read or refused with a code. Symbolic links and special files are not opened,
every read is bounded, and nothing in the folder is changed or removed. The XML is checked later.
"""

import hashlib
import hmac
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from overstap import storage
from overstap.agreements.kinds import SourceKind
from overstap.agreements.model.supplying import SupplyingPart
from overstap.errors import OverstapError, system_fault
from overstap.intake.candidates import Candidate
from overstap.intake.refusals import RefusedItem
from overstap.intake.rosters.folder import is_roster_name
from overstap.intake.sources.source import SourceContext
from overstap.oso.reading import DEFAULT_LIMITS
from overstap.resources import INCLUDE
from overstap.storage import Entry, Place, Unread, UnreadError


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


# The root element of EDEXML, with what may stand before it
_ROSTER = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?.*?\?>|<!--.*?-->|\s)*<(?:[\w.-]+:)?EDEX[\s/>]", re.DOTALL)
_HEAD_BYTES = 2_000
# Names of incomplete files, as export, copy and office programs use them
_UNFINISHED = (".part", ".tmp", ".temp", ".filepart", ".crdownload", ".partial", ".download", ".swp", "~")
_UNFINISHED_STARTS = (".", "~$")


def scan(
    folder: Place,
    *,
    now: datetime,
    settle_seconds: float,
    label_key: bytes,
    limits: DropLimits | None = None,
    endings: tuple[str, ...] = (".xml",),
    other_code: str = "INTAKE-005",
) -> Iterator[DroppedFile | RefusedItem]:
    """Yield the entries of a school's drop folder, in the order of the file names.

    Args:
        folder: the school's folder.
        now: the present moment, aware.
        settle_seconds: seconds for which a file must be unchanged before it is read. Clocks of file servers differ, so
            a file up to this far in the future counts as unsettled too.
        label_key: key of the digest of file names in labels, so that a name cannot be guessed from its label.
        limits: limits; `DropLimits()` when None.
        endings: how the names of the files that are read end.
        other_code: code of a file with another name.

    Yields:
        Each entry but rosters, read or refused (INTAKE-002 to INTAKE-012, INTAKE-094). Files that are still being
        written have `is_waiting`.

    Raises:
        OverstapError: INTAKE-001 when the folder is missing or cannot be listed, or the store stops answering.
    """
    limits = limits or DropLimits()
    try:
        found = storage.entries(folder, limits.files)
    except OSError as problem:
        raise OverstapError("INTAKE-001", kind=system_fault(problem)) from None
    for position, entry in enumerate(found[: limits.files], start=1):
        if is_roster_name(entry.name):
            continue  # `intake.rosters.folder` reads it
        label = _label(position, entry.name, label_key)
        if entry.why_not is None and not _is_unfinished(entry.name) and not entry.name.lower().endswith(endings):
            yield RefusedItem(label, other_code, file_name=entry.name)
            continue
        yield _read_entry(folder, entry, label, now, settle_seconds, limits)
    if len(found) > limits.files:
        yield RefusedItem("-", "INTAKE-012", {"limit": limits.files})


def _label(position: int, name: str, key: bytes) -> str:
    digest = hmac.new(key, os.fsencode(name), hashlib.sha256).hexdigest()
    return f"bestand {position} ({digest[:8]})"


_CODES = {
    Unread.SPECIAL: "INTAKE-002",
    Unread.LINK: "INTAKE-003",
    Unread.TOO_LARGE: "INTAKE-006",
    Unread.UNSETTLED: "INTAKE-007",
    Unread.CHANGED: "INTAKE-008",
}
_WAITING = frozenset({Unread.UNSETTLED, Unread.CHANGED})


def _is_unfinished(name: str) -> bool:
    return name.startswith(_UNFINISHED_STARTS) or name.lower().endswith(_UNFINISHED)


def _read_entry(
    folder: Place, entry: Entry, label: str, now: datetime, settle_seconds: float, limits: DropLimits
) -> DroppedFile | RefusedItem:
    name = entry.name

    def refused(code: str, *, is_waiting: bool = False, **facts: object) -> RefusedItem:
        return RefusedItem(label, code, facts, file_name=name, is_waiting=is_waiting)

    if entry.why_not is not None:
        return refused(_CODES[entry.why_not])
    if _is_unfinished(name):
        return refused("INTAKE-004", is_waiting=True)
    try:
        file = storage.read(folder, name, limit_bytes=limits.file_bytes, now=now, settle_seconds=settle_seconds)
    except UnreadError as problem:
        sizes = {"megabytes": problem.size_bytes // 1_000_000, "limit": limits.file_bytes // 1_000_000}
        facts = sizes if problem.why is Unread.TOO_LARGE else {}
        return refused(_CODES[problem.why], is_waiting=problem.why in _WAITING, **facts)
    except FileNotFoundError:
        return refused("INTAKE-009", is_waiting=True)
    except OSError as problem:
        if storage.is_store_fault(problem):  # no fault of the school: the collection fails, and is tried again
            raise OverstapError("INTAKE-001", kind=system_fault(problem)) from None
        return refused("INTAKE-010", kind=system_fault(problem))
    if not file.data:
        return refused("INTAKE-011")
    if _ROSTER.match(file.data[:_HEAD_BYTES]):
        return refused("INTAKE-094")
    return DroppedFile(label, file.data, hashlib.sha256(file.data).digest(), file.modified_at, name)


class DropFolder(SupplyingPart):
    """The school's system exports OSO files into the region's drop folder (`<drop>/<region>/<school>/*.xml`)."""

    way: Literal["drop_folder"] = "drop_folder"


SETTLE_SECONDS = 5.0
"""Seconds for which a file must be unchanged before it is read."""


def from_drop_folder(folder: Place, *, now: datetime, label_key: bytes) -> Iterator[Candidate | RefusedItem]:
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
