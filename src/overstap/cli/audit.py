"""`overstap audit`: hand out the evidence, and prove it from the file alone."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap.settings import Settings

app = typer.Typer(help="The evidence: hand it out, prove it.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """The evidence: hand it out, prove it."""


@app.command()
def export(region: str, file: Annotated[Path, typer.Argument(help="Where the evidence goes, JSON lines")]) -> None:
    """Write a region's whole evidence to a file that proves itself."""
    from overstap.closing.export import export as lines_of
    from overstap.ledger import open_ledger

    with open_ledger(Settings()).unit(region, "audit export") as unit, file.open("w", encoding="utf-8") as out:
        count = sum(out.write(line + "\n") > 0 for line in lines_of(unit))
    Console(highlight=False).print(f"{count} lines of {region} written")


@app.command()
def verify(file: Path) -> None:
    """Prove an exported file without the database; exit 1 and the first bad line when it does not hold."""
    from overstap.closing.export import prove

    with file.open(encoding="utf-8") as lines:
        proof = prove(lines)
    console = Console(highlight=False)
    if proof.fault:
        console.print(f"[red]does not hold[/] {proof.region}: {proof.fault}")
        raise typer.Exit(1)
    console.print(f"[green]holds[/] {proof.region}: {proof.lines} lines, {proof.checkpoints} checkpoints")
    if proof.covered < proof.lines:
        console.print(f"the last {proof.lines - proof.covered} lines come after the last checkpoint")
    for signer in sorted(proof.signers):
        console.print(f"signed by {signer}")
