"""`overstap intake`: look at what a school hands in before it is used."""

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import typer
from rich.console import Console

from overstap import clock
from overstap.cli._output import AsJson, print_json, progress
from overstap.errors import OverstapError, system_fault
from overstap.school_numbers import school_id_in
from overstap.settings import Settings
from overstap.texts import command_sentence

if TYPE_CHECKING:
    from overstap.intake.mappings.model import Mapping
    from overstap.ledger.session import UnitOfWork

MAPPING_NAME = r"[a-z][a-z0-9_-]{0,39}"
app = typer.Typer(help="What schools hand in.", no_args_is_help=True)
_SHOWN = 10
"""Number of labels that are shown for each kind of problem."""


@app.callback()
def subject() -> None:
    """What schools hand in."""


@app.command()
def roster(
    file: Annotated[Path, typer.Argument(help="A roster: EDEXML, a CSV file or a workbook")],
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day on which to judge; today when left out")
    ] = None,
    round_id: Annotated[str | None, typer.Option("--round", help="Take it in, for the year of this round")] = None,
    school: Annotated[str, typer.Option(help="With --round: BRIN and branch, such as 99AB00")] = "",
    by: Annotated[str, typer.Option(help="With --round: who takes it in, for the audit chain")] = "",
    counts_now: Annotated[
        bool, typer.Option("--counts-now", help="With --round: it counts, although a newer one was taken in before")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Read a school's roster and tell, in counts, who leaves this year and what could not be used.

    Without --round nothing is stored. Exit code 0 when every leaver can be matched to a dossier, 1 when some cannot, 2
    when the file cannot be read.
    """
    from overstap.intake.rosters.edexml import LIMIT_BYTES
    from overstap.intake.rosters.roster import LeaverKind
    from overstap.intake.rosters.table import read_roster
    from overstap.quality.rulebook import sentence_of

    try:
        with file.open("rb") as opened:
            data = opened.read(LIMIT_BYTES + 1)
    except OSError as problem:
        raise OverstapError("DOSSIER-016", kind=system_fault(problem)) from None
    found = read_roster(data)
    day = today.date() if today else clock.dutch_time(clock.now()).date()
    counts, leavers = found.counts(day), found.leavers(day)
    stated = f"{found.brin}{found.branch}" or "-"
    unmatched = sum(not each.number for each in leavers)
    if as_json:
        taken = _take(file, data, round_id, school, by, counts_now=counts_now) if round_id is not None else None
        print_json(
            {
                "form": found.form,
                "school": stated,
                "school_year": found.school_year,
                "pupils": len(found.pupils),
                "kinds": counts,
                "leavers": len(leavers),
                "without_number": unmatched,
                "restored": found.restored,
                "problems": found.problems(),
                "taken": taken,
            }
        )
        raise typer.Exit(1 if unmatched or found.skipped else 0)
    _say("roster", form=found.form, school=stated, school_year=found.school_year or "-", count=len(found.pupils))
    for kind in LeaverKind:
        if counts[kind]:
            _say(f"roster_{kind.value}", count=counts[kind])
    if found.restored:
        _say("roster_restored", count=len(found.restored), labels=_few(found.restored))
    for code, labels in sorted(found.problems().items()):
        _say("roster_problem", code=code, said=sentence_of(code), count=len(labels), labels=_few(labels))
    _say("roster_leavers", count=len(leavers), unmatched=unmatched)
    if round_id is not None:
        for name, count in _take(file, data, round_id, school, by, counts_now=counts_now).items():
            _say(f"roster_taken_{name}", count=count)
    raise typer.Exit(1 if unmatched or found.skipped else 0)


def _few(labels: Sequence[str]) -> str:
    return ", ".join(labels[:_SHOWN]) + (" …" if len(labels) > _SHOWN else "")


RoundOption = Annotated[str, typer.Option("--round", help="Round id, such as demo.2026-2027.advice")]
SchoolOption = Annotated[str, typer.Option("--school", help="BRIN and branch, such as 99AB00")]
ByOption = Annotated[str, typer.Option("--by", help="Who decides it, for the audit chain")]


@app.command("roster-off")
def roster_off(
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    reason: Annotated[str, typer.Option(help="moved, other_primary, stays, abroad, deceased or mistake")],
) -> None:
    """Take pupils off a school's roster, with a reason; asks for the leerlingid or number of each.

    Exit code 1 when one of them is not on it.
    """
    from overstap.ledger.rosters import taking

    if reason not in taking.REASONS:
        raise OverstapError("INTAKE-096", reasons=", ".join(taking.REASONS))
    _for_each(round_id, school, by, "roster_off_done", lambda unit, entry: taking.take_off(unit, school, entry, reason))


@app.command("roster-on")
def roster_on(
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    stays_off: Annotated[
        bool, typer.Option("--stays-off", help="The pupil stays off, although a roster states the pupil again")
    ] = False,
) -> None:
    """Put pupils back on a school's roster whom somebody took off; asks for the leerlingid or number of each.

    Exit code 1 when one of them was not taken off.
    """
    from overstap.ledger.rosters import taking

    _for_each(
        *(round_id, school, by, "roster_on_done"),
        lambda unit, entry: taking.put_back(unit, school, entry, is_on=not stays_off),
    )


@app.command("roster-missing")
def roster_missing(
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    have_left: Annotated[bool, typer.Option("--left/--still-here", help="Whether they left the school")],
) -> None:
    """Say whether the pupils whom a school's newest roster does not state have left; exit code 1 when none is asked."""
    from overstap.agreements import RoundId
    from overstap.ledger import open_ledger
    from overstap.ledger.rosters import taking

    known = RoundId(round_id)
    with open_ledger(Settings()).unit(known.region, by) as unit:
        settled = taking.settle_missing(unit, known.school_year, school, have_left=have_left)
    _say("roster_settled", count=settled)
    raise typer.Exit(0 if settled else 1)


@app.command()
def workbook(
    round_id: RoundOption,
    school: SchoolOption,
    by: Annotated[str, typer.Option("--by", help="Who makes it, for the audit chain")],
    out: Annotated[Path, typer.Option(help="File to write, such as 99AB00.xlsx; must not be there")],
) -> None:
    """Make the workbook in which a school types its pupils: a row for each pupil of its roster without a dossier.

    The school supplies it filled in on its own pages. The file names pupils.
    """
    from contextlib import nullcontext

    from overstap.agreements import RoundId
    from overstap.ledger import open_ledger
    from overstap.ledger.accounts import SchoolAccount
    from overstap.pages.school.typed_operations import TypedOperations

    ledger = open_ledger(Settings())
    account = SchoolAccount(by, RoundId(round_id).region, school, by)
    made = TypedOperations(lambda: nullcontext(ledger)).workbook(account, round_id)
    try:
        with out.open("xb") as written:
            written.write(made)
    except OSError as problem:
        raise OverstapError("DOSSIER-016", kind=system_fault(problem)) from None
    _say("workbook_made", file=out.name)


@app.command("api")
def try_api(
    address: Annotated[str, typer.Argument(help="Address of a supplier's API, such as https://las.example/overstap")],
    token_url: Annotated[str, typer.Option("--token-url", help="Where it gives access tokens")],
    client: Annotated[str, typer.Option("--client", help="Client id; its secret is asked for")],
    school: Annotated[str, typer.Option("--school", help="BRIN and branch, such as 99AB00")],
    scope: Annotated[str, typer.Option("--scope", help="Scope to ask for")] = "",
    today: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Day on which to judge; today when left out")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Try a supplier's API: read a school's dossiers and roster as a collection does, and tell in counts what is wrong.

    Nothing is stored, and no pupil is shown. Exit code 0 when each dossier can be used, 1 when some cannot or there are
    none, 2 when the API does not answer as described.
    """
    from overstap.intake.http_api import HttpApi
    from overstap.quality.rulebook import sentence_of
    from overstap.rounds.api_trial import read_school

    wanted = school_id_in(school)
    if wanted is None:
        raise typer.BadParameter("BRIN and branch, such as 99AB00", param_hint="--school")
    secret = str(typer.prompt("Client secret", hide_input=True, err=True))
    day = today.date() if today else clock.dutch_time(clock.now()).date()
    api = HttpApi(address.rstrip("/"), token_url, client, secret, scope)
    with progress("dossiers", None) as advance:
        found = read_school(api, wanted, today=day, advance=advance)
    if as_json:
        print_json({"school": wanted, **found.as_json()})
        raise typer.Exit(0 if found.is_usable else 1)
    _say("api_dossiers", school=wanted, count=found.items, good=found.accepted)
    for code, labels in sorted(found.problems.items()):
        shown = ", ".join(labels[:_SHOWN]) + (" …" if len(labels) > _SHOWN else "")
        _say("roster_problem", code=code, said=sentence_of(code), count=len(labels), labels=shown)
    _say("api_roster" if found.roster is not None else "api_no_roster", count=found.roster or 0)
    raise typer.Exit(0 if found.is_usable else 1)


@app.command("map")
def map_export(
    file: Annotated[Path, typer.Argument(help="A supplier's export: a CSV file or workbook")],
    by: Annotated[Path | None, typer.Option("--with", help="Try this mapping; left out: propose one")] = None,
    about: Annotated[str, typer.Option(help="dossiers, registrations or tests")] = "dossiers",
    out: Annotated[Path | None, typer.Option(help="Write the proposal to this file; its name is the mapping's")] = None,
    sheet: Annotated[str | None, typer.Option(help="Sheet of a workbook; the first visible one when left out")] = None,
    as_json: AsJson = False,
) -> None:
    """Propose a mapping for an export, or try one and tell per column, in counts, what would become of it.

    Nothing is stored, and a value is shown only as one of a code list. Exit code 0 when nothing is left open and each
    row can be used, 1 otherwise, 2 when the file cannot be read.
    """
    from overstap.intake.mappings.loading import read_mapping
    from overstap.intake.mappings.model import About
    from overstap.intake.mappings.proposing import propose
    from overstap.intake.mappings.reading import LIMIT_BYTES
    from overstap.intake.mappings.trying import read_columns
    from overstap.intake.mappings.writing import to_yaml

    if about not in set(About):
        raise typer.BadParameter("dossiers, registrations or tests", param_hint="--about")
    try:
        with file.open("rb") as opened:
            data = opened.read(LIMIT_BYTES + 1)
    except OSError as problem:
        raise OverstapError("DOSSIER-016", kind=system_fault(problem)) from None
    if by is not None:
        _try(data, read_mapping(by), as_json=as_json)
    name = out.stem if out is not None else "export"
    if not re.fullmatch(MAPPING_NAME, name):
        raise typer.BadParameter(MAPPING_NAME, param_hint="--out")
    found = propose(read_columns(data, sheet), name=name, title=name, about=About(about))
    if sheet is not None:
        found = found.model_copy(update={"sheet": sheet})
    if out is None and as_json:
        print_json(found.model_dump(mode="json"))
    elif out is None:
        Console(highlight=False, soft_wrap=True, markup=False).print(to_yaml(found), end="")
    else:
        with out.open("x", encoding="utf-8") as written:
            written.write(to_yaml(found))
    unknown = sum(code is None for rule in found.columns.values() for code in rule.codes.values())
    _say("map_proposed", count=len(found.columns), left=len(found.open), unknown=unknown, stderr=True)
    raise typer.Exit(1 if found.open or unknown else 0)


def _try(data: bytes, mapping: "Mapping", *, as_json: bool) -> None:
    from overstap.intake.mappings.trying import try_mapping
    from overstap.quality.rulebook import sentence_of

    with progress("rows", None) as advance:
        found = try_mapping(data, mapping, advance)
    is_whole = found.usable == found.rows + found.unreadable.total() > 0
    if as_json:
        print_json(found)
        raise typer.Exit(0 if is_whole and not mapping.open else 1)
    for one in found.columns:
        _say("map_column", column=one.column, field=one.target, filled=one.filled, taken=one.taken)
        if one.restored:
            _say("map_restored", count=one.restored)
        for code, count in sorted(one.refused.items()):
            _say("map_refused", code=code, count=count)
    for code, count in sorted(found.unreadable.items()):
        _say("roster_problem", code=code, said=sentence_of(code), count=count, labels="-")
    for name in found.unread:
        _say("map_unread", column=name)
    _say("map_rows", count=found.usable, rows=found.rows + found.unreadable.total())
    raise typer.Exit(0 if is_whole and not mapping.open else 1)


def _take(file: Path, data: bytes, round_id: str, school: str, by: str, *, counts_now: bool) -> dict[str, int]:
    """Take a roster in; return the numbers of what changed, or "same" when it was taken in before."""
    from overstap.agreements import RoundId
    from overstap.intake.rosters.collecting import take_file
    from overstap.ledger import open_ledger

    if not school or not by:
        raise typer.BadParameter("--round needs --school and --by")
    known = RoundId(round_id)
    taken = take_file(
        *(open_ledger(Settings()), data),
        region=known.region,
        school_year=known.school_year,
        school=school,
        source="command",
        actor=by,
        now=clock.now(),
        moment=datetime.fromtimestamp(file.stat().st_mtime, UTC),
        counts_now=counts_now,
    )
    if taken.outcome == "same":
        return {"same": 0}
    return {name: number for name, number in taken.counts.items() if number and name != "restored"}


def _for_each(round_id: str, school: str, by: str, done: str, act: "Callable[[UnitOfWork, UUID], bool]") -> None:
    """Ask for pupils until nothing is typed, and act on each one's entry: arguments stay in a shell's history."""
    from overstap.agreements import RoundId
    from overstap.ledger import open_ledger
    from overstap.ledger.rosters.entries import all_entries

    known, failed = RoundId(round_id), 0
    ledger = open_ledger(Settings())
    while typed := typer.prompt("Leerling-id of nummer (leeg: klaar)", default="", show_default=False).strip():
        with ledger.unit(known.region, by) as unit:
            found = [
                one.entry
                for one in all_entries(unit, known.school_year, school)
                if typed in (one.person.number, one.person.las_key)
            ]
            is_done = len(found) == 1 and act(unit, found[0])
        failed += not is_done
        _say(done if is_done else "roster_unknown")
    raise typer.Exit(1 if failed else 0)


def _say(key: str, *, stderr: bool = False, **facts: Any) -> None:
    console = Console(highlight=False, soft_wrap=True, markup=False, stderr=stderr)
    console.print(command_sentence("intake", key, **facts))
