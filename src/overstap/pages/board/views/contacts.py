"""Pages about contact with schools: whom to call, calls and messages of one school, and a message to several."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from overstap.clock import dutch_time
from overstap.ledger import board_notes, contacts
from overstap.ledger.contacts import ContactParty, ContactPerson
from overstap.ledger.region_keys import BoardKeys
from overstap.ledger.session import UnitOfWork
from overstap.notifications.coordinator_messages import MessageAuthor, message_text
from overstap.notifications.message import is_address
from overstap.pages.board.render import render
from overstap.pages.board.rounds import RoundView
from overstap.pages.board.selection import Selection, select
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError, facts_of, rows_of_facts
from overstap.pages.board.views.pupil import note_lines
from overstap.texts import texts, with_counts

MOST_LINE, MOST_NOTE, MOST_TEXT = 120, 2_000, 4_000
"""Most characters of a line, of a note, and of a message."""
_LOG = 200
"""Number of the latest calls and messages that a page shows."""


def persons_shown(
    context: PageContext, unit: UnitOfWork, region: str, keys_of: Callable[[str], BoardKeys | None]
) -> dict[str, ContactPerson]:
    """Return whom to call at each party of a region; empty for who is no coordinator of it, and without keys.

    Args:
        context: context of the request.
        unit: a unit of work in the region.
        region: region id.
        keys_of: returns the board's keys of a region; None where there are none.
    """
    keys = keys_of(region) if region in context.person.reruns else None
    return {} if keys is None else contacts.persons(unit, keys)


@dataclass(frozen=True, slots=True)
class LogLine:
    """A call or message on the page of a school.

    Args:
        at: when.
        says: what it was, Dutch.
        text: what was said or written; empty when it was erased.
        subject: subject of a message; empty for a call.
        state: what became of a message, Dutch; empty for a call.
        tone: "good", "bad" or "mind".
        call: id of a call whose note can be erased.
        school: name of the school that it was with, on the page of its board; else empty.
    """

    at: datetime
    says: str
    text: str = field(repr=False)
    subject: str = field(default="", repr=False)
    state: str = ""
    tone: str = ""
    call: UUID | None = None
    school: str = ""


@dataclass(frozen=True, slots=True)
class PartyLine:
    """A school or school board with whom to call and when there was contact last."""

    party: ContactParty
    person: ContactPerson
    last: datetime | None


def words(part: str, key: str) -> str:
    """Return a sentence of a part of include/texts/board/contacts.yaml."""
    return str(texts("board/contacts")[part][key]["nl"])


@contextmanager
def coordinated(context: PageContext, round_id: str) -> Iterator[tuple[UnitOfWork, RoundView]]:
    """Open a read-only unit of work in the region of an opened round, for its coordinator.

    Raises:
        PageNotFoundError: the account coordinates another region or none, or the round has not opened.
    """
    with context.round(round_id) as (unit, view):
        if unit is None or view.region not in context.person.reruns:
            raise PageNotFoundError(round_id)
        yield unit, view


def found_party(unit: UnitOfWork, round_id: str, party: str) -> ContactParty:
    """Return a party of a round.

    Raises:
        PageNotFoundError: the round has none of that id.
    """
    for one in contacts.parties(unit, round_id):
        if one.id == party:
            return one
    raise PageNotFoundError(party)


def list_page(
    context: PageContext,
    keys: BoardKeys | None,
    round_id: str,
    *,
    form_token: str,
    told: str = "",
    problem: str = "",
) -> str:
    """Return the page with all schools and school boards of a round, as HTML.

    Args:
        context: context of the request.
        keys: keys that decrypt contacts; None: this server has none.
        round_id: the round.
        form_token: see `csrf.form_token`.
        told: what was just done, a key of include/texts/board/contacts.yaml.
        problem: why a list was not taken over, Dutch.
    """
    with coordinated(context, round_id) as (unit, view):
        known = contacts.persons(unit, keys) if keys else {}
        last = contacts.last_contact(unit, round_id)
        lines = [
            PartyLine(party, known.get(party.id, ContactPerson()), last.get(party.id))
            for party in contacts.parties(unit, round_id)
        ]
        groups = {
            "supplies": [line for line in lines if line.party.supplies],
            "receives": [line for line in lines if line.party.receives and not line.party.supplies],
            "boards": [line for line in lines if line.party.is_board],
        }
        said = texts("board/contacts")["told"]
        done = said[told]["nl"] if told in said else ""
        return render(
            "contacts",
            **_shared(context, view),
            groups=groups,
            has_keys=keys is not None,
            told=done,
            problem=problem,
            form_token=form_token,
        )


def party_page(
    context: PageContext,
    keys: BoardKeys | None,
    round_id: str,
    party_id: str,
    *,
    form_token: str,
    told: str = "",
    problem: str = "",
    given: Mapping[str, str] | None = None,
) -> str:
    """Return the page of one school or school board, as HTML.

    Args:
        context: context of the request.
        keys: keys that decrypt contacts; None: this server has none.
        round_id: the round.
        party_id: BRIN with branch, or `board:<name>`.
        form_token: see `csrf.form_token`.
        told: what was just done, a key of include/texts/board/contacts.yaml.
        problem: why it was not done, Dutch.
        given: what somebody filled in, to be shown again.
    """
    with coordinated(context, round_id) as (unit, view):
        every = contacts.parties(unit, round_id, keys)
        party = next((one for one in every if one.id == party_id), None)
        if party is None:
            raise PageNotFoundError(party_id)
        person = contacts.persons(unit, keys, party.id).get(party.id, ContactPerson()) if keys else ContactPerson()
        of_board = [one for one in every if party.is_board and one.board == party.name]
        given = given or {}
        said = texts("board/contacts")["told"]
        return render(
            "contact",
            **_shared(context, view),
            party=party,
            has_keys=keys is not None,
            contact={name: given.get(name, getattr(person, name)) for name in ("name", "role", "phone", "email")},
            log=_log_with_schools(unit, keys, round_id, party, of_board) if keys else (),
            schools=of_board,
            notes=note_lines(
                context, view.region, board_notes.about_party(unit, keys, view.school_year, party.id) if keys else ()
            ),
            note_words=texts("board/pupil")["notes"],
            note_id=uuid4(),
            text=given.get("text", ""),
            form_token=form_token,
            call=given.get("call") or uuid4(),
            at=given.get("at") or f"{dutch_time(context.now):%Y-%m-%dT%H:%M}",
            spoke_with=given.get("spoke_with", person.name),
            note=given.get("note", ""),
            told=said[told]["nl"] if told in said else "",
            problem=problem,
        )


def _log_with_schools(
    unit: UnitOfWork, keys: BoardKeys, round_id: str, party: ContactParty, of_board: Sequence[ContactParty]
) -> list[LogLine]:
    """Return the log of a party; of a school board also that of its schools, each line with the school's name."""
    lines = log_of(unit, keys, round_id, party.id)
    for school in of_board:
        lines += [replace(line, school=school.name) for line in log_of(unit, keys, round_id, school.id)]
    return sorted(lines, key=lambda line: line.at, reverse=True)[:_LOG]


def log_of(unit: UnitOfWork, keys: BoardKeys, round_id: str, party: str) -> list[LogLine]:
    """Return calls and messages with a party in a round, the newest first."""
    names = {account: name for account, (name, _) in contacts.coordinators(unit, round_id).items()}
    said = texts("board/contacts")
    tones = {"sent": "good", "waiting": "mind"}
    lines = []
    for call in contacts.calls(unit, keys, round_id, party):
        by = names.get(call.by, call.by)
        if call.note is None:
            lines.append(LogLine(call.at, said["called_erased"]["nl"].format(by=by), ""))
        else:
            says = said["called"]["nl"].format(**{"by": by, "with": call.spoke_with or "?"})
            lines.append(LogLine(call.at, says, call.note, call=call.call))
    for one in contacts.messages(unit, keys, round_id, party):
        key = "wrote" if one.parties == 1 else "wrote_more"
        says = said[key]["nl"].format(by=names.get(one.by, one.by), **with_counts({"count": one.parties}))
        text = said["wrote_erased"]["nl"] if one.text is None else one.text
        state = said["states"][one.state]["nl"]
        lines.append(LogLine(one.at, says, text, one.subject or "", state, tones.get(one.state, "bad")))
    return sorted(lines, key=lambda line: line.at, reverse=True)[:_LOG]


@dataclass(frozen=True, slots=True)
class Draft:
    """A message as somebody wrote it.

    Args:
        message: id of the message, made with the form.
        to: ids of the chosen parties.
        subject: one line.
        text: the words.
    """

    message: UUID
    to: Sequence[str]
    subject: str = field(default="", repr=False)
    text: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Recipients:
    """Which parties the page of a message offers.

    Args:
        wanted: filter of the schools that supply, as on the round's page.
        who: "scholen" (those of the filter), "ontvangers", a party's id; "bestuur" with `board`.
        board: name of a school board whose schools are meant.
    """

    wanted: Selection
    who: str = ""
    board: str = ""

    @property
    def query(self) -> dict[str, str]:
        """The arguments of an address that ask for the same parties."""
        if self.who == "bestuur":
            return {"bestuur": self.board}
        return {"aan": self.who} if self.who else self.wanted.query()


def message_page(
    context: PageContext,
    keys: BoardKeys | None,
    round_id: str,
    asked: Recipients,
    *,
    form_token: str,
    draft: Draft | None = None,
    is_preview: bool = False,
    problem: str = "",
) -> str:
    """Return the page on which a message is written, or previewed, as HTML.

    Args:
        context: context of the request.
        keys: keys that encrypt contacts; None: this server has none.
        round_id: the round.
        asked: which parties are offered.
        form_token: see `csrf.form_token`.
        draft: what somebody wrote; None: nothing yet.
        is_preview: whether the mail is shown as it goes.
        problem: why it was not sent, Dutch.
    """
    with coordinated(context, round_id) as (unit, view):
        offered = _offered(context, unit, view, keys, asked, draft)
        chosen = set(draft.to) if draft else {party.id for party, address in offered if is_address(address)}
        draft = draft or Draft(uuid4(), ())
        account = context.person.account
        name, email = contacts.coordinators(unit, round_id).get(account, (account, ""))
        first = next((party for party, _ in offered if party.id in chosen), None)
        shown = ""
        if is_preview and first is not None:
            shown = message_text(MessageAuthor(name, email, view.region_name), first.name, draft.text)
        return render(
            "message",
            **_shared(context, view),
            has_keys=keys is not None,
            offered=[(party, is_address(address)) for party, address in offered],
            chosen=chosen,
            draft=draft,
            shown=shown,
            first=first,
            reply_to=email,
            query=asked.query,
            limits={"line": MOST_LINE, "text": MOST_TEXT},
            form_token=form_token,
            problem=problem,
        )


def addresses_of(unit: UnitOfWork, keys: BoardKeys, round_id: str) -> dict[str, str]:
    """Return the e-mail address of each party of a round; empty for one that has none."""
    kept = contacts.persons(unit, keys)
    return {one.id: _address(one, kept) for one in contacts.parties(unit, round_id, keys)}


def _address(party: ContactParty, kept: Mapping[str, ContactPerson]) -> str:
    return kept.get(party.id, ContactPerson()).email if party.is_board else party.address


def _offered(
    context: PageContext,
    unit: UnitOfWork,
    view: RoundView,
    keys: BoardKeys | None,
    asked: Recipients,
    draft: Draft | None,
) -> list[tuple[ContactParty, str]]:
    """Return the parties of a request with their addresses, and those that a form names."""
    every = contacts.parties(unit, view.round_id, keys)
    kept = contacts.persons(unit, keys) if keys else {}
    if asked.who == "ontvangers":
        meant = {one.id for one in every if one.receives and not one.supplies}
    elif asked.who == "bestuur":
        meant = {one.id for one in every if one.board == asked.board or one.id == f"{contacts.BOARD}{asked.board}"}
    elif asked.who:
        meant = {asked.who}
    else:
        rows = rows_of_facts(unit, view, facts_of(unit, view, context.now), context.now)
        meant = {row.school for row in select(rows, asked.wanted)}
    meant |= set(draft.to) if draft else set()
    return [(one, _address(one, kept)) for one in every if one.id in meant]


def _shared(context: PageContext, view: RoundView) -> dict[str, Any]:
    return {"base": context.base, "now": context.now, "person": context.person, "view": view}
