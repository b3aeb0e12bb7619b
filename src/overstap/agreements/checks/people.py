"""Checks of schools and coordinators: ids, ways of supplying and receiving, and accounts that answer gates."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from overstap.agreements.checks.context import CheckContext
from overstap.agreements.kinds import channels
from overstap.agreements.source_positions import Key
from overstap.errors import OverstapError
from overstap.resources import INCLUDE
from overstap.school_numbers import is_participant, is_school_id, nearest_school_id
from overstap.tabular import Header, HeaderError, RefusedRow, read_table

_MAX_BYTES, _MAX_ROWS = 100_000_000, 1_000_000
# RFC 2606 and RFC 6761, and example.nl, which SIDN reserves
_RESERVED = re.compile(r"@(?:[^@\s]+\.)?(?:example(?:\.(?:com|net|org|nl))?|test|invalid|localhost)$", re.IGNORECASE)
_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def check(context: CheckContext, register: frozenset[str] | None) -> None:
    """Add findings about schools and coordinators.

    Args:
        context: the agreement.
        register: ids of all existing schools; None skips that check.
    """
    _schools(context, register)
    _left_over(context)
    _shared_addresses(context)
    _coordinators(context)


def _left_over(context: CheckContext) -> None:
    """Report remains of an example in a copied file, such as `example: true`, with which production runs no rounds.

    The examples of the package itself are exempt.
    """
    if context.source.path.is_relative_to(INCLUDE / "regions"):
        return
    if context.source.at("example") is True:
        context.add_finding("AGREEMENT-175", "example")
    mails: list[tuple[Key, object]] = [
        (("schools", serial, "contact"), school.get("contact")) for serial, school in schools_of(context)
    ]
    people = context.source.at("coordinators")
    mails += [
        (("coordinators", serial, "email"), person.get("email"))
        for serial, person in enumerate(people if isinstance(people, list) else ())
        if isinstance(person, Mapping)
    ]
    reserved = [(key, mail) for key, mail in mails if isinstance(mail, str) and _RESERVED.search(mail)]
    if reserved:
        key, mail = reserved[-1]
        context.add_finding("AGREEMENT-176", *key, count=len(reserved), example=mail)


def schools_of(context: CheckContext) -> list[tuple[int, Mapping[str, Any]]]:
    """Return the schools that are mappings, with their index in the list."""
    schools = context.source.at("schools")
    if not isinstance(schools, list):
        return []
    return [(serial, school) for serial, school in enumerate(schools) if isinstance(school, Mapping)]


def _schools(context: CheckContext, register: frozenset[str] | None) -> None:
    seen: dict[str, int] = {}
    for serial, school in schools_of(context):
        name, school_id = school.get("name"), school.get("id")
        if isinstance(school_id, str):
            key = ("schools", serial, "id")
            is_partnership = school.get("kind") == "SWV" and is_participant(school_id) and not is_school_id(school_id)
            if is_partnership:
                pass  # the register of schools has no partnerships
            elif (
                school.get("kind") in ("PO", "VO", "SWV")
                and (school.get("kind") == "SWV") != (is_participant(school_id) and not is_school_id(school_id))
                and is_participant(school_id)
            ):
                context.add_finding("AGREEMENT-178", *key, school=school_id, kind=school["kind"], name=name)
            elif not is_school_id(school_id):
                close = nearest_school_id(school_id) or "99AB00"
                context.add_finding("AGREEMENT-141", *key, school=school_id, close=close)
            elif register is not None and school_id not in register:
                context.add_finding("AGREEMENT-142", *key, school=school_id, name=name)
            if school_id in seen:
                context.add_finding(
                    "AGREEMENT-143",
                    *key,
                    school=school_id,
                    first=context.source.position(("schools", seen[school_id], "id")).line,
                )
            seen.setdefault(school_id, serial)
        if school.get("kind") in ("VO", "SWV") and school.get("receives") is None:
            context.add_finding("AGREEMENT-144", "schools", serial, school=school_id, name=name)
        receives = school.get("receives")
        way = receives.get("way") if isinstance(receives, Mapping) else None
        if school.get("kind") == "SWV" and way in channels() and channels()[str(way)].is_at_desk:
            context.add_finding("AGREEMENT-173", "schools", serial, "receives", school=school_id, name=name, way=way)
        if school.get("kind") == "PO" and school.get("supplies") is None:
            context.add_finding("AGREEMENT-145", "schools", serial, school=school_id, name=name)
        contact = school.get("contact")
        if isinstance(contact, str) and _MAIL.fullmatch(contact) is None:
            context.add_finding("AGREEMENT-146", "schools", serial, "contact", school=school_id, name=name)
    kinds = [school.get("kind") for _, school in schools_of(context)]
    if kinds:
        for kind in ("PO", "VO"):
            if kind not in kinds:
                context.add_finding("AGREEMENT-148", "schools", kind=kind)


def _shared_addresses(context: CheckContext) -> None:
    """Report schools with the same address of a channel, which can belong to one school only."""
    seen: dict[tuple[str, ...], int] = {}
    for serial, school in schools_of(context):
        receives = school.get("receives")
        if not isinstance(receives, Mapping):
            continue
        kind = channels().get(str(receives.get("way")))
        names = kind.address if kind else ()
        address = tuple(str(receives.get(name)) for name in names)
        if address and address in seen:
            first = schools_of(context)[seen[address]][1]
            facts = {"school": school.get("id"), "other": first.get("id")}
            context.add_finding("AGREEMENT-154", "schools", serial, "receives", **facts)
        elif address:
            seen[address] = serial


def _coordinators(context: CheckContext) -> None:
    coordinators = context.source.at("coordinators")
    if not isinstance(coordinators, list):
        return
    if not coordinators:
        context.add_finding("AGREEMENT-150", "coordinators")
    accounts: dict[str, int] = {}
    for serial, person in enumerate(coordinators):
        if not isinstance(person, Mapping):
            continue
        account, mail = person.get("account"), person.get("email")
        if isinstance(account, str):
            if account in accounts:
                context.add_finding("AGREEMENT-152", "coordinators", serial, "account", account=account)
            accounts.setdefault(account, serial)
        if isinstance(mail, str) and _MAIL.fullmatch(mail) is None:
            context.add_finding("AGREEMENT-153", "coordinators", serial, "email", account=account)
    for kind, agreed in context.rounds():
        answered_by = agreed.get("gate_answered_by")
        for serial, account in enumerate(answered_by if isinstance(answered_by, list) else ()):
            if isinstance(account, str) and account not in accounts:
                close = difflib.get_close_matches(account, accounts, 1) or [", ".join(accounts) or "-"]
                facts = {"round": context.round_name(kind), "account": account, "close": close[0]}
                context.add_finding("AGREEMENT-151", "rounds", kind, "gate_answered_by", serial, **facts)


def read_register(path: Path) -> frozenset[str]:
    """Read the ids of all branches of schools from a list of DUO ("Alle vestigingen bo" and "vo", CSV).

    Args:
        path: the file, with semicolons or commas. It has the code of the branch (six characters) in a column
            VESTIGINGSCODE or VESTIGINGSNUMMER, or BRIN and branch in two columns.

    Raises:
        OverstapError: AGREEMENT-147 when the file is unreadable or lacks these columns; TABLE-010 to TABLE-024 for an
            unreadable row.
    """
    names = ("instellingscode", "brinnummer", "brin_nummer", "brin", "vestigingscode", "vestigingsnummer", "vestiging")
    try:
        table = read_table(path.read_bytes(), Header((), names, is_open=True), max_bytes=_MAX_BYTES, max_rows=_MAX_ROWS)
    except (OSError, HeaderError, OverstapError) as problem:
        raise OverstapError("AGREEMENT-147", file=path.name) from problem
    institution, branch = (
        next((name for name in group if name in table.columns), None) for group in (names[:4], names[4:])
    )
    if branch is None:
        raise OverstapError("AGREEMENT-147", file=path.name)
    found = set()
    for row in table.rows:
        if isinstance(row, RefusedRow):
            raise row.error
        code = row.cells[branch]
        if not is_school_id(code) and institution is not None:
            code = row.cells[institution] + code.zfill(2)
        if is_school_id(code):
            found.add(code)
    return frozenset(found)
