"""A YAML loader with the core schema of YAML 1.2.2 (section 10.3), over PyYAML's parser with its positions.

PyYAML resolves plain scalars as YAML 1.1 does: `10:30` becomes 630, `no` becomes false, `0123` becomes 83, and a date a
date. Here those are the text that was written. A number with zeros in front is text too: such a thing names something,
and the model makes a number of it where one belongs. Of tags there are those of the core schema, and a value must have
the form of the tag that is written before it.
"""

import re

import yaml

_SafeLoader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG = "tag:yaml.org,2002:"
_FORMS = {
    "bool": (r"true|True|TRUE|false|False|FALSE", "tTfF"),
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    "float": (
        r"[-+]?(?:(?:0|[1-9][0-9]*)?\.[0-9]+|(?:0|[1-9][0-9]*)\.?)(?:[eE][-+]?[0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
        "-+.0123456789",
    ),
    "merge": (r"<<", "<"),
}
_BASES = {"0o": 8, "0x": 16}
_MAX_DIGITS = 300
"""More digits than this are no number of an agreement, and Python makes none of 4,300."""
_BYTE_ORDERS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


def yaml_text(data: bytes) -> str:
    """Return the text of a YAML file (YAML 1.2.2, section 5.2: UTF-8, UTF-16 and UTF-32, with or without a mark).

    Args:
        data: the whole file.

    Raises:
        UnicodeDecodeError: it is in another encoding.
    """
    for mark, encoding in _BYTE_ORDERS:
        if data.startswith(mark):
            return data.decode(encoding)
    # Without a mark the first sign, which is ASCII, tells by its zeros
    for zeros, encoding in ((b"\0\0\0", "utf-32-be"), (b"\0", "utf-16-be")):
        if data.startswith(zeros):
            return data.decode(encoding)
    if data[1:4] == b"\0\0\0":
        return data.decode("utf-32-le")
    return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-8")


class CoreLoader(_SafeLoader):  # type: ignore[misc,valid-type]
    """YAML's safe loader with the resolution of the core schema; merge keys (`<<`) are taken as before."""

    yaml_implicit_resolvers: dict[str, object] = {}  # noqa: RUF012 (as the library has it)
    yaml_constructors: dict[str | None, object] = {  # noqa: RUF012 (as the library has it)
        tag: construct
        for tag, construct in _SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) in ("str", "seq", "map")
    }

    def construct_core(self, node: yaml.Node) -> int | float | bool | None:
        """Return the value of a scalar of the core schema.

        Raises:
            ConstructorError: it has not the form of its tag.
        """
        kind = node.tag.removeprefix(_TAG)
        text = str(self.construct_scalar(node))
        if len(text) > _MAX_DIGITS or re.fullmatch(_FORMS[kind][0], text) is None:
            raise yaml.constructor.ConstructorError(None, None, "not of the form of its tag", node.start_mark)
        if kind == "int":
            return int(text, _BASES.get(text[:2], 10))
        if kind == "float":
            return float(re.sub(r"\.(?=[iInN])", "", text))
        return None if kind == "null" else text.lower() == "true"


for _kind, (_form, _first) in _FORMS.items():
    CoreLoader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"^(?:{_form})$"), list(_first))
    if _kind != "merge":
        CoreLoader.add_constructor(f"{_TAG}{_kind}", CoreLoader.construct_core)
