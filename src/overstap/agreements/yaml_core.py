"""A YAML loader with the core schema of YAML 1.2.2 (section 10.3), over PyYAML's parser with its positions.

PyYAML resolves plain scalars as YAML 1.1 does: `10:30` becomes 630, `no` becomes false, `0123` becomes 83, and a date a
date. Here those are the text that was written. A number with zeros in front is text too: such a thing names something,
and the model makes a number of it where one belongs.
"""

import re

import yaml

_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_BASES = {"0o": 8, "0x": 16}


class CoreLoader(_SafeLoader):  # type: ignore[misc,valid-type]
    """YAML's safe loader with the resolution of the core schema; merge keys (`<<`) are taken as before."""

    yaml_implicit_resolvers: dict[str, object] = {}  # noqa: RUF012 (as the library has it)

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Return a number in ten, octal (0o17) or hexadecimal (0x1F) digits."""
        text = str(self.construct_scalar(node))
        return int(text, _BASES.get(text[:2], 10))

    def construct_yaml_bool(self, node: yaml.ScalarNode) -> bool:
        """Return true or false."""
        return str(self.construct_scalar(node)).lower() == "true"


for _kind, _form, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("int", _INTEGER.pattern, "-+0123456789"),
    (
        "float",
        r"[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("merge", r"<<", "<"),
):
    CoreLoader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"^(?:{_form})$"), list(_first))
CoreLoader.add_constructor(f"{_TAG}int", CoreLoader.construct_yaml_int)
CoreLoader.add_constructor(f"{_TAG}bool", CoreLoader.construct_yaml_bool)
