"""`overstap keys`: the service that holds the regions' keys for processes that face the public."""

from pathlib import Path
from typing import Annotated

import typer

from overstap.settings import Settings

app = typer.Typer(help="The key service.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """The key service."""


@app.command()
def serve(
    folder: Annotated[Path, typer.Argument(help="Folder with a folder for each client: school, desk")],
    region: Annotated[list[str] | None, typer.Option(help="Region that is served; all when none is given")] = None,
) -> None:
    """Serve keys over a Unix socket in each client's folder (settings OVERSTAP_KEYS, OVERSTAP_TRUST)."""
    from overstap.key_service.server import serve as run

    run(Settings(), folder, region or ())
