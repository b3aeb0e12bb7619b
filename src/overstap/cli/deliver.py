"""`overstap deliver`: server of the region's desk, and results that schools reported on received dossiers."""

from pathlib import Path
from threading import Lock
from typing import Annotated

import typer
from rich.console import Console

from overstap.agreements import RoundId
from overstap.cli._output import AsJson, print_json
from overstap.settings import Settings

app = typer.Typer(help="The region's desk, and results after delivery.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """The region's desk, and results after delivery."""


@app.command()
def serve(
    region: Annotated[str, typer.Argument(help="Region whose desk it is")],
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8444,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
) -> None:
    """Serve a region's desk until stopped: schools request dossiers, hand in receipts and report results.

    Suppliers of the test that the agreement names send results of registered pupils here as well.
    """
    from overstap.delivery.desk.desk import RegionDesk
    from overstap.delivery.desk.server import Desks, server
    from overstap.delivery.traffic_centre.adapter import sessions_of
    from overstap.envelope.over_https import REQUESTS
    from overstap.ledger import open_ledger
    from overstap.ledger.rounds.rounds import secondary_schools
    from overstap.pki import TrustStore
    from overstap.telemetry.export import http_recorder
    from overstap.telemetry.logs import configure_logs
    from overstap.test_chain import endpoint as test_results
    from overstap.transport.worker_pool import WorkerPool

    settings = Settings()
    configure_logs("desk", settings.log_format)
    trust = TrustStore(settings.need_path("trust"), production=settings.production)
    sessions = sessions_of(settings, region)
    callers_ledger = open_ledger(settings)
    one_at_a_time = Lock()  # callers are admitted in threads, and a ledger is for one of them at a time

    def schools() -> frozenset[str]:
        with one_at_a_time, callers_ledger.unit(region, "desk") as unit:
            return secondary_schools(unit)

    def suppliers() -> frozenset[str]:
        with one_at_a_time:
            return frozenset(one.oin for one in test_results.ResultTaker(callers_ledger, region).suppliers())

    schools()  # fail at once when the ledger is unreachable
    desks = Desks(lambda: RegionDesk(open_ledger(settings), region, trust=trust, sessions=sessions))
    record = http_recorder("desk")
    takers = WorkerPool(
        lambda: test_results.ResultTaker(open_ledger(settings), region), test_results.WORKERS, name="results"
    )
    endpoint = server(
        desks,
        region=region,
        trust=trust,
        schools=schools,
        host=host,
        port=port,
        record=record,
        others=suppliers,
        beside=test_results.routes(takers),
    )
    Console(highlight=False, soft_wrap=True).print(f"Loket van regio {region} op https://{host}:{port}{REQUESTS}")
    endpoint.run()


@app.command()
def results(
    round_id: Annotated[str, typer.Argument(metavar="ROUND", help="Round, such as demo.2026-2027.placement")],
    school: Annotated[str | None, typer.Option(help="Primary school of the pupils; all if none")] = None,
    out: Annotated[
        Path | None, typer.Option(help="CSV with a line per pupil of that school; it holds personal data")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the results that secondary schools reported on confirmed dossiers: imported, rejected, placed and so on.

    Counts, or with --school and --out a line per pupil of that primary school.
    """
    from rich.table import Table

    from overstap.atomic_files import write_atomically
    from overstap.delivery.feedback import feedback_csv
    from overstap.ledger import open_ledger
    from overstap.ledger.delivery.results import counts
    from overstap.texts import texts

    if out is not None and school is None:
        raise typer.BadParameter("--out hoort bij --school")
    ledger = open_ledger(Settings())
    region = RoundId(round_id).region
    console = Console(highlight=False, soft_wrap=True)
    words = {name: text["nl"] for name, text in texts("delivery/answers").items()}
    try:
        with ledger.unit(region, "results") as unit:
            found = counts(unit, round_id, school)
        outcomes = ("imported", "rejected", "placed", "not_placed", "not_shown_up")
        table = Table("school", "bevestigd", *(words[name] for name in outcomes))
        for one in found:
            label = f"{one.name} ({one.school})"
            table.add_row(label, str(one.confirmed), *(str(one.outcomes[name] or "") for name in outcomes))
        if as_json:
            print_json(found)
        else:
            console.print(table)
        for one in () if as_json else found:
            for reason, count in one.reasons.most_common():
                console.print(f"{one.name} ({one.school}): {count} x {words['rejected']}: {words[reason]}")
        if out is not None and school is not None:
            write_atomically(out, feedback_csv(ledger, region, round_id, school), mode=0o600)
            Console(highlight=False, soft_wrap=True, stderr=as_json).print(f"per leerling: {out}")
    finally:
        ledger.close()
