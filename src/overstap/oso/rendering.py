"""Rendering of a dossier as lines of text for people: Dutch labels, meanings of codes, Dutch dates."""

from dataclasses import dataclass
from datetime import date

from overstap.oso.catalogue import Catalogue, Field
from overstap.oso.model import Dossier, as_date
from overstap.oso.traversal import fields
from overstap.oso.tree import Node

_YES_NO = {"true": "ja", "1": "ja", "false": "nee", "0": "nee"}


@dataclass(frozen=True, slots=True)
class RenderedLine:
    """One line of a rendered dossier.

    Args:
        path: path of the field.
        depth: nesting depth, from 0.
        label: Dutch label, with a number for a repeated block.
        value: formatted value; empty for the heading of a block.
        category: category of the field, without `cat_`.
        is_block: whether it is the heading of a block.
    """

    path: str
    depth: int
    label: str
    value: str
    category: str
    is_block: bool


def lines(dossier: Dossier) -> list[RenderedLine]:
    """Render a dossier in document order; an attachment is shown by its size."""
    known = dossier.catalogue
    shown = []
    for found in fields(dossier):
        last = found.path.rsplit("/", 1)[-1]
        number = last.partition("[")[2].rstrip("]")
        label = f"{found.field.label} {number}" if number and found.field.contains else found.field.label
        is_block = isinstance(found.value, Node)
        value = "" if is_block else readable(str(found.value), found.field, known)
        shown.append(RenderedLine(found.path, found.path.count("/") - 1, label, value, found.category, is_block))
    return shown


def readable(text: str, field: Field, known: Catalogue) -> str:
    """Format the text of a leaf for people.

    Args:
        text: text in the dossier.
        field: field of the leaf.
        known: catalogue of the dossier's version.
    """
    if field.name == "bestandsinhoud":
        return f"({len(text) * 3 // 4} bytes)"
    if field.list is not None:
        meaning = known.lists[field.list].get(text.strip(), "")
        return f"{text} ({meaning})" if meaning and meaning != text.casefold() else text
    if field.type is not None and field.type.base == "boolean":
        return _YES_NO.get(text.strip(), text)
    if field.type is not None and field.type.base == "date":
        return _dutch(as_date(text), text)
    return text


def _dutch(day: date | None, text: str) -> str:
    return f"{day.day:02}-{day.month:02}-{day.year}" if day else text
