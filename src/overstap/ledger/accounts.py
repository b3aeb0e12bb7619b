"""Accounts and sessions of schools' staff."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from overstap.errors import OverstapError
from overstap.ledger.region_keys import sha256
from overstap.ledger.session import Ledger, UnitOfWork

_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._@-]{2,63}")


@dataclass(frozen=True, slots=True)
class SchoolAccount:
    """A signed-in account."""

    account: str
    region: str
    school: str
    name: str

    @property
    def actor(self) -> str:
        """Name of the account in audit lines."""
        return f"school:{self.account}"


def put_account(unit: UnitOfWork, account: str, school: str, name: str, password: str) -> bool:
    """Create an account or replace its password; an ended account becomes active again.

    Args:
        unit: the transaction.
        account: login: small letters, digits, and . _ @ -.
        school: BRIN and branch.
        name: name of the person.
        password: the hash, never the password.

    Returns:
        Whether the account is new.

    Raises:
        OverstapError: SCHOOL-002 when the login is taken by another school or has another form.
    """
    if not _ACCOUNT.fullmatch(account):
        raise OverstapError("SCHOOL-002", account=account)
    (is_new,) = unit.one(
        "select overstap.put_account(%(account)s, %(subject)s, %(school)s, %(name)s, %(password)s)",
        account=account,
        subject=_subject(account),
        school=school,
        name=name,
        password=password,
    )
    if is_new is None:
        raise OverstapError("SCHOOL-002", account=account)
    return bool(is_new)


def end(unit: UnitOfWork, account: str) -> bool:
    """End an account and its sessions; return whether there was such an account."""
    return bool(
        unit.one(
            "select overstap.end_account(%(account)s, %(subject)s)",
            account=account,
            subject=_subject(account),
        )[0]
    )


def all_accounts(unit: UnitOfWork) -> list[tuple[str, str, str, datetime | None]]:
    """Return the region's accounts: login, school, name, and when it ended."""
    return [
        (row[0], row[1], row[2], row[3])
        for row in unit.rows(
            "select account, school, name, ended_at from overstap.school_account order by school, account"
        )
    ]


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """Verdict on an attempt to sign in, before the password is checked."""

    may: bool
    """False after a hundred failures on the account in a day, from browsers that nobody had signed in at."""
    is_known: bool
    """Whether this browser signed in to this account before."""
    password: str | None = field(repr=False)
    """Hash of the account's password; None when there is no such account."""
    failed_account: int
    """Number of failures on the account in a day, before this attempt."""
    failed_network: int
    """Number of failures from the network in half an hour."""


def _subject(account: str) -> bytes:
    return sha256(f"account\0{account}".encode())


class SchoolSessions:
    """Sessions of schools' staff, by functions of the database that need no region.

    Args:
        ledger: the ledger; its login may execute the functions and read no table.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def attempt(self, account: str, networks: Sequence[bytes], device: bytes) -> SignInAttempt:
        """Record an attempt to sign in; it counts as failed until `enter`.

        Args:
            account: the login as typed.
            networks: hashes of the client's networks, the narrowest first.
            device: identifier of a browser that is known for an account.
        """
        found = self._ledger.without_region(
            "select * from overstap.school_try(%s, %s, %s, %s)", account, _subject(account), list(networks), device
        )
        return SignInAttempt(*found[0])

    def enter(
        self, account: str, proven: str, networks: Sequence[bytes], device: bytes, new_device: bytes, session: bytes
    ) -> bool:
        """Begin a session after a correct password: the attempt did not fail, and the browser is known from now on.

        Args:
            account: the login.
            proven: the hash that the password was checked against.
            networks: as in `attempt`.
            device: as in `attempt`.
            new_device: new identifier of the browser, where it was not known.
            session: identifier of the new session (SHA-256, 32 bytes).

        Returns:
            False when the account has another password by now, or has ended: no session begins.
        """
        values = (account, proven, _subject(account), list(networks), device, new_device, session)
        return bool(
            self._ledger.without_region("select overstap.school_enter(%s, %s, %s, %s, %s, %s, %s)", *values)[0][0]
        )

    def account_of(self, session: bytes) -> SchoolAccount | None:
        """Return the account of a session; None when there is no such session or it has ended."""
        found = self._ledger.without_region("select * from overstap.school_stay_look(%s)", session)
        return SchoolAccount(*found[0]) if found and found[0][0] else None

    def end(self, session: bytes) -> None:
        """End a session."""
        self._ledger.without_region("select overstap.school_stay_end(%s)", session)
