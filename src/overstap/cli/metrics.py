"""`overstap metrics`: counts and ages of the ledger for a monitoring system."""

import typer

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
def show() -> None:
    """Show the present values, one per line; exit code 1 when the ledger cannot be read."""
    from overstap import clock
    from overstap.ledger.metrics import read
    from overstap.ledger.read_only import ReadOnlyLedger

    ledger = ReadOnlyLedger(Settings().need("ledger"))
    try:
        values = read(ledger, clock.now)
    finally:
        ledger.close()
    for name in sorted(values):
        for one in values[name]:
            about = ",".join(f"{key}={value}" for key, value in sorted(one.attributes.items()))
            typer.echo(f"{name}{{{about}}} {one.value:g}")
    if values["overstap.ledger.up"][0].value == 0:
        raise typer.Exit(1)
