"""`overstap privacy`: register of processing activities, access export of one pupil."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from overstap.cli._output import AsJson, print_json
from overstap.cli._pupil_number import asked_number
from overstap.settings import Settings
from overstap.texts import command_sentence as said

app = typer.Typer(help="Papers of privacy: register, access export of a pupil.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Papers of privacy: register, access export of a pupil."""


@app.command()
def register(
    region: str,
    year: Annotated[str | None, typer.Option(help="School year, such as 2026-2027; the newest if not given")] = None,
    language: Annotated[Literal["nl", "en"], typer.Option(help="Language of the sentences")] = "nl",
    as_json: AsJson = False,
) -> None:
    """Print the register of processing activities of a region (AVG art. 30) as Markdown, from its agreement."""
    from overstap.agreements.load import agreement_paths, find_agreement, load_agreement
    from overstap.errors import OverstapError
    from overstap.privacy.register import markdown
    from overstap.privacy.register import register as register_of

    folder = Settings().regions
    paths = agreement_paths(folder, region)
    if not paths:
        raise OverstapError("AGREEMENT-003", region=region, folder=str(folder))
    found = register_of(load_agreement(paths[-1]) if year is None else find_agreement(folder, region, year), language)
    if as_json:
        print_json(found)
    else:
        typer.echo(markdown(found, language), nl=False)


@app.command()
def access(
    region: str,
    school: Annotated[str, typer.Option(help="BRIN and branch of a school that has the pupil, such as 99AB00")],
    by: Annotated[str, typer.Option(help="Who answers the request, for the audit chain")],
    out: Annotated[Path, typer.Option(help="ZIP file to write; it must not exist")],
    year: Annotated[str | None, typer.Option(help="School year, such as 2026-2027; all if not given")] = None,
    number_file: Annotated[
        Path | None, typer.Option(help="File with mode 0600 with the pupil's number; asked for if not given")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Write everything that the ledger holds of one pupil to a file (AVG art. 15); exit 1 when there is nothing.

    The pupil's number is asked for and is never an argument. Each opening of a dossier has an audit line.
    """
    from overstap.ledger import open_ledger
    from overstap.privacy.access_export import export
    from overstap.privacy.number_file import refuse_wrong_number

    number = asked_number(number_file)
    made = export(open_ledger(Settings()), region=region, number=number, school=school, year=year, by=by, out=out)
    if made is None:
        refuse_wrong_number(number)
    if as_json:
        print_json({"found": made is not None, "file": None if made is None else out, "counts": made})
    elif made is None:
        Console(highlight=False, soft_wrap=True).print(said("privacy", "nothing", school=school))
    else:
        console = Console(highlight=False, soft_wrap=True)
        console.print(said("privacy", "made", file=out.name, rows=made.rows, dossiers=made.dossiers))
        if made.unreadable:
            console.print(said("privacy", "unreadable", count=made.unreadable))
    raise typer.Exit(0 if made is not None else 1)
