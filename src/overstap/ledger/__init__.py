"""The ledger: business truth in PostgreSQL, and the only code that queries it.

`door` opens a unit of work in one region; the modules beside it say, one subject each, what can be done inside it:
`rounds`, `dossiers`, `reviews`, `deliveries`, `reports`, `audit`. `migrate` makes the database, `secrets` holds the
regions' keys, `invariants` proves that what stands there is consistent. The SQL stands in include/schemas/ledger.
"""

from overstap.ledger.session import Ledger, UnitOfWork, open_ledger

__all__ = ["Ledger", "UnitOfWork", "open_ledger"]
