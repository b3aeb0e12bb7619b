"""`overstap ledger`: make the ledger, its keys, and prove what stands in it."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap.settings import Settings

app = typer.Typer(help="The ledger: make it, its keys, prove it.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """The ledger: make it, its keys, prove it."""


@app.command()
def migrate() -> None:
    """Bring the database to the newest schema and make each agreement's region in it. Needs OVERSTAP_LEDGER_OWNER."""
    from overstap.agreements import load_all
    from overstap.ledger.migrate import add_region
    from overstap.ledger.migrate import migrate as bring_up

    settings = Settings()
    dsn = settings.need("ledger_owner")
    console = Console(highlight=False)
    for name in bring_up(dsn):
        console.print(f"applied {name}")
    good, broken = load_all(settings.regions)
    for region in sorted({agreement.region for agreement in good}):
        add_region(dsn, region)
        console.print(f"region {region} is there")
    for error in broken:
        console.print(f"[red]{error}[/]")
    raise typer.Exit(1 if broken else 0)


@app.command()
def password() -> None:
    """Give the application's login the password that stands on standard input. Needs OVERSTAP_LEDGER_OWNER."""
    import sys

    from overstap.ledger.migrate import set_app_password

    set_app_password(Settings().need("ledger_owner"), sys.stdin.readline().strip())


@app.command()
def keys(region: str, key_id: Annotated[str, typer.Option(help="Names sort by age, such as 2026-11")] = "1") -> None:
    """Make a content key for a region (the newest encrypts), and its look-up key when it has none."""
    from overstap.ledger.secrets import create_keys

    create_keys(Settings().need_path("keys"), region, key_id)
    Console(highlight=False).print(f"key {key_id} of {region} is there; keep a copy of the keys folder in a safe place")


@app.command()
def check(
    region: Annotated[list[str] | None, typer.Option(help="Region; all agreements' regions if none")] = None,
    store: Annotated[
        list[str] | None, typer.Option(help="SCHOOL=FOLDER: what a receiving endpoint stored, for I2")
    ] = None,
) -> None:
    """Assert the invariants I1 to I8 and name what breaks them; exit 1 when something does."""
    from overstap.agreements import load_all
    from overstap.delivery.evidence import receipt_fault, stored
    from overstap.ledger import open_ledger
    from overstap.ledger.invariants import Evidence
    from overstap.ledger.invariants import check as find_breaches
    from overstap.trust import TrustStore

    settings = Settings()
    console = Console(highlight=False)
    regions = region or sorted({agreement.region for agreement in load_all(settings.regions)[0]})
    stores = dict(item.split("=", 1) for item in store or [])
    evidence = Evidence(
        stores={school: stored(Path(folder)) for school, folder in stores.items()},
        receipt_fault=receipt_fault(TrustStore(settings.trust, production=settings.production))
        if settings.trust
        else None,
    )
    ledger = open_ledger(settings)
    broken = 0
    for name in regions:
        with ledger.unit(name, "ledger check") as unit:
            breaches = find_breaches(unit, evidence)
            lines = unit.one("select count(*) from overstap.audit_line")[0]
        broken += len(breaches)
        for breach in breaches:
            console.print(f"[red]{breach.invariant}[/] {name} {breach.subject}: {breach.why}")
        verdict = "[green]I1-I8 hold[/]" if not breaches else f"[red]{len(breaches)} breaches[/]"
        console.print(f"{name}: {verdict} ({lines} audit lines)")
    raise typer.Exit(1 if broken else 0)


@app.command()
def backed_up(
    what: Annotated[str, typer.Argument(help="ledger, airflow or keys")],
    by: Annotated[str, typer.Option(help="Who made it, such as the name of the job")] = "cron",
) -> None:
    """Tell that a backup was made and is safe, for the administrator's page. Run it after the copy has succeeded."""
    from overstap.ledger.backups import KINDS, told

    if what not in KINDS:
        raise typer.BadParameter(f"one of {', '.join(KINDS)}", param_hint="WHAT")
    told(Settings().need("ledger"), what, by)
    Console(highlight=False).print(f"backup of {what} is noted")
