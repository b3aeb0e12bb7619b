"""`overstap doctor`: checks of a deployment, each with the remedy."""

import json
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console

from overstap.settings import Settings

_COLOURS = {"good": "green", "unseen": "dim", "mind": "yellow", "wrong": "red"}


def command(
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object per line, for a monitor")] = False,
    only: Annotated[list[str] | None, typer.Option(help="Name of a check, such as regions; all if none")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only what somebody has to look at")] = False,
) -> None:
    """Check settings, permissions, keys, certificates, clock, disk, databases, DAGs, sign-in and mail; change nothing.

    Exit 1 when something is wrong, 0 otherwise.
    """
    from overstap.doctor import Level, examine
    from overstap.orchestration.preparation import quiet as quiet_airflow

    quiet_airflow()
    console = Console(highlight=False, soft_wrap=True, markup=True)
    is_wrong = False
    for found in examine(Settings(), only or ()):
        is_wrong |= found.level is Level.WRONG
        if quiet and found.level in (Level.GOOD, Level.UNSEEN):
            continue
        if as_json:
            typer.echo(json.dumps(asdict(found)))
            continue
        console.print(f"[{_COLOURS[found.level]}]{found.level:<7}[/] ", end="")
        console.print(f"{found.subject}: {found.says}", markup=False)
        if found.do:
            console.print(f"        -> {found.do}", markup=False)
    raise typer.Exit(1 if is_wrong else 0)
