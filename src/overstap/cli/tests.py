"""`overstap tests`: registration of pupils at a supplier of the test, for schools that gave the region a mandate."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overstap import clock
from overstap.cli._output import AsJson, print_json, progress
from overstap.settings import Settings
from overstap.texts import command_sentence

if TYPE_CHECKING:
    from overstap.ledger import Ledger
    from overstap.progress import Advance
    from overstap.test_chain.registering import Registrar, SchoolSent

app = typer.Typer(help="Registration for the test at its supplier.", no_args_is_help=True)
RegionArgument = Annotated[str, typer.Argument(help="Region id")]
SchoolOption = Annotated[
    list[str] | None, typer.Option("--school", help="BRIN and branch; all schools with a mandate if none")
]


def _account(said: str) -> str:
    """Return the account of who acts; the chain has nobody else to name.

    Raises:
        typer.BadParameter: it is empty, or has control characters.
    """
    if not said.strip() or not said.isprintable():
        raise typer.BadParameter("your account: not empty, and without control characters", param_hint="--by")
    return said


ByOption = Annotated[str, typer.Option("--by", callback=_account, help="Your account, for the audit chain")]
YearOption = Annotated[str | None, typer.Option("--year", help="School year; the newest with a round if none")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be sent; send and keep nothing")]


@app.callback()
def subject() -> None:
    """Registration for the test at its supplier."""


@app.command()
def register(
    region: RegionArgument,
    by: ByOption,
    school: SchoolOption = None,
    year: YearOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Register the pupils of schools with a mandate; results of the test then come to the region's desk.

    A pupil whom the supplier has already is not sent again, unless something changed.
    """
    with _at_schools(region, year, school, by, "pupils") as (registrar, schools):
        found = [registrar.register(one, dry_run=dry_run) for one in schools]
    _tell(found, "registered", dry_run=dry_run, as_json=as_json)


@app.command()
def advices(
    region: RegionArgument,
    by: ByOption,
    school: SchoolOption = None,
    year: YearOption = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Send the provisional advices of registered pupils to the supplier of the test."""
    with _at_schools(region, year, school, by, "advices") as (registrar, schools):
        found = [registrar.send_advices(one, dry_run=dry_run) for one in schools]
    _tell(found, "advices_sent", dry_run=dry_run, as_json=as_json)


@contextmanager
def _at_schools(
    region: str, year: str | None, wanted: list[str] | None, by: str, what: str
) -> "Iterator[tuple[Registrar, list[str]]]":
    """Open the ledger and yield who registers, with the schools with a mandate; tell how far it is."""
    with _opened(region, year) as (ledger, school_year):
        schools = _schools(ledger, region, school_year, wanted)
        with progress(what, None) as advance:
            yield _registrar(ledger, region, school_year, by, advance), schools


@contextmanager
def _opened(region: str, year: str | None) -> "Iterator[tuple[Ledger, str]]":
    from overstap.errors import OverstapError
    from overstap.ledger import open_ledger
    from overstap.ledger.rounds.rounds import newest_school_year

    ledger = open_ledger(Settings())
    try:
        if year is None:
            with ledger.unit(region, "tests") as unit:
                year = newest_school_year(unit)
        if year is None:
            raise OverstapError("TESTS-010", region=region, school_year="-")
        yield ledger, year
    finally:
        ledger.close()


def _schools(ledger: "Ledger", region: str, school_year: str, wanted: list[str] | None) -> list[str]:
    from overstap.test_chain.registering import agreement_in_force

    if wanted:
        return wanted
    with ledger.unit(region, "tests") as unit:
        suppliers = agreement_in_force(unit, school_year).test_suppliers
    return [mandate.school for supplier in suppliers for mandate in supplier.mandates]


def _registrar(ledger: "Ledger", region: str, school_year: str, by: str, advance: "Advance") -> "Registrar":
    from overstap.pki import TrustStore
    from overstap.test_chain.registering import Registrar

    settings = Settings()
    trust = TrustStore(settings.need_path("trust"), production=settings.production)
    return Registrar(ledger, region, school_year, trust, by, clock.now, advance)


def _tell(found: "list[SchoolSent]", key: str, *, dry_run: bool, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False, soft_wrap=True)
    if not found:
        console.print(command_sentence("tests", "no_mandates"), markup=False)
    for one in found:
        name = f"{key}_dry" if dry_run else key
        facts = {"school": one.school, "supplier": one.supplier, "count": one.sent, "before": one.as_before}
        console.print(command_sentence("tests", name, **facts), markup=False)
        if one.elsewhere:
            console.print(command_sentence("tests", "elsewhere", count=one.elsewhere), markup=False)
        for reason, count in one.left_out.items():
            console.print(command_sentence("tests", reason, count=count), markup=False)
