"""Accounts and sessions of schools' staff."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

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
    only_round: str | None = None
    """The one round that it is for: a guest school's account; None for all of its school's rounds."""

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


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """An account of a school, as coordinators and administrators see it.

    Args:
        account: the login.
        school: BRIN and branch.
        name: name of the person.
        ended_at: when it ended; None: it is in use.
        factors: number of second factors.
        recovery_codes: number of unused recovery codes.
    """

    account: str
    school: str
    name: str
    ended_at: datetime | None
    factors: int
    recovery_codes: int


def all_accounts(unit: UnitOfWork) -> list[AccountStatus]:
    """Return the region's accounts, by school and login."""
    return [AccountStatus(*row) for row in unit.rows("select * from overstap.school_accounts()")]


def recover(unit: UnitOfWork, account: str) -> bool:
    """Remove an account's second factors and recovery codes, and end its sessions; the school is told by mail.

    Args:
        unit: the transaction, of the coordinator's account.
        account: the login.

    Returns:
        False when there is no such account in use.
    """
    return bool(
        unit.one(
            "select overstap.recover_account(%(account)s, %(subject)s)", account=account, subject=_subject(account)
        )[0]
    )


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


class SignInStep(StrEnum):
    """What a session waits for before it opens the pages."""

    FACTOR = "factor"
    """The account's second factor."""
    ENROLMENT = "enrolment"
    """A first second factor, which the agreement or the deployment requires."""
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class CorrectPassword:
    """A sign-in whose password was verified.

    Args:
        account: the login.
        proven: the hash that the password was checked against.
        networks: as in `SchoolSessions.attempt`.
        device: as in `SchoolSessions.attempt`.
        new_device: new identifier of the browser, where it was not known; it is known once the sign-in is complete.
        session: identifier of the new session (SHA-256, 32 bytes).
        needs_factor: whether this deployment requires a second factor.
        challenge: random bytes that a passkey signs (32 bytes).
    """

    account: str
    proven: str = field(repr=False)
    networks: Sequence[bytes]
    device: bytes = field(repr=False)
    new_device: bytes = field(repr=False)
    session: bytes = field(repr=False)
    needs_factor: bool = False
    challenge: bytes = field(repr=False, default_factory=lambda: secrets.token_bytes(32))


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

    def enter(self, began: CorrectPassword) -> SignInStep | None:
        """Begin a session after a correct password: the attempt did not fail.

        Returns:
            What the session waits for. None when the account has another password by now, or has ended: no session
            begins.
        """
        found = self._ledger.without_region(
            "select overstap.school_enter(%s, %s, %s, %s, %s, %s, %s, %s, %s)",
            began.account,
            began.proven,
            _subject(began.account),
            list(began.networks),
            began.device,
            began.new_device,
            began.session,
            began.needs_factor,
            began.challenge,
        )[0][0]
        return SignInStep(found) if found else None

    def enter_federated(
        self, account: str, organisation: str, session: bytes, *, needs_factor: bool, has_factor: bool
    ) -> SignInStep | None:
        """Begin a session after an identity provider has said who somebody is.

        Args:
            account: the login.
            organisation: BRIN of the school at which the provider knows the person, without a branch.
            session: identifier of the new session (SHA-256, 32 bytes).
            needs_factor: whether this deployment requires a second factor.
            has_factor: whether the provider says that two factors were shown.

        Returns:
            What the session waits for. None when there is no such account, it has ended, or it is another school's.
        """
        found = self._ledger.without_region(
            "select overstap.school_enter_federated(%s, %s, %s, %s, %s, %s)",
            account,
            organisation,
            session,
            needs_factor,
            has_factor,
            secrets.token_bytes(32),
        )[0][0]
        return SignInStep(found) if found else None

    def account_of(self, session: bytes) -> SchoolAccount | None:
        """Return the account of a session; None when there is no such session or it has ended."""
        found = self._ledger.without_region("select * from overstap.school_stay_look(%s)", session)
        return SchoolAccount(*found[0]) if found and found[0][0] else None

    def end(self, session: bytes) -> None:
        """End a session."""
        self._ledger.without_region("select overstap.school_stay_end(%s)", session)
