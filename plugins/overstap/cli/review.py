"""`overstap review`: record what parents decided, in bulk or singly."""

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from overstap.settings import Settings

app = typer.Typer(help="What parents decided.", no_args_is_help=True)

RegionOption = Annotated[str, typer.Option("--region", help="Region id")]
RoundOption = Annotated[str, typer.Option("--round", help="Round id, such as demo.2026-2027.advice")]
SchoolOption = Annotated[str, typer.Option("--school", help="BRIN and branch, such as 99AB00")]
ByOption = Annotated[str, typer.Option("--by", help="Who records it; kept as evidence")]


@app.callback()
def subject() -> None:
    """What parents decided."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
) -> None:
    """Serve the parents' pages (settings OVERSTAP_REVIEW, OVERSTAP_REVIEW_ADDRESS, OVERSTAP_REVIEW_PROXY)."""
    from overstap.review.pages.serve import serve as run

    settings = Settings()
    run(
        settings.need("review"),
        host=host,
        port=port,
        address=settings.review_address,
        proxy=settings.review_proxy,
    )


@app.command()
def record(file: Path, region: RegionOption, round_id: RoundOption, school: SchoolOption, by: ByOption) -> None:
    """Record a school's list (CSV: leerlingid;inzagedatum;akkoord;zienswijze); exit 1 when a line does not count."""
    from overstap.clock import now, wall
    from overstap.review.decisions import read_list

    listed = read_list(file.read_bytes(), today=wall(now()).date())
    _record(listed, region, round_id, school, by, "school_list")


@app.command()
def decide(
    region: RegionOption,
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    seen_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day on which the parents saw it")],
    agreed: Annotated[str, typer.Option(help="Ja, Nee or Onbekend")],
) -> None:
    """Record one pupil's inspection. The pupil's id and the view are asked for, so that they stay out of history."""
    import csv
    import io

    from overstap.clock import now, wall
    from overstap.review.decisions import HEADER, read_list

    pupil = typer.prompt("Leerling-id", hide_input=True)
    view = typer.prompt("Zienswijze (leeg: geen)", default="", show_default=False)
    table = io.StringIO()
    writer = csv.writer(table, delimiter=";")
    writer.writerows([HEADER, (pupil, f"{seen_on:%Y-%m-%d}", agreed, view)])
    listed = read_list(table.getvalue().encode(), today=wall(now()).date())
    _record(listed, region, round_id, school, by, "school_single")


def _record(listed: object, region: str, round_id: str, school: str, by: str, ground: str) -> None:
    from overstap.ledger import open_ledger
    from overstap.review.decisions import DecisionList
    from overstap.review.recording import record_list

    assert isinstance(listed, DecisionList)  # noqa: S101 (narrowing only)
    console = Console(highlight=False)
    ledger = open_ledger(Settings())
    outcome = record_list(
        ledger, region=region, round_id=round_id, school=school, actor=by, listed=listed, ground=ground
    )
    counts = outcome.counts
    console.print(
        f"vastgelegd {counts['recorded']}, stond er al {counts['repeated']}, telt niet {len(outcome.refused)}"
    )
    for item in outcome.refused:
        console.print(f"[yellow]{item.code}[/] {item.error.message_nl} {item.error.do_nl}")
    raise typer.Exit(1 if outcome.refused else 0)
