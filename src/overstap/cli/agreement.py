"""`overstap agreement`: check and compare agreement files, apply them to running rounds, rehearse a year, schema."""

import json
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from overstap.agreements import RoundId
from overstap.cli._new_agreement import new
from overstap.cli._output import AsJson, print_json, progress
from overstap.settings import Settings

if TYPE_CHECKING:
    from overstap.agreements import Agreement
    from overstap.agreements.change_verdicts import ChangeVerdict
    from overstap.agreements.findings import AgreementFinding
    from overstap.agreements.rehearsal import RehearsalAssumptions

app = typer.Typer(help="Agreements of regions.", no_args_is_help=True)
app.command()(new)


class AgreementOutput(StrEnum):
    """Output formats of `check`."""

    TEXT = "text"
    JSON = "json"


class TextLanguage(StrEnum):
    """Languages of text output."""

    NL = "nl"
    EN = "en"


_WORDS = {
    TextLanguage.NL: {"error": "fout", "warning": "let op", "good": "goed", "line": "regel",
                  "counts": "{files:bestand|bestanden}, {errors:fout|fouten}, {warnings:waarschuwing|waarschuwingen}",
                  "none": "Geen afsprakenbestanden gevonden in"},
    TextLanguage.EN: {"error": "error", "warning": "warning", "good": "good", "line": "line",
                  "counts": "{files:file|files}, {errors:error|errors}, {warnings:warning|warnings}",
                  "none": "No agreement files found in"},
}  # fmt: skip


@app.callback()
def subject() -> None:
    """Agreements of regions."""


@app.command()
def check(
    paths: Annotated[list[Path] | None, typer.Argument(help="Agreement files; all of OVERSTAP_REGIONS if none")] = None,
    form: Annotated[
        AgreementOutput, typer.Option("--format", help="text for people, json (as --json) for programs")
    ] = AgreementOutput.TEXT,
    language: Annotated[TextLanguage, typer.Option(help="Language of the text")] = TextLanguage.NL,
    register: Annotated[
        Path | None,
        typer.Option(envvar="OVERSTAP_SCHOOL_REGISTER", help="CSV of all branches of schools (DUO), to know each BRIN"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check agreement files: all problems at once, each with its position and remedy.

    Exit code 0 without errors (warnings do not count), 1 with errors.
    """
    from overstap.agreements.checks import check_agreements
    from overstap.agreements.checks.people import read_register
    from overstap.agreements.load import agreement_paths
    from overstap.texts import with_counts

    regions = Settings().regions
    chosen = paths or agreement_paths(regions)
    known = read_register(register) if register else None
    with progress("agreements", 2 * len(chosen)) as advance:  # each is read, and then checked
        checked = check_agreements(chosen, register=known, advance=advance)
    if as_json or form is AgreementOutput.JSON:
        found = [finding.as_json() for each in checked for finding in each.findings]
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    else:
        words = _WORDS[language]
        console = Console(highlight=False)
        if not chosen:
            console.print(f"{words['none']} {regions}")
        for each in checked:
            if not each.findings:
                console.print(Text.assemble((words["good"], "green"), f"  {_short(each.path)}"))
                continue
            console.print(Text(_short(each.path), style="bold"))
            for finding in each.findings:
                _print_finding(console, finding, each.path, language)
        errors, warnings = sum(each.errors for each in checked), sum(each.warnings for each in checked)
        counts = {"files": len(checked), "errors": errors, "warnings": warnings}
        console.print(Text(words["counts"].format(**with_counts(counts)), style="bold red" if errors else "bold green"))
    raise typer.Exit(1 if any(each.errors for each in checked) else 0)


def _print_finding(console: Console, finding: "AgreementFinding", path: Path, language: TextLanguage) -> None:
    words = _WORDS[language]
    is_error = finding.severity == "error"
    where = (
        f"{words['line']} {finding.line}"
        if finding.file == path
        else f"{finding.file.name} {words['line']} {finding.line}"
    )
    message, do = (
        (finding.message_nl, finding.do_nl) if language is TextLanguage.NL else (finding.message_en, finding.do_en)
    )
    head = Text.assemble(
        (words[finding.severity.value], "bold red" if is_error else "bold yellow"),
        f"  {where}, {finding.path}{f' ({finding.school})' if finding.school else ''}  ",
        (finding.code, "dim"),
    )
    console.print(Padding(head, (0, 0, 0, 2)))
    console.print(Padding(Text(message), (0, 0, 0, 4)))
    console.print(Padding(Text(do, style="cyan"), (0, 0, 0, 4)))


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@app.command()
def schema(
    out: Annotated[Path | None, typer.Option(help="File to write to; standard output when left out")] = None,
) -> None:
    """Write the JSON Schema of agreement files, for completion and checking in an editor."""
    from overstap.agreements.schema import schema_text

    _write(schema_text(), out)


@app.command()
def document(
    out: Annotated[Path | None, typer.Option(help="File to write to; standard output when left out")] = None,
) -> None:
    """Write docs/agreement.md: all keys of an agreement file and all codes of the check."""
    from overstap.agreements.reference_page import markdown

    _write(markdown(), out)


@app.command()
def diff(
    old: Annotated[Path, typer.Argument(help="The agreement file as it was")],
    new: Annotated[Path, typer.Argument(help="The agreement file as it is")],
    at: Annotated[
        datetime | None, typer.Option(help="As if it were this moment, Dutch wall time; now when left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare two versions of an agreement by key, and show which changes running rounds would apply.

    A round runs from its opening until receipts are due. Its progress follows here from its dates; `apply --dry-run`
    takes it from the ledger. Exit code 1 when the versions differ.
    """
    from overstap.agreements import load_agreement
    from overstap.agreements.change_verdicts import ChangeContext, decide
    from overstap.agreements.differences import ChangeKind, differences
    from overstap.clock import NETHERLANDS, now
    from overstap.texts import texts

    before, after = load_agreement(old, any_location=True), load_agreement(new, any_location=True)
    moment = at.replace(tzinfo=NETHERLANDS) if at is not None else now()
    found = differences(before, after)
    running = {
        kind: decide(before, after, kind, ChangeContext(moment)).verdicts
        for kind, agreed in before.rounds.items()
        if found and agreed.milestones.opens <= moment <= agreed.milestones.receipts_due
    }
    if as_json:
        changes = [{"path": one.path, "change": one.change, "sentence_nl": one.sentence_nl} for one in found]
        rounds = {kind: _as_values(verdicts) for kind, verdicts in running.items()}
        print_json({"differences": changes, "running_rounds": rounds})
        raise typer.Exit(1 if found else 0)
    console = Console(highlight=False, soft_wrap=True)
    signs = {ChangeKind.ADDED: ("+ ", "green"), ChangeKind.REMOVED: ("- ", "red"), ChangeKind.CHANGED: ("~ ", "yellow")}
    for difference in found:
        console.print(Text.assemble(signs[difference.change], difference.sentence_nl))
    if not found:
        console.print(texts("agreements/differences")["same"]["nl"])
    for kind, verdicts in running.items():
        _print_verdicts(console, kind.dutch, verdicts)
    raise typer.Exit(1 if found else 0)


def _as_values(verdicts: "Sequence[ChangeVerdict]") -> list[dict[str, object]]:
    return [
        {
            "path": one.difference.path,
            "allowed": one.refused is None,
            "reason": one.refused,
            "sentence_nl": one.sentence_nl,
        }
        for one in verdicts
    ]


def _print_verdicts(console: Console, round_name: str, verdicts: "Sequence[ChangeVerdict]") -> None:
    from overstap.texts import texts

    words = texts("agreements/differences")
    console.print(Text(words["running"]["nl"].format(round=round_name), style="bold"))
    for verdict in verdicts:
        style = "green" if verdict.refused is None else "red"
        # no Padding: it truncates at the console's width where lines must not be wrapped
        console.print(Text(f"  {verdict.difference.path}: {verdict.sentence_nl}", style=style))
    if not verdicts:
        console.print(Text(f"  {words['nothing']['nl']}"))


@app.command()
def apply(
    path: Annotated[Path, typer.Argument(help="The agreement file as it is now")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen and change nothing")] = False,
    as_json: AsJson = False,
) -> None:
    """Apply the changes of an agreement that are still allowed to running rounds, and show refused ones and why.

    Every task and every wait of a round does the same automatically. Exit code 1 when a change is refused, 2 when it
    waits for a second person.
    """
    from overstap.agreements import load_agreement
    from overstap.errors import OverstapError
    from overstap.ledger import open_ledger
    from overstap.ledger.rounds.rounds import get_round
    from overstap.ledger.rounds.steering import apply_file, judge_file, waits_for_second
    from overstap.texts import texts

    offered = load_agreement(path)
    console = Console(highlight=False, soft_wrap=True)
    ledger = open_ledger(Settings())
    is_refused, is_open, waits = False, False, False
    rounds: dict[str, list[dict[str, object]]] = {}
    try:
        for kind in offered.rounds:
            round_id = offered.round_id(kind)
            with ledger.unit(offered.region, "overstap agreement apply") as unit:
                try:
                    if get_round(unit, round_id).closed_at is not None:
                        continue
                except OverstapError as problem:
                    if problem.code != "LEDGER-009":
                        raise
                    continue
                is_open = True
                decided = judge_file(unit, round_id, offered)
                if not dry_run:
                    apply_file(unit, round_id, offered, taken_by="overstap agreement apply")
                    waits |= waits_for_second(unit, round_id)
            rounds[round_id] = _as_values(decided.verdicts)
            if not as_json:
                _print_verdicts(console, kind.dutch, decided.verdicts)
            is_refused |= bool(decided.refused)
    finally:
        ledger.close()
    if as_json:
        print_json({"applied": not dry_run, "rounds": rounds})
    elif not is_open:
        console.print(texts("agreements/differences")["none_open"]["nl"])
    if waits:
        raise OverstapError("LEDGER-021")
    raise typer.Exit(1 if is_refused else 0)


@app.command()
def versions(
    region: Annotated[str, typer.Argument(help="Region id")],
    school_year: Annotated[str, typer.Argument(help="School year, such as 2026-2027")],
    kind: Annotated[str, typer.Argument(metavar="ROUND", help="Which round, such as advice")],
    as_json: AsJson = False,
) -> None:
    """List the versions of the agreement that a round used: since when, by whom, changes and refused changes."""
    from overstap.clock import format_moment
    from overstap.ledger import open_ledger
    from overstap.ledger.rounds.round_agreements import versions as used
    from overstap.ledger.rounds.rounds import get_round
    from overstap.texts import texts

    round_id = RoundId.of(region, school_year, kind)
    words = texts("agreements/differences")
    console = Console(highlight=False, soft_wrap=True)
    ledger = open_ledger(Settings())
    try:
        with ledger.unit(region, "overstap agreement versions") as unit:
            get_round(unit, round_id)
            found = used(unit, round_id)
    finally:
        ledger.close()
    if as_json:
        names = ("number", "taken_at", "origin", "taken_by", "reason", "changes")
        print_json([{name: getattr(one, name) for name in names} | {"digest": one.agreement.digest} for one in found])
        return
    for version in found:
        origin = words["origins"][version.origin]["nl"]
        head = f"{version.number}  {format_moment(version.taken_at)}  {origin}, {version.taken_by}"
        console.print(Text(f"{head}: {version.reason}" if version.reason else head, style="bold"))
        console.print(Text(f"  {version.agreement.digest}", style="dim"))
        for change in version.changes:
            style = "green" if change["allowed"] else "red"
            text = change["said"] if change["allowed"] else f"{change['said']} ({words['refused']['nl']})"
            console.print(Text(f"  {text}", style=style))


@app.command()
def rehearse(
    path: Annotated[Path, typer.Argument(help="The agreement file")],
    seed: Annotated[int, typer.Option(help="The same seed gives the same year")] = 1,
    late: Annotated[float, typer.Option(min=0, max=1, help="Part of the schools that misses the deadline")] = 0.15,
    silent: Annotated[float, typer.Option(min=0, max=1, help="Part of the families that does not inspect")] = 0.04,
    pupils: Annotated[int, typer.Option(min=4, help="Synthetic pupils")] = 60,
    schools: Annotated[int, typer.Option(min=2, help="Synthetic primary schools")] = 5,
    paper: Annotated[bool, typer.Option("--paper", help="Counts only, with the agreement's own schools")] = False,
    as_json: AsJson = False,
) -> None:
    """Rehearse the school year of an agreement: events, reminders and deadlines by day.

    Synthetic schools and families go through every round in a temporary ledger, by the real steps under a simulated
    clock, without Airflow. It takes a minute or two. --paper computes counts only, at once.
    """
    from rich.table import Table

    from overstap.agreements import load_agreement
    from overstap.agreements.national import national_year
    from overstap.agreements.rehearsal import RehearsalAssumptions
    from overstap.clock import dutch_time, weekday
    from overstap.simulation.rehearsal.families import REHEARSED
    from overstap.simulation.rehearsal.server import rehearsal_server
    from overstap.simulation.rehearsal.year import rehearse_year
    from overstap.texts import Count, texts, with_counts

    agreement = load_agreement(path)
    assumptions = RehearsalAssumptions(late=late, silent=silent)
    if paper:
        _on_paper(agreement, seed, assumptions, as_json=as_json)
        return
    words = texts("agreements/rehearsed")
    facts = {"region": agreement.name, "school_year": agreement.school_year, "seed": seed}
    # With --json what happens is shown on standard error as it happens: it takes a minute or two
    console = Console(highlight=False, soft_wrap=True, stderr=as_json)
    events = []
    console.print(Text(words["head"]["nl"].format(**facts, pupils=Count(pupils), schools=Count(schools)), style="bold"))
    if left_out := [kind.dutch for kind in agreement.rounds if kind not in REHEARSED]:
        console.print(Text(words["left_out"]["nl"].format(rounds=", ".join(left_out)), style="dim"))
    milestones = texts("orchestration/documentation")["milestones"]
    national = national_year(agreement.school_year)
    breaches = 0
    with rehearsal_server(Settings()) as server:
        for event in rehearse_year(
            agreement, national, server=server, seed=seed, pupils=pupils, schools=schools, assumptions=assumptions
        ):
            events.append({"at": event.at, "round": event.round, "what": event.what, "facts": event.facts})
            event_facts: dict[str, Any] = with_counts(event.facts)
            if "milestone" in event_facts:
                event_facts["milestone"] = milestones[event_facts["milestone"]]["nl"].lower()
            line = Table.grid(padding=(0, 2, 0, 0))
            line.add_column(width=15, no_wrap=True)
            line.add_column(width=15, no_wrap=True, style="dim")
            line.add_column()
            style = (
                "bold red" if event.what == "red" else "bold" if event.what in ("opened", "passed", "closed") else ""
            )
            when = f"{weekday(event.at)} {dutch_time(event.at):%d-%m %H:%M}"
            line.add_row(when, event.round.dutch, Text(words[event.what]["nl"].format(**event_facts), style=style))
            console.print(line)
            breaches += int(event_facts.get("breaches", 0))
    if as_json:
        print_json({"seed": seed, "breaches": breaches, "events": events})
    raise typer.Exit(1 if breaches else 0)


def _on_paper(agreement: "Agreement", seed: int, assumptions: "RehearsalAssumptions", *, as_json: bool) -> None:
    import random

    from rich.table import Table

    from overstap.agreements.national import national_year
    from overstap.agreements.rehearsal import rehearse
    from overstap.clock import dutch_time
    from overstap.texts import Count, texts

    national = national_year(agreement.school_year)
    chance = random.Random(seed)  # noqa: S311 (a rehearsal, no secret)
    if as_json:
        print_json({"seed": seed, "events": list(rehearse(agreement, national, chance, assumptions))})
        return
    words = texts("agreements/rehearsal")
    console = Console(highlight=False)
    head = words["head"]["nl"].format(region=agreement.name, school_year=agreement.school_year, seed=seed)
    console.print(Text(head, style="bold"))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for column in ("when", "round", "what"):
        table.add_column(words[column]["nl"], no_wrap=column != "what")
    for happening in rehearse(agreement, national, chance, assumptions):
        text = words["events"][happening.event.value]["nl"].format(
            dossiers=Count(happening.dossiers), schools=Count(happening.schools), of=Count(happening.of)
        )
        table.add_row(f"{dutch_time(happening.at):%d-%m %H:%M}", happening.round.dutch, text)
    console.print(table)


def _write(text: str, out: Path | None) -> None:
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
