"""The quick walk: a dossier's node straight from its text, for dossiers that are as plain and as good as most are.

Asking lxml for every tag, text and tail takes longer than parsing did. In a text that is well-formed and has no
comments, CDATA sections or carriage returns, a run of simple fields is one regular expression made from the catalogue:
it holds their order, number and form, and gives their texts. What does not match is left to the careful walk
(`tree.grow`): this one gives a whole and sound dossier, or nothing. A test compares the two.

A dossier that matches has its tags in pairs and no character that XML forbids (production 2, Char). What is left to go
wrong is in its first lines and in references; `is_certain` tells when there is nothing of that to look at.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from overstap.oso.catalogue import Catalogue, Field
from overstap.oso.tree import GROUPS, Node
from overstap.oso.values import SimpleType

_BLANK = "[ \t\n]*+"
_NEVER = bytes((*range(9), 11, 12, *range(14, 32)))
"""Characters that XML 1.0 has no place for, U+FFFE and U+FFFF apart; surrogates are no UTF-8."""
_TEXT = "[^<]"
_SHORT_TEXT = "[^<&]"  # a reference is one character, however long it is written
_NAME = re.compile("[A-Za-z_][A-Za-z0-9_-]*")
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
        self._read = _Writer(known).reader()

    def scan(self, text: str, data: bytes | None = None) -> Node | None:
        """Return the dossier as a node when it is plain and sound, otherwise None.

        Args:
            text: a whole document that lxml finds to be well-formed, before or after; or for which `is_certain` holds.
            data: the same in UTF-8, if at hand.
        """
        # XML reads a carriage return as a line feed
        if "\r" in text or not _has_characters_only(text, text.encode() if data is None else data):
            return None
        start = self._start.match(text)
        if start is None:
            return None
        try:
            node, at = self._read(text, start.end())
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


def _has_characters_only(text: str, data: bytes) -> bool:
    """Tell whether each character is one that XML 1.0 has a place for (production 2, Char)."""
    if len(data.translate(None, _NEVER)) != len(data):
        return False
    return text.isascii() or not ("\ufffe" in text or "\uffff" in text)


@dataclass(slots=True)
class _Run:
    """Fields that occur once at most, one after the other, as one expression."""

    expression: str
    names: tuple[str, ...]
    """Per group the field it is the text of; empty for an attribute."""
    optional: tuple[bool, ...]
    checked: dict[int, SimpleType]
    """Groups whose form is not all there is to their type."""
    attributes: dict[int, tuple[int, str]]
    """Per group of a field with an attribute: the attribute's group, and how it is called."""


@dataclass(slots=True)
class _Leaves:
    """A simple field that may repeat."""

    field: Field
    run: _Run


@dataclass(slots=True)
class _Blocks:
    """A field that holds a block."""

    field: Field
    least: int


_Part = _Run | _Leaves | _Blocks


class _Writer:
    """Writes, from the catalogue, one Python function per block that a field can hold.

    The functions say nothing that a loop over the parts of a block could not do, as `dataclasses` writes an `__init__`
    that a loop over fields could do: written out it takes two thirds of the time.
    """

    def __init__(self, known: Catalogue) -> None:
        self.known = known
        self.names: dict[str, Any] = {"Node": Node, "NotPlain": _NotPlain, "GROUPS": GROUPS}
        self._lines: list[str] = []
        self._made: dict[tuple[str, str], str] = {}

    def reader(self) -> Callable[[str, int], tuple[Node, int]]:
        """Return the function that reads what is between the first tag and the last."""
        self._function("read", self.known.root, "")
        exec("\n".join(self._lines), self.names)  # noqa: S102 - made of the catalogue's own names, checked above
        made: Callable[[str, int], tuple[Node, int]] = self.names["read"]
        return made

    def _function(self, name: str, block: str, around: str) -> None:
        """Write the function that reads a block with its tags; without `around`, only what is within."""
        parts = list(_parts(self.known, block))
        body = [f"def {name}(text, at):", " node = Node()"]
        opening, closing = (f"<{around}>{_BLANK}", f"</{around}>{_BLANK}") if around else ("", "")
        for number, part in enumerate(parts):
            if isinstance(part, _Run):
                before, after = opening, closing if number == len(parts) - 1 else ""
                body += self._run(part, before, after)
                opening, closing = "", "" if after else closing
                continue
            if opening:
                body += self._tag(opening)
                opening = ""
            body += self._leaves(part) if isinstance(part, _Leaves) else self._blocks(part)
        body += self._choices(block)
        if closing:
            body += self._tag(opening + closing)
        self._lines += [*body, " return node, at"]

    def _bind(self, value: Any) -> str:
        name = f"v{len(self.names)}"
        self.names[name] = value
        return name

    def _tag(self, expression: str) -> list[str]:
        match = self._bind(re.compile(expression).match)
        return [f" m = {match}(text, at)", " if m is None: raise NotPlain", " at = m.end()"]

    def _run(self, run: _Run, before: str, after: str) -> list[str]:
        lines = self._tag(before + run.expression + after)
        groups = [f"g{number}" for number in range(len(run.names))]
        lines.append(f" {', '.join(groups)}, = m.groups()")
        attributes = {own for own, _ in run.attributes.values()}
        for number, (group, field) in enumerate(zip(groups, run.names, strict=True)):
            if number in attributes:
                continue
            deeper = " "
            if run.optional[number]:
                lines.append(f" if {group} is not None:")
                deeper = "  "
            if number in run.checked:
                kind = run.checked[number]
                known, accepts = self._bind(kind.accepted), self._bind(kind.accepts)
                lines.append(f"{deeper}if {group} not in {known} and ('&' in {group} or not {accepts}({group})):")
                lines.append(f"{deeper} raise NotPlain")
            lines.append(f"{deeper}node[{field!r}] = [{group}]")
            if number in run.attributes:
                own, name = run.attributes[number]
                lines.append(f"{deeper}node[{name!r}] = [{groups[own]} or '']")
        return lines

    def _leaves(self, leaves: _Leaves) -> list[str]:
        field, run = leaves.field, leaves.run
        match = self._bind(re.compile(run.expression).match)
        first = (f"<{field.name}>", f"<{field.name} ") if field.attribute else f"<{field.name}>"
        own = next(iter(run.attributes.values()), None)
        lines = [f" if text.startswith({first!r}, at):", "  found = []"]
        lines += ["  others = []"] if own else []
        lines += [f"  while text.startswith({first!r}, at):", f"   m = {match}(text, at)"]
        lines += ["   if m is None: raise NotPlain", f"   value = m[{len(run.names)}]"]
        for kind in run.checked.values():
            known, accepts = self._bind(kind.accepted), self._bind(kind.accepts)
            lines.append(f"   if value not in {known} and ('&' in value or not {accepts}(value)): raise NotPlain")
        lines += ["   found.append(value)", "   at = m.end()"]
        lines += ["   others.append(m[1] or '')"] if own else []
        lines += [f"  node[{field.name!r}] = found"]
        lines += [f"  node[{own[1]!r}] = others"] if own else []
        needed = field.min and not field.choice
        return [*lines, " else: raise NotPlain"] if needed else lines

    def _blocks(self, blocks: _Blocks) -> list[str]:
        field = blocks.field
        read = self._reads(field)
        hint = f"<{field.name}>"
        lines = [f" if text.startswith({hint!r}, at):", f"  inner, at = {read}(text, at)"]
        if field.max == 1:
            lines.append(f"  node[{field.name!r}] = [inner]")
        else:
            lines += ["  found = [inner]", f"  while text.startswith({hint!r}, at):"]
            lines += [f"   inner, at = {read}(text, at)", "   found.append(inner)", f"  node[{field.name!r}] = found"]
        return [*lines, " else: raise NotPlain"] if blocks.least else lines

    def _reads(self, field: Field) -> str:
        """Return the name of the function that reads one field with a block, written if need be."""
        block = field.contains or ""
        if (field.name, block) not in self._made:
            name = self._made[field.name, block] = f"read{len(self._made)}"
            if block in self.known.repeating:
                self._function(f"{name}_once", block, "")
                tags = (re.compile(f"<{each}>{_BLANK}").match for each in (field.name, f"/{field.name}"))
                opening, closing = (self._bind(tag) for tag in tags)
                self._lines.append(_REPEATING.format(name=name, opening=opening, closing=closing))
            else:
                self._function(name, block, field.name)
        return self._made[field.name, block]

    def _choices(self, block: str) -> list[str]:
        choices: dict[str, list[str]] = {}
        for field in self.known.blocks[block]:
            if field.choice:
                choices.setdefault(field.choice, []).append(field.name)
        lines = []
        for choice, names in choices.items():
            lines.append(f" present = {' + '.join(f'({name!r} in node)' for name in names)}")
            lines.append(f" if present > 1{'' if choice.endswith('?') else ' or not present'}: raise NotPlain")
        return lines


_REPEATING = """\
def {name}(text, at):
 m = {opening}(text, at)
 if m is None: raise NotPlain
 at = m.end()
 rounds = []
 while not rounds or not text.startswith('</', at):
  again, at = {name}_once(text, at)
  rounds.append(again)
 m = {closing}(text, at)
 if m is None: raise NotPlain
 whole = Node()
 for each in rounds:
  for name, values in each.items():
   whole.setdefault(name, []).extend(values)
 whole[GROUPS] = rounds
 return whole, m.end()"""


def _parts(known: Catalogue, block: str) -> Iterator[_Part]:
    """Yield what a block consists of: runs of simple fields, simple fields that may repeat, and blocks."""
    waiting: list[Field] = []
    for field in known.blocks[block]:
        if not _NAME.fullmatch(field.name):
            raise ValueError(f"{block}.{field.name} is no name of an element")
        if field.contains is None and field.max == 1:
            waiting.append(field)
            continue
        if waiting:
            yield _run(waiting)
            waiting = []
        if field.contains is None:
            yield _Leaves(field, _run([field], needed=True))
        else:
            yield _Blocks(field, 0 if field.choice else field.min)
    if waiting:
        yield _run(waiting)


def _run(fields: list[Field], *, needed: bool = False) -> _Run:
    made = _Run("", (), (), {}, {})
    for field in fields:
        kind = field.type
        if kind is None:
            raise ValueError(f"{field.block}.{field.name} is no leaf")
        optional = not needed and bool(field.choice or not field.min)
        attribute = ""
        if field.attribute:
            attribute = f'(?: {field.attribute}="([^"&<\t\n]{{1,500}})")?'
            made.attributes[len(made.names) + 1] = (len(made.names), f"{field.name}@{field.attribute}")
            made.names, made.optional = (*made.names, ""), (*made.optional, True)
        form, is_enough = _form(kind)
        if not is_enough:
            made.checked[len(made.names)] = kind
        made.names, made.optional = (*made.names, field.name), (*made.optional, optional)
        made.expression += f"(?:<{field.name}{attribute}>({form})</{field.name}>{_BLANK}){'?' if optional else ''}"
    return made


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
