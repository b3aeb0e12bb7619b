"""Setting one value in the plain data of an agreement by its path."""

from collections.abc import Sequence
from typing import Any

from overstap.agreements.differences import NAMED_BY


def put(data: Any, path: Sequence[str], value: Any, was_added: bool) -> None:
    """Put the old value at a path, or take away what was added there.

    Args:
        data: `Agreement.model_dump()`, changed in place.
        path: the steps; items of lists by the name that `differences` gives them, categories by themselves.
        value: what stood there.
        was_added: nothing stood there.
    """
    inside, serial = data, 0
    while serial < len(path) - 1:
        step = path[serial]
        if isinstance(inside[step], (list, tuple)) and step in NAMED_BY:
            inside[step] = list(inside[step])
            _put_item(inside[step], NAMED_BY[step], path[serial + 1 :], value, was_added)
            return
        if isinstance(inside[step], (list, tuple, set, frozenset)):  # a set, such as categories: there or not there
            inside[step] = sorted(set(inside[step]) - {path[-1]} if was_added else {*inside[step], path[-1]})
            return
        inside, serial = inside[step], serial + 1
    if was_added and serial > 0 and path[serial - 1] in _BY_KEY:
        del inside[path[-1]]
    else:
        inside[path[-1]] = value


_BY_KEY = frozenset({"rounds", "sources", "may_shift"})
"""Blocks whose keys are names that people give: what was added there is not there. Other keys hold nothing."""


def _put_item(items: list[Any], name: str, path: Sequence[str], value: Any, was_added: bool) -> None:
    place = next((serial for serial, item in enumerate(items) if str(item[name]) == path[0]), None)
    if len(path) > 1 and place is not None:
        put(items[place], path[1:], value, was_added)
    elif was_added and place is not None:
        del items[place]
    elif place is None:
        items.append(value)
    else:
        items[place] = value
