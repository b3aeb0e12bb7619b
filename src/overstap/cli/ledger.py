"""`overstap ledger`: database schema, logins and keys of the ledger, its invariants, retention and erasure."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from overstap.cli._output import AsJson, print_json, progress
from overstap.cli._pupil_number import asked_number
from overstap.settings import Settings

app = typer.Typer(help="Ledger: schema, keys, invariants, retention.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Ledger: schema, keys, invariants, retention."""


@app.command()
def migrate() -> None:
    """Migrate the database to the newest schema and create the agreements' regions. Needs OVERSTAP_LEDGER_OWNER.

    Prints what it did. An agreement that cannot be read is reported and stops nothing else.
    """
    from overstap.ledger.migrate import change_count
    from overstap.ledger.preparation import migrate_ledger

    settings = Settings()
    owner = settings.need("ledger_owner")
    with progress("changes of the schema", change_count(owner)) as advance:
        lines = migrate_ledger(owner, settings.regions, advance)
    console = Console(highlight=False, soft_wrap=True, markup=False)
    for line in lines:
        console.print(line)


@app.command()
def password(
    login: Annotated[str, typer.Option(help="overstap_app, _review, _school, _desk or _board")] = "overstap_app",
) -> None:
    """Set the password of a service's login, read from standard input. Needs OVERSTAP_LEDGER_OWNER."""
    import sys

    from overstap.ledger.migrate import LOGINS, set_password

    if login not in LOGINS:
        raise typer.BadParameter(f"one of {', '.join(LOGINS)}", param_hint="--login")
    set_password(Settings().need("ledger_owner"), login, sys.stdin.readline().strip())


@app.command()
def keys(region: str, key_id: Annotated[str, typer.Option(help="Names sort by age, such as 2026-11")] = "1") -> None:
    """Create a content key for a region (the newest encrypts), and its look-up key when it has none."""
    from overstap.ledger.region_keys import create_keys, derive_board_keys

    settings = Settings()
    create_keys(settings.need_path("keys"), region, key_id)
    if settings.board_keys:
        derive_board_keys(settings.need_path("keys"), settings.board_keys, region)
    Console(highlight=False).print(f"key {key_id} of {region} is there; keep a copy of the keys folder in a safe place")


@app.command("board-keys")
def board_keys(
    region: Annotated[list[str] | None, typer.Argument(help="Region; all agreements' regions if none")] = None,
) -> None:
    """Derive the board's keys for contact with schools from the content keys. Needs OVERSTAP_BOARD_KEYS."""
    from overstap.agreements import load_all
    from overstap.ledger.region_keys import derive_board_keys

    settings = Settings()
    for one in region or sorted({agreement.region for agreement in load_all(settings.regions)[0]}):
        made = derive_board_keys(settings.need_path("keys"), settings.need_path("board_keys"), one)
        Console(highlight=False).print(f"board's keys {one}: {', '.join(made) or 'there'}")


@app.command()
def check(
    region: Annotated[list[str] | None, typer.Option(help="Region; all agreements' regions if none")] = None,
    store: Annotated[
        list[str] | None, typer.Option(help="SCHOOL=FOLDER: store of a receiving endpoint, for I2")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check the invariants I1 to I13 and list the breaches; exit 1 when there are any."""
    from overstap.agreements import load_all
    from overstap.delivery.stored_evidence import receipt_fault
    from overstap.ledger import open_ledger
    from overstap.ledger.audit import line_count
    from overstap.ledger.delivery.on_page import confirmed_by_account
    from overstap.ledger.invariants import ExternalEvidence, extent
    from overstap.ledger.invariants import check as find_breaches
    from overstap.pki import TrustStore
    from overstap.receiver.folder_store import envelope_digests as stored

    settings = Settings()
    console = Console(highlight=False)
    regions = region or sorted({agreement.region for agreement in load_all(settings.regions)[0]})
    stores = dict(item.split("=", 1) for item in store or [])
    evidence = ExternalEvidence(
        stores={school: stored(Path(folder)) for school, folder in stores.items()},
        receipt_fault=receipt_fault(TrustStore(settings.trust, production=settings.production))
        if settings.trust
        else None,
    )
    ledger = open_ledger(settings)
    found = []
    for name in regions:
        with ledger.unit(name, "ledger check") as unit, progress(name, extent(unit)) as advance:
            breaches = find_breaches(unit, evidence, advance=advance)
            lines = line_count(unit.connection, name)
            by_account = sum(confirmed_by_account(unit).values())
        found.append({"region": name, "breaches": breaches, "audit_lines": lines, "confirmed_by_account": by_account})
        if as_json:
            continue
        for breach in breaches:
            console.print(f"[red]{breach.invariant}[/] {name} {breach.subject}: {breach.why}")
        verdict = "[green]I1-I13 hold[/]" if not breaches else f"[red]{len(breaches)} breaches[/]"
        told = f", {by_account} confirmed by account and not by certificate" if by_account else ""
        console.print(f"{name}: {verdict} ({lines} audit lines{told})")
    if as_json:
        print_json(found)
    raise typer.Exit(1 if any(one["breaches"] for one in found) else 0)


@app.command()
def backed_up(
    what: Annotated[str, typer.Argument(help="ledger, airflow or keys")],
    by: Annotated[str, typer.Option(help="Who made it, such as the name of the job")] = "cron",
) -> None:
    """Record that a backup was made, for the administrator's page. Run it after the copy has succeeded."""
    from overstap.ledger.backups import KINDS, record

    if what not in KINDS:
        raise typer.BadParameter(f"one of {', '.join(KINDS)}", param_hint="WHAT")
    record(Settings().need("ledger"), what, by)
    Console(highlight=False).print(f"backup of {what} is noted")


@app.command()
def retain(
    region: Annotated[str, typer.Argument(help="Region")],
    by: Annotated[str, typer.Option(help="Who does it, for the audit chain")] = "ledger retain",
    content_days: Annotated[int | None, typer.Option(min=30, help="Instead of what the region agreed")] = None,
    traces_days: Annotated[int | None, typer.Option(min=30, help="Instead of what the region agreed")] = None,
    erase: Annotated[bool, typer.Option("--erase", help="Erase; without it only list what would be erased")] = False,
    destroy_keys: Annotated[
        bool,
        typer.Option("--destroy-keys", help="With --erase: destroy older content keys that decrypt nothing any more"),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List data of a region's closed rounds whose retention time has passed; with --erase erase them permanently."""
    from rich.table import Table

    from overstap.agreements import load_all
    from overstap.errors import OverstapError
    from overstap.ledger import open_ledger
    from overstap.ledger import retention as work
    from overstap.ledger.region_keys import derive_board_keys, destroy_key

    settings = Settings()
    console = Console(highlight=False)
    agreed = max(
        (one for one in load_all(settings.regions)[0] if one.region == region and one.retention is not None),
        key=lambda one: one.school_year,
        default=None,
    )
    stated = agreed.retention if agreed is not None else None
    content = content_days or (stated.content_days if stated else None)
    traces = traces_days or (stated.traces_days if stated else None)
    if content is None or traces is None:
        raise OverstapError("LEDGER-017", region=region)
    if traces < content:
        raise typer.BadParameter("not less than the days of content: traces go last", param_hint="--traces-days")
    ledger = open_ledger(settings)
    with ledger.unit(region, by) as unit:
        found = work.due(unit, content_days=content, traces_days=traces)
    report: dict[str, Any] = {"region": region, "content_days": content, "traces_days": traces, "rounds": found}
    table = Table(
        "round", "content goes", "traces go", "held", "under way", "days left", title=f"{content} and {traces} days"
    )
    for one in found:
        left = "not closed" if one.days_left is None else str(one.days_left)
        table.add_row(one.round_id, *(str(n) for n in (one.content, one.traces, one.held, one.under_way)), left)
    if not as_json:
        console.print(table)
    if not erase:
        if as_json:
            print_json(report)
        else:
            console.print("Nothing was erased. Again with --erase to do it; it cannot be undone.")
        return
    with progress("dossiers", sum(one.content + one.traces for one in found)) as advance:
        done = work.retain(ledger, region, actor=by, content_days=content, traces_days=traces, advance=advance)
    report["erased"] = {name: done[name] for name in ("content", "traces", "of_rounds")}
    rest = f"{done['of_rounds']} rows beside them"
    if not as_json:
        console.print(f"erased: content of {done['content']} dossiers, traces of {done['traces']}, {rest}")
    with ledger.unit(region, by) as unit:
        idle = work.idle_keys(unit)
        waits = bool(destroy_keys and idle) and not work.announce_keys(unit, idle)
    if waits:
        raise OverstapError("LEDGER-021")
    for key_id in idle:
        if destroy_keys:
            destroy_key(settings.need_path("keys"), region, key_id)
        fate = "is destroyed; remove it from its backups too" if destroy_keys else "opens nothing any more"
        if not as_json:
            console.print(f"key {key_id} {fate}")
    if destroy_keys and idle and settings.board_keys:
        derive_board_keys(settings.need_path("keys"), settings.board_keys, region)
    report["idle_keys"] = {"ids": idle, "destroyed": destroy_keys}
    if as_json:
        print_json(report)


@app.command("erase")
def erase_one(
    region: Annotated[str, typer.Argument(help="Region")],
    dossier: Annotated[str, typer.Argument(help="Id of the dossier, as on the board and in the audit chain")],
    by: Annotated[str, typer.Option(help="Who decided it")],
    reason: Annotated[str, typer.Option(help="The ground; without a name")],
) -> None:
    """Erase one dossier on request (AVG art. 17), content and traces; cannot be undone."""
    from uuid import UUID

    from overstap.ledger import open_ledger
    from overstap.ledger import retention as work

    work.erase(open_ledger(Settings()), region, UUID(dossier), actor=by, reason=reason)
    Console(highlight=False).print(f"{dossier} is erased; that it was there, and went, stays in the evidence")


@app.command("erase-notes")
def erase_notes(
    region: Annotated[str, typer.Argument(help="Region")],
    by: Annotated[str, typer.Option(help="Who decided it")],
    reason: Annotated[str, typer.Option(help="The ground; without a name")],
    number_file: Annotated[
        Path | None, typer.Option(help="File with mode 0600 with the pupil's number; asked for if not given")
    ] = None,
) -> None:
    """Erase coordinators' notes about one pupil on request (AVG art. 17), also without a dossier; cannot be undone.

    The pupil's number is asked for and is never an argument. Each note has a line in the audit chain.
    """
    from overstap.ledger import open_ledger
    from overstap.ledger import retention as work
    from overstap.privacy.number_file import refuse_wrong_number

    number = asked_number(number_file)
    gone = work.erase_notes(open_ledger(Settings()), region, number, actor=by, reason=reason)
    if not gone:
        refuse_wrong_number(number)
    said = f"notes erased: {gone}; that they were there, and went, stays in the evidence" if gone else "no notes found"
    Console(highlight=False, soft_wrap=True).print(said)


@app.command()
def hold(
    round_id: Annotated[str, typer.Argument(help="Round, such as haaglanden.2026-2027.advice")],
    by: Annotated[str, typer.Option(help="Who decided it")],
    reason: Annotated[str, typer.Option(help="The reason, such as a complaint; without a name")],
    dossier: Annotated[str | None, typer.Option(help="One dossier; all of the round if none")] = None,
) -> None:
    """Place a hold: keep a round, or one dossier, from erasure until the hold is lifted."""
    from uuid import UUID

    from overstap.agreements import RoundId
    from overstap.ledger import open_ledger
    from overstap.ledger import retention as work

    with open_ledger(Settings()).unit(RoundId(round_id).region, by) as unit:
        held = work.hold(unit, round_id, reason=reason, dossier=UUID(dossier) if dossier else None)
    Console(highlight=False).print(f"held under {held}")


@app.command()
def lift(
    region: Annotated[str, typer.Argument(help="Region")],
    held: Annotated[str, typer.Argument(help="Id that `hold` printed")],
    by: Annotated[str, typer.Option(help="Who decided it")],
) -> None:
    """Lift a hold: its data are erased when their retention time has passed."""
    from uuid import UUID

    from overstap.ledger import open_ledger
    from overstap.ledger import retention as work

    with open_ledger(Settings()).unit(region, by) as unit:
        work.lift(unit, UUID(held))
    Console(highlight=False).print("lifted")
