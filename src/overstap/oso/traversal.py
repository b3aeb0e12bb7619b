"""Traversal of a dossier's fields with their paths."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from overstap.oso.catalogue import Field, catalogue
from overstap.oso.model import Dossier
from overstap.oso.structure import path_of
from overstap.oso.tree import Node


@dataclass(frozen=True, slots=True)
class FieldValue:
    """A field as it stands in a dossier.

    Args:
        path: such as `dossier/huidigeschool/leerling/verzorger[2]/iban`.
        field: what the catalogue says of it.
        value: a leaf's text, or a block's node.
        category: the category that steers it, without `cat_`.
    """

    path: str
    field: Field
    value: str | Node
    category: str


def fields(dossier: Dossier) -> Iterator[FieldValue]:
    """Yield a dossier's fields in document order, a block before what it holds."""
    known = dossier.catalogue
    yield from within(dossier.tree, known.root, known.root, "metadata", known.blocks)


def documents(dossier: Dossier) -> Iterator[tuple[str, Node]]:
    """Yield the attachments with their paths, going only where there can be any."""
    root = dossier.catalogue.root
    yield from _documents(dossier.tree, root, root, _ways_to(dossier.version, "document"))


def within(
    node: Node, block: str, path: str, category: str, blocks: dict[str, tuple[Field, ...]]
) -> Iterator[FieldValue]:
    """Yield the fields of one block in document order, a block before what it holds.

    Args:
        node: what the block holds.
        block: its kind in the catalogue.
        path: where it stands.
        category: the category that steers it, where its fields name none of their own.
        blocks: the catalogue's fields per kind of block.
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


@cache
def _ways_to(version: str, target: str) -> dict[str, tuple[Field, ...]]:
    """Return per block the fields through which the target block can be reached."""
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
