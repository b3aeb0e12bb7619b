"""A roster in a school's drop folder: the newest file whose name begins with `leerlingenlijst`."""

from dataclasses import dataclass, field
from datetime import datetime

from overstap import storage
from overstap.errors import OverstapError, system_fault
from overstap.intake.rosters.edexml import LIMIT_BYTES
from overstap.storage import Place, Unread, UnreadError

NAME = "leerlingenlijst"
"""Beginning of the name, in any case; no dossier is looked for in such a file."""
_ENDINGS = (".xml", ".csv", ".txt", ".xlsx", ".xlsm", ".xls")
_MOST_ENTRIES = 5_000
_MOST_FILES = 20
SETTLE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class RosterFile:
    """A file with a roster.

    Args:
        data: its content.
        modified_at: when it last changed, aware.
    """

    data: bytes = field(repr=False)
    modified_at: datetime


def is_roster_name(name: str) -> bool:
    """Return whether a file in a drop folder is a roster, by its name."""
    return name.casefold().startswith(NAME) and name.casefold().endswith(_ENDINGS)


def newest_roster(folder: Place, *, now: datetime) -> RosterFile | None:
    """Return the roster in a school's folder that changed last; None without one, or while it is being written.

    Args:
        folder: the school's folder.
        now: the present moment, aware.

    Raises:
        OverstapError: INTAKE-080 too large; INTAKE-095 it cannot be read, or there are more than twenty of them.
    """
    try:
        names = [
            one.name
            for one in storage.entries(folder, _MOST_ENTRIES)
            if one.why_not is None and is_roster_name(one.name)
        ]
    except OSError:
        return None  # the collection of dossiers tells that the folder is missing
    if len(names) > _MOST_FILES:
        raise OverstapError("INTAKE-095", kind=f">{_MOST_FILES}")
    found: list[RosterFile] = []
    for name in names:
        try:
            one = storage.read(folder, name, limit_bytes=LIMIT_BYTES, now=now, settle_seconds=SETTLE_SECONDS)
        except UnreadError as problem:
            if problem.why in (Unread.UNSETTLED, Unread.CHANGED):
                return None  # an older one beside it is not taken in its place
            if problem.why is Unread.TOO_LARGE:
                raise OverstapError("INTAKE-080", megabytes=LIMIT_BYTES // 1_000_000) from None
            raise OverstapError("INTAKE-095", kind=problem.why.value) from None
        except FileNotFoundError:
            continue
        except OSError as problem:
            raise OverstapError("INTAKE-095", kind=system_fault(problem)) from None
        found.append(RosterFile(one.data, one.modified_at))
    return max(found, key=lambda one: one.modified_at, default=None)
