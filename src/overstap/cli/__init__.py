"""Command line of Overstap: each module of this package is the sub-command of `overstap` with its name.

A module holds a Typer `app` with commands, or one function `command`. Optional dependencies are imported inside the
functions, since a receiving school has neither Airflow nor pandas. Other packages add sub-commands through the entry
point group `overstap.commands`.
"""

import importlib
import importlib.metadata
import pkgutil
import sys
from typing import Annotated

import typer
from rich.console import Console

from overstap import SOFTWARE
from overstap.errors import OverstapError, storage_error

_EXTRAS = {
    "airflow": "airflow",
    "ecs_logging": "telemetry",
    "fastapi": "pages",
    "great_expectations": "conductor",
    "jinja2": "pages",
    "opentelemetry": "telemetry",
    "openpyxl": "sheets",
    "pandas": "conductor",
    "paramiko": "sftp",
    "pkcs11": "token",
    "psycopg": "postgres",
    "saxonche": "official",
    "xmlschema": "conductor",
}
"""Optional packages, with the extra of pyproject.toml that installs each."""

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
    if _module.name.startswith("_"):  # part of another command
        continue
    _found = importlib.import_module(f"{__name__}.{_module.name}")
    if hasattr(_found, "app"):
        app.add_typer(_found.app, name=_module.name)
    else:
        app.command(_module.name)(_found.command)
for _added in importlib.metadata.entry_points(group="overstap.commands"):
    app.add_typer(_added.load(), name=_added.name)


def main() -> None:
    """Run the command line; an `OverstapError` is printed in Dutch and English, without traceback, with exit code 2.

    So is a disk that is full.
    """
    try:
        app()
    except OverstapError as error:
        _print_error(error)
    except OSError as problem:
        told = storage_error(problem)
        if told is None:
            raise
        _print_error(told)
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if package not in _EXTRAS:
            raise
        _print_error(OverstapError("SETTING-002", package=package, extra=_EXTRAS[package]))


def _print_error(error: OverstapError) -> None:
    console = Console(stderr=True)
    console.print(f"[bold red]{error.code}[/] {error.message_nl} {error.do_nl}", highlight=False)
    console.print(f"[dim]{error.message_en} {error.do_en}[/]", highlight=False)
    sys.exit(2)
