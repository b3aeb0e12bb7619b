"""`overstap quality`: quality page of a region or school, in counts."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap.settings import Settings

app = typer.Typer(help="Quality of a round's dossiers, in counts.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Quality of a round's dossiers, in counts."""


@app.command()
def page(
    region: Annotated[str, typer.Option("--region", help="Region id")],
    round_id: Annotated[str, typer.Option("--round", help="Round id, such as demo.2026-2027.advice")],
    out: Annotated[Path, typer.Option(help="File to write to (HTML)")],
    school: Annotated[str | None, typer.Option(help="BRIN and branch; the whole region when left out")] = None,
) -> None:
    """Write the quality page: counts of findings, and the trend between runs. It names no pupil."""
    from overstap.ledger import open_ledger
    from overstap.quality.publishing import region_page

    with open_ledger(Settings()).unit(region, "quality page") as unit:
        try:
            text = region_page(unit, round_id, school)
        except KeyError:
            wrong = f"{school} is no primary school of this round's agreement"
            raise typer.BadParameter(wrong, param_hint="--school") from None
    out.write_text(text, encoding="utf-8")
    Console(highlight=False).print(str(out))
