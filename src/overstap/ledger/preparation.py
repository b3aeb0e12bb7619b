"""The ledger's part of a deployment's start: its schema, and a role and row for each region. Safe to repeat."""

from pathlib import Path

from overstap.agreements import load_all
from overstap.ledger.migrate import LOGINS, add_region, migrate, set_password


def migrate_ledger(dsn: str, regions: Path) -> list[str]:
    """Bring the ledger to the newest schema and make each agreement's region in it; return what was done, a line each.

    A region that was made before stays, whatever its agreement is now; one whose only agreement cannot be read is
    made when it can.

    Args:
        dsn: connection string of the owner, who may create roles.
        regions: the folder with agreements.

    Raises:
        OverstapError: LEDGER-008 when a file that was applied earlier has changed since.
    """
    lines = migrate(dsn) or ["the schema was up to date"]
    good, broken = load_all(regions)
    for region in sorted({agreement.region for agreement in good}):
        add_region(dsn, region)
        lines.append(f"region {region} is there")
    return [*lines, *(f"left as it was: {error}" for error in broken)]


def give_passwords(dsn: str, folder: Path) -> list[str]:
    """Give each service's login of the ledger the password of its file, `<service>_password`; return a line on it.

    A login without a file keeps what it has; a new one cannot sign in. Safe to repeat, and the way to change one.

    Args:
        dsn: connection string of the owner, who may create roles.
        folder: with the files.

    Raises:
        ValueError: a password has signs that none may have, or fewer than 16.
    """
    given = []
    for login in LOGINS:
        path = folder / f"{login.removeprefix('overstap_')}_password"
        if path.is_file():
            set_password(dsn, login, path.read_text(encoding="ascii").strip())
            given.append(login)
    return [f"logins with the password of their secret: {', '.join(given) or 'none'}"]
