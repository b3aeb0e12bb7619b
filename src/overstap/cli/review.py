"""`overstap review`: parents' inspection: pages, letters, invitations, lists of decisions, bounces, proofs."""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from overstap.cli._output import AsJson, print_json, progress
from overstap.progress import counted
from overstap.settings import Settings
from overstap.texts import command_sentence as said

app = typer.Typer(help="Inspection by parents.", no_args_is_help=True)

RegionOption = Annotated[str, typer.Option("--region", help="Region id")]
RoundOption = Annotated[str, typer.Option("--round", help="Round id, such as demo.2026-2027.advice")]
SchoolOption = Annotated[str, typer.Option("--school", help="BRIN and branch, such as 99AB00")]
ByOption = Annotated[str, typer.Option("--by", help="Who records it, for the audit chain")]


@app.callback()
def subject() -> None:
    """Inspection by parents."""


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="Port to listen on")] = 8090,
    host: Annotated[str, typer.Option(help="Address to listen on")] = "127.0.0.1",
) -> None:
    """Serve the parents' pages (settings OVERSTAP_REVIEW, OVERSTAP_REVIEW_ADDRESS, OVERSTAP_REVIEW_PROXY)."""
    from overstap.pages.parents.serve import serve as run

    settings = Settings()
    run(
        settings.need("review"),
        host=host,
        port=port,
        address=settings.review_address,
        proxy=settings.review_proxy,
        log_format=settings.log_format,
    )


@app.command()
def record(
    file: Path,
    region: RegionOption,
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    ground: Annotated[
        str, typer.Option(help="school_list, paper_list (signed on paper), meeting, paper_view, or attested")
    ] = "school_list",
    as_json: AsJson = False,
) -> None:
    """Record a school's list (CSV or .xlsx: leerlingid;inzagedatum;akkoord;zienswijze); exit 1 when a line is refused.

    With ground attested (after the window, where that was agreed) each line says why in the column opmerking.
    """
    from overstap.clock import dutch_time, now
    from overstap.review.decisions import read_list
    from overstap.review.recording import check_ground

    check_ground(ground)
    listed = read_list(file.read_bytes(), today=dutch_time(now()).date(), needs_note=ground == "attested")
    _record(listed, region, round_id, school, by, ground, as_json=as_json)


@app.command()
def letters(
    region: RegionOption,
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    out: Annotated[Path, typer.Option(help="PDF file to write; it must not exist")],
    again: Annotated[
        bool, typer.Option(help="Print new letters, with new codes, for pupils that are asked for")
    ] = False,
    lost: Annotated[
        bool,
        typer.Option("--lost", help="The file was lost: new letters, with new codes, for persons who did not sign in"),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the letters with codes for a school's families as one PDF, sorted by class; a code is shown once."""
    from overstap.ledger import open_ledger
    from overstap.review.letter_file import LetterFile
    from overstap.review.printing_letters import is_complete, letters_to_make, print_letters

    settings = Settings()
    console = Console(highlight=False)
    ledger, file = open_ledger(settings), LetterFile(out)
    if file.left_over is not None:
        if is_complete(ledger, region, round_id, school, file.left_over):
            file.publish()
            if as_json:
                print_json({"finished": True, "file": out})
            else:
                console.print(said("review", "finished", file=out.name))
            return
        file.drop()
    pupils: list[str] = []
    while again and (pupil := typer.prompt("Leerling-id (leeg: klaar)", default="", show_default=False)):
        pupils.append(pupil)
    if again and not pupils:
        raise typer.Exit(1)
    about: dict[str, Any] = {"region": region, "round_id": round_id, "school": school, "actor": by}
    about |= {"again": pupils, "is_lost": lost}
    # A code is made for each person, and then a letter is written
    with progress("codes and letters", 2 * letters_to_make(ledger, **about)) as advance:
        printed = print_letters(ledger, **about, address=settings.review_address, keep=file.write, advance=advance)
    if printed.letters:
        file.publish()
    if as_json:
        print_json({"letters": printed.letters, "file": out if printed.letters else None, "without": printed.without})
        return
    console.print(said("review", "letters" if printed.letters else "no_letters", count=printed.letters, file=out.name))
    for reason, count in printed.without.items():
        console.print(f"[yellow]{said('review', 'without', count=count, reason=reason)}[/]")


@app.command()
def invite(region: RegionOption, round_id: RoundOption, by: ByOption, as_json: AsJson = False) -> None:
    """Invite a round's families by e-mail, and send due reminders; letters are made with `overstap review letters`."""
    from overstap.ledger import open_ledger
    from overstap.ledger.review.invitations import count_without_people
    from overstap.review.inviting import invite as run

    settings = Settings()
    ledger = open_ledger(settings)
    with ledger.unit(region, by) as unit:
        total = count_without_people(unit, round_id)
    with progress("dossiers", total) as advance:
        done = run(ledger, region=region, round_id=round_id, actor=by, address=settings.review_address, advance=advance)
    if as_json:
        print_json(done)
        return
    Console(highlight=False).print(
        ", ".join(f"{name} {count}" for name, count in sorted(done.items()) if count) or "niets nieuws"
    )


@app.command()
def bounces(folder: Path, region: RegionOption, by: ByOption, as_json: AsJson = False) -> None:
    """Read bounced mails from a Maildir or a folder of files, and record them for the schools.

    A mail that may be a bounce and cannot be interpreted is listed by its file, to be examined by a person.
    """
    from overstap.ledger import open_ledger
    from overstap.ledger.review.invitations import note_bounce
    from overstap.notifications.bounces import Bounce, UnclearBounce, mail_files
    from overstap.notifications.bounces import read_bounces as found
    from overstap.texts import texts, with_counts

    words = {name: text["nl"] for name, text in texts("notices/bounces").items()}
    with progress("mails", sum(1 for _ in mail_files(folder))) as advance:
        read = list(counted(found(folder), advance, every=10))
    console = Console(highlight=False)
    with open_ledger(Settings()).unit(region, by) as unit:
        told = [note_bounce(unit, one.mail, one.status) for one in read if isinstance(one, Bounce)]
    if as_json:
        unclear = [one for one in read if isinstance(one, UnclearBounce)]
        print_json({"noted": sum(told), "others": told.count(False), "unclear": unclear})
        return
    facts = with_counts({"noted": sum(told), "others": told.count(False)})
    console.print(words["noted"].format(**facts))
    if not all(told):
        console.print(words["others"].format(**facts))
    for one in read:
        if isinstance(one, UnclearBounce):
            console.print(words["listed"].format(file=one.file, why=words[one.why.value]), markup=False)


@app.command()
def find(
    code: Annotated[str, typer.Argument(help="The dossier's code, such as 6BCJ-X0NH")],
    region: RegionOption,
    as_json: AsJson = False,
) -> None:
    """Find a dossier by its reference on the board, in a school's list and on its page."""
    from overstap.ledger import open_ledger
    from overstap.ledger.dossiers.reference import find_by_reference

    with open_ledger(Settings()).unit(region, "review find") as unit:
        found = find_by_reference(unit, code)
    if as_json:
        print_json(found)
    for one in () if as_json else found:
        Console(highlight=False).print(f"{one.round_id} {one.school} {one.state} (versie {one.version}) {one.dossier}")
    raise typer.Exit(0 if found else 1)


@app.command(name="print")
def print_one(
    region: RegionOption,
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    out: Annotated[Path, typer.Option(help="PDF file to write; it must not exist")],
) -> None:
    """Print a dossier for a meeting, with a form to sign. The pupil's id is asked for."""
    from overstap.ledger import open_ledger
    from overstap.review.letter_file import file_writer
    from overstap.review.meeting import print_dossier

    pupil = typer.prompt("Leerling-id", hide_input=True)
    keep = file_writer(out)
    keep(print_dossier(open_ledger(Settings()), region=region, round_id=round_id, school=school, pupil=pupil, actor=by))


@app.command()
def proof(
    region: RegionOption,
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    out: Annotated[Path, typer.Option(help="Folder to write the pack in")],
) -> None:
    """Make the signed proof pack of a pupil (JSON and PDF, each with its .p7s). The pupil's id is asked for."""
    from overstap.ledger import open_ledger
    from overstap.pki import TrustStore
    from overstap.review.letter_file import file_writer
    from overstap.review.proof import proof_pack, signing_by_trust

    settings = Settings()
    trust = TrustStore(settings.need_path("trust"), production=settings.production)
    pupil = typer.prompt("Leerling-id", hide_input=True)
    pack = proof_pack(
        open_ledger(settings),
        signing_by_trust(trust),
        region=region,
        round_id=round_id,
        school=school,
        pupil=pupil,
        actor=by,
    )
    out.mkdir(parents=True, exist_ok=True, mode=0o700)
    for name, content in pack.files.items():
        file_writer(out / name)(content)
        Console(highlight=False).print(name)


@app.command()
def decide(
    region: RegionOption,
    round_id: RoundOption,
    school: SchoolOption,
    by: ByOption,
    seen_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Day on which the parents saw it")],
    agreed: Annotated[str, typer.Option(help="Ja, Nee or Onbekend")],
) -> None:
    """Record one pupil's inspection. The pupil's id and the view are asked for, so that they stay out of history."""
    import csv
    import io

    from overstap.clock import dutch_time, now
    from overstap.review.decisions import HEADER, read_list

    pupil = typer.prompt("Leerling-id", hide_input=True)
    view = typer.prompt("Zienswijze (leeg: geen)", default="", show_default=False)
    table = io.StringIO()
    writer = csv.writer(table, delimiter=";")
    writer.writerows([HEADER, (pupil, f"{seen_on:%Y-%m-%d}", agreed, view)])
    listed = read_list(table.getvalue().encode(), today=dutch_time(now()).date())
    _record(listed, region, round_id, school, by, "school_single")


def _record(
    listed: object, region: str, round_id: str, school: str, by: str, ground: str, *, as_json: bool = False
) -> None:
    from overstap.ledger import open_ledger
    from overstap.review.decisions import DecisionList
    from overstap.review.recording import record_list

    assert isinstance(listed, DecisionList)  # noqa: S101 (narrowing only)
    console = Console(highlight=False)
    ledger = open_ledger(Settings())
    about = {"region": region, "round_id": round_id, "school": school, "actor": by}
    with progress("lines", len(listed.decisions)) as advance:
        outcome = record_list(ledger, **about, listed=listed, ground=ground, advance=advance)
    counts = outcome.counts
    if as_json:
        lines = [{"code": item.code, "message_nl": item.error.message_nl} for item in outcome.refused]
        print_json({"recorded": counts["recorded"], "repeated": counts["repeated"], "refused": lines})
        raise typer.Exit(1 if outcome.refused else 0)
    console.print(
        said(
            *("review", "recorded"),
            recorded=counts["recorded"],
            repeated=counts["repeated"],
            refused=len(outcome.refused),
        )
    )
    for item in outcome.refused:
        console.print(f"[yellow]{item.code}[/] {item.error.message_nl} {item.error.do_nl}")
    raise typer.Exit(1 if outcome.refused else 0)
