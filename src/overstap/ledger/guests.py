"""Schools from outside the region that were invited to one round: the invitation, the school, its account.

A primary school supplies; a secondary school collects, on the schools' pages, the dossiers that a coordinator named.

A guest school is in no agreement. Steps and pages that look a school up get an agreement with the guests of the round
added (`with_guests`), which is never stored. E-mail address and pupils are encrypted with the key for contact with
schools, which the board has as well (docs/decisions/0058-guest-schools.md).
"""

import json
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID, uuid4

import psycopg

from overstap.agreements import Agreement, School, SchoolKind
from overstap.agreements.model.lines import as_one_line
from overstap.errors import OverstapError
from overstap.ledger.region_keys import CONTACTS, EncryptedContent, NoKeys, RegionKeys, sha256
from overstap.ledger.session import Ledger, UnitOfWork

MOST_PUPILS = 50
NEEDS_ADDRESS = ("new", "expired", "withdrawn")
"""States of `Applicants` in which a new invitation is mailed."""
_NO_LETTER = re.compile(r"[\W_]+")
_WITH_KEYS = (
    "select guest, school, name, kind, key_id, content from overstap.guest_school where round_id = %(round)s "
    "order by name, school"
)
_WITHOUT_KEYS = (
    "select guest, school, name, kind, null, null from overstap.guest_school where round_id = %(round)s "
    "order by name, school"
)
"""A process without keys may not read what is encrypted."""
_WAYS = {SchoolKind.PO: {"supplies": {"way": "typed"}}, SchoolKind.VO: {"receives": {"way": "page"}}}
"""A primary school types its dossiers in or uploads them; a secondary school collects on its page."""


@dataclass(frozen=True, slots=True)
class GuestAsked:
    """Whom an invitation goes to and what it asks for.

    Args:
        email: address of somebody at the school.
        pupils: names of the pupils that the coordinator asks for, each with birth date as somebody wrote it.
        asks: the same of secondary schools, by BRIN and branch.
    """

    email: str = field(repr=False)
    pupils: tuple[str, ...] = field(repr=False)
    asks: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    @property
    def everybody(self) -> tuple[str, ...]:
        """All pupils, each once: two schools can ask for the same one, with other spaces, capitals or signs."""
        every = (*self.pupils, *(name for school in sorted(self.asks) for name in self.asks[school]))
        return tuple({_NO_LETTER.sub("", name.casefold()): name for name in reversed(every)}.values())[::-1]


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
        collects: whether it is a secondary school that collects dossiers; else a primary school that supplies.
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
    collects: bool


@dataclass(frozen=True, slots=True)
class WaitingInvitation:
    """An invitation whose mail is to be made; `number` of dossiers that it is about."""

    guest: UUID
    round_id: str
    school: str
    name: str
    asked: int
    invited_by: str
    what: GuestAsked = field(repr=False)
    collects: bool
    number: int


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
            "select guest, school, name, pupils, invited_by, asked_at, mailed_at, expires_at, ended_at, "
            "kind = 'VO' from overstap.guest_school where round_id = %(round)s order by name, school",
            round=round_id,
        )
    ]


def expected(unit: UnitOfWork, round_id: str | None = None, school: str | None = None) -> list[tuple[str, str, int]]:
    """Return round, school and number of pupils that each guest school was asked for, without ended ones."""
    return unit.rows(
        "select round_id, school, pupils from overstap.guest_school where ended_at is null and kind = 'PO' "
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
                "name": as_one_line(name) or school,
                "kind": kind,
                "contact": _address(unit, guest, key_id, content),
                **_WAYS[SchoolKind(kind)],
            }
        )
        for guest, school, name, kind, key_id, content in unit.rows(
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
        "where o.school_year = %(year)s and g.ended_at is null and g.kind = 'PO'",
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
            pupils=len(what.everybody),
            key=sealed.key_id,
            content=sealed.data,
        )
    )


@dataclass(frozen=True, slots=True)
class Applicants:
    """Pupils of a primary school outside the region who applied with a secondary school first.

    Args:
        school: BRIN and branch of the primary school.
        pupils: their number.
        guest: id of the guest; None: not invited to this round.
        name: its name; empty while it was not invited.
        changes: counts the changes of what it is asked for.
        state: "new", "waiting" (for its mail), "mailed", "expired", "used" (it has an account), "withdrawn" (by
            whoever asked, so that it takes no part any more) or "ended" (by a coordinator).
        mine: what this secondary school asked for.
    """

    school: str
    pupils: int
    guest: UUID | None
    name: str
    changes: int
    state: str
    mine: tuple[str, ...] = field(repr=False)


def applicants(unit: UnitOfWork, round_id: str, secondary_school: str) -> list[Applicants]:
    """Return the primary schools outside the region whose pupils applied with a school first, by BRIN.

    Args:
        unit: a transaction of the login `overstap_school`.
        round_id: the round.
        secondary_school: BRIN and branch of the school that is signed in.
    """
    rows = unit.rows(
        """
        select x.primary_school, count(distinct x.pupil), g.guest, coalesce(g.name, ''), coalesce(g.changes, 0),
               case when g.guest is null then 'new' when g.ended_by like 'school:%%' then 'withdrawn'
                    when g.ended_at is not null then 'ended'
                    when g.mailed_at is null then 'waiting' when g.expires_at is null then 'used'
                    when g.expires_at <= overstap.clock() then 'expired' else 'mailed' end,
               g.key_id, g.content
          from overstap.round o
          join (select region, school_year, pupil, primary_school, secondary_school, preference
                  from overstap.outside_registration
                union
                select region, school_year, pupil, primary_school, secondary_school, preference
                  from overstap.application where withdrawn_at is null) x
            on x.region = o.region and x.school_year = o.school_year and x.secondary_school = %(school)s
           and coalesce(x.preference, 1) = 1
          left join overstap.guest_school g on g.round_id = o.round_id and g.school = x.primary_school
          join overstap.round_agreement a on a.round_id = o.round_id and a.number = o.agreement_number
         where o.round_id = %(round)s and overstap.is_of_leavers(o.kind) and %(school)s = any(o.receiving)
           and not exists (select from jsonb_array_elements(a.agreement -> 'schools') s
                            where s ->> 'id' = x.primary_school)
         group by x.primary_school, g.guest, g.name, g.changes, g.ended_by, g.ended_at, g.mailed_at, g.expires_at,
                  g.key_id, g.content
         order by x.primary_school
        """,
        round=round_id,
        school=secondary_school,
    )
    return [
        Applicants(
            *(school, pupils, guest, name, changes, state),
            _opened(unit.keys, guest, key_id, content).asks.get(secondary_school, ()) if content is not None else (),
        )
        for school, pupils, guest, name, changes, state, key_id, content in rows
    ]


def ask(
    unit: UnitOfWork, session: bytes, round_id: str, about: Applicants, *, name: str, email: str, pupils: Sequence[str]
) -> str:
    """Ask a primary school for pupils who applied with the session's school first; it is invited if need be.

    Args:
        unit: a transaction of the login `overstap_school`.
        session: identifier of the session, which says whose applicants they are.
        round_id: an open round of leavers.
        about: the primary school, as `applicants` returned it.
        name: its name; of one that was invited before, the earlier one stays.
        email: address of somebody there; used for one without an account and without an address that serves.
        pupils: names of the pupils, each with birth date.

    Returns:
        "asked", or why not: "factor", "round", "member", "unknown", "ended", "changed".
    """
    [(secondary,)] = unit.rows("select (overstap.page_school(%(stay)s))", stay=session)
    if secondary is None:
        return "factor"
    guest = about.guest or uuid4()
    before = asked_of(unit, unit.keys, round_id, about.school) or GuestAsked(email, ())
    if about.state in NEEDS_ADDRESS and email:
        before = replace(before, email=email)
    what = replace(before, asks={**before.asks, secondary: tuple(pupils)})
    if len(what.everybody) > MOST_PUPILS:
        return "many"
    sealed = _sealed(unit.keys, guest, what)
    return str(
        unit.one(
            "select overstap.ask_guest(%(stay)s, %(guest)s, %(changes)s, %(round)s, %(school)s, %(name)s, %(mine)s, "
            "%(pupils)s, %(key)s, %(content)s)",
            stay=session,
            guest=guest,
            changes=about.changes,
            round=round_id,
            school=about.school,
            name=about.name or name,
            mine=len(pupils),
            pupils=len(what.everybody),
            key=sealed.key_id,
            content=sealed.data,
        )[0]
    )


def unask(unit: UnitOfWork, session: bytes, round_id: str, about: Applicants) -> str:
    """Withdraw what the session's school asked of a primary school; its part ends when nobody is asked for any more.

    Args:
        unit: a transaction of the login `overstap_school`.
        session: identifier of the session.
        round_id: the round.
        about: the primary school, as `applicants` returned it.

    Returns:
        "withdrawn" or "ended", or why not: "factor", "round", "unknown", "changed".
    """
    [(secondary,)] = unit.rows("select (overstap.page_school(%(stay)s))", stay=session)
    if secondary is None:
        return "factor"
    before = asked_of(unit, unit.keys, round_id, about.school)
    if about.guest is None or before is None or secondary not in before.asks:
        return "unknown"
    left = replace(before, asks={school: names for school, names in before.asks.items() if school != secondary})
    sealed = _sealed(unit.keys, about.guest, left)
    return str(
        unit.one(
            "select overstap.unask_guest(%(stay)s, %(guest)s, %(changes)s, %(pupils)s, %(key)s, %(content)s)",
            stay=session,
            guest=about.guest,
            changes=about.changes,
            pupils=len(left.everybody),
            key=sealed.key_id,
            content=sealed.data,
        )[0]
    )


@dataclass(frozen=True, slots=True)
class ChangedGuest:
    """A guest with an account whose pupils or dossiers are other than it knows; `change` counts the changes.

    `collects` and `number` as of `WaitingInvitation`.
    """

    guest: UUID
    round_id: str
    school: str
    name: str
    change: int
    what: GuestAsked = field(repr=False)
    collects: bool
    number: int


def changed(unit: UnitOfWork) -> list[ChangedGuest]:
    """Return the guests whose list of pupils or dossiers changed after they were told, in open rounds."""
    return [
        ChangedGuest(
            *(guest, round_id, school, name, change, _opened(unit.keys, guest, key_id, content)),
            collects=kind == SchoolKind.VO,
            number=pupils,
        )
        for guest, round_id, school, name, change, key_id, content, kind, pupils in unit.rows(
            "select guest, round_id, g.school, g.name, changes, key_id, content, g.kind, g.pupils "
            "from overstap.guest_school g "
            "join overstap.round o using (round_id, region) where changes > told_changes and content is not null "
            "and mailed_at is not null and expires_at is null and ended_at is null and o.closed_at is null "
            "order by guest"
        )
    ]


def note_told(unit: UnitOfWork, one: ChangedGuest) -> bool:
    """Note that the mail about a change is in the outbox; False when it changed again meanwhile."""
    [told] = unit.one("select overstap.tell_guest(%(guest)s, %(change)s)", guest=one.guest, change=one.change)
    return bool(told)


def asked_by_receivers(unit: UnitOfWork, round_id: str) -> dict[UUID, list[tuple[str, int]]]:
    """Return the secondary schools that asked each guest of a round, by name, with their numbers of pupils."""
    found: dict[UUID, list[tuple[str, int]]] = {}
    for guest, name, pupils in unit.rows(
        "select a.guest, s.name, a.pupils from overstap.guest_ask a join overstap.guest_school g using (guest, region) "
        "join overstap.school s on s.region = a.region and s.school = a.secondary_school "
        "where g.round_id = %(round)s order by s.name",
        round=round_id,
    ):
        found.setdefault(guest, []).append((name, pupils))
    return found


def invite_collector(
    unit: UnitOfWork,
    keys: RegionKeys,
    round_id: str,
    guest: UUID,
    school: str,
    name: str,
    *,
    email: str,
    dossiers: Sequence[UUID],
) -> str:
    """Let a secondary school from outside the region collect dossiers; a task mails the address.

    Args:
        unit: a transaction as the coordinator.
        keys: keys that encrypt contacts.
        round_id: an open round of leavers.
        guest: id, made with the form.
        school: BRIN and branch.
        name: name of the school.
        email: address of somebody there.
        dossiers: the dossiers, of this round.

    Returns:
        "invited", "added" (it collects in this round already), or why not: "member", "other" (it is known as a primary
        school), "ended", "unknown" (a dossier is not in the round any more).

    Raises:
        OverstapError: LEDGER-025 when the actor does not coordinate the round, or it takes no guests.
    """
    sealed = _sealed(keys, guest, GuestAsked(email, ()))
    return str(
        _called(
            unit,
            "select overstap.invite_collector(%(guest)s, %(round)s, %(school)s, %(name)s, %(ids)s::uuid[], %(key)s, "
            "%(content)s)",
            guest=guest,
            round=round_id,
            school=school,
            name=name,
            ids=list(dossiers),
            key=sealed.key_id,
            content=sealed.data,
        )
    )


def collectors(unit: UnitOfWork, round_id: str) -> frozenset[str]:
    """Return the secondary schools from outside that collect in a round (BRIN and branch), without ended ones."""
    rows = unit.rows(
        "select school from overstap.guest_school where round_id = %(round)s and kind = 'VO' and ended_at is null",
        round=round_id,
    )
    return frozenset(row[0] for row in rows)


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
            pupils=len(what.everybody),
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
        WaitingInvitation(
            *(guest, round_id, school, name, asked, by, _opened(unit.keys, guest, key_id, content)),
            collects=kind == SchoolKind.VO,
            number=pupils,
        )
        for guest, round_id, school, name, asked, by, key_id, content, kind, pupils in unit.rows(
            "select guest, round_id, school, g.name, asked, invited_by, key_id, content, g.kind, g.pupils "
            "from overstap.guest_school g "
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
    said = {"email": what.email, "pupils": what.pupils, "asks": dict(what.asks)}
    content = json.dumps(said, ensure_ascii=False)
    return keys.encrypt(content.encode(), f"guest/{guest}", keys.of_purpose(CONTACTS))


def _opened(keys: RegionKeys, guest: UUID, key_id: str, content: bytes) -> GuestAsked:
    said = json.loads(keys.decrypt(EncryptedContent(key_id, bytes(content)), f"guest/{guest}"))
    asks = {school: tuple(map(str, names)) for school, names in said.get("asks", {}).items()}
    return GuestAsked(str(said["email"]), tuple(map(str, said["pupils"])), asks)


def _address(unit: UnitOfWork, guest: UUID, key_id: str | None, content: bytes | None) -> str:
    return _opened(unit.keys, guest, key_id, content).email if key_id and content else ""
