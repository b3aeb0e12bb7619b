"""The ledger's part of a deployment's start: its schema, and a role and row for each region. Safe to repeat."""

from pathlib import Path

from overstap.agreements import load_all
from overstap.ledger.migrate import add_region, migrate


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
