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


def files_told(owner_dsn: str) -> list[dict[str, Any]]:
    """Return the audit lines about files of pupils that left a page or command, in all regions, oldest first."""
    with psycopg.connect(owner_dsn) as connection:
        return [
            json.loads(payload)
            for (payload,) in connection.execute(
                "select payload from overstap.audit_line "
                "where payload::jsonb ->> 'action' = 'download.take' order by seq"
            )
        ]


def tell_closed(connection: psycopg.Connection[Any], region: str, round_id: str) -> None:
    """Write the line of a closing that a test made by hand, so that the check finds nothing to say about it."""
    connection.execute(
        "select overstap.append_audit(%s, 'test', 'round.close', array[%s], array['{}'])", [region, round_id]
    )


def tell_registrations(connection: psycopg.Connection[Any], region: str, school_year: str) -> None:
    """Write the line and the history of registrations that a test changed by hand, likewise."""
    connection.execute(
        "insert into overstap.application_event (region, school_year, pupil, secondary_school, stage, is_withdrawn, "
        "stated_at, source, noted_by) select a.region, a.school_year, a.pupil, a.secondary_school, a.stage, "
        "a.withdrawn_at is not null, a.recorded_at, 'before', 'test' from overstap.application a "
        "where a.region = %s and a.school_year = %s and not exists (select from overstap.application_event e "
        "where (e.region, e.school_year, e.pupil, e.secondary_school, e.stage, e.is_withdrawn) = (a.region, "
        "a.school_year, a.pupil, a.secondary_school, a.stage, a.withdrawn_at is not null))",
        [region, school_year],
    )
    connection.execute(sql.SQL("set local role {}").format(sql.Identifier(f"overstap_region_{region}")))
    found = connection.execute("select overstap.registrations_digest(%s)", [school_year]).fetchone()
    connection.execute("reset role")
    connection.execute(
        "select overstap.append_audit(%s, 'test', 'registrations.record', array[%s], array[%s])",
        [region, school_year, json.dumps({"digest": found[0] if found else ""})],
    )
