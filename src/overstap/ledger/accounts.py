"""Accounts of schools and who is signed in, for the school's pages."""

import re
from dataclasses import dataclass
from datetime import datetime

from overstap.errors import OverstapError
from overstap.ledger.audit import AuditLine
from overstap.ledger.session import Ledger, UnitOfWork

_ACCOUNT = re.compile(r"[a-z0-9][a-z0-9._@-]{2,63}")


@dataclass(frozen=True, slots=True)
class SchoolAccount:
    """Somebody who is signed in."""

    account: str
    region: str
    school: str
    name: str

    @property
    def actor(self) -> str:
        """Who acts, for the evidence."""
        return f"school:{self.account}"


def put(unit: UnitOfWork, account: str, school: str, name: str, password: str) -> bool:
    """Make an account, or give it a new password; an account that was ended counts again.

    Args:
        unit: the transaction.
        account: what somebody signs in with: small letters, digits, and . _ @ -.
        school: the school that it is for.
        name: who it is.
        password: the hash, never the password.

    Returns:
        Whether it was made now.

    Raises:
        OverstapError: SCHOOL-002 when the name of the account is taken elsewhere, or is none.
    """
    if not _ACCOUNT.fullmatch(account):
        raise OverstapError("SCHOOL-002", account=account)
    found = unit.rows("select school from overstap.school_account where account = %(account)s", account=account)
    if found and found[0][0] != school:
        raise OverstapError("SCHOOL-002", account=account)
    unit.audit("school.account", AuditLine(account, {"school": school}))
    if unit.run(
        "insert into overstap.school_account (account, region, school, name, password, made_by) values "
        "(%(account)s, %(region)s, %(school)s, %(name)s, %(password)s, %(by)s) on conflict do nothing",
        account=account,
        region=unit.region,
        school=school,
        name=name,
        password=password,
        by=unit.actor,
    ):
        return True
    changed = unit.run(
        "update overstap.school_account set name = %(name)s, password = %(password)s, made_by = %(by)s, "
        "ended_at = null where account = %(account)s",
        name=name,
        password=password,
        by=unit.actor,
        account=account,
    )
    if not changed:
        raise OverstapError("SCHOOL-002", account=account)
    return False


def end(unit: UnitOfWork, account: str) -> bool:
    """End an account; who is signed in with it is out at once. Return whether there was one."""
    unit.audit("school.account_end", AuditLine(account))
    return bool(
        unit.run(
            "update overstap.school_account set ended_at = clock_timestamp() "
            "where account = %(account)s and ended_at is null",
            account=account,
        )
    )


def listed(unit: UnitOfWork) -> list[tuple[str, str, str, datetime | None]]:
    """Return the region's accounts: account, school, name, and when it ended."""
    return [
        (row[0], row[1], row[2], row[3])
        for row in unit.rows(
            "select account, school, name, ended_at from overstap.school_account order by school, account"
        )
    ]


class Stays:
    """What the pages ask before a region is known, through the database's own functions.

    Args:
        ledger: the ledger; its login may execute the functions and read no table.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def password_of(self, account: str) -> str | None:
        """Return the hash of an account's password; None when there is no such account."""
        found = self._ledger.plain("select password from overstap.school_account_named(%s)", account)
        return found[0][0] if found else None

    def may_try(self, account: bytes, address: bytes) -> bool:
        """Tell whether not too many attempts failed lately, and count this one as failed.

        Args:
            account: hash of what was typed as account.
            address: hash of whence it came.
        """
        return bool(self._ledger.plain("select overstap.school_try(%s, %s)", account, address)[0][0])

    def tried_well(self, account: bytes, address: bytes) -> None:
        """Take back that the attempt failed; arguments as of `may_try`."""
        self._ledger.plain("select overstap.school_tried_well(%s, %s)", account, address)

    def begin(self, finds: bytes, account: str) -> None:
        """Begin a stay."""
        self._ledger.plain("select overstap.school_stay_begin(%s, %s)", finds, account)

    def look(self, finds: bytes) -> SchoolAccount | None:
        """Return who is signed in; None when the stay is over or never was."""
        found = self._ledger.plain("select * from overstap.school_stay_look(%s)", finds)
        return SchoolAccount(*found[0]) if found and found[0][0] else None

    def end(self, finds: bytes) -> None:
        """End a stay."""
        self._ledger.plain("select overstap.school_stay_end(%s)", finds)
