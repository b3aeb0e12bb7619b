"""The quick walk: a dossier's node straight from its text, for dossiers that are as plain and as good as most are.

Asking lxml for every tag, text and tail takes longer than parsing did. In a text that is well-formed and has no
comments, CDATA sections or carriage returns, a run of simple fields is one regular expression made from the catalogue:
it holds their order, number and form, and gives their texts. What does not match is left to the careful walk
(`tree.grow`): this one gives a whole and sound dossier, or nothing. A test compares the two.

A dossier that matches has its tags in pairs and no character that XML forbids (production 2, Char). What is left to go
wrong is in its first lines and in references; `is_certain` tells when there is nothing of that to look at.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from overstap.dossier.catalogue import Catalogue, Field
from overstap.dossier.tree import GROUPS, Node
from overstap.dossier.values import SimpleType

_BLANK = "[ \t\n]*+"
_NEVER = bytes((*range(9), 11, 12, *range(14, 32)))
"""Characters that XML 1.0 has no place for, U+FFFE and U+FFFF apart; surrogates are no UTF-8."""
_TEXT = "[^<]"
_SHORT_TEXT = "[^<&]"  # a reference is one character, however long it is written
_XSI = (
    r'(?: xmlns:xsi="http://www\.w3\.org/2001/XMLSchema-instance")?'
    r'(?:[ \t\n]+xsi:(?:schemaLocation|noNamespaceSchemaLocation)="[^"&<]{0,2000}")*'
)
_HEAD = rf"{_BLANK}(?:<\?xml [^>]*\?>)?{_BLANK}"
_FORMS = {
    "boolean": "true|false|1|0",
    "integer": "[+-]?[0-9]{1,20}",
    "int": "-?[0-9]{1,9}",
    "decimal": r"[+-]?[0-9]{1,20}(?:\.[0-9]{0,20})?",
    # the days that every year has; 29 February, and no year 0
    "date": (
        r"(?!0000)[0-9]{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12][0-9]|3[01])|(?:0[469]|11)-(?:0[1-9]|[12][0-9]|30)"
        r"|02-(?:0[1-9]|1[0-9]|2[0-8]))(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])?"
        r"|(?:[0-9]{2}(?:0[48]|[2468][048]|[13579][26])|(?:0[48]|[2468][048]|[13579][26])00)-02-29(?:Z|[+-](?:0[0-9]|1[0-3]):[0-5][0-9])?"
    ),
}
"""The usual way to write a type; rarer ways are for the careful walk."""


class _NotPlain(Exception):  # noqa: N818 - it only says: take the careful walk
    """Something that the quick walk does not know."""


class _Part(Protocol):
    def read(self, text: str, at: int, node: Node) -> int:
        """Read some fields from a place on, put them in the node, and return where they end."""


class Scanner:
    """Reads texts of one version of the data set.

    Args:
        known: the catalogue of the version.
    """

    def __init__(self, known: Catalogue) -> None:
        self._start = re.compile(rf'{_HEAD}<{known.root} xmlns="{re.escape(known.namespace)}"{_XSI}>{_BLANK}')
        self._usual = re.compile(
            rf'(?:<\?xml version="1\.0" encoding="(?:UTF|utf)-8"\?>)?{_BLANK}'
            rf'<{known.root} xmlns="{re.escape(known.namespace)}">'
        )
        self._end = re.compile(rf"</{known.root}>{_BLANK}")
        self._root = _Reader(known, {}).block(known.root)

    def scan(self, text: str) -> Node | None:
        """Return the dossier as a node when it is plain and sound, otherwise None.

        Args:
            text: a whole document that lxml finds to be well-formed, before or after; or for which `is_certain` holds.
        """
        if "\r" in text or not _has_characters_only(text):  # XML reads a carriage return as a line feed
            return None
        start = self._start.match(text)
        if start is None:
            return None
        try:
            node, at = self._root.all(text, start.end())
        except _NotPlain:
            return None
        if self._end.fullmatch(text, at) is None:
            return None
        if "&" in text:
            _resolve(node)
        return node

    def is_certain(self, text: str) -> bool:
        """Tell whether a text that could be scanned is well-formed beyond doubt, so that no parser need be asked.

        Args:
            text: a document of which `scan` gave a node. With a reference, a `]` (which may end a CDATA section that
                never began) or anything but the usual first lines, the answer is no.
        """
        return "&" not in text and "]" not in text and self.is_usual(text)

    def is_usual(self, text: str) -> bool:
        """Tell whether a text that could be scanned begins the usual way: with no namespace but the standard's."""
        return self._usual.match(text) is not None


def _has_characters_only(text: str) -> bool:
    """Tell whether each character is one that XML 1.0 has a place for (production 2, Char)."""
    data = text.encode()
    if len(data.translate(None, _NEVER)) != len(data):
        return False
    return text.isascii() or not ("\ufffe" in text or "\uffff" in text)


@dataclass(slots=True)
class _Run:
    """Fields that occur once at most, one after the other, as one expression."""

    pattern: re.Pattern[str]
    names: tuple[str, ...]
    checked: tuple[tuple[int, SimpleType], ...]
    attributes: tuple[tuple[int, int, str], ...]
    """Per field with an attribute: which group is its text, which its attribute, and how the attribute is called."""

    def read(self, text: str, at: int, node: Node) -> int:
        found = self.pattern.match(text, at)
        if found is None:
            raise _NotPlain
        self.take(found.groups(), node)
        return found.end()

    def take(self, values: tuple[str | None, ...], node: Node) -> None:
        """Put what the expression found in a node."""
        for number, kind in self.checked:
            value = values[number]
            if value is not None and value not in kind.accepted and ("&" in value or not kind.accepts(value)):
                raise _NotPlain
        for name, value in zip(self.names, values):  # noqa: B905 - one name per group, made together
            if value is not None:
                node[name] = [value]
        for own, attribute, name in self.attributes:
            node.pop("", None)
            if values[own] is not None:
                node[name] = [values[attribute] or ""]


@dataclass(slots=True)
class _Leaves:
    """A simple field that may repeat."""

    name: str
    run: _Run
    opening: tuple[str, ...]
    least: int

    def read(self, text: str, at: int, node: Node) -> int:
        found: list[Any] = []
        attributes: list[Any] = []
        simple = not self.run.attributes and not self.run.checked
        while text.startswith(self.opening, at):
            matched = self.run.pattern.match(text, at)
            if matched is None:
                raise _NotPlain
            at = matched.end()
            if simple:
                found.append(matched[1])
            else:
                one = Node()
                self.run.take(matched.groups(), one)
                found.extend(one.pop(self.name))
                for values in one.values():
                    attributes.extend(values)
        if len(found) < self.least:
            raise _NotPlain
        if found:
            node[self.name] = found
            for _, _, name in self.run.attributes:
                node[name] = attributes
        return at


@dataclass(slots=True)
class _Blocks:
    """A field that holds a block."""

    name: str
    opening: re.Pattern[str]
    closing: re.Pattern[str]
    block: "_Block"
    least: int
    most: int | None
    hint: str

    def read(self, text: str, at: int, node: Node) -> int:
        found: list[Node] = []
        while text.startswith(self.hint, at):
            opening = self.opening.match(text, at)
            if opening is None:
                raise _NotPlain
            inner, at = self.block.all(text, opening.end())
            closing = self.closing.match(text, at)
            if closing is None:
                raise _NotPlain
            at = closing.end()
            found.append(inner)
        if len(found) < self.least or (self.most is not None and len(found) > self.most):
            raise _NotPlain
        if found:
            node[self.name] = found
        return at


@dataclass(slots=True)
class _FlatBlocks:
    """A field that holds a block of simple fields only: the whole block is one expression."""

    name: str
    run: _Run
    hint: str
    least: int
    most: int | None

    def read(self, text: str, at: int, node: Node) -> int:
        found: list[Node] = []
        match, take = self.run.pattern.match, self.run.take
        while text.startswith(self.hint, at):
            matched = match(text, at)
            if matched is None:
                raise _NotPlain
            inner = Node()
            take(matched.groups(), inner)
            at = matched.end()
            found.append(inner)
        if len(found) < self.least or (self.most is not None and len(found) > self.most):
            raise _NotPlain
        if found:
            node[self.name] = found
        return at


class _Block:
    """A block: its parts in order."""

    __slots__ = ("choices", "parts", "repeats")

    def __init__(self) -> None:
        self.parts: list[_Part] = []
        self.choices: list[tuple[frozenset[str], bool]] = []
        self.repeats = False

    def all(self, text: str, at: int) -> tuple[Node, int]:
        """Read the whole block, once or as often as it repeats."""
        if not self.repeats:
            return self.once(text, at)
        first, at = self.once(text, at)
        rounds = [first]
        while not text.startswith("</", at):
            again, at = self.once(text, at)
            rounds.append(again)
        whole = Node()
        for each in rounds:
            for name, values in each.items():
                whole.setdefault(name, []).extend(values)
        whole[GROUPS] = rounds
        return whole, at

    def once(self, text: str, at: int) -> tuple[Node, int]:
        node = Node()
        for part in self.parts:
            at = part.read(text, at, node)
        for names, needed in self.choices:
            present = len(names & node.keys())
            if present > 1 or present < needed:
                raise _NotPlain
        return node, at


class _Reader:
    """Makes the parts of every block from the catalogue."""

    def __init__(self, known: Catalogue, made: dict[str, _Block]) -> None:
        self.known = known
        self.made = made

    def block(self, name: str) -> _Block:
        if name in self.made:
            return self.made[name]
        block = self.made[name] = _Block()
        block.repeats = name in self.known.repeating
        waiting: list[Field] = []
        choices: dict[str, set[str]] = {}
        for field in self.known.blocks[name]:
            if field.choice:
                choices.setdefault(field.choice, set()).add(field.name)
            if field.contains is None and field.max == 1:
                waiting.append(field)
                continue
            block.parts.extend(_runs(waiting))
            waiting = []
            block.parts.append(self._part(field))
        block.parts.extend(_runs(waiting))
        block.choices = [(frozenset(names), not choice.endswith("?")) for choice, names in choices.items()]
        return block

    def _part(self, field: Field) -> _Part:
        least = 0 if field.choice else field.min
        if field.contains is None:
            return _Leaves(field.name, _run([field], needed=True), (f"<{field.name}>", f"<{field.name} "), least)
        inner = self.known.blocks[field.contains]
        if field.contains not in self.known.repeating and all(
            each.contains is None and each.max == 1 and not each.choice for each in inner
        ):
            run = _run(list(inner), around=field.name)
            return _FlatBlocks(field.name, run, f"<{field.name}>", least, field.max)
        return _Blocks(
            name=field.name,
            opening=re.compile(rf"<{field.name}>{_BLANK}"),
            closing=re.compile(rf"</{field.name}>{_BLANK}"),
            block=self.block(field.contains),
            least=least,
            most=field.max,
            hint=f"<{field.name}>",
        )


def _runs(fields: list[Field]) -> Iterator[_Run]:
    if fields:
        yield _run(fields)


def _run(fields: list[Field], *, needed: bool = False, around: str = "") -> _Run:
    parts: list[str] = []
    names: list[str] = []
    checked: list[tuple[int, SimpleType]] = []
    attributes: list[tuple[int, int, str]] = []
    for field in fields:
        kind = field.type
        if kind is None:
            raise ValueError(f"{field.block}.{field.name} is no leaf")
        attribute = ""
        if field.attribute:
            attribute = f'(?: {field.attribute}="([^"&<\t\n]{{1,500}})")?'
            attributes.append((len(names) + 1, len(names), f"{field.name}@{field.attribute}"))
            names.append("")
        form, is_enough = _form(kind)
        if not is_enough:
            checked.append((len(names), kind))
        names.append(field.name)
        optional = "?" if not needed and (field.choice or not field.min) else ""
        parts.append(f"(?:<{field.name}{attribute}>({form})</{field.name}>{_BLANK}){optional}")
    whole = "".join(parts)
    if around:
        whole = f"<{around}>{_BLANK}{whole}</{around}>{_BLANK}"
    return _Run(re.compile(whole), tuple(names), tuple(checked), tuple(attributes))


def _form(kind: SimpleType) -> tuple[str, bool]:
    """Return an expression for a type's texts, and whether nothing more need be asked."""
    if kind.base in _FORMS:
        return _FORMS[kind.base], kind.least is None and kind.most is None and kind.pattern is None
    if kind.base == "string" and kind.pattern is not None:
        return kind.pattern.pattern, True
    if kind.longest is not None:
        return f"{_SHORT_TEXT}{{{kind.shortest},{kind.longest}}}+", True
    return f"{_TEXT}{'++' if kind.shortest or kind.base != 'string' else '*+'}", kind.is_plain or kind.is_free


_ENTITY = re.compile(r"&(amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9A-Fa-f]{1,6});")
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}


def _resolve(node: Node) -> None:
    """Resolve the five entities that XML itself has, and characters by number."""
    for values in node.values():
        for number, value in enumerate(values):
            if isinstance(value, Node):
                _resolve(value)
            elif "&" in value:
                values[number] = _ENTITY.sub(_character, value)


def _character(found: re.Match[str]) -> str:
    name = found[1]
    if name.startswith("#x"):
        return chr(int(name[2:], 16))
    return chr(int(name[1:])) if name.startswith("#") else _NAMED[name]
