"""Clock of the ledger's database, against which the milestones of a round are compared."""

from datetime import datetime

from overstap.ledger.session import UnitOfWork


def present(unit: UnitOfWork) -> datetime:
    """Return the present moment of the ledger, aware."""
    moment: datetime = unit.one("select overstap.clock()")[0]
    return moment


def has_come(unit: UnitOfWork, moment: datetime) -> bool:
    """Tell whether a moment has passed by the ledger's clock.

    Args:
        unit: the transaction.
        moment: aware.
    """
    return present(unit) >= moment
