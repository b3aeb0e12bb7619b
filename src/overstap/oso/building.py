"""From plain values to a dossier: the order of the elements comes from the catalogue, not from the caller."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.catalogue import Catalogue, Field, catalogue
from overstap.oso.model import Dossier
from overstap.oso.tree import GROUPS


def build(values: Mapping[str, Any], version: str = "2019.1") -> Dossier:
    """Build a dossier from nested values.

    Args:
        values: what the element dossier holds, by field name: a text, bool, number or date for a leaf, a mapping for a
            block, a list
            of either where a field repeats. None leaves a field out. `land@omschrijving` gives the attribute of
            `land`. The lines of a grade list (cijferlijstTypelijst) are a list of mappings. `Dossier.tree` is a good
            argument too.
        version: version of the data set.

    Raises:
        OverstapError: DOSSIER-001 when the version is not known, DOSSIER-015 when a field does not exist.
    """
    known = catalogue(version)
    names: dict[Any, str] = {None: known.namespace}
    root = etree.Element(known.tag(known.root), nsmap=names)
    _fill(root, known.root, values, known, known.root)
    return Dossier(root=root, version=version)


def element(parent: Any, field: Field, value: Any, known: Catalogue) -> Any:
    """Append one field to an element.

    Args:
        parent: the lxml element of the block.
        field: the field.
        value: one value for it: a leaf's value, or a mapping for a block.
        known: the catalogue.

    Raises:
        OverstapError: DOSSIER-015 when the value names a field that does not exist.
    """
    made = etree.SubElement(parent, known.tag(field.name))
    if field.contains:
        _fill(made, field.contains, value, known, f"{field.block}/{field.name}")
    else:
        made.text = as_text(value)
    return made


def as_text(value: object) -> str:
    """Return a value the way XML Schema writes it: `true`, `2026-03-24`, `7.5`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _fill(parent: Any, block: str, values: Any, known: Catalogue, path: str) -> None:
    if block in known.repeating:
        for group in _groups(values):
            _fill_once(parent, block, group, known, path)
    else:
        _fill_once(parent, block, values, known, path)


def _groups(values: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(values, Mapping):
        found = values.get(GROUPS)
        return [values] if found is None else found
    return list(values)


def _fill_once(parent: Any, block: str, values: Mapping[str, Any], known: Catalogue, path: str) -> None:
    fields = known.blocks[block]
    names = {each.name for each in fields} | {f"{each.name}@{each.attribute}" for each in fields if each.attribute}
    for name in values:
        if name not in names and name != GROUPS:
            raise OverstapError("DOSSIER-015", path=f"{path}/{name}", version=known.version)
    for each in fields:
        given = values.get(each.name)
        if given is None:
            continue
        attributes = _many(values.get(f"{each.name}@{each.attribute}"), each) if each.attribute else []
        for index, value in enumerate(_many(given, each, known)):
            made = element(parent, each, value, known)
            if index < len(attributes) and attributes[index]:
                made.set(each.attribute, as_text(attributes[index]))


def _many(given: Any, field: Field, known: Catalogue | None = None) -> list[Any]:
    if given is None:
        return []
    lines = known is not None and field.contains in known.repeating and not _is_list_of_lists(given)
    if isinstance(given, list | tuple) and not lines:
        return list(given)
    if lines and isinstance(given, list | tuple) and given and isinstance(given[0], Mapping) and GROUPS in given[0]:
        return list(given)
    return [given]


def _is_list_of_lists(given: Any) -> bool:
    return isinstance(given, list | tuple) and bool(given) and isinstance(given[0], list | tuple)
