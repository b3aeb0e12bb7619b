"""Reading of a pupil's number as somebody typed it, or from a file that only its owner can read."""

import os
import stat
from pathlib import Path

from overstap.errors import OverstapError
from overstap.oso.identifiers import with_zeros
from overstap.tabular.values import NumberFormatError, digits

_MOST = 100
"""Bytes of such a file at the most."""


def read_number(path: Path) -> str:
    """Return the only line of a file.

    Raises:
        OverstapError: PRIVACY-002 when it is not there, others may read it, or it has not one line; without the number.
    """
    try:
        with path.open("rb") as file:
            is_open_to_others = stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077
            content = file.read(_MOST + 1)
    except OSError as problem:
        raise OverstapError("PRIVACY-002") from problem
    lines = content.decode(errors="replace").split()
    if is_open_to_others or len(content) > _MOST or len(lines) != 1:
        raise OverstapError("PRIVACY-002")
    return lines[0]


def pupil_number(typed: str) -> str:
    """Return a number as the ledger has it: nine digits, whatever stands between them or went missing in front.

    The answer to a request must not be "nothing is known" because of a point, a space or a zero.

    Args:
        typed: BSN or onderwijsnummer, as on official papers or as a spreadsheet shows it; nine digits that fail the
            check digit too, since a dossier may have such a number.

    Raises:
        OverstapError: PRIVACY-004 when it has another form; without the number.
    """
    try:
        written = digits(typed)
    except NumberFormatError:
        raise OverstapError("PRIVACY-004") from None
    number = with_zeros(written)
    if number is None and len(written) != len("012345672"):
        raise OverstapError("PRIVACY-004")
    return number or written


def refuse_wrong_number(number: str) -> None:
    """Refuse a number of which nothing was found and that is no pupil's: somebody made an error in typing it.

    Args:
        number: as of `pupil_number`.

    Raises:
        OverstapError: PRIVACY-004; without the number.
    """
    if with_zeros(number) is None:
        raise OverstapError("PRIVACY-004")
