"""`overstap notice`: preview of mails, and the state of the outbox."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from overstap.cli._output import AsJson, print_json
from overstap.settings import Settings

app = typer.Typer(help="Mail to coordinators and schools.", no_args_is_help=True)


class PreviewLanguage(StrEnum):
    """Language of a preview; mails are sent in Dutch."""

    NL = "nl"
    EN = "en"


@app.callback()
def subject() -> None:
    """Mail to coordinators and schools."""


@app.command()
def preview(
    agreement: Annotated[Path, typer.Argument(help="The agreement file")],
    out: Annotated[Path, typer.Option(help="Folder for the previews, as .html and .txt")],
    language: Annotated[
        PreviewLanguage, typer.Option(help="Dutch as sent, or the English translation")
    ] = PreviewLanguage.NL,
) -> None:
    """Write every kind of mail as HTML and as text, for an example round; nothing is sent."""
    from overstap.agreements import load_agreement
    from overstap.notifications.preview import previews

    out.mkdir(parents=True, exist_ok=True)
    console = Console(highlight=False)
    for name, mail in previews(load_agreement(agreement), language=language.value):
        (out / f"{name}.html").write_text(mail.html, encoding="utf-8")
        (out / f"{name}.txt").write_text(mail.text, encoding="utf-8")
        console.print(f"{name:28} {mail.subject}", markup=False)


@app.command()
def outbox(
    region: Annotated[str, typer.Option("--region", help="Region id")],
    everything: Annotated[bool, typer.Option("--all", help="Also sent mails")] = False,
    as_json: AsJson = False,
) -> None:
    """List the mails of a region that wait or were refused, and why. Addresses are not shown."""
    from overstap.clock import dutch_time
    from overstap.errors import sentences
    from overstap.ledger import open_ledger
    from overstap.ledger.notifications import outbox

    ledger = open_ledger(Settings())
    try:
        with ledger.unit(region, "notice outbox") as unit:
            found = outbox.statuses(unit)
    finally:
        ledger.close()
    if as_json:
        print_json([one for one in found if everything or one.state != "sent"])
        return
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("soort", "betekenis", "staat", "pogingen", "sinds", "waarom"):
        table.add_column(column)
    for one in found:
        if everything or one.state != "sent":
            when = dutch_time(one.settled_at or one.due_at)
            why = f"{one.code} {sentences()[one.code]['nl'].format(kind=one.kind, reply=one.reply)}" if one.code else ""
            table.add_row(one.kind, one.meaning, one.state, str(one.attempts), f"{when:%d-%m %H:%M}", why)
    console = Console(highlight=False)
    console.print(table)
    sent = sum(one.state == "sent" for one in found)
    console.print(f"verstuurd {sent}, wacht {sum(one.state in ('waiting', 'sending') for one in found)}, "
                  f"geweigerd {sum(one.state == 'refused' for one in found)}")  # fmt: skip
