"""`overstap report`: export of a school's report from the ledger."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap.settings import Settings

app = typer.Typer(help="Reports for schools.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Reports for schools."""


@app.command()
def school(
    school: Annotated[str, typer.Argument(help="BRIN and branch, such as 99AB00")],
    region: Annotated[str, typer.Option("--region", help="Region id")],
    round_id: Annotated[str, typer.Option("--round", help="Round id, such as demo.2026-2027.advice")],
    out: Annotated[Path, typer.Option(help="File to write to: .xlsx, .csv, else HTML")],
) -> None:
    """Write a school's newest report to a file with access for its owner only: it has the school's keys of pupils."""
    import os

    from overstap.ledger import downloads, open_ledger
    from overstap.ledger.dossiers import school_reports

    with open_ledger(Settings()).unit(region, "report school") as unit:
        found = school_reports.get(unit, round_id, school)
        downloads.note(unit, "fault_list", round_id, downloads.signs_of_school(unit, round_id, school), to=school)
    descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    if out.suffix == ".xlsx":
        from overstap.quality.spreadsheet import spreadsheet

        content = spreadsheet(found.csv, f"{school}, {round_id}")
    else:
        content = (found.csv if out.suffix == ".csv" else found.html).encode()
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    Console(highlight=False).print(str(out))
