"""`overstap delivery`: manual actions on deliveries: testing, resending, withdrawal, dossiers without receiver."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import typer
from rich.console import Console

from overstap import clock
from overstap.agreements import RoundId
from overstap.cli._output import AsJson, print_json, progress
from overstap.settings import Settings
from overstap.texts import command_sentence as said

if TYPE_CHECKING:
    from overstap.agreements import Agreement
    from overstap.ledger import Ledger
    from overstap.pki import TrustStore
    from overstap.storage import Place

app = typer.Typer(help="Manual actions on deliveries.", no_args_is_help=True)

RoundOption = Annotated[str, typer.Option("--round", help="The round, such as waterland.2026-2027.advice")]
ByOption = Annotated[str, typer.Option("--by", help="Your account, for the audit chain")]
SchoolOption = Annotated[str | None, typer.Option(help="BRIN and branch of one receiving school")]
DossiersOption = Annotated[list[UUID] | None, typer.Option(help="Id of a dossier, as the board and the lists show it")]


@app.callback()
def subject() -> None:
    """Manual actions on deliveries."""


@contextmanager
def _round_ledger(round_id: str, by: str) -> Iterator[tuple["Ledger", "Agreement", str]]:
    from overstap.ledger import open_ledger
    from overstap.ledger.rounds.rounds import get_round

    region = RoundId(round_id).region
    ledger = open_ledger(Settings())
    try:
        with ledger.unit(region, by) as unit:
            agreement = get_round(unit, round_id).agreement
        yield ledger, agreement, region
    finally:
        ledger.close()


def _outbox() -> "Place | None":
    from overstap.orchestration.object_storage import place_of

    location = Settings().outbox
    return None if location is None else place_of(location)


def _trust() -> "TrustStore":
    from overstap.pki import TrustStore

    settings = Settings()
    return TrustStore(settings.need_path("trust"), production=settings.production)


def _dutch(code: str, school: str) -> str:
    """Return the Dutch sentence of an error code, with only the school as a known fact."""
    from collections import defaultdict

    from overstap.errors import sentences

    known = sentences()[code]["nl"]
    return known.format_map(defaultdict(lambda: "-", school=school))


@app.command("test")
def send_test(
    round_id: RoundOption,
    by: ByOption,
    school: Annotated[str | None, typer.Option(help="BRIN and branch of one school, receiving or sending")] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also to schools that have passed, or for which a test message is ready")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Send test messages to schools that have not passed; list all results; exit 1 when a school has not passed."""
    from overstap.delivery.test_messages import WAITS, Tester

    with _round_ledger(round_id, by) as (ledger, agreement, _):
        tester = Tester(ledger, _trust(), agreement, round_id, by, clock.now, _outbox())
        with progress("test messages", tester.extent(only=school, again=again)) as advance:
            found = tester.send(only=school, again=again, advance=advance)
    console = Console(highlight=False, soft_wrap=True)
    shown = [one for one in found if school in (None, one.school)]
    if as_json:
        print_json(shown)
    for one in () if as_json else shown:
        if one.has_passed and one.passed_at:
            told = f"{one.name} ({one.school}), {clock.format_moment(one.passed_at)}"
            console.print(f"[green]{said('delivery', 'passed')}[/] {told}")
        elif one.code:
            how, colour = ("waits", "yellow") if one.code in WAITS else ("not_passed", "red")
            told = f"{one.name} ({one.school}): {one.code}: {_dutch(one.code, one.school)}"
            console.print(f"[{colour}]{said('delivery', how)}[/] {told}")
        else:
            why = said("delivery", "none_passed" if one.tried_at else "untried")
            console.print(f"[red]{said('delivery', 'not_passed')}[/] {one.name} ({one.school}): {why}")
    raise typer.Exit(0 if all(one.has_passed for one in shown) else 1)


@app.command()
def resend(
    round_id: RoundOption,
    by: ByOption,
    school: SchoolOption = None,
    dossier: DossiersOption = None,
    as_json: AsJson = False,
) -> None:
    """Send unconfirmed envelopes again, and mark refused ones for sealing: of one dossier, one school or a whole round.

    Backoff ends: waiting envelopes are tried now. Clear the task `seal` to seal the marked dossiers.
    """
    from overstap.delivery.sending import send_school
    from overstap.errors import OverstapError
    from overstap.ledger.delivery.circuit_breaker import resend

    console = Console(highlight=False, soft_wrap=True)
    schools: dict[str, dict[str, int] | str] = {}
    failed = 0
    with _round_ledger(round_id, by) as (ledger, agreement, region):
        with ledger.unit(region, by) as unit:
            tried, resealed = resend(unit, round_id, school=school, dossiers=dossier)
        if not as_json:
            console.print(said("delivery", "again", tried=tried, resealed=resealed))
        for one in agreement.secondary_schools if tried else ():
            if school not in (None, one.id):
                continue
            try:
                done = send_school(
                    ledger,
                    _trust(),
                    agreement=agreement,
                    round_id=round_id,
                    school=one,
                    actor=by,
                    clock=clock.now,
                    outbox=_outbox(),
                )
            except OverstapError as error:
                failed += 1
                schools[one.id] = error.code
                if not as_json:
                    console.print(f"[red]{error.code}[/] {error.message_nl}")
            else:
                schools[one.id] = dict(done)
                became = ", ".join(f"{name} {count}" for name, count in sorted(done.items()))
                if not as_json:
                    console.print(f"{one.label}: {became or said('delivery', 'nothing_open')}")
    if as_json:
        print_json({"tried": tried, "resealed": resealed, "schools": schools})
    raise typer.Exit(1 if failed else 0)


@app.command()
def withdraw(
    round_id: RoundOption,
    by: ByOption,
    dossier: Annotated[list[UUID], typer.Argument(help="Ids of the dossiers to withdraw")],
    reason: Annotated[
        str, typer.Option(help="wrong_receiver, pupil_not_coming, wrong_content, objection or other")
    ] = "other",
    at: Annotated[str | None, typer.Option(help="At this receiving school only: elsewhere the dossiers stay")] = None,
    as_json: AsJson = False,
) -> None:
    """Withdraw dossiers, before or after delivery. Schools that have one get signed revocations until they confirm."""
    from overstap.delivery.revocation_sender import take_back_all
    from overstap.errors import OverstapError
    from overstap.ledger.delivery.sent_in_vain import withdraw_at
    from overstap.ledger.delivery.withdrawals import WithdrawalReason, statuses
    from overstap.ledger.delivery.withdrawals import withdraw as take_back

    try:
        why = WithdrawalReason(reason)
    except ValueError:
        raise typer.BadParameter(f"one of {', '.join(WithdrawalReason)}", param_hint="--reason") from None
    console = Console(highlight=False, soft_wrap=True)
    with _round_ledger(round_id, by) as (ledger, agreement, region):
        with ledger.unit(region, by) as unit:
            if at is None:
                count = take_back(unit, round_id, dossier, reason=why, decided_by=by)
            else:
                count = withdraw_at(unit, round_id, dossier, at, reason=why, decided_by=by)
        if count is None:
            raise OverstapError("LEDGER-021")
        if not as_json:
            console.print(said("delivery", "withdrawn", count=count))
        take_back_all(ledger, _trust(), agreement=agreement, actor=by, clock=clock.now, outbox=_outbox())
        with ledger.unit(region, by) as unit:
            found = [
                one for one in statuses(unit, round_id) if one.dossier in dossier and at in (None, one.secondary_school)
            ]
    if as_json:
        print_json({"withdrawn": count, "revocations": found})
    for one in () if as_json else found:
        if one.message_id is None:
            console.print(f"{one.dossier}: {said('delivery', 'nobody_had')}")
        else:
            done = one.state == "confirmed"
            console.print(
                f"{one.dossier}: {one.secondary_school} "
                + (
                    f"[green]{said('delivery', 'revoked')}[/]"
                    if done
                    else f"[yellow]{one.state}[/] {one.problem or ''}"
                )
            )
    raise typer.Exit(0 if all(one.state in (None, "confirmed") for one in found) else 1)


@app.command("sent-in-vain")
def list_sent_in_vain(
    round_id: RoundOption, by: ByOption, school: SchoolOption = None, as_json: AsJson = False
) -> None:
    """List dossiers at schools to which their pupils do not go, and why; exit 1 when there are any.

    `overstap delivery withdraw ... --at SCHOOL` takes one back at that school.
    """
    from overstap.ledger.delivery.sent_in_vain import sent_in_vain
    from overstap.texts import texts

    causes = texts("board/sent_in_vain")["causes"]
    console = Console(highlight=False, soft_wrap=True)
    with _round_ledger(round_id, by) as (ledger, agreement, region), ledger.unit(region, by) as unit:
        found = [one for one in sent_in_vain(unit, round_id) if school in (None, one.secondary_school)]
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        name = agreement.school(one.secondary_school).label
        console.print(f"{one.dossier} ({one.sign}) {name}: {causes[one.cause]['nl']}", markup=False)
    raise typer.Exit(1 if found else 0)


@app.command("no-receiver")
def no_receiver(
    round_id: RoundOption,
    by: ByOption,
    take: Annotated[bool, typer.Option("--take", help="Become responsible for those of nobody")] = False,
    school: Annotated[str | None, typer.Option(help="Of this primary school only")] = None,
    as_json: AsJson = False,
) -> None:
    """List dossiers without a receiver, with who is responsible for them; with --take become responsible."""
    from overstap.ledger.dossiers.without_receiver import assign_owner as take_over
    from overstap.ledger.dossiers.without_receiver import waiting

    console = Console(highlight=False, soft_wrap=True)
    with _round_ledger(round_id, by) as (ledger, _, region), ledger.unit(region, by) as unit:
        taken = take_over(unit, round_id, by, school=school) if take else 0
        found = [one for one in waiting(unit, round_id) if school in (None, one.primary_school)]
        if as_json:
            print_json({"taken": taken, "dossiers": found})
            return
        if take:
            console.print(said("delivery", "taken_over", count=taken, by=by))
        for one in found:
            owner = one.owner or "[red]van niemand[/]"
            console.print(f"{one.dossier} {one.primary_school} sinds {clock.format_moment(one.since)}: {owner}")


@app.command("not-collected")
def not_collected(round_id: RoundOption, by: ByOption, as_json: AsJson = False) -> None:
    """List envelopes that wait for collection, and since when; exit 1 when a reminder is due."""
    from overstap.ledger.delivery.uncollected import per_school

    console = Console(highlight=False, soft_wrap=True)
    with _round_ledger(round_id, by) as (ledger, agreement, region), ledger.unit(region, by) as unit:
        found = per_school(unit, round_id, agreement.round(RoundId(round_id).kind).milestones.receipts_due)
        is_late = any(one.is_due for one in found)
        if as_json:
            print_json(found)
            raise typer.Exit(1 if is_late else 0)
        for one in found:
            name = agreement.school(one.school).label
            colour = "red" if one.is_expired else "yellow" if one.is_due else "green"
            told = said("delivery", "uncollected", count=one.count, name=name, since=clock.format_moment(one.since))
            console.print(f"[{colour}]{told}[/]")
    raise typer.Exit(1 if is_late else 0)
