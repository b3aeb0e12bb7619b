"""`overstap metrics`: counts and ages of the ledger for a monitoring system."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from overstap.cli._output import AsJson, print_json, progress
from overstap.settings import Settings

app = typer.Typer(help="Counts and ages of the ledger, for monitoring.", no_args_is_help=True)


@app.callback()
def subject() -> None:
    """Counts and ages of the ledger, for monitoring."""


@app.command()
def serve() -> None:
    """Export metrics over OTLP until stopped, to OTEL_EXPORTER_OTLP_METRICS_ENDPOINT (docs/monitoring.md)."""
    import signal
    import threading

    from overstap.monitoring.service import serve as export
    from overstap.telemetry.logs import configure_logs

    settings = Settings()
    configure_logs("metrics", settings.log_format)
    stopped = threading.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.set())
    export(settings.need("ledger"), stopped)


@app.command()
def show(as_json: AsJson = False) -> None:
    """Show the present values, one per line; exit code 1 when the ledger cannot be read."""
    from overstap import clock
    from overstap.ledger.metrics import read
    from overstap.ledger.read_only import ReadOnlyLedger

    ledger = ReadOnlyLedger(Settings().need("ledger"))
    try:
        values = read(ledger, clock.now)
    finally:
        ledger.close()
    if as_json:
        print_json(values)
    for name in () if as_json else sorted(values):
        for one in values[name]:
            about = ",".join(f"{key}={value}" for key, value in sorted(one.attributes.items()))
            typer.echo(f"{name}{{{about}}} {one.value:g}")
    if values["overstap.ledger.up"][0].value == 0:
        raise typer.Exit(1)


class _Language(StrEnum):
    """Language of the page."""

    nl = "nl"
    en = "en"


@app.command()
def dashboard(
    server: Annotated[str, typer.Option("--from", help="Address of a server with Prometheus' HTTP API.")],
    output: Annotated[Path, typer.Option(help="File of the page; - for standard output.", dir_okay=False)],
    hours: Annotated[
        int | None, typer.Option(help="How many hours back; else the dashboard's 24.", min=1, max=24 * 366)
    ] = None,
    region: Annotated[str | None, typer.Option(help="Only this region, where a metric is per region.")] = None,
    language: Annotated[_Language, typer.Option(help="Language of the page.")] = _Language.nl,
) -> None:
    """Write a page with the panels of the Grafana dashboard, for where there is no Grafana (docs/monitoring.md)."""
    import re

    from overstap import clock
    from overstap.atomic_files import write_atomically
    from overstap.errors import OverstapError, system_fault
    from overstap.monitoring.dashboard import hours_shown, panels
    from overstap.monitoring.page import Wanted, draw, page
    from overstap.monitoring.prometheus import Prometheus
    from overstap.texts import command_sentence

    if region is not None and not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", region):
        raise typer.BadParameter("a region is named by small letters, digits and underscores", param_hint="--region")
    wanted = Wanted(clock.now(), hours or hours_shown(), language.value, region)
    with Prometheus(server) as asked:
        with progress("panels", len(panels())) as advance:
            drawn = draw(asked, wanted, advance)
        written = page(drawn, asked.address, wanted).encode()
    if output == Path("-"):
        sys.stdout.buffer.write(written)
        return
    try:
        write_atomically(output, written, mode=0o644)
    except OSError as problem:
        raise OverstapError("METRICS-004", file=str(output), kind=system_fault(problem)) from None
    without = sum(not one.figures for one in drawn)
    typer.echo(command_sentence("metrics", "page", file=str(output), panels=len(drawn), without=without))
