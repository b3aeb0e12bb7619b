"""Making of a school's invitation letters with new access codes, which are printed and not stored.

A new code ends the person's earlier code, so a letter is made once, and again only where the school requests it for a
pupil. The file is complete before its codes become valid.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.clock import dutch_time, format_digits, now
from overstap.errors import OverstapError
from overstap.ledger import Ledger, database_clock, guests
from overstap.ledger.audit import AuditLine
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.current_versions import current_versions
from overstap.ledger.dossiers.dossiers import VersionRef, find_of_school
from overstap.ledger.region_keys import sha256
from overstap.ledger.review import access_log, invitations
from overstap.ledger.review.invitations import EntitledPerson, Invitation
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.oso.entitled_persons import EntitledReader
from overstap.oso.facts import DossierFacts
from overstap.progress import Advance, unwatched
from overstap.review.codes import issue
from overstap.review.inviting import sent_from
from overstap.review.letters import InvitationLetter, Sender, letters_pdf
from overstap.review.people import people_of


@dataclass(frozen=True, slots=True)
class PrintedLetters:
    """Result of making letters."""

    letters: int
    without: Counter[str]
    """Persons without a letter, by reason: "no_code" (no birth date, or not in review)."""


def letters_to_make(
    ledger: Ledger,
    *,
    region: str,
    round_id: str,
    school: str,
    actor: str,
    again: Sequence[str | UUID] = (),
    is_lost: bool = False,
) -> int:
    """Return how many persons `print_letters` with these arguments would make a code and a letter for."""
    with ledger.unit(region, actor) as unit:
        return len(_wanted(unit, round_id, school, again, is_lost))


def _wanted(
    unit: UnitOfWork, round_id: str, school: str, again: Sequence[str | UUID], is_lost: bool
) -> Sequence[EntitledPerson]:
    if again:
        dossiers = [find_of_school(unit, round_id, school, key) for key in again]
        return invitations.of_dossiers(unit, round_id, school, dossiers)
    if is_lost:
        return invitations.unseen(unit, round_id, school)
    return invitations.awaiting_letter(unit, round_id, school)


def print_letters(
    ledger: Ledger,
    *,
    region: str,
    round_id: str,
    school: str,
    actor: str,
    address: str,
    keep: Callable[[bytes], None],
    again: Sequence[str | UUID] = (),
    is_lost: bool = False,
    advance: Advance = unwatched,
) -> PrintedLetters:
    """Make the letters of a school as one PDF.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        school: the families' school.
        actor: account that prints them, recorded in audit lines.
        address: address of the parents' pages, beginning with https://.
        keep: called with the file before the codes become valid; when it raises, nothing is changed. Not called
            without letters.
        again: pupils, by key in the school's system or id of the dossier, whose letters are printed again with new
            codes; empty: all persons without a letter.
        is_lost: whether the file was lost before it was printed: letters with new codes for all persons who had one and
            have not used it.
        advance: is told of each code that was made, and again of each letter that was written.

    Raises:
        OverstapError: REVIEW-026 before the agreed hour, LEDGER-010 for a pupil that the school does not have.
    """
    with ledger.unit(region, actor) as unit:
        found = get_round(unit, round_id)
        agreed = found.agreement.round(found.kind)
        if not database_clock.has_come(unit, sent_from(agreed)):
            raise OverstapError("REVIEW-026", moment=format_digits(sent_from(agreed)))
        wanted = _wanted(unit, round_id, school, again, is_lost)
        # Recorded before anything is opened
        access_log.note_opened(unit, [one.ref for one in wanted], by=actor, purpose="letter")
        people = _people(unit, wanted)
        opens_at = agreed.milestones.review_opens
        codes = issue(unit, round_id, [(one.ref.dossier, one.person) for one in wanted], opens_at, advance)
        written: list[InvitationLetter] = []
        done: list[EntitledPerson] = []
        made: list[Invitation] = []
        for one, code in zip(wanted, codes, strict=True):
            if code is None or (one.ref, one.person) not in people:
                made.append(Invitation(one.ref, one.person, "letter", 0, "no_code"))
                continue
            written.append(people[one.ref, one.person](code, opens_at))
            done.append(one)
            made.append(Invitation(one.ref, one.person, "letter", 0, None))
        invitations.note(unit, made)
        invitations.note_printed(unit, done)
        if written:
            own = guests.with_guests(unit, round_id, found.agreement).school(school)
            file = letters_pdf(Sender(own.name, own.contact, address), written, now(), advance)
            # This line tells whether the codes in a file are valid after an interruption (see `letter_file`)
            unit.audit(
                "review.letters", AuditLine(f"{round_id}/{school}", {"letters": len(written), "sha256": _digest(file)})
            )
            keep(file)
    return PrintedLetters(
        len(written), Counter({"no_code": len(wanted) - len(written)} if len(wanted) > len(written) else {})
    )


def is_complete(ledger: Ledger, region: str, round_id: str, school: str, file: bytes) -> bool:
    """Tell whether a file of letters was completed in the ledger, so that its codes are valid."""
    with ledger.unit(region, "letters") as unit:
        return invitations.letters_were_made(unit, round_id, school, _digest(file))


def _digest(file: bytes) -> str:
    return sha256(file).hex()


def _people(
    unit: UnitOfWork, wanted: Sequence[EntitledPerson]
) -> dict[tuple[VersionRef, str], Callable[[str, datetime], InvitationLetter]]:
    """Return for each person a function that makes their letter from a code."""
    found: dict[tuple[VersionRef, str], Callable[[str, datetime], InvitationLetter]] = {}
    closing = {
        version.ref: version.closes_at
        for version in current_versions(unit, list({one.ref.dossier for one in wanted}))
        if version.closes_at is not None
    }
    for ref, facts in records.of(unit, list(closing), DossierFacts).items():
        for person in people_of(unit.keys, facts, dutch_time(now()).date()):
            found[ref, person.key] = _maker(
                person, facts.name, facts.first_name, facts.group, facts.sorting, closing[ref]
            )
    return found


def _maker(
    person: EntitledReader, name: str, child: str, group: str, sorting: str, closes_at: datetime
) -> Callable[[str, datetime], InvitationLetter]:
    def made(code: str, opens_at: datetime) -> InvitationLetter:
        return InvitationLetter(
            person, name, child, group, sorting, code, opens_at if opens_at > now() else None, closes_at
        )

    return made
