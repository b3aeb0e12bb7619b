"""`overstap open`: opening of envelopes that a school collected by hand."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from overstap import clock
from overstap.cli._output import AsJson, print_json, progress
from overstap.progress import counted
from overstap.settings import Settings

OPENED = "geopend"


def command(
    files: Annotated[list[Path], typer.Argument(exists=True, dir_okay=False, help="Envelopes, <message id>.cms")],
    school: Annotated[str, typer.Option(help="BRIN and branch of the receiving school")],
    store: Annotated[
        Path | None, typer.Option(help=f"Folder for opened dossiers; '{OPENED}' beside the first file if not given")
    ] = None,
    database: Annotated[
        str | None, typer.Option(help="PostgreSQL database instead of a folder", envvar="OVERSTAP_RECEIVED")
    ] = None,
    trust: Annotated[Path | None, typer.Option(help="Certificate folder (OVERSTAP_TRUST)")] = None,
    message: Annotated[UUID | None, typer.Option(help="Message id, when the file has another name")] = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Show which rule of docs/envelope.md a refused envelope breaks")
    ] = False,
    receipts: Annotated[
        Path | None, typer.Option(help="Folder for the signed receipts; beside each file if not given")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check, open and store envelopes as the endpoint would, and write a signed receipt for each.

    The receipt, <message id>.receipt.cms, is written beside the envelope, also when it was refused: put it back where
    the envelope came from. <message id>.revocation.cms withdraws an envelope: it is removed from the store, and
    <message id>.taken-back.cms confirms this. Exit 1 when one was refused.
    """
    from overstap.atomic_files import write_atomically
    from overstap.envelope.file_names import AnswerKind, answer_name, answer_of, revoked_message_id
    from overstap.errors import OverstapError
    from overstap.pki import TrustStore
    from overstap.receiver.reception import Reception, ReceptionStatus
    from overstap.receiver.revocation_receiver import receive_revocation
    from overstap.receiver.store import open_store
    from overstap.texts import texts

    console = Console(highlight=False, soft_wrap=True)
    folder = store or (files[0].parent / OPENED if database is None else None)
    trusted = TrustStore(trust or Settings().need_path("trust"), production=Settings().production)
    reception = Reception(school, trust=trusted, store=open_store(folder, database))
    done: list[dict[str, str | None]] = []

    def tell(file: Path, status: ReceptionStatus, answer: Path, reason: str | None, text: str) -> None:
        done.append({"file": file.name, "status": status.value, "answer": answer.name, "reason": reason})
        if not as_json:
            console.print(text)

    statements = {file: found for file in files if (found := revoked_message_id(file.name))}
    for file, message_id in statements.items():  # first: a withdrawn envelope need not be opened
        revoked = receive_revocation(reception, file.read_bytes(), message_id=message_id, at=clock.now())
        answer_file = (receipts or file.parent) / answer_name(message_id, AnswerKind.TAKEN_BACK)
        write_atomically(answer_file, revoked.receipt, mode=0o640)
        is_refused = revoked.status is ReceptionStatus.REFUSED
        became = "[red]geweigerd[/]" if is_refused else "[green]ingetrokken en verwijderd[/]"
        tell(file, revoked.status, answer_file, None, f"{became} {file.name}; antwoord: {answer_file.name}")
    # Files signed here before are beside the envelopes
    envelopes = [one for one in files if one not in statements and (message is not None or not answer_of(one.name))]
    with progress("envelopes", len(envelopes)) as advance:
        for file in counted(envelopes, advance, every=1):
            try:
                message_id = message or UUID(file.stem)
            except ValueError as error:
                raise OverstapError("DELIVERY-003") from error
            answer = reception.receive(file.read_bytes(), message_id=message_id, at=clock.now())
            receipt = (receipts or file.parent) / answer_name(message_id, AnswerKind.RECEIPT)
            write_atomically(receipt, answer.receipt, mode=0o640)
            reason = answer.reason.value if explain and answer.reason is not None else None
            if answer.status in (ReceptionStatus.STORED, ReceptionStatus.REPEATED):
                text = f"[green]geopend[/] {file.name}; ontvangstbewijs: {receipt.name}"
            else:
                text = f"[red]geweigerd[/] {file.name}; bericht van weigering: {receipt.name}"
            if reason is not None:
                why = texts("delivery/reasons")[reason]
                behind = f" ({answer.cause})" if answer.cause else ""
                text += f"\n  {reason}{behind}: {why['nl']}\n  [dim]{why['en']}[/]"
            tell(file, answer.status, receipt, reason, text)
    if as_json:
        print_json({"folder": folder, "files": done})
    elif folder is not None:
        console.print(f"de dossiers staan in {folder}")
    if any(one["status"] in (ReceptionStatus.REFUSED, ReceptionStatus.CONFLICT) for one in done):
        raise typer.Exit(1)
