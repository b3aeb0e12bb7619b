"""Asking for a pupil's number, which is never an argument: arguments stand in lists of processes and in histories."""

from pathlib import Path

import typer


def asked_number(file: Path | None) -> str:
    """Return a pupil's number, from a file or as it is typed without being shown.

    Args:
        file: with mode 0600 and the number as its only line; asked for if None.

    Raises:
        OverstapError: PRIVACY-002 when the file cannot be used; PRIVACY-004 when the number has another form.
    """
    from overstap.privacy.number_file import pupil_number, read_number

    if file is not None:
        return pupil_number(read_number(file))
    return pupil_number(str(typer.prompt("BSN of onderwijsnummer", hide_input=True)).strip())
