"""`overstap intake`: look at what a school hands in before it is used."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from overstap import clock
from overstap.errors import OverstapError, system_fault
from overstap.texts import command_sentence

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
) -> None:
    """Read a school's roster and tell, in counts, who leaves this year and what could not be used; nothing is stored.

    Exit code 0 when every leaver can be matched to a dossier, 1 when some cannot, 2 when the file cannot be read.
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
    school = f"{found.brin}{found.branch}" or "-"
    _say("roster", form=found.form, school=school, school_year=found.school_year or "-", count=len(found.pupils))
    for kind in LeaverKind:
        if counts[kind]:
            _say(f"roster_{kind.value}", count=counts[kind])
    for code, labels in sorted(found.problems().items()):
        shown = ", ".join(labels[:_SHOWN]) + (" …" if len(labels) > _SHOWN else "")
        _say("roster_problem", code=code, said=sentence_of(code), count=len(labels), labels=shown)
    unmatched = sum(not each.number for each in leavers)
    _say("roster_leavers", count=len(leavers), unmatched=unmatched)
    raise typer.Exit(1 if unmatched or found.skipped else 0)


def _say(key: str, **facts: Any) -> None:
    Console(highlight=False, soft_wrap=True, markup=False).print(command_sentence("intake", key, **facts))
