"""Contact of coordinators with schools: whom to call, calls, and messages that a task mails.

A party is a school, by its BRIN and branch, or a school board, as `board:<name>`. What can name a person is encrypted
with keys for this purpose alone (`region_keys.derive_board_keys`), which the board has as well as the tasks.
"""

import json
import logging
from collections.abc import Container, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import psycopg

from overstap.errors import OverstapError
from overstap.ledger import guests
from overstap.ledger.region_keys import CONTACTS, EncryptedContent, RegionKeys
from overstap.ledger.session import UnitOfWork

log = logging.getLogger(__name__)
_SOON = timedelta(minutes=30)
"""A message that is not sent by then is told as late."""

BOARD = "board:"
"""Begin of the id of a party that is a school board."""


@dataclass(frozen=True, slots=True)
class ContactParty:
    """A school or school board of a round.

    Args:
        id: BRIN and branch, or `board:<name>`.
        name: its name.
        board: name of the school board; empty for none, and for a school board itself.
        address: e-mail address of the agreement, or of the invitation of a guest school; empty for a school board, and
            for a guest without the keys.
        supplies: whether it supplies in some round.
        receives: whether it receives in some round.
        is_guest: whether it is a guest school of the round.
    """

    id: str
    name: str
    board: str
    address: str
    supplies: bool
    receives: bool
    is_guest: bool = False

    @property
    def is_board(self) -> bool:
        """Whether it is a school board."""
        return self.id.startswith(BOARD)


@dataclass(frozen=True, slots=True)
class ContactPerson:
    """Whom to call. A school board has no address in the agreement, so its `email` is kept here."""

    name: str = field(default="", repr=False)
    role: str = field(default="", repr=False)
    phone: str = field(default="", repr=False)
    email: str = field(default="", repr=False)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is filled in."""
        return not any((self.name, self.role, self.phone, self.email))


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `spoke_with` and `note` are None once they were erased."""

    call: UUID
    party: str
    at: datetime
    by: str
    spoke_with: str | None = field(repr=False)
    note: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Message:
    """A message to one party; `subject` and `text` are None once they were erased.

    Args:
        message: id of the message, which may have gone to others as well.
        party: the party.
        at: when it was sent from the board.
        by: account that sent it.
        state: waiting, late (waits for more than half an hour), sent, refused (by the mail server), or unreachable
            (no valid address).
        subject: one line.
        text: the coordinator's words.
        parties: number of parties that it went to.
    """

    message: UUID
    party: str
    at: datetime
    by: str
    state: str
    subject: str | None = field(repr=False)
    text: str | None = field(repr=False)
    parties: int


@dataclass(frozen=True, slots=True)
class WaitingMessage:
    """A message whose mails are to be made, with the ids of its parties."""

    message: UUID
    round_id: str
    by: str
    subject: str = field(repr=False)
    text: str = field(repr=False)
    parties: Sequence[str]


def mail_meaning(message: UUID, party: str) -> str:
    """Return the meaning under which a message's mail to a party is in the outbox."""
    return f"message/{message}/{party}"


def parties(unit: UnitOfWork, round_id: str, keys: RegionKeys | None = None) -> list[ContactParty]:
    """Return the schools and school boards of a round's agreement and its guest schools, schools first, by name.

    Args:
        unit: the transaction.
        round_id: the round.
        keys: keys that decrypt contacts; None: guest schools have no address.
    """
    schools = [
        ContactParty(*row)
        for row in unit.rows(
            "select s ->> 'id', s ->> 'name', coalesce(s ->> 'board', ''), s ->> 'contact', "
            "jsonb_typeof(s -> 'supplies') <> 'null', jsonb_typeof(s -> 'receives') <> 'null' "
            "from overstap.round r join overstap.round_agreement a on a.round_id = r.round_id "
            "and a.number = r.agreement_number, jsonb_array_elements(a.agreement -> 'schools') s "
            "where r.round_id = %(round)s order by s ->> 'name', 1",
            round=round_id,
        )
    ]
    boards = sorted({school.board for school in schools} - {""})
    return [
        *schools,
        *_guests(unit, round_id, keys, {school.id for school in schools}),
        *(ContactParty(f"{BOARD}{name}", name, "", "", supplies=False, receives=False) for name in boards),
    ]


def _guests(unit: UnitOfWork, round_id: str, keys: RegionKeys | None, known: Container[str]) -> list[ContactParty]:
    """Return the guest schools of a round that its agreement does not name by now, ended ones too."""
    found = []
    for one in guests.of_round(unit, round_id):
        if one.school not in known:
            asked = guests.asked_of(unit, keys, round_id, one.school) if keys is not None else None
            address = asked.email if asked is not None else ""
            found.append(
                ContactParty(
                    *(one.school, one.name, "", address),
                    supplies=not one.collects,
                    receives=one.collects,
                    is_guest=True,
                )
            )
    return found


def coordinators(unit: UnitOfWork, round_id: str) -> dict[str, tuple[str, str]]:
    """Return name and e-mail address of each coordinator of a round's agreement, by account."""
    rows = unit.rows(
        "select c ->> 'account', c ->> 'name', c ->> 'email' from overstap.round r join overstap.round_agreement a "
        "on a.round_id = r.round_id and a.number = r.agreement_number, "
        "jsonb_array_elements(a.agreement -> 'coordinators') c where r.round_id = %(round)s",
        round=round_id,
    )
    return {account: (name, email) for account, name, email in rows}


def persons(unit: UnitOfWork, keys: RegionKeys, party: str | None = None) -> dict[str, ContactPerson]:
    """Return whom to call at each party of the region, or at one.

    Args:
        unit: the transaction.
        keys: keys that decrypt contacts.
        party: one party; None: all.
    """
    found = unit.rows(
        "select party, key_id, content from overstap.contact_person where %(party)s::text is null or party = %(party)s",
        party=party,
    )
    return {row[0]: ContactPerson(**_opened(keys, f"contact_person/{row[0]}", row[1], row[2])) for row in found}


def calls(unit: UnitOfWork, keys: RegionKeys, round_id: str, party: str) -> list[Call]:
    """Return the calls with a party in a round, the newest first."""
    rows = unit.rows(
        "select call, party, called_at, called_by, key_id, content from overstap.contact_call "
        "where round_id = %(round)s and party = %(party)s order by called_at desc, call",
        round=round_id,
        party=party,
    )
    found = []
    for call, of, at, by, key_id, content in rows:
        said = _opened(keys, f"contact_call/{call}", key_id, content) if content else {}
        found.append(Call(call, of, at, by, said.get("with"), said.get("note")))
    return found


def messages(unit: UnitOfWork, keys: RegionKeys, round_id: str, party: str) -> list[Message]:
    """Return the messages to a party in a round, the newest first."""
    rows = unit.rows(
        "select m.message, t.party, m.sent_at, m.sent_by, case when t.is_unreachable then 'unreachable' "
        "else coalesce((select x.state from overstap.mail x where x.region = m.region "
        "and x.state in ('sent', 'refused') and x.meaning = concat_ws('/', 'message', m.message, t.party)), "
        "case when m.sent_at < clock_timestamp() - %(soon)s then 'late' else 'waiting' end) end, m.key_id, m.content, "
        "(select count(*) from overstap.contact_message_to o where o.message = m.message) "
        "from overstap.contact_message m join overstap.contact_message_to t using (message, region) "
        "where m.round_id = %(round)s and t.party = %(party)s order by m.sent_at desc, m.message",
        soon=_SOON,
        round=round_id,
        party=party,
    )
    found = []
    for message, of, at, by, state, key_id, content, count in rows:
        said = _opened(keys, f"contact_message/{message}", key_id, content) if content else {}
        found.append(Message(message, of, at, by, state, said.get("subject"), said.get("text"), count))
    return found


def last_contact(unit: UnitOfWork, round_id: str) -> dict[str, datetime]:
    """Return the moment of the last call or message of each party in a round."""
    return dict(
        unit.rows(
            "select party, max(at) from (select party, called_at as at from overstap.contact_call "
            "where round_id = %(round)s union all select t.party, m.sent_at from overstap.contact_message m "
            "join overstap.contact_message_to t using (message, region) where m.round_id = %(round)s) c group by party",
            round=round_id,
        )
    )


def keep_person(unit: UnitOfWork, keys: RegionKeys, round_id: str, party: str, person: ContactPerson) -> None:
    """Keep whom to call at a party; an empty person removes what was kept.

    Args:
        unit: a transaction as the coordinator.
        keys: keys that encrypt contacts.
        round_id: a round in which the party takes part, and which the actor coordinates.
        party: the party.
        person: whom to call.

    Raises:
        OverstapError: LEDGER-025 when the actor does not coordinate the round or the party takes no part in it.
    """
    sealed = None if person.is_empty else _sealed(keys, f"contact_person/{party}", asdict(person))
    _call(
        unit,
        "select overstap.keep_contact(%(round)s, %(party)s, %(key)s, %(content)s)",
        round=round_id,
        party=party,
        key=sealed.key_id if sealed else None,
        content=sealed.data if sealed else None,
    )


def note_call(
    unit: UnitOfWork,
    keys: RegionKeys,
    round_id: str,
    party: str,
    call: UUID,
    *,
    at: datetime,
    spoke_with: str,
    note: str,
) -> bool:
    """Note a call; return whether it is new. Arguments and errors as of `keep_person`.

    Args:
        unit: a transaction as the coordinator.
        keys: keys that encrypt contacts.
        round_id: the round.
        party: the party.
        call: id of the call, made with the form, so that a form that is sent twice is noted once.
        at: when the call was, aware.
        spoke_with: with whom.
        note: what was said.
    """
    sealed = _sealed(keys, f"contact_call/{call}", {"with": spoke_with, "note": note})
    return _call(
        unit,
        "select overstap.note_call(%(call)s, %(round)s, %(party)s, %(at)s, %(key)s, %(content)s)",
        call=call,
        round=round_id,
        party=party,
        at=at,
        key=sealed.key_id,
        content=sealed.data,
    )


def erase_call(unit: UnitOfWork, call: UUID) -> bool:
    """Erase what was noted of a call; return whether there was something. Errors as of `keep_person`."""
    return _call(unit, "select overstap.erase_call(%(call)s)", call=call)


def keep_message(
    unit: UnitOfWork, keys: RegionKeys, round_id: str, to: Sequence[str], message: UUID, *, subject: str, text: str
) -> bool:
    """Keep a message for a task to mail; return whether it is new. Errors as of `keep_person`.

    Args:
        unit: a transaction as the coordinator.
        keys: keys that encrypt contacts.
        round_id: the round.
        to: the parties.
        message: id of the message, made with the form.
        subject: one line.
        text: the coordinator's words.
    """
    sealed = _sealed(keys, f"contact_message/{message}", {"subject": subject, "text": text})
    return _call(
        unit,
        "select overstap.keep_message(%(message)s, %(round)s, %(to)s, %(key)s, %(content)s)",
        message=message,
        round=round_id,
        to=list(to),
        key=sealed.key_id,
        content=sealed.data,
    )


def waiting_messages(unit: UnitOfWork) -> list[WaitingMessage]:
    """Return the messages whose mails are not in the outbox yet, the oldest first; nobody else gets them meanwhile.

    One that cannot be decrypted is logged and left, so that it does not stop the others.
    """
    rows = unit.rows(
        "select m.message, m.round_id, m.sent_by, m.key_id, m.content, array(select t.party "
        "from overstap.contact_message_to t where t.message = m.message order by t.party) "
        "from overstap.contact_message m where m.queued_at is null and m.content is not null "
        "order by m.sent_at, m.message for update of m"
    )
    found = []
    for message, round_id, by, key_id, content, to in rows:
        try:
            said = _opened(unit.keys, f"contact_message/{message}", key_id, content)
        except OverstapError as error:
            log.error("%s", error)
            continue
        found.append(WaitingMessage(message, round_id, by, said["subject"], said["text"], to))
    return found


def note_queued(unit: UnitOfWork, message: UUID, unreachable: Sequence[str]) -> None:
    """Record that a message's mails are in the outbox, and which parties have no valid address."""
    unit.run("update overstap.contact_message set queued_at = overstap.clock() where message = %(id)s", id=message)
    unit.run(
        "update overstap.contact_message_to set is_unreachable = true where message = %(id)s and party = any(%(to)s)",
        id=message,
        to=list(unreachable),
    )


def _call(unit: UnitOfWork, statement: str, **values: object) -> bool:
    try:
        return bool(unit.one(statement, **values)[0])
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation):
        raise OverstapError("LEDGER-025") from None
    except psycopg.errors.ProgramLimitExceeded:
        raise OverstapError("LEDGER-027") from None


def _sealed(keys: RegionKeys, bound_to: str, content: dict[str, str]) -> EncryptedContent:
    return keys.encrypt(json.dumps(content, ensure_ascii=False).encode(), bound_to, keys.of_purpose(CONTACTS))


def _opened(keys: RegionKeys, bound_to: str, key_id: str, content: bytes) -> dict[str, str]:
    found: dict[str, str] = json.loads(keys.decrypt(EncryptedContent(key_id, bytes(content)), bound_to))
    return found
