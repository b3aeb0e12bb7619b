"""`overstap applications`: comparison of applications with another region."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from overstap import clock
from overstap.agreements import RoundId
from overstap.cli._output import AsJson, print_json, progress
from overstap.errors import OverstapError, system_fault
from overstap.settings import Settings
from overstap.texts import command_sentence

if TYPE_CHECKING:
    from overstap.agreements import Agreement
    from overstap.ledger import Ledger
    from overstap.pki import TrustStore

app = typer.Typer(help="Who applied in two regions that agreed to compare.", no_args_is_help=True)
RoundOption = Annotated[str, typer.Option("--round", help="A round of the year, such as waterland.2026-2027.placement")]
WithOption = Annotated[str, typer.Option("--with", help="Id of the other region")]
ByOption = Annotated[str, typer.Option("--by", help="Your account, for the audit chain")]
OutOption = Annotated[Path, typer.Option(help="File to write; must not be there")]


@app.callback()
def subject() -> None:
    """Who applied in two regions that agreed to compare."""


@app.command()
def compare(round_id: RoundOption, partner: WithOption, by: ByOption, as_json: AsJson = False) -> None:
    """Compare with a region of this deployment: each learns of pupils it has itself, and sees the other's school."""
    from overstap.comparing.regions import COMPARISON_STEPS, compare_regions
    from overstap.ledger import open_ledger

    known = RoundId(round_id)
    ledger = open_ledger(Settings())
    try:
        with progress("steps", COMPARISON_STEPS) as advance:
            found = compare_regions(ledger, known.region, partner, known.school_year, by, advance)
    finally:
        ledger.close()
    if as_json:
        print_json(found)
        return
    _say("compared", count=found.found, partner=partner)
    _say("compared_there", count=found.found_there, region=known.region, partner=partner)


@app.command("ask")
def make_question(round_id: RoundOption, partner: WithOption, by: ByOption, out: OutOption) -> None:
    """Write a signed question for a region with a deployment of its own; an earlier question to it ends."""
    from overstap.comparing.exchange_files import question_file
    from overstap.comparing.regions import agreed
    from overstap.ledger import open_ledger
    from overstap.ledger.comparisons.comparisons import applicants, ask
    from overstap.ledger.comparisons.pseudonyms import without_pseudonym

    known = RoundId(round_id)
    ledger = open_ledger(Settings())
    try:
        identity = _trust().conductor_signing(known.region, at=clock.now())
        _refuse_existing(out)
        with ledger.unit(known.region, by) as unit:
            agreed(unit, known.school_year, partner)
            missing = without_pseudonym(unit, known.school_year)
            with progress("pupils", applicants(unit, known.school_year)) as advance:
                question = ask(unit, known.school_year, partner, advance)
    finally:
        ledger.close()
    _write(out, question_file(question, identity, at=clock.now()))
    _say("asked", count=len(question.points), partner=partner, file=out.name)
    if missing:
        _say("without", count=missing)


@app.command("answer")
def make_answer(
    file: Annotated[Path, typer.Argument(help="The question of the other region")],
    round_id: RoundOption,
    by: ByOption,
    out: OutOption,
) -> None:
    """Answer the signed question of another region with a signed file, which only that region can read."""
    from overstap.comparing.exchange_files import answer_file, read_question
    from overstap.ledger.comparisons.comparisons import answer, applicants

    known = RoundId(round_id)
    data = _content(file)
    _refuse_existing(out)
    ledger, agreement = _opened(known, by)
    try:
        trust = _trust()
        identity = trust.conductor_signing(known.region, at=clock.now())
        question = read_question(data, agreement, trust, at=clock.now())
        with ledger.unit(known.region, by) as unit:
            total = len(question.points) + applicants(unit, question.school_year)
            with progress("pupils of both regions", total) as advance:
                at_most = agreement.comparison(question.asks).at_most
                answered = answer(unit, question, at_most=at_most, advance=advance)
    finally:
        ledger.close()
    _write(out, answer_file(answered, identity, at=clock.now()))
    _say("answered", count=len(question.points), partner=question.asks, file=out.name)


@app.command("read")
def take_answer(
    file: Annotated[Path, typer.Argument(help="The answer of the other region")], round_id: RoundOption, by: ByOption
) -> None:
    """Read the signed answer of another region: who applied there too stands on the board from then on."""
    from overstap.comparing.exchange_files import read_answer
    from overstap.ledger.comparisons.comparisons import read

    known = RoundId(round_id)
    data = _content(file)
    ledger, agreement = _opened(known, by)
    try:
        answered = read_answer(data, agreement, _trust(), at=clock.now())
        with ledger.unit(known.region, by) as unit, progress("pupils", len(answered.points)) as advance:
            count = read(unit, answered, advance)
    finally:
        ledger.close()
    _say("compared", count=count, partner=answered.answers)


@app.command()
def elsewhere(round_id: RoundOption, as_json: AsJson = False) -> None:
    """List pupils, by their signs, who applied in another region too, with the school there and how it stands."""
    from overstap.ledger import open_ledger
    from overstap.ledger.comparisons.comparisons import elsewhere as found_elsewhere

    known = RoundId(round_id)
    ledger = open_ledger(Settings())
    try:
        with ledger.unit(known.region, "applications elsewhere") as unit:
            found = found_elsewhere(unit, round_id)
    finally:
        ledger.close()
    if as_json:
        print_json(found)
        return
    for one in found:
        _say(
            "elsewhere",
            sign=one.sign,
            schools=", ".join(one.schools),
            region=one.region,
            school=one.school,
            state=command_sentence("applications", f"state_{one.state}"),
        )
    _say("elsewhere_count", count=len({one.sign for one in found}))


def _opened(known: RoundId, by: str) -> "tuple[Ledger, Agreement]":
    """Return the ledger, and the agreement of the round that the region opened last."""
    from overstap.ledger import open_ledger
    from overstap.ledger.rounds import rounds

    ledger = open_ledger(Settings())
    with ledger.unit(known.region, by) as unit:
        rows = rounds.of_year(unit, known.school_year)
        agreement = rows[-1].agreement if rows else rounds.get_round(unit, known).agreement
    return ledger, agreement


def _trust() -> "TrustStore":
    from overstap.pki import TrustStore

    settings = Settings()
    return TrustStore(settings.need_path("trust"), production=settings.production)


def _content(file: Path) -> bytes:
    from overstap.comparing.exchange_files import LIMIT_BYTES

    try:
        with file.open("rb") as opened:
            return opened.read(LIMIT_BYTES + 1)
    except OSError as problem:
        raise OverstapError("DOSSIER-016", kind=system_fault(problem)) from None


def _refuse_existing(out: Path) -> None:
    """Refuse a file that is there before anything is asked or answered, which happens once."""
    if out.exists():
        raise typer.BadParameter(f"{out.name} is there already", param_hint="--out")


def _write(out: Path, data: bytes) -> None:
    try:
        with out.open("xb") as written:
            written.write(data)
    except OSError as problem:
        raise OverstapError("DOSSIER-016", kind=system_fault(problem)) from None


def _say(key: str, **facts: Any) -> None:
    Console(highlight=False, soft_wrap=True, markup=False).print(command_sentence("applications", key, **facts))
