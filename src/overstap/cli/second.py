"""`overstap second`: acts that wait for a second person, where the agreement says so."""

from typing import Annotated
from uuid import UUID

import typer
from rich.console import Console

from overstap.cli._output import AsJson, print_json
from overstap.settings import Settings

app = typer.Typer(help="Acts that wait for a second person.", no_args_is_help=True)

RegionOption = Annotated[str, typer.Option("--region", help="Region id")]
ByOption = Annotated[str, typer.Option("--by", help="Account of the person, for the audit chain")]
RequestArgument = Annotated[UUID, typer.Argument(help="Id of the request, as `list` shows it")]


@app.callback()
def subject() -> None:
    """Acts that wait for a second person."""


@app.command(name="list")
def list_all(region: RegionOption, as_json: AsJson = False) -> None:
    """List what waits for a second person; exit code 1 when something does."""
    from overstap.clock import format_moment
    from overstap.ledger import open_ledger
    from overstap.ledger.second_person import waiting
    from overstap.texts import texts

    acts = texts("board/second")["acts"]
    console = Console(highlight=False, soft_wrap=True)
    with open_ledger(Settings()).unit(region, "second list") as unit:
        found = waiting(unit)
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        until = format_moment(one.expires_at)
        console.print(f"{one.request} {acts[one.act]['nl']} ({one.about}), {one.asked_by}, tot {until}", markup=False)
    raise typer.Exit(1 if found else 0)


@app.command()
def confirm(request: RequestArgument, region: RegionOption, by: ByOption) -> None:
    """Confirm as the second person. Only the board's login may: run it in the api-server's container."""
    from overstap.ledger.second_person import confirm as run
    from overstap.ledger.session import Ledger
    from overstap.texts import texts

    with Ledger(Settings().need("ledger"), None).unit(region, by) as unit:
        outcome = run(unit, request)
    Console(highlight=False).print(f"{request} {texts('board/second')['confirmed'][outcome]['nl']}")


@app.command()
def withdraw(request: RequestArgument, region: RegionOption, by: ByOption) -> None:
    """Withdraw a request that nobody confirmed."""
    from overstap.ledger.second_person import withdraw_request
    from overstap.ledger.session import Ledger

    with Ledger(Settings().need("ledger"), None).unit(region, by) as unit:
        withdraw_request(unit, request)
    Console(highlight=False).print(f"{request} ingetrokken")
