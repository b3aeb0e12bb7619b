"""Command line of Overstap: each module of this package is the sub-command of `overstap` with its name.

A module holds a Typer `app` with commands, or one function `command`. It is imported when somebody asks for its
command: all of them together take twice as long as one. Optional dependencies are imported inside the functions, since
a receiving school has neither Airflow nor pandas. Other packages add sub-commands through the entry point group
`overstap.commands`.
"""

import pkgutil
import sys
from collections import UserDict
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from overstap import SOFTWARE
from overstap.errors import OverstapError, storage_error

_GROUP = "overstap.commands"
"""Entry points of other packages' sub-commands."""
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


class _Commands(UserDict[str, Any]):
    """Sub-commands by name, from the places where they stand; each is loaded when it is looked up."""

    def __getitem__(self, name: str) -> Any:
        return _command(name, self.data[name])


@cache
def _command(name: str, place: str) -> Any:
    found, holder = EntryPoint(name, place, _GROUP).load(), typer.Typer()
    if isinstance(found, typer.Typer):
        holder.add_typer(found, name=name)
    elif hasattr(found, "app"):
        holder.add_typer(found.app, name=name)
    else:
        holder.command(name)(found.command)
    return typer.main.get_group(holder).commands[name]


class _Root(TyperGroup):
    """The group `overstap`."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        ours = {
            module.name: f"{__name__}.{module.name}"
            for module in pkgutil.iter_modules(__path__)
            if not module.name.startswith("_")  # part of another command
        }
        self.commands = _Commands(ours | {added.name: added.value for added in entry_points(group=_GROUP)})


app = typer.Typer(
    cls=_Root,
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
