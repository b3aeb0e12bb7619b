"""Reading of the national registers of schools and partnerships from DUO's CSV lists.

A list must have one of the columns below; DUO has renamed columns before, and publishes primary, secondary and special
schools separately. Rules on a register without a list are skipped.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from overstap.errors import OverstapError
from overstap.school_numbers import is_brin, is_partnership, is_school_id
from overstap.tabular import Header, HeaderError, RefusedRow, read_table


@dataclass(frozen=True, slots=True)
class Registers:
    """The issued numbers; an empty set without a list.

    Args:
        institutions: BRINs, such as `99AB`.
        branches: BRINs with branch, such as `99AB00`.
        partnerships: numbers of partnerships (samenwerkingsverbanden), such as `PO9901`.
    """

    institutions: frozenset[str] = frozenset()
    branches: frozenset[str] = frozenset()
    partnerships: frozenset[str] = frozenset()


NONE = Registers()
_NAMES = {
    "brin_nummer": "institutions",
    "brinnummer": "institutions",
    "instellingscode": "institutions",
    "vestigingsnummer": "branches",
    "vestigingscode": "branches",
    "administratienummer": "partnerships",
}
"""Present and former columns of DUO's lists, as `tabular.column_name` returns them, and the register of each."""
_MAX_BYTES, _MAX_ROWS = 100_000_000, 1_000_000
_FORMS: dict[str, Callable[[str], bool]] = {
    "institutions": is_brin,
    "branches": is_school_id,
    "partnerships": is_partnership,
}


def load(folder: Path | None) -> Registers:
    """Read every list in a folder.

    Args:
        folder: folder with the lists as `*.csv`; None for no registers.

    Raises:
        OverstapError: QUALITY-002 when a list cannot be read or has none of the columns, or the folder has no list,
            since rules on a missing register would be skipped silently; QUALITY-004 for an unreadable row.
    """
    if folder is None:
        return NONE
    found: dict[str, set[str]] = {each.name: set() for each in fields(Registers)}
    lists = sorted(folder.glob("*.csv"))
    if not lists:
        raise OverstapError("QUALITY-002", file=folder.name)
    for path in lists:
        if not _read(path, found):
            raise OverstapError("QUALITY-002", file=path.name)
    return Registers(**{name: frozenset(numbers) for name, numbers in found.items()})


def _read(path: Path, found: dict[str, set[str]]) -> bool:
    """Add the numbers of a list; return whether there were any.

    Raises:
        OverstapError: QUALITY-004 for an unreadable row, whose number would count as not issued.
    """
    try:
        table = read_table(
            path.read_bytes(), Header((), tuple(_NAMES), is_open=True), max_bytes=_MAX_BYTES, max_rows=_MAX_ROWS
        )
    except (OSError, HeaderError, OverstapError):
        return False
    any_found = False
    for row in table.rows:
        if isinstance(row, RefusedRow):
            raise OverstapError("QUALITY-004", file=path.name, line=row.line)
        for name, cell in row.cells.items():
            number = cell.upper()
            if _FORMS[_NAMES[name]](number):
                found[_NAMES[name]].add(number)
                any_found = True
    return any_found
