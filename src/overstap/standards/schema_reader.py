"""Reading of an official XSD of the data set: its blocks, fields, order, types, cardinality and choices.

The schema is resolved by the package `xmlschema`, which fetches nothing from a network here and accepts no DTD.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.xml_parser import parse_other

ROOT = "dossier"
SCHEMA_LIMIT_BYTES = 20_000_000
_XSD = "http://www.w3.org/2001/XMLSchema"
_LIST = re.compile(r"[Cc]odelijst\s*[“\"']?\s*(\d{1,3})\b")
_DEEPEST = 30
_SUPPORTED = {
    "string": "string",
    "boolean": "boolean",
    "date": "date",
    "decimal": "decimal",
    "integer": "integer",
    "int": "int",
}
_WHOLE = {
    "nonNegativeInteger": (0, None),
    "positiveInteger": (1, None),
    "nonPositiveInteger": (None, 0),
    "negativeInteger": (None, -1),
    "long": (-(2**63), 2**63 - 1),
    "short": (-(2**15), 2**15 - 1),
    "byte": (-(2**7), 2**7 - 1),
    "unsignedLong": (0, 2**64 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedByte": (0, 2**8 - 1),
}
_ZONE = r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
_AS_PATTERN = {
    "gYear": rf"[0-9]{{4}}{_ZONE}",
    "gYearMonth": rf"[0-9]{{4}}-(?:0[1-9]|1[0-2]){_ZONE}",
    "gMonth": rf"--(?:0[1-9]|1[0-2]){_ZONE}",
    "time": rf"[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?{_ZONE}",
    "dateTime": rf"[0-9]{{4}}-[0-9]{{2}}-[0-9]{{2}}T[0-9]{{2}}:[0-9]{{2}}:[0-9]{{2}}(?:\.[0-9]+)?{_ZONE}",
    "base64Binary": r"[A-Za-z0-9+/=\s]*",
}


@dataclass(frozen=True, slots=True)
class SchemaForm:
    """The form of a leaf, in the properties of `simple_types.SimpleType`.

    Args:
        base: `string`, `boolean`, `date`, `integer`, `int` or `decimal`.
        pattern: regular expression for the whole text (Python's notation), or empty.
        shortest: smallest length, in characters, or None.
        longest: largest length, in characters, or None.
        least: smallest number, or None.
        most: largest number, or None.
        values: the texts of an enumeration; empty without one.
        is_looser: whether the schema has a restriction that this form does not express.
    """

    base: str
    pattern: str = ""
    shortest: int | None = None
    longest: int | None = None
    least: Decimal | None = None
    most: Decimal | None = None
    values: tuple[str, ...] = ()
    is_looser: bool = False


@dataclass(frozen=True, slots=True)
class SchemaField:
    """An element within a block of the schema.

    Args:
        name: name of the element.
        min: 0 or 1.
        max: 1, or None for unbounded.
        choice: id of the exclusive choice that it belongs to, ending in `?` when it is optional; else empty.
        form: form of a leaf; None for a block.
        contains: key of the block that it holds; None for a leaf.
        attribute: name of its optional attribute, or None.
        list: number of the code list that the schema's documentation names, or None.
        path: path of its first place, for messages.
    """

    name: str
    min: int
    max: int | None
    choice: str
    form: SchemaForm | None
    contains: str | None
    attribute: str | None
    list: str | None
    path: str


@dataclass(slots=True)
class OfficialSchema:
    """The content of an official schema.

    Args:
        namespace: its target namespace.
        root: name of the outermost element.
        top: key of the block of the outermost element.
        blocks: fields per block, by a key that is one per type of the schema.
        repeating: keys of blocks whose sequence of fields can repeat as a whole.
    """

    namespace: str
    root: str
    top: str
    blocks: dict[str, list[SchemaField]] = field(default_factory=dict)
    repeating: set[str] = field(default_factory=set)


def read_schema(path: Path) -> OfficialSchema:
    """Read an official schema.

    Files that it includes or imports are read from its own folder; nothing is fetched from a network.

    Args:
        path: the XSD.

    Raises:
        OverstapError: STANDARD-001 the file cannot be opened; -002 it is not a valid XSD; -003 it has a DTD; -004 it
            names a file that is not in its folder; -005 it has no element `dossier`; -006 it has a construction that a
            catalogue cannot express.
    """
    import xmlschema

    parts_of(path)
    try:
        schema = xmlschema.XMLSchema10(
            str(path.resolve()), allow="sandbox", defuse="always", use_location_hints=False, use_fallback=False
        )
    except (xmlschema.XMLSchemaException, SyntaxError, ValueError, RecursionError) as problem:
        raise OverstapError("STANDARD-002", file=path.name, problem=_first_line(problem)) from None
    element = schema.elements.get(ROOT)
    if element is None:
        roots = ", ".join(sorted(schema.elements.keys())[:20]) or "-"
        raise OverstapError("STANDARD-005", file=path.name, root=ROOT, roots=roots)
    if not schema.target_namespace:
        raise OverstapError("STANDARD-006", path=ROOT, what="targetNamespace")
    reader = _SchemaWalk(schema.target_namespace)
    top = reader.block(element.type, ROOT)
    return OfficialSchema(schema.target_namespace, ROOT, top, reader.blocks, reader.repeating)


def parts_of(path: Path) -> list[Path]:
    """Return a schema and the files that it includes, all in one folder.

    Raises:
        OverstapError: STANDARD-001 to -004, as `read_schema`.
    """
    data = _content(path)
    _refuse_dtd(path, data)
    seen: set[Path] = set()
    _refuse_outside(path, data, seen)
    return sorted(seen)


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(SCHEMA_LIMIT_BYTES + 1)
    except OSError:
        raise OverstapError("STANDARD-001", file=path.name) from None
    if len(data) > SCHEMA_LIMIT_BYTES:
        raise OverstapError("STANDARD-002", file=path.name, problem=f"> {SCHEMA_LIMIT_BYTES} bytes")
    return data


def _refuse_dtd(path: Path, data: bytes) -> None:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data or "<!DOCTYPE".encode("utf-16-le") in data:
        raise OverstapError("STANDARD-003", file=path.name)


def _refuse_outside(path: Path, data: bytes, seen: set[Path]) -> None:
    """Refuse files that are named but not at hand, or outside the folder of the schema; `seen` gets those that are."""
    here = path.resolve()
    seen.add(here)
    try:
        top = parse_other(data)
    except (etree.XMLSyntaxError, ValueError) as problem:
        raise OverstapError("STANDARD-002", file=path.name, problem=_first_line(problem)) from None
    if top.tag != f"{{{_XSD}}}schema":
        raise OverstapError("STANDARD-002", file=path.name, problem="xs:schema?")
    folder = here.parent
    for each in top:
        if each.tag not in (f"{{{_XSD}}}include", f"{{{_XSD}}}import", f"{{{_XSD}}}redefine"):
            continue
        named = each.get("schemaLocation", "")
        other = (folder / named).resolve() if named and "://" not in named else None
        if other is None or not other.is_relative_to(folder) or not other.is_file():
            raise OverstapError("STANDARD-004", file=path.name, named=named or each.get("namespace") or "-")
        if other not in seen:
            content = _content(other)
            _refuse_dtd(other, content)
            _refuse_outside(other, content, seen)


def _first_line(problem: Exception) -> str:
    return " ".join(str(problem).split())[:200]


class _SchemaWalk:
    """Traversal of the types below the outermost element; each type is one block."""

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.blocks: dict[str, list[SchemaField]] = {}
        self.repeating: set[str] = set()
        self._keys: dict[int, str] = {}
        self._open: set[int] = set()

    def block(self, kind: Any, path: str) -> str:
        """Return the key of the block of a complex type, having read its fields."""
        if id(kind) in self._open or path.count("/") > _DEEPEST:
            raise OverstapError("STANDARD-006", path=path, what="recursion")
        if id(kind) in self._keys:
            return self._keys[id(kind)]
        self._open.add(id(kind))
        key = f"{len(self._keys)}:{path}"
        self._keys[id(kind)] = key
        if any(name is not None for name in kind.attributes):
            raise OverstapError("STANDARD-006", path=path, what="xs:attribute")
        if kind.mixed:
            raise OverstapError("STANDARD-006", path=path, what="mixed")
        fields = list(self._members(kind.content, path, key))
        names = [each.name for each in fields]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise OverstapError("STANDARD-006", path=f"{path}/{twice[0]}", what="2 x")
        self.blocks[key] = fields
        self._open.discard(id(kind))
        return key

    def _members(self, group: Any, path: str, key: str) -> Iterator[SchemaField]:
        """Yield the fields of a sequence; a choice within it gets a number."""
        parts = list(_flattened(group, path))
        if group.model == "sequence" and group.max_occurs is None:
            self.repeating.add(key)
        choices = 0
        for part, is_choice in parts:
            if is_choice:
                choices += 1
                is_optional = part.min_occurs == 0 or any(each.min_occurs == 0 for each in part)
                name = f"{choices}?" if is_optional else str(choices)
                for each in part:
                    # Members have at least one occurrence: an empty choice is expressed by the choice itself
                    yield self._field(each, path, name, min_occurs=0 if is_optional else 1)
            else:
                yield self._field(part, path, "", min_occurs=part.min_occurs)

    def _field(self, element: Any, path: str, choice: str, *, min_occurs: int) -> SchemaField:
        from xmlschema.validators import XsdElement

        here = f"{path}/{getattr(element, 'local_name', None) or '*'}"
        if not isinstance(element, XsdElement):
            raise OverstapError("STANDARD-006", path=here, what="xs:any, xs:sequence")
        if element.min_occurs > 1 or element.max_occurs not in (0, 1, None) or element.max_occurs == 0:
            raise OverstapError("STANDARD-006", path=here, what=f"{element.min_occurs}..{element.max_occurs}")
        if element.target_namespace != self.namespace or (not element.qualified and not element.ref):
            raise OverstapError("STANDARD-006", path=here, what="elementFormDefault, namespace")
        if element.substitution_group or element.nillable or element.abstract:
            raise OverstapError("STANDARD-006", path=here, what="nillable, abstract, substitutionGroup")
        kind: Any = element.type
        is_leaf = kind.is_simple() or kind.has_simple_content()
        attribute = _attribute(kind, here) if is_leaf and not kind.is_simple() else None
        return SchemaField(
            name=element.local_name,
            min=min_occurs,
            max=element.max_occurs,
            choice=choice,
            form=_form(kind.content if not kind.is_simple() else kind, here) if is_leaf else None,
            contains=None if is_leaf else self.block(kind, here),
            attribute=attribute,
            list=_list_of(element),
            path=here,
        )


def _flattened(group: Any, path: str) -> Iterator[tuple[Any, bool]]:
    """Yield the elements of a group, and its choices (True), in order; nested sequences that occur once are opened."""
    from xmlschema.validators import XsdGroup

    if group.model == "all":
        raise OverstapError("STANDARD-006", path=path, what="xs:all")
    if group.model == "choice":
        if group.max_occurs != 1:
            raise OverstapError("STANDARD-006", path=path, what=f"xs:choice {group.min_occurs}..{group.max_occurs}")
        if len(group) == 1 and group.min_occurs == 1:
            yield from _flattened_item(group[0], path)
        else:
            yield _opened_choice(group, path), True
        return
    for part in group:
        if not isinstance(part, XsdGroup):
            yield part, False
        elif part.model == "sequence" and (part.min_occurs, part.max_occurs) != (1, 1):
            raise OverstapError("STANDARD-006", path=path, what=f"xs:sequence {part.min_occurs}..{part.max_occurs}")
        else:
            yield from _flattened(part, path)


def _flattened_item(part: Any, path: str) -> Iterator[tuple[Any, bool]]:
    from xmlschema.validators import XsdGroup

    if isinstance(part, XsdGroup):
        yield from _flattened(part, path)
    else:
        yield part, False


def _opened_choice(group: Any, path: str) -> Any:
    from xmlschema.validators import XsdGroup

    if any(isinstance(part, XsdGroup) for part in group):
        raise OverstapError("STANDARD-006", path=path, what="xs:choice / xs:sequence")
    return group


def _attribute(kind: Any, path: str) -> str | None:
    names = [name for name in kind.attributes if name is not None]
    if None in kind.attributes or len(names) > 1 or any(kind.attributes[name].use == "required" for name in names):
        raise OverstapError("STANDARD-006", path=path, what="xs:attribute")
    return names[0] if names else None


def _list_of(element: Any) -> str | None:
    """Return the number of the code list that the documentation of an element names."""
    for holder in (element, getattr(element, "type", None)):
        note = getattr(holder, "annotation", None)
        for each in getattr(note, "documentation", None) or ():
            if each.get("source") != "wijzigingen" and (found := _LIST.search("".join(each.itertext()))):
                return found[1]
    return None


def _form(kind: Any, path: str) -> SchemaForm:
    """Return the form of a simple type.

    Raises:
        OverstapError: STANDARD-006 for a list or union.
    """
    if kind.is_list() or kind.is_union():
        raise OverstapError("STANDARD-006", path=path, what="xs:list, xs:union")
    patterns: list[str] = []
    values: tuple[str, ...] = ()
    step = kind
    is_looser = False
    while step is not None and not _is_builtin(step):
        if step.patterns is not None:
            patterns.append("|".join(_translated(each) for each in step.patterns.regexps))
        if step.enumeration is not None and not values:
            values = tuple(str(each) for each in step.enumeration)
        facets = {str(name).rpartition("}")[2] for name in step.facets if name is not None}
        is_looser = is_looser or bool(facets & {"totalDigits", "fractionDigits", "assertion", "explicitTimezone"})
        step = step.base_type
    name = str(getattr(step, "local_name", "string"))
    least, most = _bounds(kind)
    shortest, longest = kind.min_length, kind.max_length
    if name in _SUPPORTED:
        base = _SUPPORTED[name]
        if base != "string":
            shortest = longest = None
    elif name in _WHOLE:
        base, (low, high) = "integer", _WHOLE[name]
        least = least if least is not None or low is None else Decimal(low)
        most = most if most is not None or high is None else Decimal(high)
        shortest = longest = None
    else:
        base, least, most = "string", None, None
        if name in _AS_PATTERN:
            patterns.append(_AS_PATTERN[name])
        is_looser = True
    if base in ("integer", "int", "decimal", "string"):
        pass
    elif least is not None or most is not None:
        least = most = None
        is_looser = True
    patterns = list(dict.fromkeys(patterns))
    if values:
        patterns = ["|".join(re.escape(each) for each in values)]
    pattern = patterns[0] if patterns else ""
    if len(patterns) > 1:  # a type that restricts another keeps the patterns of both
        pattern = "".join(f"(?=(?:{each})\\Z)" for each in patterns[1:]) + f"(?:{patterns[0]})"
    return SchemaForm(base, pattern, shortest or None, longest, least, most, values, is_looser)


def _is_builtin(kind: Any) -> bool:
    return str(kind.name or "").startswith(f"{{{_XSD}}}")


def _bounds(kind: Any) -> tuple[Decimal | None, Decimal | None]:
    """Return the inclusive bounds of a number; exclusive bounds of whole numbers are made inclusive."""
    found: dict[str, Decimal] = {}
    step = kind
    while step is not None and not _is_builtin(step):
        for name, facet in step.facets.items():
            short = str(name).rpartition("}")[2]
            if short in ("minInclusive", "maxInclusive", "minExclusive", "maxExclusive"):
                try:
                    value = Decimal(str(facet.value))
                except ArithmeticError:
                    continue
                found.setdefault(short, value)
        step = step.base_type
    least = found.get("minInclusive")
    most = found.get("maxInclusive")
    if "minExclusive" in found and least is None:
        least = found["minExclusive"] + 1
    if "maxExclusive" in found and most is None:
        most = found["maxExclusive"] - 1
    return least, most


def _translated(pattern: str) -> str:
    """Return a pattern of XML Schema in Python's notation, for a full match."""
    from elementpath.regex import translate_pattern

    plain = pattern.replace(r"\p{Nd}", r"\d")
    found = str(translate_pattern(plain, back_references=False, lazy_quantifiers=False, anchors=False))
    begin, end = "^(?:", r")$(?!\n\Z)"
    return found[len(begin) : -len(end)] if found.startswith(begin) and found.endswith(end) else found
