"""`overstap agreement new`: composes the agreement file of a school year, and tells what is left to do in it."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from overstap.settings import Settings

if TYPE_CHECKING:
    from overstap.agreements.drafting.composition import LastYear
    from overstap.agreements.findings import AgreementFinding
    from overstap.agreements.model import Coordinator, HolidayRegion, RoundKind

_PERSON = re.compile(r"(?P<account>[^=<>]+)=(?P<name>[^<>]+?)\s*<(?P<email>[^<>\s]+)>")


def new(
    region: Annotated[str | None, typer.Option(help="Region id, such as haaglanden")] = None,
    school_year: Annotated[str | None, typer.Option(help="School year, such as 2027-2028")] = None,
    name: Annotated[str | None, typer.Option(help="The region's name as schools know it")] = None,
    holiday_region: Annotated[str | None, typer.Option(help="Holiday region: north, middle or south")] = None,
    coordinator: Annotated[
        list[str] | None, typer.Option(help='A coordinator: "account=Name <e-mail>"; several times for several people')
    ] = None,
    schools: Annotated[
        Path | None, typer.Option(help="CSV or workbook of the schools; those of last year when left out")
    ] = None,
    last: Annotated[
        Path | None, typer.Option(help="Agreement file of an earlier year; the region's newest one when left out")
    ] = None,
    no_last: Annotated[bool, typer.Option("--no-last", help="Take nothing over from an earlier year")] = False,
    rounds: Annotated[
        str | None, typer.Option(help="Rounds with commas between; those of last year when left out")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Folder with the regions' folders; OVERSTAP_REGIONS if none")] = None,
    register: Annotated[
        Path | None,
        typer.Option(envvar="OVERSTAP_SCHOOL_REGISTER", help="CSV of all branches of schools (DUO), to know each BRIN"),
    ] = None,
) -> None:
    """Compose the agreement of a school year: every moment, by the national dates and last year's habits.

    In a terminal it asks what was not given; without one it says which options are missing. It overwrites nothing.
    Exit code 0 when the check finds no error in the new file, 1 when a person still has to mend something.
    """
    from overstap.agreements.checks import check_agreements
    from overstap.agreements.checks.people import read_register
    from overstap.agreements.drafting.composition import LastYear, NewAgreementRequest, compose, schools_file_name
    from overstap.agreements.drafting.left_over import left_over
    from overstap.agreements.load import load_agreement
    from overstap.atomic_files import write_atomically
    from overstap.clock import dutch_time, now
    from overstap.errors import OverstapError
    from overstap.texts import texts

    words = texts("agreements/new")
    folder = out or Settings().regions
    asks = _Questions(words)
    region = asks.text("region", "--region", region, r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
    school_year = asks.text("school_year", "--school-year", school_year, r"20[0-9]{2}-20[0-9]{2}", _coming_year())
    before = None
    if region and school_year and not no_last:
        found = last or _newest_before(folder, region, school_year)
        before = LastYear.read(found) if found else None
    name = asks.text("name", "--name", name or (before.agreement.name if before else None), r".*\S.*")
    stated = holiday_region or (before.agreement.holiday_region if before else None)
    holiday = asks.text("holiday_region", "--holiday-region", stated, "north|middle|south")
    people = _coordinators(asks, coordinator, before)
    listed = _schools(asks, schools, before)
    asks.stop_if_missing()
    years = [int(year) for year in school_year.split("-")]
    if years[1] != years[0] + 1:
        raise typer.BadParameter(school_year, param_hint="--school-year")
    path = folder / region / f"{school_year}.yaml"
    if path.exists():
        raise OverstapError("AGREEMENT-030", region=region, school_year=school_year)
    request = NewAgreementRequest(region, name, school_year, _holiday_region(holiday), people, listed, _rounds(rounds))
    composed = compose(request, before, today=dutch_time(now()).date())
    console = Console(highlight=False, soft_wrap=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if composed.schools is not None:
        beside = path.parent / schools_file_name(school_year)
        if beside.exists():
            raise OverstapError("AGREEMENT-030", region=region, school_year=school_year)
        write_atomically(beside, composed.schools, mode=0o644)
        console.print(words["said"]["written"]["nl"].format(file=beside))
    write_atomically(path, composed.text.encode(), mode=0o644)
    console.print(words["said"]["written"]["nl"].format(file=path))
    [checked] = check_agreements([path], register=read_register(register) if register else None)
    if not checked.errors:
        notes = left_over(load_agreement(path), before.agreement if before else None, composed.moved)
        _print_all(console, words["said"]["look"]["nl"], [note.sentence_nl for note in notes])
    _print_findings(console, words["said"]["to_do"]["nl"], checked.findings, path)
    if not checked.errors:
        console.print(Text(words["said"]["good"]["nl"], style="bold green"))
    raise typer.Exit(1 if checked.errors else 0)


class _Questions:
    """Asks in a terminal for what was not given; without one, collects the options that are missing."""

    def __init__(self, words: dict[str, Any]) -> None:
        self._words = words
        self._missing: list[str] = []
        self.in_terminal = _is_terminal()

    def text(self, what: str, flag: str, given: str | None, form: str, usual: str | None = None) -> str:
        """Return a text of a form; ask for it when it was not given."""
        if given is not None:
            if re.fullmatch(form, str(given)) is None:
                raise typer.BadParameter(str(given), param_hint=flag)
            return str(given)
        if not self.in_terminal:
            self._missing.append(flag)
            return ""
        while True:
            answer: str = typer.prompt(self._words["asked"][what]["nl"], default=usual)
            if re.fullmatch(form, answer.strip()):
                return answer.strip()

    def optional(self, what: str, **facts: str) -> str:
        """Return an answer that may be empty."""
        answer: str = typer.prompt(self._words["asked"][what]["nl"].format(**facts), default="", show_default=False)
        return answer.strip()

    def agreed(self, what: str, **facts: str) -> bool:
        """Return whether the answer is yes."""
        return typer.confirm(self._words["asked"][what]["nl"].format(**facts))

    def miss(self, flag: str) -> None:
        """Note that an option is missing."""
        self._missing.append(flag)

    def stop_if_missing(self) -> None:
        """End the command when options are missing, and say which."""
        if self._missing:
            said = self._words["said"]["missing"]["nl"].format(flags=", ".join(self._missing))
            Console(stderr=True, highlight=False, soft_wrap=True).print(said)
            raise typer.Exit(2)


def _is_terminal() -> bool:
    return sys.stdin.isatty()


def _coming_year() -> str:
    """Return the school year that begins next."""
    from overstap.clock import dutch_time, now

    today = dutch_time(now())
    first = today.year + (today.month >= 8)
    return f"{first}-{first + 1}"


def _newest_before(folder: Path, region: str, school_year: str) -> Path | None:
    from overstap.agreements.load import agreement_paths

    earlier = [path for path in agreement_paths(folder, region) if path.stem < school_year]
    return earlier[-1] if earlier else None


def _coordinators(
    asks: _Questions, given: Sequence[str] | None, before: "LastYear | None"
) -> tuple["Coordinator", ...]:
    from overstap.agreements.model import Coordinator

    if given:
        found = []
        for one in given:
            matched = _PERSON.fullmatch(one.strip())
            if matched is None:
                raise typer.BadParameter(one, param_hint="--coordinator")
            found.append(Coordinator(**{key: value.strip() for key, value in matched.groupdict().items()}))
        return tuple(found)
    if not asks.in_terminal:
        asks.miss("--coordinator")
        return ()
    people = [
        person
        for person in (before.agreement.coordinators if before else ())
        if asks.agreed("keep", name=person.name, account=person.account, email=person.email)
    ]
    while True:
        account = asks.optional("account")
        if account:
            people.append(
                Coordinator(
                    account=account,
                    name=asks.text("person", "", None, r".*\S.*"),
                    email=asks.text("email", "", None, r"[^@\s]+@[^@\s]+\.[^@\s]+"),
                )
            )
        elif people:
            return tuple(people)


def _schools(asks: _Questions, given: Path | None, before: "LastYear | None") -> bytes | None:
    """Return the content of the file of schools; None takes those of last year."""
    path = given
    if path is None and asks.in_terminal:
        if before is not None:
            answer = asks.optional("schools", before=before.agreement.school_year)
        else:
            answer = asks.text("schools_file", "--schools", None, r".*\S.*")
        path = Path(answer) if answer else None
    if path is None:
        if before is None:
            asks.miss("--schools")
        return None
    try:
        return path.read_bytes()
    except OSError as problem:
        raise typer.BadParameter(str(path), param_hint="--schools") from problem


def _holiday_region(stated: str) -> "HolidayRegion":
    from overstap.agreements.model import HolidayRegion

    return HolidayRegion(stated)


def _rounds(stated: str | None) -> tuple["RoundKind", ...]:
    from overstap.agreements.model import RoundKind

    try:
        return tuple(RoundKind(one.strip()) for one in stated.split(",")) if stated else ()
    except ValueError as problem:
        raise typer.BadParameter(str(stated), param_hint="--rounds") from problem


def _print_all(console: Console, head: str, sentences: Sequence[str]) -> None:
    if sentences:
        console.print(Text(head, style="bold"))
    for sentence in sentences:
        console.print(Text(f"  {sentence}"))


def _print_findings(console: Console, head: str, findings: "Sequence[AgreementFinding]", path: Path) -> None:
    if findings:
        console.print(Text(head, style="bold"))
    for finding in findings:
        where = "" if finding.file == path.absolute() else f"{finding.file.name} "
        style = "red" if finding.severity == "error" else "yellow"
        said = f"  {where}regel {finding.line}: {finding.message_nl} {finding.do_nl}"
        console.print(Text.assemble((said, style), (f"  {finding.code}", "dim")))
