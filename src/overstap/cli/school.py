"""`overstap school`: server of the schools' pages, and the schools' accounts."""

import secrets
from typing import Annotated

import typer
from rich.console import Console

from overstap.cli._output import AsJson, print_json
from overstap.settings import Settings

app = typer.Typer(help="Pages and accounts of schools.", no_args_is_help=True)

RegionOption = Annotated[str, typer.Option("--region", help="Region id")]
ByOption = Annotated[str, typer.Option("--by", help="Who does it, for the audit chain")]


@app.callback()
def subject() -> None:
    """Pages and accounts of schools."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8091,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
    https: Annotated[bool, typer.Option(help="Visitors come by HTTPS, through a proxy in front")] = False,
) -> None:
    """Serve the school's pages (settings OVERSTAP_LEDGER, OVERSTAP_KEYS, OVERSTAP_REVIEW_ADDRESS, OVERSTAP_TRUST)."""
    from overstap.pages.school.serve import serve as run

    def workbook(report_csv: str, title: str) -> bytes:
        from overstap.quality.spreadsheet import spreadsheet  # loaded once a school asks for one

        return spreadsheet(report_csv, title)

    run(Settings(), host=host, port=port, is_secure=https, workbook=workbook)


@app.command()
def account(
    account: Annotated[str, typer.Argument(help="Name to sign in with, such as an e-mail address")],
    region: RegionOption,
    school: Annotated[str, typer.Option("--school", help="BRIN and branch, such as 99AB00")],
    name: Annotated[str, typer.Option(help="The person's name, for the audit chain")],
    by: ByOption,
    federated: Annotated[
        bool, typer.Option("--federated", help="For sign-in at the identity provider of schools only: no password")
    ] = False,
) -> None:
    """Create an account, or set a new password. The password is asked for; its scrypt hash is stored."""
    from overstap.ledger import open_ledger
    from overstap.ledger.accounts import put_account
    from overstap.pages.school.passwords import hash_password

    # Without a password of its own the account has one that nobody knows
    password = secrets.token_urlsafe(48) if federated else _asked_password()
    kept = hash_password(password, (account, name, school))
    with open_ledger(Settings()).unit(region, by) as unit:
        is_new = put_account(unit, account.lower(), school, name, kept)
    Console(highlight=False).print(f"{account.lower()} {_done(is_new=is_new, federated=federated)}")


def _done(*, is_new: bool, federated: bool) -> str:
    if is_new:
        return "gemaakt"
    return "heeft geen wachtwoord meer" if federated else "heeft een nieuw wachtwoord"


def _asked_password() -> str:
    return str(typer.prompt("Wachtwoord", hide_input=True, confirmation_prompt=True))


@app.command()
def end(account: Annotated[str, typer.Argument(help="The account")], region: RegionOption, by: ByOption) -> None:
    """End an account and its sessions."""
    from overstap.ledger import open_ledger
    from overstap.ledger.accounts import end as run

    with open_ledger(Settings()).unit(region, by) as unit:
        is_done = run(unit, account.lower())
    Console(highlight=False).print(f"{account.lower()} {'beëindigd' if is_done else 'bestaat niet'}")
    raise typer.Exit(0 if is_done else 1)


@app.command()
def recover(account: Annotated[str, typer.Argument(help="The account")], region: RegionOption, by: ByOption) -> None:
    """Remove an account's second factors and recovery codes, and end its sessions. The school is told by mail."""
    from overstap.ledger import open_ledger
    from overstap.ledger.accounts import recover as run

    with open_ledger(Settings()).unit(region, by) as unit:
        is_done = run(unit, account.lower())
    Console(highlight=False).print(f"{account.lower()} {'hersteld' if is_done else 'bestaat niet'}")
    raise typer.Exit(0 if is_done else 1)


@app.command(name="list")
def list_all(region: RegionOption, as_json: AsJson = False) -> None:
    """List the region's accounts."""
    from overstap.ledger import open_ledger
    from overstap.ledger.accounts import all_accounts

    console = Console(highlight=False)
    with open_ledger(Settings()).unit(region, "school list") as unit:
        found = all_accounts(unit)
    if as_json:
        print_json(found)
        return
    for one in found:
        state = " (beëindigd)" if one.ended_at else " (tweede stap)" if one.factors else ""
        console.print(f"{one.school} {one.account} {one.name}{state}", markup=False)
