"""The command `overstap`. Each module of this folder is the sub-command of its name.

It holds a Typer `app` with commands of its own, or one function `command`, and imports what only some installations
have inside its functions: a school that receives has neither Airflow nor pandas. Another package adds sub-commands by
the entry point group `overstap.commands`.
"""

import importlib
import importlib.metadata
import pkgutil
import sys
from typing import Annotated

import typer
from rich.console import Console

from overstap import SOFTWARE
from overstap.errors import OverstapError

_EXTRAS = {
    "airflow": "airflow",
    "fastapi": "pages",
    "great_expectations": "conductor",
    "jinja2": "pages",
    "openpyxl": "sheets",
    "pandas": "conductor",
    "paramiko": "sftp",
    "psycopg": "postgres",
}
"""Packages that not every installation has, with the extra of pyproject.toml that brings each."""

app = typer.Typer(
    name="overstap",
    help="The conductor of OSO: a region's agreed rounds of pupil transfer dossiers.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(SOFTWARE)
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """The conductor of OSO: a region's agreed rounds of pupil transfer dossiers."""


for _module in pkgutil.iter_modules(__path__):
    _found = importlib.import_module(f"{__name__}.{_module.name}")
    if hasattr(_found, "app"):
        app.add_typer(_found.app, name=_module.name)
    else:
        app.command(_module.name)(_found.command)
for _added in importlib.metadata.entry_points(group="overstap.commands"):
    app.add_typer(_added.load(), name=_added.name)


def main() -> None:
    """Run the command; an error of our own family is told in two languages, without a traceback, with exit code 2."""
    try:
        app()
    except OverstapError as error:
        _tell(error)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        _tell(OverstapError("SETTING-002", package=package, extra=_EXTRAS[package]))


def _tell(error: OverstapError) -> None:
    console = Console(stderr=True)
    console.print(f"[bold red]{error.code}[/] {error.message_nl} {error.do_nl}", highlight=False)
    console.print(f"[dim]{error.message_en} {error.do_en}[/]", highlight=False)
    sys.exit(2)
