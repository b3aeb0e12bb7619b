"""Server of the schools' pages in the demonstration, with an account for the audience."""

import secrets
import sys
from dataclasses import dataclass, field

from overstap.ledger import Ledger
from overstap.ledger.accounts import put_account
from overstap.pages.school.passwords import hash_password
from overstap_tools.demo.sandbox import LEDGER, REGION, DemoSandbox
from overstap_tools.local import ports
from overstap_tools.local.postgres import EmbeddedPostgres
from overstap_tools.local.services import Service
from overstap_tools.local.waiting import wait_until_listening


@dataclass(frozen=True, slots=True)
class SchoolSignIn:
    """Address and account with which a school signs in."""

    address: str
    account: str
    password: str = field(repr=False)


def is_running(sandbox: DemoSandbox) -> bool:
    """Tell whether the schools' pages of a demonstration run."""
    return Service(sandbox.folder, "schools").is_running


def start(sandbox: DemoSandbox, postgres: EmbeddedPostgres, ledger: Ledger, school: str) -> SchoolSignIn:
    """Start the schools' pages with an account for one school, whose round is open.

    Args:
        sandbox: the demonstration.
        postgres: its server.
        ledger: the ledger, with the region's keys.
        school: the school that the account is for.

    Raises:
        OverstapError: LOCAL-005 or LOCAL-010 when they do not start.
    """
    account, password = f"{school.lower()}@demo.example", secrets.token_urlsafe(12)
    with ledger.unit(REGION, "demo") as unit:
        put_account(unit, account, school, "Medewerker", hash_password(password))
    service = Service(sandbox.folder, "schools")
    port = ports.any_free()
    address = f"http://localhost:{port}"  # a name, since passkeys are bound to one
    service.start(
        [sys.executable, "-m", "overstap", "school", "serve", "--port", str(port)],
        env=sandbox.command_env(postgres)
        | {
            "OVERSTAP_LEDGER": postgres.dsn("overstap_school", LEDGER),
            "OVERSTAP_REVIEW_ADDRESS": sandbox.review_address,
            "OVERSTAP_SCHOOL_ADDRESS": address,
        },
    )
    wait_until_listening(service, port)
    return SchoolSignIn(address, account, password)
