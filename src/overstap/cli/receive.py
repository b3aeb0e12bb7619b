"""`overstap receive`: receiving endpoint of one school, requests at a region's desk, and results."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from overstap import clock
from overstap.cli._output import AsJson, print_json, progress
from overstap.settings import Settings

app = typer.Typer(help="Receive dossiers as a school.", no_args_is_help=True)

School = Annotated[str, typer.Option(help="BRIN and branch of the receiving school")]
Store = Annotated[Path | None, typer.Option(help="Folder for received dossiers")]
Database = Annotated[
    str | None, typer.Option(help="PostgreSQL database instead of a folder", envvar="OVERSTAP_RECEIVED")
]
Trust = Annotated[Path | None, typer.Option(help="Certificate folder (OVERSTAP_TRUST)")]
Conductor = Annotated[
    list[str] | None, typer.Option(help="OIN of the region; all conductors in the certificate folder if none")
]


class OutcomeChoice(StrEnum):
    """Results of a dossier, repeated here so that the help does not load the cryptography library."""

    IMPORTED = "imported"
    REJECTED = "rejected"
    PLACED = "placed"
    NOT_PLACED = "not_placed"
    NOT_SHOWN_UP = "not_shown_up"


class RejectionChoice(StrEnum):
    """Reasons of a rejection, repeated here likewise."""

    PUPIL_UNKNOWN = "pupil_unknown"
    ALREADY_IMPORTED = "already_imported"
    UNREADABLE = "unreadable"
    WRONG_VERSION = "wrong_version"
    INCOMPLETE = "incomplete"
    OTHER = "other"


@app.callback()
def subject() -> None:
    """Receive dossiers as a school."""


@app.command()
def setup(database: Database = None) -> None:
    """Set up a PostgreSQL store: a separate schema in the school's database. Safe to repeat."""
    from overstap.errors import OverstapError
    from overstap.receiver.postgres_store import set_up

    if database is None:
        raise OverstapError("DELIVERY-059")
    set_up(database)
    Console(highlight=False).print("de opslag is ingericht (schema overstap_received)")


@app.command()
def serve(
    school: School,
    store: Store = None,
    database: Database = None,
    trust: Trust = None,
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8443,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    client: Annotated[
        list[str] | None, typer.Option(help="OIN that may call; all conductors in the certificate folder if none")
    ] = None,
) -> None:
    """Serve a school's endpoint until stopped: it verifies, opens, stores and confirms envelopes."""
    from overstap.envelope.over_https import ENVELOPES
    from overstap.receiver.endpoint import server
    from overstap.receiver.reception import Reception
    from overstap.receiver.store import open_store
    from overstap.telemetry.export import http_recorder
    from overstap.telemetry.logs import configure_logs

    configure_logs("receive", Settings().log_format)
    opened = open_store(store, database)
    opened.clean(at=clock.now())
    reception = Reception(
        school,
        trust=_trust(trust),
        store=opened,
        callers=frozenset(client) if client else None,
    )
    endpoint = server(reception, host=host, port=port, record=http_recorder("receive"))
    Console(highlight=False, soft_wrap=True).print(f"School {school} ontvangt op https://{host}:{port}{ENVELOPES}")
    endpoint.run()


@app.command()
def ask(
    school: School,
    desk: Annotated[str, typer.Option(help="Address of the region's desk, https://...")],
    pupils: Annotated[
        Path | None,
        typer.Argument(exists=True, dir_okay=False, help="CSV: leerlingnummer, achternaam, geboortedatum, basisschool"),
    ] = None,
    test: Annotated[
        str | None,
        typer.Option("--test", help="Ask for the test message instead; BRIN and branch of any school of the region"),
    ] = None,
    store: Store = None,
    database: Database = None,
    trust: Trust = None,
    conductor: Conductor = None,
    as_json: AsJson = False,
) -> None:
    """Request each pupil's dossier at the region's desk, store it, and hand in its receipt. Safe to repeat.

    Exit 1 when a dossier was refused.
    """
    from collections import Counter

    from overstap.receiver.desk_client import DeskClient
    from overstap.receiver.fetching import fetch, fictitious_pupil, read_pupils
    from overstap.receiver.reception import Reception
    from overstap.receiver.store import open_store
    from overstap.texts import command_sentence, texts

    if (pupils is None) == (test is None):
        raise typer.BadParameter("een lijst van leerlingen of --test, één van beide")
    console = Console(highlight=False, soft_wrap=True)
    trusted = _trust(trust)
    reception = Reception(school, trust=trusted, store=open_store(store, database))
    wanted = read_pupils(pupils.read_bytes()) if pupils is not None else [fictitious_pupil(str(test))]
    restored = [one.restored_at_line for one in wanted if one.restored_at_line is not None]
    if restored:
        where = ", ".join(map(str, restored[:20])) + (" …" if len(restored) > 20 else "")
        told = Console(highlight=False, soft_wrap=True, stderr=True)
        told.print(command_sentence("receive", "restored", count=len(restored), lines=where))
    words = texts("delivery/answers")
    counted: Counter[str] = Counter()
    oins = frozenset(conductor) if conductor else None
    lines = []
    with (
        DeskClient(desk, school=school, trust=trusted, conductors=oins, at=clock.now()) as desk_client,
        progress("pupils", len(wanted)) as advance,
    ):
        for found in fetch(desk_client, reception, wanted, clock=clock.now):
            counted[found.outcome] += 1
            lines.append({"line": found.line, "outcome": found.outcome})
            advance(1)
            if not as_json:
                console.print(f"regel {found.line}: {words[found.outcome]['nl']}")
    if as_json:
        print_json({"lines": lines, "outcomes": counted})
    for outcome, count in () if as_json else counted.most_common():
        console.print(f"{count} x {words[outcome]['nl']} ({outcome})")
    if counted["refused"] or counted["conflict"]:
        raise typer.Exit(1)


@app.command()
def result(
    messages: Annotated[list[UUID], typer.Argument(help="Message ids of received dossiers")],
    school: School,
    outcome: Annotated[OutcomeChoice, typer.Option(help="The result")],
    reason: Annotated[RejectionChoice | None, typer.Option(help="Reason of a rejection")] = None,
    store: Store = None,
    database: Database = None,
    trust: Trust = None,
    desk: Annotated[str | None, typer.Option(help="Address of the region's desk, to hand the results in")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder to write the results to instead")] = None,
    conductor: Conductor = None,
) -> None:
    """Sign and hand in results of dossiers: imported, rejected, placed, not placed, not shown up."""
    import hashlib
    from contextlib import nullcontext

    from overstap.atomic_files import write_atomically
    from overstap.envelope.file_names import AnswerKind, answer_name
    from overstap.envelope.result import Rejection, ResultOutcome, make_result
    from overstap.errors import OverstapError
    from overstap.receiver.desk_client import DeskClient
    from overstap.receiver.store import open_store

    if (desk is None) == (out is None):
        raise typer.BadParameter("--desk of --out, één van beide")
    if (outcome is OutcomeChoice.REJECTED) != (reason is not None):
        raise typer.BadParameter("--reason hoort bij rejected, en bij niets anders")
    opened, trusted, at = open_store(store, database), _trust(trust), clock.now()
    identity = trusted.signing_identity(school, at=at)
    oins = frozenset(conductor) if conductor else None
    line = DeskClient(desk, school=school, trust=trusted, conductors=oins, at=at) if desk else nullcontext()
    with line as desk_client:
        for message_id in messages:
            envelope = opened.envelope_of(message_id)
            if envelope is None:
                raise OverstapError("DELIVERY-058", message=str(message_id))
            made = make_result(
                identity,
                message_id=message_id,
                envelope_sha256=hashlib.sha256(envelope).digest(),
                outcome=ResultOutcome(outcome.value),
                reason=Rejection(reason.value) if reason else None,
                at=clock.now(),
            )
            if desk_client is not None:
                desk_client.hand_in_result(made, message_id)
            else:
                write_atomically(Path(str(out)) / answer_name(message_id, AnswerKind.RESULT), made, mode=0o640)
            opened.keep_result(message_id, made)
    Console(highlight=False).print(f"{len(messages)} x {outcome.value}")


def _trust(folder: Path | None):  # type: ignore[no-untyped-def]  # its type would load the cryptography library
    from overstap.pki import TrustStore

    return TrustStore(folder or Settings().need_path("trust"), production=Settings().production)
