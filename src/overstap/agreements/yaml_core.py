"""YAML loader with the core schema of YAML 1.2.2 (section 10.3), on the parser of PyYAML, which keeps positions.

PyYAML resolves plain scalars as YAML 1.1 does: `10:30` becomes 630, `no` becomes false, `0123` becomes 83, and a date a
date. This loader keeps them as text. Digits with leading zeros are text too, since they are identifiers; the model
converts them where it needs a number. Only the tags of the core schema exist, and a tagged value must have the form of
its tag.
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
"""Largest number of digits; Python refuses to convert integers of more than 4,300 digits."""
_MOST_DEPTH = 100
"""Largest depth of nesting; an agreement has eight."""
_AROUND = 4
"""Events of a file besides those of its values, of which each has two at the most."""
_BYTE_ORDERS = (
    (b"\xff\xfe\0\0", "utf-32"),
    (b"\0\0\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
)


def yaml_text(data: bytes) -> str:
    """Decode a YAML file (YAML 1.2.2, section 5.2: UTF-8, UTF-16 and UTF-32, with or without a byte order mark).

    Args:
        data: content of the file.

    Raises:
        UnicodeDecodeError: the file has another encoding.
    """
    for mark, encoding in _BYTE_ORDERS:
        if data.startswith(mark):
            return data.decode(encoding)
    # Without a byte order mark, the null bytes of the first character, which is ASCII, show the encoding
    for zeros, encoding in ((b"\0\0\0", "utf-32-be"), (b"\0", "utf-16-be")):
        if data.startswith(zeros):
            return data.decode(encoding)
    if data[1:4] == b"\0\0\0":
        return data.decode("utf-32-le")
    return data.decode("utf-16-le" if data[1:2] == b"\0" else "utf-8")


class CoreLoader(_SafeLoader):  # type: ignore[misc,valid-type]
    """Safe loader of PyYAML with tag resolution by the core schema, and with merge keys (`<<`)."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (attribute of the base class)
    yaml_constructors: dict[str | None, object] = {  # noqa: RUF012 (attribute of the base class)
        tag: construct
        for tag, construct in _SafeLoader.yaml_constructors.items()
        if tag is None or tag.removeprefix(_TAG) in ("str", "seq", "map")
    }

    def construct_core(self, node: yaml.Node) -> int | float | bool | None:
        """Construct a scalar of the core schema.

        Raises:
            ConstructorError: the text does not have the form of its tag.
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


class TooManyValuesError(Exception):
    """A YAML text has more values than it may have."""


def refuse_deep_yaml(text: str, most: int) -> None:
    """Refuse a text whose blocks and lists are nested deeper than any agreement's, or that has too many values.

    The parser in C composes nested values by recursion without a bound: fifty thousand brackets end the process. Its
    events come without recursion. A text of megabytes has values by the million, and each takes time of the process
    that reads all regions.

    Args:
        text: the file.
        most: largest number of values.

    Raises:
        TooManyValuesError: it has more values.
        RecursionError: it is nested too deep.
        YAMLError: it is no YAML.
    """
    depth = 0
    for serial, event in enumerate(yaml.parse(text, Loader=CoreLoader)):
        if serial > 2 * most + _AROUND:
            raise TooManyValuesError
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _MOST_DEPTH:
                raise RecursionError("maximum recursion depth exceeded")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


for _kind, (_form, _first) in _FORMS.items():
    CoreLoader.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(rf"^(?:{_form})$"), list(_first))
    if _kind != "merge":
        CoreLoader.add_constructor(f"{_TAG}{_kind}", CoreLoader.construct_core)
