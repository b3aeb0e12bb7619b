"""Dossiers as a source supplies them, before they are read."""

from dataclasses import dataclass, field

from overstap.oso.model import Dossier


@dataclass(frozen=True, slots=True)
class Candidate:
    """A dossier as a source supplied it, with a label without personal data."""

    label: str
    file_name: str = field(repr=False)
    content: bytes | Dossier = field(repr=False)
