"""National registers of schools and partnerships, from DUO's CSV lists.

Any lists will do that have one of the columns below: DUO has renamed columns before, and publishes primary, secondary
and special schools apart. What a folder holds no list of is not judged.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

from overstap.errors import OverstapError
from overstap.school_numbers import is_brin, is_partnership, is_school_id
from overstap.tabular import Header, HeaderError, RefusedRow, read_table


@dataclass(frozen=True, slots=True)
class Registers:
    """The numbers that were given out; an empty set where there is no list.

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
"""Columns that DUO's lists have or had, as `tabular.column_name` gives them, and which numbers stand in them."""
_MAX_BYTES, _MAX_ROWS = 100_000_000, 1_000_000
_FORMS: dict[str, Callable[[str], bool]] = {
    "institutions": is_brin,
    "branches": is_school_id,
    "partnerships": is_partnership,
}


def load(folder: Path | None) -> Registers:
    """Read every list in a folder.

    Args:
        folder: where the lists are, as `*.csv`; None for no registers.

    Raises:
        OverstapError: QUALITY-002 when a list cannot be read or has none of the columns, or the folder has no list: a
            register that silently is not there would judge nothing.
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
    """Add a list's numbers, and say whether there were any.

    Raises:
        OverstapError: QUALITY-004 for a row that cannot be read: its number would count as not given out.
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
