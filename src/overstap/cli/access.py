"""`overstap access`: synchronisation of Airflow's roles and accounts with the agreements."""

import typer
from rich.console import Console

from overstap.cli._output import progress
from overstap.settings import Settings

app = typer.Typer(help="Roles and accounts in Airflow.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Roles and accounts in Airflow."""


@app.command()
def sync() -> None:
    """Bring roles and accounts in line with the agreements, and remove the rest; safe to repeat.

    Run it in Airflow's environment, before DAGs are parsed and after each change of an agreement.
    """
    from overstap.agreements.load import agreement_paths
    from overstap.clock import now
    from overstap.orchestration.preparation import quiet
    from overstap.orchestration.preparation import sync as bring

    quiet()
    settings = Settings()
    console = Console(highlight=False, soft_wrap=True, markup=False)
    with progress("agreements", len(agreement_paths(settings.regions))) as advance:
        lines = bring(
            settings.regions,
            production=settings.production,
            administrators=settings.administrator_accounts,
            at=now(),
            advance=advance,
        )
    for line in lines:
        console.print(line)
