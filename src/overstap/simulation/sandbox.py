"""Sandbox for rehearsals, demonstrations, benchmarks and tests: a temporary ledger with keys, certificates and folders.

Its certificates are issued by the development authority, which production refuses.
"""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.rows import TupleRow

from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.migrate import add_region, migrate, set_app_password
from overstap.ledger.region_keys import create_keys, derive_board_keys
from overstap.pki import DevelopmentAuthority, TrustStore
from overstap.settings import Settings

APPLICATION = "overstap_app"
"""Login that the schema makes for the process that runs rounds."""
_DATABASE = "overstap_sandbox_"


@dataclass(frozen=True)
class Sandbox:
    """Folders and logins of a sandbox; picklable, so that it can be passed to another process.

    Args:
        folder: folder of this sandbox.
        owner_dsn: libpq connection string of the ledger's owner.
        application_dsn: libpq connection string of the application's login.
    """

    folder: Path
    owner_dsn: str = field(repr=False)
    application_dsn: str = field(repr=False)

    @property
    def keys(self) -> Path:
        """Folder with the regions' keys."""
        return self.folder / "keys"

    @property
    def board_keys(self) -> Path:
        """Folder with the board's keys of the regions."""
        return self.folder / "board"

    @property
    def trust(self) -> Path:
        """Folder with certificates."""
        return self.folder / "trust"

    @property
    def region_folder(self) -> Path:
        """Folder with the synthetic region: agreements, drop folders, late files, lists of decisions."""
        return self.folder / "region"

    @property
    def regions(self) -> Path:
        """Folder with the agreements."""
        return self.region_folder / "regions"

    @property
    def drop(self) -> Path:
        """Folder in which schools drop their files."""
        return self.region_folder / "drop"

    @property
    def reports(self) -> Path:
        """Folder with reports."""
        return self.folder / "reports"

    @property
    def outbox(self) -> Path:
        """Folder from which schools collect envelopes."""
        return self.folder / "outbox"

    def store(self, school: str) -> Path:
        """Return the folder in which a secondary school's endpoint stores received dossiers."""
        return self.folder / "received" / school

    def prepare(self, *regions: str) -> None:
        """Migrate the ledger to its newest schema, and make roles and keys of regions. Safe to repeat.

        Args:
            regions: region ids.
        """
        migrate(self.owner_dsn)
        for region in regions:
            add_region(self.owner_dsn, region)
            if not (self.keys / region).exists():
                create_keys(self.keys, region, "1")
            derive_board_keys(self.keys, self.board_keys, region)

    def certify(self, regions: Iterable[str], schools: Iterable[str], *, at: datetime) -> None:
        """Issue certificates of conductors and schools, by the development authority.

        Args:
            regions: ids of the conductors' regions.
            schools: BRIN and branch of each school.
            at: the moment of issue.
        """
        authority = DevelopmentAuthority(self.trust, at=at)
        for region in regions:
            authority.conductor(region)
        for school in schools:
            authority.school(school)

    def ledger(self) -> Ledger:
        """Open the ledger in the calling process."""
        return Ledger(self.application_dsn, self.keys)

    def trust_store(self) -> TrustStore:
        """Return the trust store."""
        return TrustStore(self.trust, production=False)

    @property
    def variables(self) -> dict[str, str]:
        """Settings for processes that work on its rounds, as environment variables, without the owner's login."""
        return {
            "OVERSTAP_REGIONS": str(self.regions),
            "OVERSTAP_LEDGER": self.application_dsn,
            "OVERSTAP_KEYS": str(self.keys),
            "OVERSTAP_BOARD_KEYS": str(self.board_keys),
            "OVERSTAP_TRUST": str(self.trust),
            "OVERSTAP_DROP": str(self.drop),
            "OVERSTAP_REPORTS": str(self.reports),
            "OVERSTAP_OUTBOX": str(self.outbox),
        }

    @property
    def environment(self) -> dict[str, str]:
        """Complete environment of an `overstap` command that works on the sandbox."""
        return {**os.environ, **self.variables}

    def settings(self) -> Settings:
        """Return the same settings for steps in this process, without settings of a real deployment."""
        return Settings(
            production=False,
            regions=self.regions,
            ledger=self.application_dsn,
            ledger_owner=None,
            keys=self.keys,
            board_keys=self.board_keys,
            trust=self.trust,
            drop=str(self.drop),
            reports=str(self.reports),
            outbox=str(self.outbox),
            registers=None,
            traffic_centre=None,
        )


@contextmanager
def temporary_sandbox(server: str, *regions: str) -> Iterator[Sandbox]:
    """Make a sandbox on a server, and remove it at the end, also after an exception.

    Args:
        server: connection string of a login that may make databases and roles, on a server that holds no ledger.
        regions: ids of the regions that the ledger knows.

    Raises:
        OverstapError: REHEARSAL-001 when the server holds a ledger; LEDGER-006 when it cannot be reached.
    """
    folder = Path(tempfile.mkdtemp(prefix="overstap-sandbox-"))
    try:
        with _temporary_ledger(server) as (owner, application):
            sandbox = Sandbox(folder, owner, application)
            sandbox.prepare(*regions)
            yield sandbox
    finally:
        shutil.rmtree(folder)


@contextmanager
def _temporary_ledger(server: str) -> Iterator[tuple[str, str]]:
    """Make a database and a login; yield the connection strings of its owner and of the application."""
    name, password = f"{_DATABASE}{secrets.token_hex(6)}", secrets.token_urlsafe(24)
    try:
        connection = psycopg.connect(server, autocommit=True)
    except psycopg.OperationalError as problem:
        # The message may hold the connection string: only the exception's type is passed on.
        raise OverstapError("LEDGER-006", kind=type(problem).__name__) from None
    with connection:
        # Roles belong to the server, not to the database: one sandbox at a time, and never beside a real ledger.
        connection.execute("select pg_advisory_lock(hashtextextended('overstap.sandbox', 0))")
        _remove_sandboxes(connection)
        if _roles(connection):
            raise OverstapError("REHEARSAL-001")
        connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        try:
            connection.execute(sql.SQL("revoke connect on database {} from public").format(sql.Identifier(name)))
            owner = make_conninfo(server, dbname=name)
            migrate(owner)
            set_app_password(owner, password)
            yield owner, make_conninfo(server, dbname=name, user=APPLICATION, password=password)
        finally:
            _remove_sandboxes(connection)


def _remove_sandboxes(connection: psycopg.Connection[TupleRow]) -> None:
    """Remove the sandboxes' databases and roles; nothing when another database of the server uses one of the roles."""
    found = connection.execute("select datname from pg_database where starts_with(datname, %s)", [_DATABASE])
    for (name,) in found.fetchall():
        connection.execute(sql.SQL("drop database {} with (force)").format(sql.Identifier(name)))
    used = connection.execute(
        "select count(*) from pg_shdepend d join pg_roles r on r.oid = d.refobjid "
        "where d.refclassid = 'pg_authid'::regclass and starts_with(r.rolname, 'overstap_') and d.dbid <> 0"
    ).fetchone()
    if used != (0,):
        return
    for role in _roles(connection):
        connection.execute(sql.SQL("drop role {}").format(sql.Identifier(role)))


def _roles(connection: psycopg.Connection[TupleRow]) -> list[str]:
    found = connection.execute("select rolname from pg_roles where starts_with(rolname, 'overstap_')")
    return [name for (name,) in found.fetchall()]
