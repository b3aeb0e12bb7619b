"""Building of a dossier from nested values, in the order of the catalogue."""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from overstap.errors import OverstapError
from overstap.oso.catalogue import Catalogue, Field, catalogue
from overstap.oso.model import Dossier
from overstap.oso.tree import GROUPS, IRREGULAR, Node, groups, word_of

_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 does not allow, not even as character references (production 2)."""


def build(values: Mapping[str, Any], version: str = "2019.1") -> Dossier:
    """Build a dossier from nested values.

    Args:
        values: values of the fields of the element dossier, by field name: a text, bool, number or date for a leaf, a
            mapping for a block, a list of these for a repeated field. None omits a field. `land@omschrijving` is the
            attribute of `land`. The lines of a grade list (cijferlijstTypelijst) are a list of mappings. `Dossier.tree`
            is accepted too.
        version: version of the data set, such as `2019.1`.

    Raises:
        OverstapError: DOSSIER-001 unknown version; DOSSIER-015 unknown field.
        ValueError: a text has a character that XML does not allow; the message does not contain the text.
    """
    known = catalogue(version)
    return Dossier(_block(known.root, values, known, known.root), version)


def as_text(value: object) -> str:
    """Return the lexical form of a value in XML Schema: `true`, `2026-03-24`, `7.5`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    return str(value)


def _block(block: str, values: Any, known: Catalogue, path: str) -> Node:
    if block not in known.repeating:
        return _fields(block, values, known, path)
    compiled, whole = known.compiled_blocks[block], Node()
    lines = [_fields(block, group, known, path) for group in _groups(values)]
    for line in lines:
        for name, found in line.items():
            whole.setdefault(name, []).extend(found)
    whole[GROUPS] = groups(whole, "".join(word_of(line, compiled) for line in lines), compiled)
    return whole


def _groups(values: Any) -> Iterable[Mapping[str, Any]]:
    if isinstance(values, Mapping):
        found = values.get(GROUPS)
        return [values] if found is None else found
    return list(values)


def _fields(block: str, values: Mapping[str, Any], known: Catalogue, path: str) -> Node:
    fields = known.blocks[block]
    names = {each.name for each in fields} | {f"{each.name}@{each.attribute}" for each in fields if each.attribute}
    for name in values:
        if name not in names and name not in (GROUPS, IRREGULAR):
            raise OverstapError("DOSSIER-015", path=f"{path}/{name}", version=known.version)
    made = Node()
    for each in fields:
        given = values.get(each.name)
        if given is None:
            continue
        found = [_value(each, value, known) for value in _many(given, each, known)]
        if not found:
            continue
        made[each.name] = found
        if each.attribute:
            own = [_text(value) for value in _many(values.get(f"{each.name}@{each.attribute}"), each)]
            made[f"{each.name}@{each.attribute}"] = (own + [""] * len(found))[: len(found)]
    return made


def _value(field: Field, value: Any, known: Catalogue) -> Any:
    return _block(field.contains, value, known, f"{field.block}/{field.name}") if field.contains else _text(value)


def _text(value: object) -> str:
    text = as_text(value)
    if _NEVER.search(text):
        raise ValueError("a text has a character that XML does not allow")
    return text


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
