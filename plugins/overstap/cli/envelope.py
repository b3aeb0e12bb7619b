"""`overstap envelope`: one envelope by hand."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from overstap import clock
from overstap.settings import Settings

app = typer.Typer(help="Open one envelope by hand.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Open one envelope by hand."""


@app.command("open")
def open_one(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="The envelope, <message id>.cms")],
    school: Annotated[str, typer.Option(help="BRIN and branch of the receiving school")],
    store: Annotated[Path, typer.Option(help="Folder for what is received")],
    trust: Annotated[Path | None, typer.Option(help="Certificate folder (OVERSTAP_TRUST)")] = None,
    message: Annotated[UUID | None, typer.Option(help="Message id, where the file's name is another")] = None,
) -> None:
    """Check, open and store an envelope as the endpoint would; exit 1 when it is refused.

    The dossier and the signed receipt lie in the store afterwards; the receipt goes back to who sent the envelope.
    """
    from overstap.delivery.reception import Reception, Took
    from overstap.delivery.storage import RECEIPT, FolderStore
    from overstap.errors import OverstapError
    from overstap.trust import TrustStore

    try:
        message_id = message or UUID(file.stem)
    except ValueError as error:
        raise OverstapError("DELIVERY-003") from error
    folder = FolderStore(store)
    trusted = TrustStore(trust or Settings().need_path("trust"), production=Settings().production)
    answer = Reception(school, trust=trusted, store=folder).take(
        file.read_bytes(), message_id=message_id, at=clock.now()
    )
    console = Console(highlight=False, soft_wrap=True)
    if answer.took in (Took.STORED, Took.REPEATED):
        kind = "dossiers" if (store / "dossiers" / str(message_id)).exists() else "tests"
        place = store / kind / str(message_id)
        console.print(f"[green]geopend[/] dossier en ontvangstbewijs staan in {place} ({RECEIPT})")
        return
    console.print(f"[red]geweigerd[/] het ondertekende bericht van weigering staat in {store / 'refused'}")
    raise typer.Exit(1)
