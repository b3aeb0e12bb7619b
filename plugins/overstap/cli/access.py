"""`overstap access`: roles in Airflow, from the agreements."""

import typer
from rich.console import Console

from overstap.settings import Settings

app = typer.Typer(help="Who may do what in Airflow.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Who may do what in Airflow."""


@app.command()
def sync() -> None:
    """Make the role of every region; safe to repeat. Run it in Airflow's environment, before DAGs are parsed."""
    from overstap.agreements import load_all
    from overstap.orchestration.access import sync_roles

    for name in sync_roles(load_all(Settings().regions)[0]):
        Console(highlight=False).print(f"role {name} is there")
