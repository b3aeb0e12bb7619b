"""Fields of an agreement file for a form; a changed field changes its own place in the text only."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import yaml

from overstap.agreements.drafting.yaml_writing import block_text, scalar_text
from overstap.agreements.model import HolidayRegion, RoundKind
from overstap.agreements.source_positions import AgreementSource, Key, stated_moment

_PERSON = ("account", "name", "email")
_COMPARED = ("region", "conductor", "at_most")


class FieldKind(StrEnum):
    """Form of a field."""

    TEXT = "text"
    MOMENT = "moment"
    """Date and time in Dutch wall time, without an offset."""
    HOLIDAY_REGION = "holiday_region"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class AgreementField:
    """A value of an agreement file that a form shows.

    Args:
        key: its key.
        kind: its form.
        value: the value as the form shows it; a moment as `2027-03-12T16:00`.
    """

    key: Key
    kind: FieldKind
    value: str

    @property
    def name(self) -> str:
        """Its key with points: `rounds.advice.milestones.opens`."""
        return ".".join(map(str, self.key))


@dataclass(frozen=True, slots=True)
class FieldGroup:
    """Fields that stand together: those of the region, a coordinator, a round, an other date, or a comparison.

    Args:
        key: key of their block; empty for those of the region.
        fields: the fields.
    """

    key: Key
    fields: Sequence[AgreementField]


def field_groups(source: AgreementSource) -> list[FieldGroup]:
    """Return the fields of an agreement file, in its order; none when it is no readable YAML.

    Args:
        source: the file as it was read.
    """
    if source.root is None:
        return []
    top: list[Key] = [("name",), ("holiday_region",)]
    groups = [FieldGroup((), list(_fields(source, top)))]
    for serial in range(_length(source, "coordinators")):
        keys: list[Key] = [("coordinators", serial, name) for name in _PERSON]
        groups.append(FieldGroup(("coordinators", serial), list(_fields(source, keys))))
    for kind in RoundKind:
        keys = [("rounds", kind.value, "milestones", name) for name in kind.milestones]
        groups.append(FieldGroup(("rounds", kind.value), list(_fields(source, keys))))
    for serial in range(_length(source, "occasions")):
        keys = [("occasions", serial, name) for name in ("name", "starts", "ends")]
        groups.append(FieldGroup(("occasions", serial), list(_fields(source, keys))))
    stated = source.at("comparisons")
    for serial, one in enumerate(stated if isinstance(stated, list) else ()):
        if isinstance(one, Mapping):
            groups.append(FieldGroup(("comparisons", serial), list(_of_comparison(source, serial, one))))
    return [group for group in groups if group.fields]


def _of_comparison(source: AgreementSource, serial: int, stated: Mapping[str, Any]) -> Iterator[AgreementField]:
    """Return every field of a comparison, also those that the file leaves out, and one for a moment more."""
    block: Key = ("comparisons", serial)
    moments = stated.get("at")
    count = len(moments) if isinstance(moments, list) else 0
    at: list[Key] = [(*block, "at", place) for place in range(count)]
    known = {one.key: one for one in _fields(source, [(*block, name) for name in _COMPARED] + at)}
    yield known.get((*block, "region"), AgreementField((*block, "region"), FieldKind.TEXT, ""))
    for place in range(count + 1):
        key = (*block, "at", place)
        yield known.get(key, AgreementField(key, FieldKind.MOMENT, ""))
    yield known.get((*block, "conductor"), AgreementField((*block, "conductor"), FieldKind.TEXT, ""))
    number = known.get((*block, "at_most"))
    yield AgreementField((*block, "at_most"), FieldKind.NUMBER, number.value if number else "")


def with_fields(content: str, source: AgreementSource, values: Mapping[str, str]) -> str:
    """Return an agreement file in which fields have other values; all other text, comments included, stays.

    Args:
        content: the file.
        source: the file as it was read.
        values: the values of the form, by the names of fields; an unknown name and an unchanged value change nothing.
    """
    changes: list[tuple[int, int, str]] = []
    for group in field_groups(source):
        for one in group.fields:
            new = values.get(one.name)
            if new is None or new == one.value:
                continue
            text = " ".join(new.split())
            node = _node(source, one.key)
            if node is not None:
                is_number = one.kind is FieldKind.NUMBER and text.isascii() and text.isdecimal()
                written = text.replace("T", " ") if _is_moment(text) else text if is_number else scalar_text(text)
                changes.append((node.start_mark.index, node.end_mark.index, written))
    for start, end, written in sorted(changes, reverse=True):
        content = f"{content[:start]}{written}{content[end:]}"
    return content


def with_coordinators(content: str, source: AgreementSource, people: Sequence[Mapping[str, str]]) -> str:
    """Return an agreement file with other coordinators.

    Args:
        content: the file.
        source: the file as it was read.
        people: the coordinators: `account`, `name` and `email` of each.
    """
    return _with_block(
        content, source, "coordinators", [{name: person.get(name, "") for name in _PERSON} for person in people]
    )


def comparisons_of(source: AgreementSource, values: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
    """Return the comparisons of an agreement file, or as a form has them; what is empty is left out.

    Args:
        source: the file as it was read.
        values: the values of the form, by the names of fields; None: as the file has them.
    """
    found = []
    for group in field_groups(source):
        if group.key[:1] != ("comparisons",):
            continue
        one: dict[str, Any] = {"region": "", "at": []}
        for field in group.fields:
            value = " ".join((field.value if values is None else values.get(field.name, field.value)).split())
            if "at" in field.key:
                one["at"] += [stated_moment(value) or value] if value else []
            elif field.kind is FieldKind.NUMBER and value.isascii() and value.isdecimal() and len(value) < 10:
                one["at_most"] = int(value)
            elif value or field.key[-1] == "region":
                one[str(field.key[-1])] = value
        found.append(one)
    return found


def with_comparisons(content: str, source: AgreementSource, wanted: Sequence[Mapping[str, Any]]) -> str:
    """Return an agreement file that compares with other regions; where that is what it says, it stays as it is.

    Args:
        content: the file.
        source: the file as it was read.
        wanted: the comparisons, as of `comparisons_of`.
    """
    stated = source.at("comparisons")
    kept = stated if isinstance(stated, list) else []
    # A form that empties a field leaves an empty value in the text, which means something else than none
    has_empty = any(
        isinstance(one, Mapping) and "" in (*one.values(), *(one["at"] if isinstance(one.get("at"), list) else ()))
        for one in kept
    )
    if list(wanted) == comparisons_of(source) and not has_empty:
        return content
    value = [{name: inside for name, inside in one.items() if name != "at" or inside} for one in wanted]
    if not isinstance(source.root, yaml.MappingNode) or source.root.flow_style:
        return content
    # `comparisons:` with nothing behind it is no comparison either, and has its place
    if all(key.value != "comparisons" for key, _ in source.root.value):
        return f"{content.rstrip()}\n{block_text('comparisons', value)}" if value else content
    return _with_block(content, source, "comparisons", value)


def lacks_moments(source: AgreementSource) -> bool:
    """Return whether a round of an agreement file leaves a moment to the national file."""
    rounds = source.at("rounds")
    return isinstance(rounds, dict) and any(
        not source.is_stated(("rounds", kind.value, "milestones", name))
        for kind in RoundKind
        if kind.value in rounds
        for name in kind.milestones
        if source.at("rounds", kind.value, "milestones", name) is not None
    )


def with_all_moments(content: str, source: AgreementSource) -> str:
    """Return an agreement file whose rounds state what they took from the national file; it means the same.

    Comments within the rounds are not kept.

    Args:
        content: the file.
        source: the file as it was read.
    """
    rounds = source.at("rounds")
    return _with_block(content, source, "rounds", rounds) if isinstance(rounds, dict) else content


def _with_block(content: str, source: AgreementSource, name: str, value: Any) -> str:
    """Return an agreement file with another value of one of its main keys."""
    if not isinstance(source.root, yaml.MappingNode) or source.root.flow_style:
        return content
    block = block_text(name, value).rstrip()
    for key, node in source.root.value:
        if isinstance(key, yaml.ScalarNode) and key.value == name:
            rest = content[_end(node) :]
            between = "" if rest[:1] in ("", "\n", " ", "#") else "\n"
            return f"{content[: key.start_mark.index]}{block}{between}{rest}"
    return content


def coordinators_of(source: AgreementSource) -> list[dict[str, str]]:
    """Return the coordinators that an agreement file names, whatever is missing of them."""
    stated = source.at("coordinators")
    found = []
    for person in stated if isinstance(stated, list) else ():
        if isinstance(person, Mapping):
            found.append({name: str(person.get(name) or "") for name in _PERSON})
    return found


def _fields(source: AgreementSource, keys: Sequence[Key]) -> Iterator[AgreementField]:
    for key in keys:
        node = _node(source, key)
        if node is None:
            continue
        value = str(node.value)
        if key[-1] == "holiday_region" and value in tuple(HolidayRegion):
            yield AgreementField(key, FieldKind.HOLIDAY_REGION, value)
            continue
        moment = stated_moment(value) if key[-1] not in (*_PERSON, "holiday_region") else None
        if moment is not None and moment.tzinfo is None:
            yield AgreementField(key, FieldKind.MOMENT, f"{moment:%Y-%m-%dT%H:%M}")
        elif "\n" not in value:
            yield AgreementField(key, FieldKind.TEXT, value)


def _is_moment(text: str) -> bool:
    moment = stated_moment(text)
    return moment is not None and moment.tzinfo is None


def _node(source: AgreementSource, key: Key) -> yaml.ScalarNode | None:
    """Return the scalar at a key of the file itself; None where it is absent, a block, or written over lines."""
    node = source.node_at(*key)
    return node if node is not None and node.style not in ("|", ">") else None


def _length(source: AgreementSource, name: str) -> int:
    found: Any = source.at(name)
    return len(found) if isinstance(found, list) else 0


def _end(node: yaml.Node) -> int:
    """Return where the last value of a node ends: a block's own end is that of the comments after it."""
    if not isinstance(node, yaml.CollectionNode) or not node.value or node.flow_style:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)
