"""`overstap calendar`: dates of rounds in the terminal, as calendar files (RFC 5545) and as a page to print."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overstap import clock
from overstap.cli._output import AsJson, print_json
from overstap.settings import Settings

if TYPE_CHECKING:
    from overstap.agreements import Agreement
    from overstap.agreements.calendar_entries import CalendarEntry

app = typer.Typer(help="Dates of rounds: terminal, calendar files, printed page.")

Region = Annotated[list[str] | None, typer.Option("--region", help="Region; may be repeated; all if none")]
SchoolYear = Annotated[str | None, typer.Option(help="School year; each region's newest when left out")]


@app.callback(invoke_without_command=True)
def subject(
    context: typer.Context,
    region: Region = None,
    school_year: SchoolYear = None,
    school: Annotated[str | None, typer.Option(help="Only dates of this school, such as 99AB00")] = None,
    since: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day; today when left out")
    ] = None,
    days: Annotated[int | None, typer.Option(min=1, help="How many days ahead; all when left out")] = None,
    as_json: AsJson = False,
) -> None:
    """Show the dates ahead, in chronological order."""
    if context.invoked_subcommand is not None:
        return
    now = clock.now()
    if since is not None:
        now = since.replace(tzinfo=clock.NETHERLANDS)
    chosen = _agreements(region, school_year)
    found: list[tuple[CalendarEntry, Agreement]] = []
    for agreement in chosen:
        of_region = _entries(agreement, school)
        found.extend((entry, agreement) for entry in of_region)
    _show(found, now, days, with_region=len(chosen) > 1, as_json=as_json)


@app.command()
def write(
    out: Annotated[Path, typer.Option(help="Folder to write to: <region>/<school year>/")],
    region: Region = None,
    school_year: SchoolYear = None,
) -> None:
    """Write per region a calendar file, a page to print, and a calendar file per school."""
    from overstap.agreements.calendar_entries import entries, entries_for
    from overstap.agreements.calendar_file import icalendar
    from overstap.agreements.national import national_year
    from overstap.agreements.overview import overview, school_title
    from overstap.texts import texts

    now = clock.now()
    console = Console(highlight=False)
    for agreement in _agreements(region, school_year):
        folder = out / agreement.region / agreement.school_year
        folder.mkdir(parents=True, exist_ok=True)
        national = national_year(agreement.school_year)
        of_region = entries(agreement, national)
        title = f"Overstap {agreement.school_year}: {agreement.name}"
        path = folder / f"{agreement.region}.ics"
        path.write_bytes(icalendar(title, of_region, now, _earlier(path)))
        page = overview(agreement, national, clock.dutch_time(now).date())
        (folder / f"{agreement.region}.html").write_text(page, encoding="utf-8")
        for school in agreement.schools:
            own = entries_for(school, of_region)
            path = folder / f"{school.id}.ics"
            path.write_bytes(icalendar(school_title(school, agreement), own, now, _earlier(path)))
        count = len(agreement.schools) + 2
        written = texts("agreements/calendar")["terminal"]["written"]["nl"]
        console.print(written.format(count=count, folder=folder), soft_wrap=True)


def _earlier(path: Path) -> bytes:
    """Return the existing calendar file, from which moved dates are derived."""
    return path.read_bytes() if path.is_file() else b""


def _agreements(regions: list[str] | None, school_year: str | None) -> "list[Agreement]":
    """Return the chosen agreements, the newest of each region when no year is given."""
    from overstap.agreements import load_all
    from overstap.agreements.load import agreement_paths, find_agreement, load_agreement
    from overstap.errors import OverstapError

    folder = Settings().regions
    if regions and school_year:
        return [find_agreement(folder, region, school_year) for region in regions]
    good, broken = load_all(folder)
    newest = {
        agreement.region: agreement for agreement in good if school_year is None or agreement.school_year == school_year
    }
    if regions:
        for region in regions:
            if region not in newest:
                # An agreement that cannot be read is an error here: load_agreement says where and why
                paths = [path for path in agreement_paths(folder, region) if school_year in (None, path.stem)]
                for path in reversed(paths):
                    load_agreement(path)
                raise OverstapError("AGREEMENT-003", region=region, folder=str(folder))
        return [newest[region] for region in regions]
    for error in broken:  # the others are shown regardless
        Console(stderr=True, highlight=False).print(Text.assemble((error.code, "red"), f" {error.message_nl}"))
    return list(newest.values())


def _entries(agreement: "Agreement", school: str | None) -> "list[CalendarEntry]":
    from overstap.agreements.calendar_entries import entries, entries_for
    from overstap.agreements.national import national_year

    of_region = entries(agreement, national_year(agreement.school_year))
    return of_region if school is None else entries_for(agreement.school(school), of_region)


def _show(
    found: "list[tuple[CalendarEntry, Agreement]]",
    now: datetime,
    days: int | None,
    *,
    with_region: bool,
    as_json: bool,
) -> None:
    from overstap.agreements.calendar_entries import EntryKind
    from overstap.agreements.overview import days_until, is_over, span
    from overstap.texts import Count, texts

    words = {name: text["nl"] for name, text in texts("agreements/calendar")["terminal"].items()}
    styles = {
        EntryKind.MILESTONE: "bold",
        EntryKind.OCCASION: "",
        EntryKind.STATUTORY: "magenta",
        EntryKind.HOLIDAY: "dim",
    }
    ahead = [
        (entry, agreement)
        for entry, agreement in found
        if not is_over(entry, now) and (days is None or days_until(entry, now) < days)
    ]
    if as_json:
        print_json(
            [
                {
                    "region": agreement.region,
                    "round": entry.round,
                    "milestone": entry.milestone,
                    "kind": entry.kind,
                    "title_nl": entry.title,
                    "starts": entry.starts,
                    "ends": entry.ends,
                }
                for entry, agreement in sorted(ahead, key=lambda pair: (pair[0].first_day, str(pair[0].starts)))
            ]
        )
        return
    console = Console(highlight=False)
    if not ahead:
        console.print(words["nothing"].format(day=clock.format_day(clock.dutch_time(now).date())))
        return
    if with_region:  # national dates are shown once
        ahead = list({(e.title, e.starts, e.kind, _region_of(e, a)): (e, a) for e, a in ahead}.values())
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(words["when"], no_wrap=True)
    table.add_column(words["in_days"], no_wrap=True)
    if with_region:
        table.add_column(words["of"])
    table.add_column(words["what"])
    for entry, agreement in sorted(ahead, key=lambda pair: (pair[0].first_day, str(pair[0].starts), pair[0].uid)):
        until = days_until(entry, now)
        begins = {0: words["today"], 1: words["tomorrow"]}.get(until, words["days"].format(days=Count(until)))
        region = [Text(_region_of(entry, agreement))] if with_region else []
        when = words["now"] if until < 0 else begins
        table.add_row(Text(span(entry)), Text(when), *region, Text(entry.title, style=styles[entry.kind]))
    console.print(table)


def _region_of(entry: "CalendarEntry", agreement: "Agreement") -> str:
    from overstap.agreements.calendar_entries import EntryKind

    return "" if entry.kind in (EntryKind.STATUTORY, EntryKind.HOLIDAY) else agreement.name
