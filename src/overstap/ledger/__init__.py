"""The ledger: business truth in PostgreSQL, and the only code that queries it.

`session` opens a unit of work in one region. The modules beside it and the folders `rounds`, `dossiers`, `review`,
`delivery` and `notifications` have the operations inside a unit of work, by subject. `migrate` makes the database,
`region_keys` reads the regions' keys, `invariants` checks the consistency of the data. The SQL of the schema is in
include/schemas/ledger.
"""

from overstap.ledger.session import Ledger, UnitOfWork, open_ledger

__all__ = ["Ledger", "UnitOfWork", "open_ledger"]
