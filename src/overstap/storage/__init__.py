"""Files that schools, the region and Overstap leave for one another: in a folder on disk, or in an object store.

Drop folders, the outbox, reports and checkpoints are read and written here and nowhere else. A place is a `Path`, or an
`ObjectStoragePath` of Airflow, which `overstap.orchestration.object_storage` makes. Faults of a store are `OSError`s,
as those of a disk are, so whoever handles one handles the other.
"""

from overstap.storage.place import Entry, Place, Stored, Unread, UnreadError, is_remote, is_store_fault, local_place
from overstap.storage.use import entries, read, remove, state, write, write_once

__all__ = [
    "Entry",
    "Place",
    "Stored",
    "Unread",
    "UnreadError",
    "entries",
    "is_remote",
    "is_store_fault",
    "local_place",
    "read",
    "remove",
    "state",
    "write",
    "write_once",
]
