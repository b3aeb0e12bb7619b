"""The ledger: business truth in PostgreSQL, and the only code that queries it.

`session` opens a unit of work in one region; the modules beside it and the folders `rounds`, `dossiers`, `review`,
`delivery` and `notifications` say, one subject each, what can be done inside it. `migrate` makes the database,
`region_keys` holds the regions' keys, `invariants` proves that what stands there is consistent. The SQL of the schema
stands in include/schemas/ledger.
"""

from overstap.ledger.session import Ledger, UnitOfWork, open_ledger

__all__ = ["Ledger", "UnitOfWork", "open_ledger"]
