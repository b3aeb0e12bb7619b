"""Traversal of the fields and attachments of a dossier, with their paths and categories."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from overstap.oso.catalogue import Field, catalogue
from overstap.oso.model import Dossier
from overstap.oso.structure import path_of
from overstap.oso.tree import Node
from overstap.oso.version_cache import forgettable


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field of a dossier with its value.

    Args:
        path: path such as `dossier/huidigeschool/leerling/verzorger[2]/iban`.
        field: the field in the catalogue.
        value: text of a leaf, or node of a block.
        category: category of the field, without `cat_`.
    """

    path: str
    field: Field
    value: str | Node
    category: str


def fields(dossier: Dossier) -> Iterator[FieldValue]:
    """Yield the fields of a dossier in document order, a block before its fields."""
    known = dossier.catalogue
    yield from within(dossier.tree, known.root, known.root, "metadata", known.blocks)


def documents(dossier: Dossier) -> Iterator[tuple[str, Node]]:
    """Yield path and block of each attachment, visiting only blocks that can contain one."""
    root = dossier.catalogue.root
    yield from _documents(dossier.tree, root, root, _ways_to(dossier.version, "document"))


def within(
    node: Node, block: str, path: str, category: str, blocks: dict[str, tuple[Field, ...]]
) -> Iterator[FieldValue]:
    """Yield the fields of one block in document order, a block before its fields.

    Args:
        node: node of the block.
        block: name of the block in the catalogue.
        path: path of the block.
        category: category that its fields inherit.
        blocks: fields per block, from the catalogue.
    """
    for field in blocks[block]:
        own = field.category or category
        for number, value in enumerate(node.get(field.name, ()), start=1):
            here = path_of(path, field, number)
            yield FieldValue(here, field, value, own)
            if field.contains:
                yield from within(value, field.contains, here, own, blocks)


def _documents(node: Node, block: str, path: str, ways: dict[str, tuple[Field, ...]]) -> Iterator[tuple[str, Node]]:
    for field in ways.get(block, ()):
        for number, value in enumerate(node.get(field.name, ()), start=1):
            here = path_of(path, field, number)
            if field.contains == "document":
                yield here, value
            elif field.contains:
                yield from _documents(value, field.contains, here, ways)


@forgettable
@cache
def _ways_to(version: str, target: str) -> dict[str, tuple[Field, ...]]:
    """Return, per block, the fields through which the target block can be reached."""
    blocks = catalogue(version).blocks
    reaching = {target}
    grown = True
    while grown:
        more = {name for name, fields in blocks.items() if any(field.contains in reaching for field in fields)}
        grown = not more <= reaching
        reaching |= more
    return {
        name: tuple(field for field in fields if field.contains in reaching)
        for name, fields in blocks.items()
        if name in reaching
    }
