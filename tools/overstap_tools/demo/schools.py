"""Server of the schools' pages in the demonstration, and accounts of schools on it."""

import secrets
import sys
from dataclasses import dataclass, field

from overstap.ledger import Ledger
from overstap.ledger.accounts import put_account
from overstap.pages.school.passwords import hash_password
from overstap_tools.demo.sandbox import LEDGER, REGION, DemoSandbox
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until_listening


@dataclass(frozen=True, slots=True)
class SchoolSignIn:
    """Address and account with which a school signs in."""

    address: str
    account: str
    password: str = field(repr=False)


def start(sandbox: DemoSandbox, postgres: EmbeddedPostgres) -> None:
    """Start the schools' pages.

    Args:
        sandbox: the demonstration.
        postgres: its server.

    Raises:
        OverstapError: LOCAL-005 or LOCAL-010 when they do not start.
    """
    service = Service(sandbox.folder, "schools")
    service.start(
        [sys.executable, "-m", "overstap", "school", "serve", "--port", str(sandbox.school_port)],
        env=sandbox.command_env(postgres)
        | {
            "OVERSTAP_LEDGER": postgres.dsn("overstap_school", LEDGER),
            "OVERSTAP_REVIEW_ADDRESS": sandbox.review_address,
            "OVERSTAP_SCHOOL_ADDRESS": sandbox.school_address,
        },
    )
    wait_until_listening(service, sandbox.school_port)


def give_account(sandbox: DemoSandbox, ledger: Ledger, school: str) -> SchoolSignIn:
    """Give a school of an open round an account with a new password, as an administrator does.

    Args:
        sandbox: the demonstration.
        ledger: the ledger, with the region's keys.
        school: BRIN and branch.
    """
    account, password = f"{school.lower()}@demo.example", secrets.token_urlsafe(12)
    with ledger.unit(REGION, "demo") as unit:
        put_account(unit, account, school, "Medewerker", hash_password(password))
    return SchoolSignIn(sandbox.school_address, account, password)
