"""Parameters with which a source of dossiers is opened."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from overstap.agreements import School


@dataclass(frozen=True, slots=True)
class SourcePlace:
    """Parameters of a source beside the school's block of the agreement; a source uses those that it needs."""

    school: School
    region: str
    now: datetime
    drop: Callable[[], Path]
    """Gives the folder of all schools' drop folders (setting OVERSTAP_DROP)."""
    label_key: Callable[[], bytes]
    """Gives the secret from which files get their handles."""
    database: Callable[[str], AbstractContextManager[Any]]
    """Opens the database behind a connection that the agreement names: psycopg 3, idle."""
