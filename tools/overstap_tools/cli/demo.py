"""`overstap demo`: a synthetic region's round on this machine, from nothing to signed confirmations."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap_tools.project import PROJECT

app = typer.Typer(help="A synthetic region's round on this machine.", no_args_is_help=True)

FolderOption = Annotated[Path, typer.Option("--folder", help="Where the demonstration keeps everything")]
DEFAULT = PROJECT / ".demo"


@app.callback()
def subject() -> None:
    """A synthetic region's round on this machine."""


@app.command()
def start(
    folder: FolderOption = DEFAULT,
    pupils: Annotated[int, typer.Option(min=12, help="Number of pupils")] = 96,
    schools: Annotated[int, typer.Option(min=4, help="Number of primary schools")] = 6,
    seed: Annotated[int, typer.Option(help="The same seed makes the same region")] = 2027,
    port: Annotated[int | None, typer.Option(help="Airflow's port; 8080 or a free one when left out")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for a person at the gate")] = False,
) -> None:
    """Build everything, play a round, and leave Airflow running; exit 1 when it did not end as it should."""
    from overstap_tools.demo.building import Size, build
    from overstap_tools.demo.sandbox import DemoSandbox
    from overstap_tools.demo.story import Story, tell
    from overstap_tools.local.ending import ends_in_order
    from overstap_tools.local.waiting import tell_waits

    ends_in_order()
    console = Console()
    tell_waits.set(lambda what, seconds: tell(console, "waiting", what=what, seconds=seconds))
    demonstration = build(
        DemoSandbox(folder.absolute()), Size(pupils, schools, seed), port=port, tell=lambda name: tell(console, name)
    )
    login = {
        "address": demonstration.airflow.address,
        "account": demonstration.coordinator,
        "password": demonstration.airflow.password(demonstration.coordinator),
    }
    tell(console, "open_ui", **login)
    is_good = Story(demonstration, console, asks_person=wait).play()
    console.print()
    tell(console, "open_ui", **login)
    tell(console, "again")
    raise typer.Exit(0 if is_good else 1)


@app.command()
def stop(folder: FolderOption = DEFAULT) -> None:
    """End every process of the demonstration; what it made stays to be looked at."""
    from overstap_tools.demo.building import stop as end
    from overstap_tools.demo.sandbox import DemoSandbox
    from overstap_tools.demo.story import tell

    found = end(DemoSandbox(folder.absolute()))
    if found:
        tell(Console(), "stopped", names=", ".join(found))
    else:
        tell(Console(), "nothing")
