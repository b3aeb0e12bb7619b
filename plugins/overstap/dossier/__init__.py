"""The OSO dossier: its catalogue, XML in and out, structure, minimisation, and tables. Knows no stage."""

from overstap.dossier.building import build
from overstap.dossier.catalogue import Catalogue, catalogue, versions
from overstap.dossier.cutting import cut
from overstap.dossier.inspection import with_inspection
from overstap.dossier.model import Dossier
from overstap.dossier.reading import DEFAULT_LIMITS, Limits, read, read_as
from overstap.dossier.structure import StructureFault, check
from overstap.dossier.tree import Node
from overstap.dossier.writing import content_digest, to_bytes

__all__ = [
    "DEFAULT_LIMITS",
    "Catalogue",
    "Dossier",
    "Limits",
    "Node",
    "StructureFault",
    "build",
    "catalogue",
    "check",
    "content_digest",
    "cut",
    "read",
    "read_as",
    "to_bytes",
    "versions",
    "with_inspection",
]
