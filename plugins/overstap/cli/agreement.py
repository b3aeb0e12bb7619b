"""`overstap agreement`: read and check what a region agreed."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap.agreements import agreement_paths, load_agreement
from overstap.errors import OverstapError
from overstap.settings import Settings

app = typer.Typer(help="What a region agreed.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """What a region agreed."""


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Agreement files; all of OVERSTAP_REGIONS if none")] = None,
) -> None:
    """Check agreement files; exit 1 when one is wrong."""
    console = Console(highlight=False)
    wrong = 0
    for path in paths or agreement_paths(Settings().regions):
        try:
            agreement = load_agreement(path)
        except OverstapError as error:
            wrong += 1
            console.print(f"[red]fout[/] {path}: {error.message_nl} {error.do_nl}")
        else:
            schools = f"{len(agreement.primary_schools)} PO, {len(agreement.secondary_schools)} VO"
            console.print(f"[green]goed[/] {path}: {agreement.name}, {schools}, {', '.join(agreement.rounds)}")
    raise typer.Exit(1 if wrong else 0)
