"""The class `SourceContext`: parameters with which a source of dossiers is opened."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from overstap.agreements import School
from overstap.intake.candidates import Candidate
from overstap.storage import Place


@dataclass(frozen=True, slots=True)
class SourceContext:
    """Parameters of a source besides the school's block `supplies`; a source uses those that it needs."""

    school: School
    region: str
    now: datetime
    drop: Callable[[], Place]
    """Returns the folder that contains all schools' drop folders (setting OVERSTAP_DROP)."""
    label_key: Callable[[], bytes]
    """Returns the key of the digest of file names in labels."""
    database: Callable[[str], AbstractContextManager[Any]]
    """Opens a connection that the agreement names: psycopg 3, idle."""
    typed: Callable[[], Iterable[Candidate]] = tuple
    """Returns the dossiers that the school handed in on its own pages; none in a process without a ledger."""
    regions: Path | None = None
    """Folder of the agreements (setting OVERSTAP_REGIONS), in which a region keeps its own mappings."""
