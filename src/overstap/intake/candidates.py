"""What a source gives for one pupil, before anything of it was read."""

from dataclasses import dataclass, field

from overstap.oso.model import Dossier


@dataclass(frozen=True, slots=True)
class Candidate:
    """What a source gave for one pupil, with a handle that says nothing about the pupil."""

    label: str
    file_name: str = field(repr=False)
    content: bytes | Dossier = field(repr=False)
