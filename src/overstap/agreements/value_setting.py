"""Restoring of one value in the plain data of an agreement, by the path of a difference."""

from collections.abc import Sequence
from typing import Any

from overstap.agreements.differences import NAMED_BY


def set_value(data: Any, path: Sequence[str], value: Any, was_added: bool) -> None:
    """Restore the old value at a path, or remove an added value.

    Args:
        data: result of `Agreement.model_dump()`, modified in place.
        path: steps of the path; items of lists by the key of `differences.NAMED_BY`, members of sets by value.
        value: the old value.
        was_added: whether the value was absent before.
    """
    inside, serial = data, 0
    while serial < len(path) - 1:
        step = path[serial]
        if isinstance(inside[step], (list, tuple)) and step in NAMED_BY:
            inside[step] = list(inside[step])
            _set_item(inside[step], NAMED_BY[step], path[serial + 1 :], value, was_added)
            return
        if isinstance(inside[step], (list, tuple, set, frozenset)):  # such as categories
            inside[step] = sorted(set(inside[step]) - {path[-1]} if was_added else {*inside[step], path[-1]})
            return
        inside, serial = inside[step], serial + 1
    if was_added and serial > 0 and path[serial - 1] in _BY_KEY:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value


_BY_KEY = frozenset({"rounds", "sources", "may_shift"})
"""Blocks in which an added key is deleted; in other blocks its value becomes None."""


def _set_item(items: list[Any], name: str, path: Sequence[str], value: Any, was_added: bool) -> None:
    index = next((serial for serial, item in enumerate(items) if str(item[name]) == path[0]), None)
    if len(path) > 1 and index is not None:
        set_value(items[index], path[1:], value, was_added)
    elif was_added and index is not None:
        del items[index]
    elif index is None:
        items.append(value)
    else:
        items[index] = value
