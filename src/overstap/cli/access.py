"""`overstap access`: roles and accounts in Airflow, from the agreements."""

import os

import typer
from rich.console import Console

from overstap.settings import Settings

app = typer.Typer(help="Who may do what in Airflow.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Who may do what in Airflow."""


@app.command()
def sync() -> None:
    """Bring roles and accounts to what the agreements say, and take away the rest; safe to repeat.

    Run it in Airflow's environment, before DAGs are parsed and after each change of an agreement.
    """
    # Airflow would tell each single right that it gives, and our own lines would drown.
    os.environ.setdefault("AIRFLOW__LOGGING__LOGGING_LEVEL", "ERROR")
    from overstap.agreements.load import agreement_paths, load_agreement, load_in_use
    from overstap.clock import now
    from overstap.errors import OverstapError
    from overstap.orchestration.access import people_of, sync_access

    settings = Settings()
    console = Console(highlight=False, soft_wrap=True, markup=False)
    unsure = set()
    for path in agreement_paths(settings.regions):
        try:
            load_agreement(path)
        except OverstapError as error:
            unsure.add(path.parent.name)
            console.print(f"nothing is taken away in region {path.parent.name}: {error}")
    people = people_of(
        load_in_use(settings.regions, production=settings.production),
        now(),
        administrators=settings.administrator_accounts,
        unsure=unsure,
    )
    changes = sync_access(people)
    for line in changes:
        console.print(line)
    console.print(
        f"{len(people.roles)} roles and {len(people.accounts)} accounts are as agreed; {len(changes)} changes"
    )
