"""`overstap local`: PostgreSQL and Airflow on this machine alone, without a round in them (for that: overstap demo)."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from overstap.errors import OverstapError
from overstap_tools.project import PROJECT

app = typer.Typer(help="PostgreSQL and Airflow as processes of this machine.", no_args_is_help=True)

StateFolder = Annotated[Path, typer.Option("--state", help="Folder with data, logs and secrets")]
STATE = PROJECT / ".local"


@app.callback()
def subject() -> None:
    """PostgreSQL and Airflow as processes of this machine."""


@app.command()
def start(
    state: StateFolder = STATE,
    port: Annotated[int | None, typer.Option(help="Port of Airflow's pages; 8080 or a free one if none")] = None,
    dags: Annotated[Path, typer.Option(help="Folder with DAG files")] = PROJECT / "dags",
) -> None:
    """Start both, make the ledger's database in the same server, and say where to log in."""
    from overstap.ledger.migrate import migrate
    from overstap_tools.local import AirflowStack, EmbeddedPostgres, preflight
    from overstap_tools.local.ending import ends_in_order
    from overstap_tools.local.postgres import APPLICATION, LEDGER, OWNER

    ends_in_order()
    preflight.check(state)
    console = Console(highlight=False)
    postgres = EmbeddedPostgres(state / "postgres")
    was_running = postgres.is_running
    try:
        postgres.start()
        console.print(f"PostgreSQL runs on 127.0.0.1:{postgres.port}")
        postgres.provision()
        migrate(postgres.dsn(OWNER, LEDGER))
        ledger = {"OVERSTAP_LEDGER": postgres.dsn(APPLICATION, LEDGER)}
        stack = AirflowStack(state, postgres, dags, PROJECT / "plugins", port=port, extra_env=ledger)
        stack.migrate()
        stack.start()
    except BaseException:
        # Nothing half started, also after Ctrl-C; but what ran before this command goes on.
        if not was_running:
            postgres.stop()
        raise
    console.print(
        f"Airflow runs on {stack.address}", *(["(8080 was taken)"] if port is None and stack.is_moved else [])
    )
    console.print(f"Log in as admin, with the password in {state / 'secrets.json'} beside 'user admin'")


@app.command()
def status(state: StateFolder = STATE) -> None:
    """Say what runs; exit 1 when something that was started does not."""
    from overstap_tools.local.services import Service, folders, names

    table = Table("service", "process", "state", "log")
    down = 0
    for folder in folders(state):
        for name in names(folder):
            service = Service(folder, name)
            is_running = service.is_running
            down += not is_running
            pid = str(service.record.pid) if service.record else ""
            table.add_row(name, pid, "runs" if is_running else "[red]does not run[/]", str(service.log))
    if not table.row_count:
        raise OverstapError("LOCAL-011", folder=str(state))
    Console().print(table)
    raise typer.Exit(1 if down else 0)


@app.command()
def stop(state: StateFolder = STATE) -> None:
    """End everything that was started in this state folder, also after a crash; data stay."""
    from overstap_tools.local import stop_all

    stopped = stop_all(state)
    Console(highlight=False).print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def destroy(state: StateFolder = STATE) -> None:
    """End everything and remove the data, the logs and the secrets of this state folder."""
    import shutil

    from overstap_tools.local import EmbeddedPostgres, stop_all

    stop_all(state)
    EmbeddedPostgres(state / "postgres").destroy()
    if state.exists():
        shutil.rmtree(state)
    Console(highlight=False).print(f"removed: {state}")


@app.command()
def mail(
    folder: Annotated[Path, typer.Argument(help="Where mails are kept, a folder per recipient")],
    port: Annotated[int, typer.Option(help="Port on 127.0.0.1")] = 2525,
) -> None:
    """Be a mail server on this machine that delivers nothing and keeps what it gets as files, until it is stopped."""
    import signal

    from overstap_tools.local.mail_sink import MailSink

    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    ends = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, ends)  # also in the server's thread: they are waited for below
    sink = MailSink(folder, port)
    sink.start()
    Console(highlight=False).print(f"127.0.0.1:{port} -> {folder}")
    signal.sigwait(ends)
    sink.stop()
