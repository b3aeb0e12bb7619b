"""Actions of the ledger's owner, for tests that need passed time or damage."""

import json
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg import sql

from overstap.ledger import Ledger

_OWNERS: WeakKeyDictionary[Ledger, str] = WeakKeyDictionary()


def register(ledger: Ledger, owner_dsn: str) -> None:
    """Remember who owns a ledger that a fixture made."""
    _OWNERS[ledger] = owner_dsn


def by_owner(ledger: Ledger, statement: str, **values: Any) -> int:
    """Run a statement as the ledger's owner, in all regions, and return how many rows it touched."""
    with psycopg.connect(_OWNERS[ledger]) as connection:
        return connection.execute(statement, values or None).rowcount


def tell_closed(connection: psycopg.Connection[Any], region: str, round_id: str) -> None:
    """Write the line of a closing that a test made by hand, so that the check finds nothing to say about it."""
    connection.execute(
        "select overstap.append_audit(%s, 'test', 'round.close', array[%s], array['{}'])", [region, round_id]
    )


def tell_registrations(connection: psycopg.Connection[Any], region: str, school_year: str) -> None:
    """Write the line of registrations that a test changed by hand, likewise."""
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(f"overstap_region_{region}")))
    found = connection.execute("select overstap.registrations_digest(%s)", [school_year]).fetchone()
    connection.execute("reset role")
    connection.execute(
        "select overstap.append_audit(%s, 'test', 'registrations.record', array[%s], array[%s])",
        [region, school_year, json.dumps({"digest": found[0] if found else ""})],
    )
