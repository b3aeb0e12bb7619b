"""`overstap bench`: the rate of each stage on this machine, with a peer on the same data in the same run."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from overstap.cli._output import AsJson, progress
from overstap.settings import Settings
from overstap_tools.cli.bench_output import BenchConsole, measured, one_document

if TYPE_CHECKING:
    from overstap.simulation.sandbox import Sandbox

app = typer.Typer(help="Rates of each stage on this machine.")

RunsOption = Annotated[int, typer.Option(min=1, help="Runs of each measurement; the median counts")]
PupilsOption = Annotated[int, typer.Option(min=40, help="Dossiers for each process")]
DurableOption = Annotated[bool, typer.Option("--durable/--not-durable", help="PostgreSQL waits for the disk")]


@app.callback(invoke_without_command=True)
def everything(context: typer.Context, as_json: AsJson = False) -> None:
    """Print the rates of every stage, one after another (three to six minutes), or of one."""
    from overstap_tools.local.ending import ends_in_order

    ends_in_order()
    if context.invoked_subcommand is not None:
        return
    with one_document(as_json=as_json):
        dossier()
        synth()
        intake()
        ledger()
        audit()
        quality()
        seal()
        transport()
        chain()
        dags()


@app.command()
def dossier(
    count: Annotated[int, typer.Option(min=1, help="How often each file is checked")] = 200,
    many: Annotated[
        int, typer.Option(min=0, help="Also check so many in a row, and show memory; a year has 175000")
    ] = 0,
    as_json: AsJson = False,
) -> None:
    """Parse, structure and rules; the official schema and sheets beside it where OVERSTAP_OFFICIAL holds them."""
    from overstap.oso.writing import to_bytes
    from overstap.simulation.synthetic.writing import dossiers
    from overstap_tools.bench import dossier as bench
    from overstap_tools.bench.sandbox import region_of, today

    official = Settings().official
    made = next(dossiers(region_of("dossier", 1, today())))[1]
    varied = [to_bytes(one) for _, one in dossiers(region_of("dossier", 500, today()))] if many else []
    examples = sorted((official / bench.VERSION / "examples").glob("*.xml")) if official else []
    files = {path.name: path.read_bytes() for path in examples} | {"synthetic": to_bytes(made)}
    with measured("dossier", as_json=as_json) as console:
        console.add(
            bench.run(console, today=today(), official=official, files=files, count=count, many=many, varied=varied)
        )


@app.command()
def synth(pupils: PupilsOption = 200, runs: RunsOption = 3, as_json: AsJson = False) -> None:
    """Make a synthetic region."""
    from overstap_tools.bench import synth as bench
    from overstap_tools.bench.sandbox import today

    with measured("synth", as_json=as_json) as console:
        console.add(bench.run(console, today=today(), pupils=pupils, runs=runs))


@app.command()
def intake(
    pupils: PupilsOption = 200, runs: RunsOption = 3, durable: DurableOption = True, as_json: AsJson = False
) -> None:
    """Read and cut dossiers, and take them from drop folders into the ledger."""
    from overstap_tools.bench import intake as bench
    from overstap_tools.bench.sandbox import today

    with measured("intake", as_json=as_json) as console, _sandbox(console, bench.REGIONS, durable=durable) as sandbox:
        console.add(bench.run(console, sandbox, today=today(), pupils=pupils, runs=runs))


@app.command()
def ledger(
    dossiers: Annotated[int, typer.Option(min=1, help="Dossiers for each process")] = 4_000,
    group: Annotated[int, typer.Option(min=1, help="Dossiers per transaction")] = 1_000,
    runs: RunsOption = 3,
    durable: DurableOption = True,
    as_json: AsJson = False,
) -> None:
    """Take dossiers of a few bytes through every state of the ledger."""
    from overstap_tools.bench import ledger as bench
    from overstap_tools.bench.sandbox import today

    with measured("ledger", as_json=as_json) as console, _sandbox(console, bench.REGIONS, durable=durable) as sandbox:
        console.add(bench.run(console, sandbox, today=today(), dossiers=dossiers, group=group, runs=runs))


@app.command()
def audit(
    lines: Annotated[int, typer.Option(min=100, help="Lines of each region's chain; a year has a million")] = 200_000,
    durable: DurableOption = True,
    as_json: AsJson = False,
) -> None:
    """Write and verify the audit chain, in the ledger and as a file, beside SHA-256 alone."""
    from overstap_tools.bench import audit_chain as bench

    with measured("audit", as_json=as_json) as console, _sandbox(console, bench.REGIONS, durable=durable) as sandbox:
        console.add(bench.run(console, sandbox, lines=lines))


@app.command()
def quality(pupils: PupilsOption = 1_000, as_json: AsJson = False) -> None:
    """Judge a whole region: rules by dossier, Great Expectations over its tables."""
    from overstap_tools.bench import quality as bench
    from overstap_tools.bench.sandbox import today

    with measured("quality", as_json=as_json) as console:
        console.add(bench.run(console, today=today(), pupils=pupils))


@app.command()
def seal(
    count: Annotated[int, typer.Option(min=10, help="Dossiers; RSA takes a tenth")] = 1_000, as_json: AsJson = False
) -> None:
    """Seal, open and confirm, with `openssl cms` on the same files beside it."""
    from overstap.clock import now
    from overstap_tools.bench import delivery as bench

    with measured("seal", as_json=as_json) as console:
        console.add(bench.run(console, at=now(), count=count, peers=20))


@app.command()
def delivery(
    count: Annotated[int, typer.Option(min=20, help="Dossiers to deliver")] = 20_000,
    receivers: Annotated[int, typer.Option(min=2, help="Receiving schools, a process each")] = 25,
    sealed: Annotated[int, typer.Option(min=10, help="Dossiers to seal and open; RSA takes a tenth")] = 1_000,
    peers: Annotated[int, typer.Option(min=1, help="Dossiers for each peer")] = 20,
    as_json: AsJson = False,
) -> None:
    """Seal and open beside `openssl cms`, `age` and `gpg`; then deliver a large round to its receivers."""
    from overstap.clock import now
    from overstap_tools.bench import deliveries
    from overstap_tools.bench import delivery as bench
    from overstap_tools.bench.sandbox import today

    with measured("delivery", as_json=as_json) as console:
        console.add(bench.run(console, at=now(), count=sealed, peers=peers, others=True))
        with _sandbox(console, (), durable=True) as sandbox:
            console.add(deliveries.run(console, sandbox, today=today(), count=count, schools=receivers))


@app.command()
def transport(
    pupils: PupilsOption = 200, runs: RunsOption = 3, durable: DurableOption = True, as_json: AsJson = False
) -> None:
    """Deliver over HTTPS on loopback to endpoints that open, store and confirm; then by SFTP, folder and pull."""
    from overstap_tools.bench import collecting
    from overstap_tools.bench import transport as bench
    from overstap_tools.bench.sandbox import today

    with (
        measured("transport", as_json=as_json) as console,
        _sandbox(console, (collecting.REGION,), durable=durable) as sandbox,
    ):
        console.add(bench.run(console, sandbox, today=today(), pupils=pupils, runs=runs))
        collecting.run(console, sandbox, today=today(), pupils=pupils)


@app.command()
def chain(pupils: PupilsOption = 500, durable: DurableOption = True, as_json: AsJson = False) -> None:
    """From drop folders to verified receipts, Airflow left out; the ledger is checked at the end."""
    from overstap_tools.bench import chain as bench
    from overstap_tools.bench.sandbox import today

    with measured("chain", as_json=as_json) as console, _sandbox(console, bench.REGIONS, durable=durable) as sandbox:
        console.add(bench.run(console, sandbox, today=today(), pupils=pupils, official=Settings().official))


@app.command()
def review(
    families: Annotated[int, typer.Option(min=100, help="Families in the ledger")] = 175_000,
    visits: Annotated[int, typer.Option(min=20, help="Families who visit, of eight requests each")] = 500,
    durable: DurableOption = True,
    as_json: AsJson = False,
) -> None:
    """Parents' pages: whole visits over loopback, with a bare FastAPI page beside them."""
    from overstap_tools.bench import review as bench

    with measured("review", as_json=as_json) as console, _sandbox(console, (bench.REGION,), durable=durable) as sandbox:
        console.add(bench.run(console, sandbox, families=families, visits=visits, at_once=(8, 20)))


@app.command()
def board(
    regions: Annotated[int, typer.Option(min=1, help="Regions of 5,000 pupils each; 35 are the country")] = 35,
    runs: Annotated[int, typer.Option(min=1, help="How often each page is asked for")] = 10,
    as_json: AsJson = False,
) -> None:
    """Every page of the board over a filled ledger (about a minute and a half for the whole country)."""
    from overstap_tools.bench import board as bench

    with (
        measured("board", as_json=as_json) as console,
        _sandbox(console, bench.region_names(regions), durable=False) as sandbox,
    ):
        console.add(bench.run(console, sandbox, regions=regions, runs=runs))


@app.command()
def pages(
    runs: Annotated[int, typer.Option(min=1, help="How often each page is asked for")] = 5,
    as_json: AsJson = False,
) -> None:
    """Every page of the board and of the schools' pages, by route, over 5,000 pupils."""
    from overstap_tools.bench import pages as bench

    with measured("pages", as_json=as_json) as console, _sandbox(console, (bench.REGION,), durable=False) as sandbox:
        console.add(bench.run(console, sandbox, runs=runs))


@app.command()
def applications(
    regions: Annotated[int, typer.Option(min=1, help="Regions of 5,000 pupils each; 35 are the country")] = 35,
    durable: DurableOption = True,
    as_json: AsJson = False,
) -> None:
    """A national year's applications: lists read, taken in, taken in again, compared, within a budget of memory."""
    from overstap_tools.bench import applications as bench
    from overstap_tools.bench.sandbox import today

    with (
        measured("applications", as_json=as_json) as console,
        _sandbox(console, bench.region_names(regions), durable=durable) as sandbox,
    ):
        console.add(bench.run(console, sandbox, today=today(), regions=regions))


@app.command()
def keeping(
    regions: Annotated[int, typer.Option(min=1, help="Regions of 5,000 pupils each; 35 are the country")] = 7,
    durable: DurableOption = True,
    as_json: AsJson = False,
) -> None:
    """A full ledger: its size, a backup, a restore, a migration from version 1, and the retention of a year."""
    from overstap_tools.bench import keeping as bench

    with (
        measured("keeping", as_json=as_json) as console,
        _sandbox(console, bench.region_names(regions), durable=durable) as sandbox,
        progress("dossiers filled and erased", 3 * regions * bench.PUPILS) as advance,
    ):
        console.add(bench.run(console, sandbox, regions=regions, advance=advance))


@app.command()
def dags(
    regions: Annotated[int, typer.Option(min=1, help="Regions, each with all of its DAGs")] = 80,
    runs: RunsOption = 3,
    as_json: AsJson = False,
) -> None:
    """Read and serialise the DAGs of many regions, as Airflow's dag-processor does."""
    from overstap_tools.bench import dags as bench
    from overstap_tools.bench.sandbox import today

    with measured("dags", as_json=as_json) as console:
        console.add(bench.run(console, today=today(), regions=regions, runs=runs))


@app.command()
def rest(
    regions: Annotated[int, typer.Option(min=1, help="Regions in which nothing is due")] = 80,
    minutes: Annotated[
        float, typer.Option(min=0.1, help="How long each is watched; 60 holds what is done by the hour")
    ] = 10,
    settle: Annotated[
        float, typer.Option(min=0.1, help="Minutes from the first reading of its DAGs until each is watched")
    ] = 5,
    as_json: AsJson = False,
) -> None:
    """What an installation uses while nothing is due, beside Airflow with one paused DAG (half an hour)."""
    from overstap_tools.bench import rest as bench
    from overstap_tools.bench.sandbox import today

    with (
        measured("rest", as_json=as_json) as console,
        progress("minutes watched", round(2 * (minutes + settle))) as advance,
    ):
        found = bench.run(console, today=today(), regions=regions, minutes=minutes, settle=settle, advance=advance)
        console.add(found)


@app.command()
def region(
    pupils: Annotated[int, typer.Option(min=4, help="Pupils of the region")] = 5_000,
    schools: Annotated[int, typer.Option(min=1, help="Primary schools")] = 120,
    receivers: Annotated[int, typer.Option(min=1, help="Secondary schools, each a process")] = 25,
    slots: Annotated[int, typer.Option(min=1, help="Tasks that run at the same time")] = 4,
    as_json: AsJson = False,
) -> None:
    """A region's round by a real Airflow, beside the same DAG of empty tasks and the chain without Airflow."""
    from overstap_tools.bench import region as bench
    from overstap_tools.bench.sandbox import today

    with (
        measured("region", as_json=as_json) as console,
        progress("tasks ended", bench.instances(schools, receivers)) as advance,
    ):
        found = bench.run(
            console,
            today=today(),
            pupils=pupils,
            primary=schools,
            secondary=receivers,
            slots=slots,
            advance=advance,
        )
        console.add(found)


@app.command()
def year(
    regions: Annotated[int, typer.Option(min=1, help="Regions; 75 are the country")] = 2,
    pupils: Annotated[int, typer.Option(min=2, help="Pupils of all regions together; 175000 are the country")] = 400,
    processes: Annotated[int, typer.Option(min=1, help="Processes that play, each the rounds of its regions")] = 2,
    rounds: Annotated[
        list[str] | None,
        typer.Option("--round", help="Only rounds of this kind; may be repeated. All three, where it is left out"),
    ] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Stop before this day; rounds then stay open")
    ] = None,
    durable: DurableOption = True,
    as_json: AsJson = False,
) -> None:
    """A school year of all regions by their calendars, Airflow left out: peaks, queues, growth, memory."""
    from overstap_tools.bench import year as bench
    from overstap_tools.bench.sandbox import today
    from overstap_tools.bench.year_regions import KINDS, region_names

    unknown = sorted(set(rounds or ()) - set(KINDS))
    if unknown:
        kinds = ", ".join(KINDS)
        raise typer.BadParameter(f"{unknown[0]!r} is no round of a year: choose from {kinds}", param_hint="--round")
    played = [kind for kind in KINDS if not rounds or kind in rounds]
    with (
        measured("year", as_json=as_json) as console,
        _sandbox(console, region_names(regions), durable=durable) as sandbox,
        progress("dossiers collected and settled", 2 * pupils * len(played)) as advance,
    ):
        found = bench.run(
            console,
            sandbox,
            today=today(),
            regions=regions,
            pupils=pupils,
            processes=processes,
            kinds=played,
            until=until.date() if until else None,
            advance=advance,
        )
        console.add(found)
        if found.open_rounds:
            raise SystemExit(1)


@app.command()
def afternoon(
    regions: Annotated[int, typer.Option(min=1, help="Regions whose rounds run at once")] = 10,
    pupils: Annotated[int, typer.Option(min=4, help="Pupils of each region")] = 500,
    schools: Annotated[int, typer.Option(min=1, help="Primary schools of each")] = 12,
    receivers: Annotated[int, typer.Option(min=1, help="Secondary schools of each, each a process")] = 2,
    slots: Annotated[int, typer.Option(min=1, help="Tasks that run at the same time")] = 4,
    as_json: AsJson = False,
) -> None:
    """Rounds of several regions at once in one Airflow: how many tasks wait for a slot, and how long."""
    from overstap_tools.bench import afternoon as bench
    from overstap_tools.bench.sandbox import today

    with measured("afternoon", as_json=as_json) as console, progress("rounds that ended", regions) as advance:
        found = bench.run(
            console,
            today=today(),
            regions=regions,
            pupils=pupils,
            primary=schools,
            secondary=receivers,
            slots=slots,
            advance=advance,
        )
        console.add(found)


@contextmanager
def _sandbox(console: BenchConsole, regions: Sequence[str], *, durable: bool) -> Iterator["Sandbox"]:
    from overstap_tools.bench.sandbox import bench_sandbox

    console.print(f"PostgreSQL {'waits' if durable else 'does not wait'} for the disk at each commit")
    with bench_sandbox(regions, is_durable=durable) as sandbox:
        yield sandbox
