"""The OSO transfer dossier: catalogue of the data set, reading and writing of XML, structure check, minimisation."""

from overstap.oso.building import build
from overstap.oso.catalogue import Catalogue, catalogue, versions
from overstap.oso.inspection import with_inspection
from overstap.oso.minimisation import minimise
from overstap.oso.model import Dossier
from overstap.oso.reading import DEFAULT_LIMITS, ReadingLimits, read, read_as
from overstap.oso.structure import StructureFault, check
from overstap.oso.tree import Node
from overstap.oso.writing import content_digest, to_bytes

__all__ = [
    "DEFAULT_LIMITS",
    "Catalogue",
    "Dossier",
    "Node",
    "ReadingLimits",
    "StructureFault",
    "build",
    "catalogue",
    "check",
    "content_digest",
    "minimise",
    "read",
    "read_as",
    "to_bytes",
    "versions",
    "with_inspection",
]
