"""`overstap receive`: the receiving end of one school."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap import clock
from overstap.settings import Settings

app = typer.Typer(help="Receive envelopes as a school.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Receive envelopes as a school."""


@app.command()
def serve(
    school: Annotated[str, typer.Option(help="BRIN and branch of the receiving school")],
    store: Annotated[Path, typer.Option(help="Folder for what is received")],
    trust: Annotated[Path | None, typer.Option(help="Certificate folder (OVERSTAP_TRUST)")] = None,
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8443,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    client: Annotated[
        list[str] | None, typer.Option(help="OIN that may call; all conductors in the certificate folder if none")
    ] = None,
) -> None:
    """Serve a school's endpoint until it is stopped: checks, opens, stores and confirms what arrives."""
    import logging

    from overstap.delivery.receiving import PATH, server
    from overstap.delivery.reception import Reception
    from overstap.delivery.storage import FolderStore
    from overstap.trust import TrustStore

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    folder = FolderStore(store)
    folder.clean(at=clock.now())
    reception = Reception(
        school,
        trust=TrustStore(trust or Settings().need_path("trust"), production=Settings().production),
        store=folder,
        callers=frozenset(client) if client else None,
    )
    endpoint = server(reception, host=host, port=port)
    Console(highlight=False, soft_wrap=True).print(f"School {school} ontvangt op https://{host}:{port}{PATH}")
    endpoint.run()
