"""Filling in of a released dossier's inspection block in its bytes, without reading or writing the rest of it.

The ledger keeps a dossier as it was written at intake: as Canonical XML, of which the digest over all but the
inspection block is known. The block stands near the beginning. So the part through it is read and written as ever, and
the digest proves that the rest, by far the most of a dossier, is what was released, byte for byte.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

from overstap.oso.catalogue import catalogue, versions
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.tree import IRREGULAR
from overstap.oso.version_cache import forgettable
from overstap.oso.writing import INSPECTION, canonical, content_digest, file_start, to_bytes

Fill = Callable[[Dossier], Dossier]
"""Returns a dossier with its inspection block filled in, or the dossier itself; the rest does not change."""


@dataclass(frozen=True, slots=True)
class WrittenDossier:
    """A dossier as an XML file (`writing.to_bytes`), with its version."""

    content: bytes = field(repr=False)
    version: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """What is around the fields of a version's written dossier.

    Args:
        version: the version.
        start: the beginning of the file, through the opening tag of the root.
        rest: the opening tag of the field after the inspection block, at which the rest begins.
        end: the closing tag of the root.
    """

    version: str
    start: bytes
    rest: bytes
    end: bytes


def filled_in(content: bytes, digest: bytes, fill: Fill) -> WrittenDossier | None:
    """Return a dossier with its inspection block filled in, equal to what reading, filling and writing all of it gives.

    Args:
        content: the dossier as the ledger has it.
        digest: content digest of the released version.
        fill: fills the block in; it is given a dossier with the fields up to the inspection block only, which are all
            that it may depend on.

    Returns:
        None when the content is not the released version.

    Raises:
        OverstapError: DOSSIER-nnn when it cannot be read; the errors of `fill`.
    """
    return _in_its_bytes(content, digest, fill) or _wholly_read(content, digest, fill)


def _wholly_read(content: bytes, digest: bytes, fill: Fill) -> WrittenDossier | None:
    """Read all of the dossier: one whose beginning has not the usual form, or that is not the released version."""
    filled = fill(read(content))
    return WrittenDossier(to_bytes(filled), filled.version) if content_digest(filled) == digest else None


def _in_its_bytes(content: bytes, digest: bytes, fill: Fill) -> WrittenDossier | None:
    """Read the beginning only; return None when that does not prove that the content is the released version."""
    frame = next((one for one in _frames() if content.startswith(one.start)), None)
    if frame is None:
        return None
    end = frame.end + b"\n"
    at = content.find(frame.rest, len(frame.start))
    if at < 0 or not content.endswith(end):
        return None
    head = read(content[:at] + frame.end)
    if IRREGULAR in head.tree or "overdrachtsoort" not in head.tree:
        return None
    rest = content[at : -len(end)]
    without = canonical(head, inspection=False).removesuffix(frame.end)
    hashed = hashlib.sha256(without)
    hashed.update(rest)
    hashed.update(frame.end)
    if hashed.digest() != digest:
        return None
    filled = fill(head)
    if filled is head:
        return WrittenDossier(content, frame.version)
    return WrittenDossier(to_bytes(filled).removesuffix(end) + rest + end, frame.version)


@forgettable
@cache
def _frames() -> tuple[_Frame, ...]:
    found = []
    for version in versions():
        known = catalogue(version)
        fields = [each.name for each in known.blocks[known.root]]
        after = fields[fields.index(INSPECTION) + 1]
        found.append(_Frame(version, file_start(known), f"<{after}>".encode(), f"</{known.root}>".encode()))
    return tuple(found)
