"""`overstap audit`: export and verification of the audit chain, and signed checkpoints."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap.cli._output import AsJson, print_json, progress
from overstap.progress import counted
from overstap.settings import Settings

_CLOCKS = timedelta(minutes=10)
"""Tolerance for the signer's clock ahead of the verifier's."""
app = typer.Typer(help="Audit chain: export, verification, checkpoints.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Audit chain: export, verification, checkpoints."""


@app.command()
def export(region: str, file: Annotated[Path, typer.Argument(help="File to write to, JSON lines")]) -> None:
    """Write a region's whole audit chain to a file that can be verified without the database."""
    from overstap.closing.export import export as lines_of
    from overstap.ledger import open_ledger
    from overstap.ledger.audit import line_count

    with (
        open_ledger(Settings()).unit(region, "audit export") as unit,
        file.open("w", encoding="utf-8") as out,
        progress("lines", line_count(unit.connection, region)) as advance,
    ):
        count = sum(out.write(line + "\n") > 0 for line in counted(lines_of(unit), advance))
    Console(highlight=False).print(f"{count} lines of {region} written")


@app.command()
def verify(
    file: Path,
    conductor: Annotated[
        list[Path] | None,
        typer.Option(help="Signing certificate of the region's conductor (PEM); else those in OVERSTAP_TRUST"),
    ] = None,
    within: Annotated[int, typer.Option(min=1, help="Largest age of the last checkpoint, hours")] = 36,
    known: Annotated[list[Path] | None, typer.Option(help="A published checkpoint (overstap audit checkpoint)")] = None,
    as_json: AsJson = False,
) -> None:
    """Verify an exported audit chain without the database; exit 1 with the fault when it is invalid.

    It fails on a line that was changed, moved or removed, on a checkpoint not signed by the region's conductor, on a
    chain without a recent checkpoint, and on one that lacks a published checkpoint.
    """
    import json

    from cryptography import x509

    from overstap.clock import now
    from overstap.closing.export import region_of, verify_export
    from overstap.pki import TrustStore

    lines = file.read_text(encoding="utf-8").splitlines()
    if conductor:
        trusted = [one for path in conductor for one in x509.load_pem_x509_certificates(path.read_bytes())]
    else:
        settings = Settings()
        store = TrustStore(settings.need_path("trust"), production=settings.production)
        trusted = [*store.conductor_signers(region_of(lines))]
    handed_out = [json.loads(path.read_text(encoding="utf-8"))["checkpoint"] for path in known or []]
    with progress("lines", len(lines)) as advance:
        proof = verify_export(
            counted(lines, advance),
            conductors=trusted,
            since=now() - timedelta(hours=within),
            until=now() + _CLOCKS,
            known=handed_out,
        )
    if as_json:
        print_json(proof)
        raise typer.Exit(1 if proof.fault else 0)
    console = Console(highlight=False)
    if proof.fault:
        console.print(f"[red]does not hold[/] {proof.region}: {proof.fault}")
        raise typer.Exit(1)
    console.print(f"[green]holds[/] {proof.region}: {proof.lines} lines, {proof.checkpoints} checkpoints")
    if proof.covered < proof.lines:
        console.print(f"the last {proof.lines - proof.covered} lines come after the last checkpoint")
    for signer in sorted(proof.signers):
        console.print(f"signed by {signer}")


@app.command()
def checkpoint(
    region: str,
    folder: Annotated[Path, typer.Argument(help="Folder for the checkpoint, such as write-once storage")],
    as_json: AsJson = False,
) -> None:
    """Sign the head of a region's audit chain, and write the checkpoint as a file. Run it every day, and mail the file.

    With the file a later truncation of the chain is detected: `overstap audit verify --known FILE`.
    """
    from overstap.clock import now
    from overstap.closing.publication import publish, time_stamp_file
    from overstap.ledger import open_ledger
    from overstap.pki import TrustStore

    settings = Settings()
    store = TrustStore(settings.need_path("trust"), production=settings.production)
    made = publish(open_ledger(settings), store, region=region, actor="audit checkpoint", at=now(), folder=folder)
    console = Console(highlight=False)
    if not as_json:  # before the time stamp, which may fail: the file is there
        console.print(f"{made.file}: {region} up to line {made.up_to}, root {made.root}")
    stamp = time_stamp_file(made, settings.timestamps) if settings.timestamps is not None else None
    if as_json:
        print_json({"file": made.file, "up_to": made.up_to, "root": made.root, "time_stamp": stamp})
    elif stamp is not None:
        console.print(f"stamped: {stamp}")


@app.command()
def stamped(
    file: Annotated[Path, typer.Argument(help="A published checkpoint, with its time stamp (.tsr) in the same folder")],
    authority: Annotated[list[Path], typer.Option(help="Authority of the time-stamping service (PEM)")],
) -> None:
    """Show the moment of a checkpoint's RFC 3161 time stamp; exit 1 when the stamp is invalid."""
    from cryptography import x509

    from overstap.closing.timestamps import stamped_at
    from overstap.errors import OverstapError

    roots = [one for path in authority for one in x509.load_pem_x509_certificates(path.read_bytes())]
    try:
        moment = stamped_at(file.with_suffix(".tsr").read_bytes(), file.read_bytes(), roots)
    except OverstapError as error:
        Console(highlight=False).print(f"[red]does not hold[/] {file.name}: {error.message_en}")
        raise typer.Exit(1) from None
    Console(highlight=False).print(f"[green]holds[/] {file.name}: seen at {moment.isoformat()}")


@app.command(name="who-saw")
def who_saw(
    region: str,
    code: Annotated[str, typer.Argument(help="The dossier's reference, such as 6BCJ-X0NH, or its id")],
    as_json: AsJson = False,
) -> None:
    """List who could see a dossier and when, from the audit chain alone: for reports after a data breach.

    Files that somebody took from a page are among them: lists by pseudonym, class lists. Of a pupil without a dossier,
    the sign on those lists finds the files.
    """
    from uuid import UUID

    from overstap.ledger import downloads, open_ledger
    from overstap.ledger.dossiers.reference import find_by_reference, read_reference
    from overstap.ledger.review import access_log

    console = Console(highlight=False)
    with open_ledger(Settings()).unit(region, "audit who-saw") as unit:
        sign = read_reference(code)
        if sign is not None:
            dossiers = [one.dossier for one in find_by_reference(unit, code)]
        else:
            try:
                dossiers = [UUID(code)]
            except ValueError:
                dossiers = []
        found = [one for dossier in dossiers for one in access_log.disclosures(unit, dossier)]
        if sign is not None and not dossiers:
            for known in downloads.recorded_as(unit, [sign]):
                of_pupil = [each.dossier for each in find_by_reference(unit, known)]
                found += [each for dossier in of_pupil for each in access_log.disclosures(unit, dossier)]
                found += [] if of_pupil else access_log.downloads(unit, known)
    if as_json:
        print_json(found)
        raise typer.Exit(0 if found else 1)
    for one in found:
        console.print("  ".join(filter(None, (one.at, one.action, one.actor, one.to, one.purpose))))
    raise typer.Exit(0 if found else 1)
