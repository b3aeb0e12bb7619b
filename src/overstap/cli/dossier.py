"""`overstap dossier`: check, show, cut and compare OSO dossiers, and write the field catalogue."""

import json
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from overstap import clock
from overstap.cli._output import AsJson, print_json, progress
from overstap.errors import OverstapError, system_fault
from overstap.progress import counted

if TYPE_CHECKING:
    from overstap.oso import Dossier
    from overstap.oso.check_report import CheckReport

app = typer.Typer(help="Check, show, cut and compare OSO dossiers.", no_args_is_help=True)


class DossierOutput(StrEnum):
    """Output formats of `check`."""

    TEXT = "text"
    JSON = "json"


@app.callback()
def subject() -> None:
    """Check, show, cut and compare OSO dossiers."""


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="Dossiers (XML)")],
    form: Annotated[
        DossierOutput, typer.Option("--format", help="text for people, json (as --json) for programs")
    ] = DossierOutput.TEXT,
    version: Annotated[str | None, typer.Option(help="Accept dossiers of this version only, such as 2019.1")] = None,
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day on which to judge; today when left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check dossiers: structure, official and additional rules, attachments.

    Exit code 0 without errors, 1 with errors, 2 when a file could not be read.
    """
    from overstap.oso.catalogue import catalogue
    from overstap.oso.check_report import CheckVerdict

    if version is not None:
        catalogue(version)  # an unknown version is an error of the option, not of a file
    day = today.date() if today else clock.dutch_time(clock.now()).date()
    with progress("dossiers", len(files)) as advance:
        reports = [_checked(file, version, day) for file in counted(files, advance, every=1)]
    if as_json or form is DossierOutput.JSON:
        typer.echo(json.dumps([report.as_json() for report in reports], ensure_ascii=False, indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for report in reports:
            _print_report(console, report)
    verdicts = {report.verdict for report in reports}
    if CheckVerdict.UNREADABLE in verdicts:
        raise typer.Exit(2)
    raise typer.Exit(1 if CheckVerdict.ERRORS in verdicts else 0)


@app.command()
def show(file: Annotated[Path, typer.Argument(help="Dossier (XML)")]) -> None:
    """Show a dossier with Dutch labels. The output holds personal data."""
    from overstap.oso.rendering import lines

    console = Console(highlight=False, soft_wrap=True)
    for line in lines(_read(file)):
        indent = "  " * line.depth
        if line.is_block:
            console.print(Text(f"{indent}{line.label}", style="bold"))
        else:
            console.print(Text.assemble(f"{indent}{line.label}: ", (line.value, "cyan")))


@app.command()
def cut(
    file: Annotated[Path, typer.Argument(help="Dossier (XML)")],
    profile: Annotated[str, typer.Option(help="Transfer profile, such as POVO")],
    category: Annotated[
        list[str] | None, typer.Option("--category", help="Optional category that goes along; may be repeated")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File to write to; standard output when left out")] = None,
) -> None:
    """Cut a dossier to what profile and agreement allow."""
    from overstap.oso import minimise, to_bytes

    data = to_bytes(minimise(_read(file), profile, frozenset(category or ())))
    if out is None:
        sys.stdout.buffer.write(data)
    else:
        out.write_bytes(data)


@app.command()
def diff(
    older: Annotated[Path, typer.Argument(help="Dossier as it was (XML)")],
    newer: Annotated[Path, typer.Argument(help="Dossier as it is (XML)")],
    as_json: AsJson = False,
) -> None:
    """Compare two versions of a pupil's dossier, by field and category. Exit code 1 when they differ."""
    from overstap.oso.differences import FieldChange, differences
    from overstap.oso.rendering import readable

    first, second = _read(older), _read(newer)
    found = differences(first, second)
    if as_json:
        print_json(
            [
                {
                    "category": one.category,
                    "path": one.path,
                    "change": one.change,
                    "before": one.before,
                    "after": one.after,
                }
                for one in found
            ]
        )
        raise typer.Exit(1 if found else 0)
    console = Console(highlight=False, soft_wrap=True)
    signs = {FieldChange.ADDED: ("+", "green"), FieldChange.REMOVED: ("-", "red"), FieldChange.CHANGED: ("~", "yellow")}
    category = None
    for each in found:
        if each.category != category:
            category = each.category
            console.print(Text(second.catalogue.categories.get(category, category), style="bold"))
        sign, colour = signs[each.change]
        values = [
            readable(value, each.field, second.catalogue) for value in (each.before, each.after) if value is not None
        ]
        console.print(
            Text.assemble((f"{sign} ", colour), f"{each.field.label}: {' → '.join(values)}  ", (each.path, "dim"))
        )
    raise typer.Exit(1 if found else 0)


@app.command()
def document(
    out: Annotated[Path | None, typer.Option(help="File to write to; standard output when left out")] = None,
) -> None:
    """Write docs/dossier.md, the field catalogue."""
    text = written()
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")


def written() -> str:
    """Return the text of docs/dossier.md: the catalogue with the rules of its newest version."""
    from overstap.oso.catalogue import versions
    from overstap.oso.reference_page import RuleText, markdown
    from overstap.quality.rulebook import rules, sentence

    newest = versions()[-1]
    texts = []
    for rule in rules(newest).values():
        text = sentence(rule.id, newest)
        severity = str(rule.severity) if rule.severity else ""
        texts.append(RuleText(rule.id, str(rule.status), severity, text.message_nl, text.message_en, text.who))
    return markdown(texts)


def _bytes(file: Path) -> bytes:
    """Read a file, up to the largest size of a dossier."""
    from overstap.oso import DEFAULT_LIMITS

    try:
        with file.open("rb") as opened:
            return opened.read(DEFAULT_LIMITS.size_bytes + 1)
    except OSError as problem:
        raise OverstapError("DOSSIER-016", kind=system_fault(problem)) from None


def _read(file: Path) -> "Dossier":
    from overstap.oso import read

    return read(_bytes(file))


def _checked(file: Path, version: str | None, day: date) -> "CheckReport":
    from overstap.oso import read, read_as
    from overstap.oso.check_report import CheckReport, CheckVerdict, ReportedFinding, report
    from overstap.quality.rules import judge

    try:
        data = _bytes(file)
        dossier = read(data) if version is None else read_as(data, version)
    except OverstapError as error:
        why = ReportedFinding(
            error.code,
            "error",
            "",
            f"{error.message_nl} {error.do_nl}",
            f"{error.message_en} {error.do_en}",
            error.who,
        )
        return CheckReport(str(file), None, None, [], [why], CheckVerdict.UNREADABLE)
    return report(str(file), dossier, judge(dossier, today=day))


def _print_report(console: Console, report: "CheckReport") -> None:
    from overstap.oso.check_report import CheckVerdict

    colours = {
        CheckVerdict.OK: "green",
        CheckVerdict.WARNINGS: "yellow",
        CheckVerdict.ERRORS: "red",
        CheckVerdict.UNREADABLE: "red",
    }
    about = " ".join(part for part in (report.version, report.profile) if part)
    console.print(
        Text.assemble((f"{report.verdict} ", f"bold {colours[report.verdict]}"), f"{report.file} ", (about, "dim"))
    )
    for fault in report.structure:
        where = (f"{fault.path} [{fault.who}]", "dim")
        console.print(Text.assemble("  ", (fault.code, "red"), f" {fault.message_nl} ", where))
    marks = {"error": "red", "warning": "yellow"}
    for finding in report.findings:
        mark = marks.get(finding.severity, "blue")
        console.print(
            Text.assemble(
                "  ", (finding.rule, mark), f" {finding.message_nl} ", (f"{finding.path} [{finding.who}]", "dim")
            )
        )
