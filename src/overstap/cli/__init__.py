"""The command `overstap`. Each module of this folder is the sub-command of its name.

It holds a Typer `app` with commands of its own, or one function `command`. Another package adds sub-commands by the
entry point group `overstap.commands`.
"""

import importlib
import importlib.metadata
import pkgutil
import sys

import typer
from rich.console import Console

from overstap.errors import OverstapError

app = typer.Typer(
    name="overstap",
    help="The conductor of OSO: a region's agreed rounds of pupil transfer dossiers.",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
)
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
        console = Console(stderr=True)
        console.print(f"[bold red]{error.code}[/] {error.message_nl} {error.do_nl}", highlight=False)
        console.print(f"[dim]{error.message_en} {error.do_en}[/]", highlight=False)
        sys.exit(2)
