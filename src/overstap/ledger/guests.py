"""Primary schools from outside the region that were invited to one round: the invitation, the school, its account.

A guest school is in no agreement. Steps and pages that look a school up get an agreement with the guests of the round
added (`with_guests`), which is never stored. E-mail address and pupils are encrypted with the key for contact with
schools, which the board has as well (docs/decisions/0058-guest-schools.md).
"""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import psycopg

from overstap.agreements import Agreement, School, SchoolKind
from overstap.errors import OverstapError
from overstap.ledger.region_keys import CONTACTS, EncryptedContent, NoKeys, RegionKeys, sha256
from overstap.ledger.session import Ledger, UnitOfWork

MOST_PUPILS = 50
_WITH_KEYS = (
    "select guest, school, name, key_id, content from overstap.guest_school where round_id = %(round)s "
    "order by name, school"
)
_WITHOUT_KEYS = (
    "select guest, school, name, null, null from overstap.guest_school where round_id = %(round)s order by name, school"
)
"""A process without keys may not read what is encrypted."""
_TYPED = {"way": "typed"}
"""How a guest supplies: it types its dossiers in."""


@dataclass(frozen=True, slots=True)
class GuestAsked:
    """Whom an invitation goes to and what it asks for.

    Args:
        email: address of somebody at the school.
        pupils: names of the pupils, each with birth date as somebody wrote it.
    """

    email: str = field(repr=False)
    pupils: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class GuestSchool:
    """A guest school of a round, without what is encrypted.

    Args:
        guest: its id.
        school: BRIN and branch.
        name: its name.
        pupils: number of pupils that it is asked for.
        invited_by: account of the coordinator.
        asked_at: when the newest invitation was asked for.
        mailed_at: when that invitation's mail was made; None: not yet.
        expires_at: until when its address serves; None: it was used, or not mailed yet.
        ended_at: when a coordinator ended it; None: it takes part.
    """

    guest: UUID
    school: str
    name: str
    pupils: int
    invited_by: str
    asked_at: datetime
    mailed_at: datetime | None
    expires_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingInvitation:
    """An invitation whose mail is to be made."""

    guest: UUID
    round_id: str
    school: str
    name: str
    asked: int
    invited_by: str
    what: GuestAsked = field(repr=False)


@dataclass(frozen=True, slots=True)
class OpenInvitation:
    """What an address of an invitation opens.

    Args:
        region: the region.
        round_id: the round.
        school: BRIN and branch.
        name: name of the school.
        expires_at: until when it serves.
    """

    region: str
    round_id: str
    school: str
    name: str
    expires_at: datetime


def of_round(unit: UnitOfWork, round_id: str) -> list[GuestSchool]:
    """Return the guest schools of a round by name, ended ones too; for processes that may see invitations."""
    return [
        GuestSchool(*row)
        for row in unit.rows(
            "select guest, school, name, pupils, invited_by, asked_at, mailed_at, expires_at, ended_at "
            "from overstap.guest_school where round_id = %(round)s order by name, school",
            round=round_id,
        )
    ]


def expected(unit: UnitOfWork, round_id: str | None = None, school: str | None = None) -> list[tuple[str, str, int]]:
    """Return round, school and number of pupils that each guest school was asked for, without ended ones."""
    return unit.rows(
        "select round_id, school, pupils from overstap.guest_school where ended_at is null "
        "and (%(round)s::text is null or round_id = %(round)s) and (%(school)s::text is null or school = %(school)s)",
        round=round_id,
        school=school,
    )


def ids(unit: UnitOfWork, round_id: str) -> frozenset[str]:
    """Return BRIN and branch of each guest school of a round, ended ones too."""
    rows = unit.rows("select school from overstap.guest_school where round_id = %(round)s", round=round_id)
    return frozenset(row[0] for row in rows)


def schools(unit: UnitOfWork, round_id: str) -> tuple[School, ...]:
    """Return the guest schools of a round as schools of an agreement; without address where the unit has no keys."""
    return tuple(
        School.model_validate(
            {
                "id": school,
                "name": name,
                "kind": SchoolKind.PO,
                "contact": _address(unit, guest, key_id, content),
                "supplies": _TYPED,
            }
        )
        for guest, school, name, key_id, content in unit.rows(
            _WITHOUT_KEYS if isinstance(unit.keys, NoKeys) else _WITH_KEYS, round=round_id
        )
    )


def with_guests(unit: UnitOfWork, round_id: str, agreement: Agreement) -> Agreement:
    """Return an agreement with the round's guest schools added. To look schools up; never to store.

    A guest that the agreement names by now is left out: it takes part by the agreement.

    Args:
        unit: the transaction.
        round_id: the round.
        agreement: the agreement in force.
    """
    known = {school.id for school in agreement.schools}
    added = tuple(one for one in schools(unit, round_id) if one.id not in known)
    return agreement.model_copy(update={"schools": (*agreement.schools, *added)}) if added else agreement


def of_year(unit: UnitOfWork, school_year: str) -> frozenset[str]:
    """Return the guest schools of a school year's rounds (BRIN and branch), without ended ones."""
    rows = unit.rows(
        "select distinct g.school from overstap.guest_school g join overstap.round o using (round_id) "
        "where o.school_year = %(year)s and g.ended_at is null",
        year=school_year,
    )
    return frozenset(row[0] for row in rows)


def asked_of(unit: UnitOfWork, keys: RegionKeys, round_id: str, school: str) -> GuestAsked | None:
    """Return what a school was invited for; None when it is no guest of the round, or that was erased.

    Args:
        unit: the transaction.
        keys: keys that decrypt contacts.
        round_id: the round.
        school: BRIN and branch.
    """
    found = unit.rows(
        "select guest, key_id, content from overstap.guest_school where round_id = %(round)s and school = %(school)s "
        "and content is not null",
        round=round_id,
        school=school,
    )
    return _opened(keys, *found[0]) if found else None


def invite(
    unit: UnitOfWork, keys: RegionKeys, round_id: str, guest: UUID, school: str, name: str, what: GuestAsked
) -> str:
    """Invite a school; a task mails the address.

    Args:
        unit: a transaction as the coordinator.
        keys: keys that encrypt contacts.
        round_id: an open round of leavers.
        guest: id, made with the form, so that a form that is sent twice invites once.
        school: BRIN and branch.
        name: name of the school.
        what: whom and for what.

    Returns:
        "invited", "again" (it was invited before) or "member" (it takes part by the agreement).

    Raises:
        OverstapError: LEDGER-025 when the actor does not coordinate the round, or it takes no guests.
    """
    sealed = _sealed(keys, guest, what)
    return str(
        _called(
            unit,
            "select overstap.invite_guest(%(guest)s, %(round)s, %(school)s, %(name)s, %(pupils)s, %(key)s, "
            "%(content)s)",
            guest=guest,
            round=round_id,
            school=school,
            name=name,
            pupils=len(what.pupils),
            key=sealed.key_id,
            content=sealed.data,
        )
    )


def renew(unit: UnitOfWork, keys: RegionKeys, guest: UUID, what: GuestAsked) -> bool:
    """Ask for a new invitation; the address of an earlier one serves no longer. Arguments and errors as of `invite`.

    Returns:
        False when there is no such guest in an open round.
    """
    sealed = _sealed(keys, guest, what)
    return bool(
        _called(
            unit,
            "select overstap.renew_guest(%(guest)s, %(pupils)s, %(key)s, %(content)s)",
            guest=guest,
            pupils=len(what.pupils),
            key=sealed.key_id,
            content=sealed.data,
        )
    )


def end(unit: UnitOfWork, guest: UUID) -> bool:
    """End a school's part in a round; False when there is none. Errors as of `invite`."""
    return bool(_called(unit, "select overstap.end_guest(%(guest)s)", guest=guest))


def waiting(unit: UnitOfWork) -> list[WaitingInvitation]:
    """Return the invitations whose mails are not in the outbox yet, the oldest first."""
    return [
        WaitingInvitation(guest, round_id, school, name, asked, by, _opened(unit.keys, guest, key_id, content))
        for guest, round_id, school, name, asked, by, key_id, content in unit.rows(
            "select guest, round_id, school, g.name, asked, invited_by, key_id, content from overstap.guest_school g "
            "join overstap.round o using (round_id, region) where mailed_at is null and content is not null "
            "and ended_at is null and o.closed_at is null order by asked_at, guest"
        )
    ]


def new_address(unit: UnitOfWork, guest: UUID) -> str | None:
    """Put a new address of an invitation into use, for three days; return its secret part (256 bits), for the mail.

    Returns:
        None when no mail is waited for.
    """
    secret = "G" + secrets.token_urlsafe(32)  # with a capital, so that the log of requests has no such path
    done = unit.one("select overstap.mail_guest(%(guest)s, %(finds)s)", guest=guest, finds=_finds(secret))[0]
    return secret if done else None


def look(ledger: Ledger, secret: str, networks: Sequence[bytes]) -> tuple[OpenInvitation | None, int]:
    """Return what an address opens, and how many wrong addresses came from the network in half an hour before.

    Args:
        ledger: the ledger; needs no region.
        secret: the secret part of the address.
        networks: hashes of the client's networks, the narrowest first.
    """
    *found, failed = ledger.without_region("select * from overstap.guest_look(%s, %s)", _finds(secret), list(networks))[
        0
    ]
    return (OpenInvitation(*found) if found[0] is not None else None), failed


def accept(ledger: Ledger, secret: str, name: str, password: str, school: str) -> str | None:
    """Use an invitation once: make the account; return its login, or None when the address serves nothing any more.

    Args:
        ledger: the ledger; needs no region.
        secret: the secret part of the address.
        name: name of the person.
        password: the hash, never the password.
        school: BRIN and branch, part of the login.
    """
    while True:
        login = f"gast-{school.lower()}-{secrets.token_hex(3)}"
        made = ledger.without_region(
            "select overstap.guest_accept(%s, %s, %s, %s)", _finds(secret), login, name, password
        )[0][0]
        if made != "taken":
            return login if made else None


def _finds(secret: str) -> bytes:
    return sha256(f"guest\0{secret}".encode())


def _called(unit: UnitOfWork, statement: str, **values: object) -> object:
    try:
        return unit.one(statement, **values)[0]
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation):
        raise OverstapError("LEDGER-025") from None


def _sealed(keys: RegionKeys, guest: UUID, what: GuestAsked) -> EncryptedContent:
    content = json.dumps({"email": what.email, "pupils": what.pupils}, ensure_ascii=False)
    return keys.encrypt(content.encode(), f"guest/{guest}", keys.of_purpose(CONTACTS))


def _opened(keys: RegionKeys, guest: UUID, key_id: str, content: bytes) -> GuestAsked:
    said: Mapping[str, object] = json.loads(keys.decrypt(EncryptedContent(key_id, bytes(content)), f"guest/{guest}"))
    pupils = said["pupils"]
    return GuestAsked(str(said["email"]), tuple(map(str, pupils)) if isinstance(pupils, list) else ())


def _address(unit: UnitOfWork, guest: UUID, key_id: str | None, content: bytes | None) -> str:
    return _opened(unit.keys, guest, key_id, content).email if key_id and content else ""
