"""Preparation of the ledger at a deployment's start: schema, regions, and passwords of the logins. Idempotent."""

from pathlib import Path

from overstap.agreements import load_all
from overstap.ledger.migrate import LOGINS, add_region, migrate, set_password
from overstap.progress import Advance, unwatched


def migrate_ledger(dsn: str, regions: Path, advance: Advance = unwatched) -> list[str]:
    """Migrate the ledger to the newest schema and create each agreement's region; return a line per change.

    An existing region stays, whatever its agreement is now. A region whose only agreement cannot be read is created
    at a later run, when it can.

    Args:
        dsn: connection string of the owner, who may create roles.
        regions: the folder with agreements.
        advance: is told of each change of the schema.

    Raises:
        OverstapError: LEDGER-008 when a file that was applied earlier has changed since.
    """
    lines = migrate(dsn, advance=advance) or ["the schema was up to date"]
    good, broken = load_all(regions)
    for region in sorted({agreement.region for agreement in good}):
        add_region(dsn, region)
        lines.append(f"region {region} is there")
    return [*lines, *(f"left as it was: {error}" for error in broken)]


def give_passwords(dsn: str, folder: Path) -> list[str]:
    """Set each service login's password from its file `<service>_password`; return a line for the log.

    A login without a file keeps its password; a new login without one cannot sign in. Run it again to change one.

    Args:
        dsn: connection string of the owner, who may create roles.
        folder: folder with the files.

    Raises:
        ValueError: a password has other characters than printable ASCII, or fewer than 16.
    """
    given = []
    for login in LOGINS:
        path = folder / f"{login.removeprefix('overstap_')}_password"
        if path.is_file():
            set_password(dsn, login, path.read_text(encoding="ascii").strip())
            given.append(login)
    return [f"logins with the password of their secret: {', '.join(given) or 'none'}"]
