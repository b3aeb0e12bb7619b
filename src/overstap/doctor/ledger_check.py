"""Check of the ledger: reachability, version of the schema, age of the backup, archive of the log."""

from collections.abc import Iterator
from datetime import timedelta

import psycopg

from overstap.clock import now
from overstap.doctor.finding import Finding, good, mind, unseen, wrong
from overstap.ledger.backups import KINDS, newest
from overstap.ledger.migrate import pending
from overstap.ledger.server import LogArchive, describe, log_archive
from overstap.settings import Settings

OLD, VERY_OLD = timedelta(hours=26), timedelta(days=3)
_SECONDS = 10


def findings(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on the ledger's database."""
    if settings.ledger is None:
        yield unseen("ledger", "OVERSTAP_LEDGER is not set here")
        return
    try:
        with psycopg.connect(settings.ledger, connect_timeout=_SECONDS) as connection:
            server = describe(connection)
            if server.encoding != "UTF8":
                do = "make the database server anew with --encoding=UTF8, and restore"
                yield wrong("ledger", f"its text is in {server.encoding}, not in UTF8", do)
            yield good("ledger", f"PostgreSQL {server.version} answers")
            made, archive = newest(connection), log_archive(connection)
    except psycopg.OperationalError as error:
        do = "look at: docker compose ps postgres; docker compose logs postgres"
        yield wrong("ledger", f"it cannot be reached ({type(error).__name__})", do)
        return
    except psycopg.errors.UndefinedTable:
        yield wrong("ledger", "it has no tables yet", "docker compose run --rm init")
        return
    yield from _schema(settings.ledger_owner)
    if archive is not None:
        yield of_log_archive(archive)
    ages = {kind: now() - made[kind] for kind in KINDS if kind in made}
    for kind in KINDS:
        do = "make one: docs/backup.md"
        if kind not in ages:
            yield mind(f"backup {kind}", "none was ever told", do)
        elif ages[kind] > VERY_OLD:
            yield wrong(f"backup {kind}", f"the newest is {ages[kind].days} days old", do)
        elif ages[kind] > OLD:
            yield mind(f"backup {kind}", f"the newest is of {made[kind]:%Y-%m-%d %H:%M}Z", do)
        else:
            yield good(f"backup {kind}", f"the newest is of {made[kind]:%Y-%m-%d %H:%M}Z")


def of_log_archive(archive: LogArchive) -> Finding:
    """Return the finding on the archive of the write-ahead log, from which a moment is restored."""
    if archive.stands_still:
        do = "look at: docker compose logs postgres; systemctl status overstap-archive.timer"
        return wrong("log archive", f"PostgreSQL cannot archive its log since {archive.failed_at:%Y-%m-%d %H:%M}Z", do)
    if archive.archived_at is None:
        return mind("log archive", "nothing was archived yet", "look again in ten minutes")
    return good("log archive", f"the newest file is of {archive.archived_at:%Y-%m-%d %H:%M}Z")


def _schema(owner: str | None) -> Iterator[Finding]:
    if owner is None:
        yield unseen("ledger schema", "only its owner sees which files were applied (OVERSTAP_LEDGER_OWNER)")
        return
    found = pending(owner)
    if found:
        do = "docker compose run --rm init; of a newer version: run that version on it (docs/upgrading.md)"
        yield wrong("ledger schema", "; ".join(found), do)
    else:
        yield good("ledger schema", "it is this version's")
