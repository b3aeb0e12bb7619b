"""The class `Candidate`: a dossier as a source supplies it, before it is read."""

from dataclasses import dataclass, field

from overstap.oso.model import Dossier


@dataclass(frozen=True, slots=True)
class Candidate:
    """A dossier as a source supplied it.

    Args:
        label: label for messages, without personal data.
        file_name: file name or key in the school's system, which can contain personal data.
        content: content of the file, or a dossier that the source built.
        source: kind of source, when it is another than the school's own: a school of any kind may type pupils in.
    """

    label: str
    file_name: str = field(repr=False)
    content: bytes | Dossier = field(repr=False)
    source: str | None = None
