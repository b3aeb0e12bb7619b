"""Writing of YAML for agreement files, which the loader with the core schema reads back as the same values."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import yaml

from overstap.agreements.yaml_core import CoreLoader

_WIDTH = 4_000
"""No folding: a folded text is hard to read and to compare by line."""


class _Flow(list[Any]):
    """A list on one line."""


_OTHER_BREAKS = re.compile("[\x85\u2028\u2029]")
"""Characters that PyYAML reads as line breaks, and so as a space, unless they are written as escapes."""


class _Writer(yaml.SafeDumper):
    """Dumper of PyYAML that also quotes text which only the core schema would take for a number."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """Return a text, with escapes where a line break other than that of a file is in it."""
        style = '"' if _OTHER_BREAKS.search(data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Writer.add_representer(str, _Writer.represent_str)


for _first, _resolvers in CoreLoader.yaml_implicit_resolvers.items():
    for _tag, _form in _resolvers:
        _Writer.add_implicit_resolver(_tag, _form, [_first])
_Writer.add_representer(
    _Flow, lambda dumper, data: dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=True)
)


def block_text(name: str, value: Any) -> str:
    """Return one key of an agreement file with its value, as lines of YAML.

    Args:
        name: the key.
        value: plain data: text, numbers, booleans, naive or aware datetimes (written as Dutch wall time or with their
            offset), lists and mappings.
    """
    return yaml.dump(
        {name: _plain(value)},
        Dumper=_Writer,
        sort_keys=False,
        allow_unicode=True,
        width=_WIDTH,
        default_flow_style=False,
    )


def scalar_text(value: str) -> str:
    """Return a text as a YAML scalar on one line, quoted where it has to be."""
    written: str = yaml.dump([value], Dumper=_Writer, allow_unicode=True, width=_WIDTH, default_flow_style=True)
    return re.sub(r"\A\[|\]\n?\Z", "", written)


def moment_text(moment: datetime) -> str:
    """Return a moment in the notation of agreement files: `2027-03-12 16:00`, with its offset if it has one."""
    offset = moment.strftime("%z")
    return f"{moment:%Y-%m-%d %H:%M}{f'{offset[:3]}:{offset[3:]}' if offset else ''}"


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inside) for key, inside in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        items = sorted(value) if isinstance(value, (set, frozenset)) else value
        inside = [_plain(item) for item in items]
        is_short = all(not isinstance(item, (dict, list)) for item in inside)
        return _Flow(inside) if is_short else inside
    return value
