"""Reader of agreement files: their plain data with national defaults, and the position of each value.

Loading and checking share this reader, so that both interpret a file alike.
"""

import difflib
import os
import re
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from overstap.agreements.kinds import channels, sources
from overstap.agreements.model.moments import moment_of
from overstap.agreements.national import FOLDER, national_year
from overstap.agreements.yaml_core import CoreLoader, TooManyValuesError, refuse_deep_yaml, yaml_text
from overstap.errors import OverstapError
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.texts import texts

Key = tuple[str | int, ...]
"""Path of a value: ("rounds", "advice", "milestones", "opens")."""
FileContents = Mapping[Path, bytes]
"""Contents that stand for those of files: a draft that is not in the folder yet, by the paths that it would have."""

_TEXT, _LIST, _BLOCK = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null"))
_MAX_BYTES, _MAX_NODES = 5_000_000, 500_000
"""Limits of a file; an agreement with 150 schools has a hundredth of either."""
SCHOOL_YEAR = re.compile(r"20[0-9]{2}-20[0-9]{2}")
SCHOOLS_FILE = re.compile(r"[A-Za-z0-9_-]+\.(csv|xlsx)")
_NEEDED_COLUMNS = ("id", "name", "kind", "contact")
_OPTIONAL_COLUMNS = ("board", "supplies", "receives")
_COLUMNS = ("id", "name", "kind", "board", "contact", "supplies", "receives")


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """Position in a file; line and column count from 1."""

    file: Path
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class SourceFault:
    """A fault in reading the files.

    Args:
        code: a code of include/texts/errors/agreements.yaml.
        facts: values for the placeholders of its sentence.
        position: position of the fault.
        key: key of the value, or of the nearest block around it.
    """

    code: str
    facts: dict[str, Any]
    position: SourcePosition
    key: Key = ()


@dataclass(slots=True)
class AgreementSource:
    """The data of the files of one agreement, with positions.

    Args:
        path: the agreement file.
        data: plain data in the form of `Agreement`, if the file has that form.
        faults: faults found in reading.
        rows: position of each row of the file of schools, by key.
        root: root node of the parsed YAML; None when parsing failed.
        positions: position of each key of the agreement file; None until first used.
    """

    path: Path
    data: Any = None
    faults: list[SourceFault] = field(default_factory=list)
    rows: dict[Key, SourcePosition] = field(default_factory=dict)
    root: yaml.Node | None = None
    positions: dict[Key, SourcePosition] | None = None

    def is_stated(self, key: Key) -> bool:
        """Return whether a key is in the files, instead of a default of the national file."""
        return key in self.rows or key in self._positions()

    def position(self, key: Key) -> SourcePosition:
        """Return the position of a value, or of the nearest block around it that is in the files."""
        while key and not self.is_stated(key):
            key = key[:-1]
        return self.rows.get(key) or self._positions().get(key, SourcePosition(self.path, 1, 1))

    def key_of(self, loc: tuple[str | int, ...]) -> Key:
        """Convert the location of a pydantic error to a key of the file.

        Args:
            loc: location of the error; it contains steps that are not in the file: `[key]`, the kind of a source.
        """
        key: Key = ()
        for serial, step in enumerate(loc):
            inside = self.at(*key)
            is_last = serial == len(loc) - 1
            if step == "[key]" or (isinstance(inside, Mapping) and step not in inside and not is_last):
                continue
            if step in (*sources(), *channels()) and isinstance(inside, Mapping) and step not in inside:
                continue
            key = (*key, step)
        return key

    def school_at(self, key: Key) -> str:
        """Return the name, or else the id, of the school whose block contains a key; empty outside the schools."""
        if len(key) < 2 or key[0] != "schools":
            return ""
        school = self.at(*key[:2])
        names = [school.get(name) for name in ("name", "id")] if isinstance(school, Mapping) else []
        return next((name[:80] for name in names if isinstance(name, str) and name), "")

    def _positions(self) -> dict[Key, SourcePosition]:
        """Return the position of each key; computed on first use, since valid agreements do not need it."""
        if self.positions is None:
            self.positions = dict(_positions(self.root, self.path)) if self.root is not None else {}
        return self.positions

    def text_at(self, *key: str | int) -> str | None:
        """Return the text of a scalar in the agreement file, in its notation; None when the key has no scalar."""
        node = self.node_at(*key)
        return str(node.value) if node is not None else None

    def node_at(self, *key: str | int) -> yaml.ScalarNode | None:
        """Return the scalar at a key of the agreement file, with its position; None when the key has no scalar."""
        node = self.root
        for step in key:
            inside: yaml.Node | None = None
            if isinstance(node, yaml.MappingNode):
                inside = next((value for name, value in node.value if name.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                inside = node.value[step]
            node = inside
        return node if isinstance(node, yaml.ScalarNode) else None

    def at(self, *key: str | int) -> Any:
        """Return the value at a key, or None when the key is absent."""
        found = self.data
        for step in key:
            is_key = isinstance(found, Mapping) and step in found
            is_position = isinstance(found, list) and isinstance(step, int) and step < len(found)
            if not (is_key or is_position):
                return None
            found = found[step]
        return found


def read_source(path: Path, national: Path = FOLDER, contents: FileContents | None = None) -> AgreementSource:
    """Read an agreement file and its file of schools; faults are collected in `faults` instead of raised.

    Args:
        path: the YAML file.
        national: folder with the national files.
        contents: contents that stand for those of the files.
    """
    source = AgreementSource(path)
    contents = contents or {}
    try:
        data = contents[path] if path in contents else read_plain(path)
        if len(data) > _MAX_BYTES:
            return _too_large(source)
        text = yaml_text(data)
        refuse_deep_yaml(text, _MAX_NODES)
        loader = CoreLoader(text)
        try:
            node = loader.get_single_node()
            if node is not None:
                if _size(node, {}) > _MAX_NODES:
                    return _too_large(source)
                source.faults.extend(_repeated(node, path))
                source.data = _plain(loader, node, {})
                source.root = node
        finally:
            loader.dispose()
    except TooManyValuesError:
        return _too_large(source)
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        position = SourcePosition(path, mark.line + 1, mark.column + 1) if mark else SourcePosition(path, 1, 1)
        message = " ".join(str(problem.problem or problem.context).split())
        source.faults.append(SourceFault("AGREEMENT-101", {"problem": _yaml_fault(message)}, position))
        return source
    except OSError:
        source.faults.append(SourceFault("AGREEMENT-119", {}, SourcePosition(path, 1, 1)))
        return source
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as problem:
        message = " ".join(str(problem).split()) or type(problem).__name__
        facts = {"problem": _yaml_fault(message)}
        source.faults.append(SourceFault("AGREEMENT-101", facts, SourcePosition(path, 1, 1)))
        return source
    if not isinstance(source.data, dict):
        source.faults.append(
            SourceFault("AGREEMENT-101", {"problem": _words("yaml_no_keys")}, SourcePosition(path, 1, 1))
        )
        return source
    _insert_schools(source, contents)
    _apply_defaults(source, national)
    return source


def read_plain(path: Path) -> bytes:
    """Return the content of a file of an agreement, or its beginning: one byte more than any such file may have.

    A folder of one region must not hold up all others, which are read with it: a pipe would be waited for without end,
    and a device read without end. Links are followed, since a mounted volume consists of them.

    Args:
        path: the file.

    Raises:
        OSError: it is not there, may not be read, or is no file.
    """
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path.name} is no file")
        return file.read(_MAX_BYTES + 1)


def _too_large(source: AgreementSource) -> AgreementSource:
    facts = {"problem": _words("yaml_too_large")}
    source.faults.append(SourceFault("AGREEMENT-101", facts, SourcePosition(source.path, 1, 1)))
    return source


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return the number of values in a node, with aliases expanded.

    Nested aliases let a file of a kilobyte expand to billions of values.

    Raises:
        RecursionError: a node contains itself.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _plain(loader: Any, node: yaml.Node, made: dict[int, Any]) -> Any:
    """Construct the data of a node, equal to those of the loader but in a third of its time.

    Blocks, lists and text are constructed here; the loader constructs numbers, merged blocks and tagged values.

    Args:
        loader: the loader of the node.
        node: the node.
        made: constructed data by id of the node, so that an alias refers to the same data instead of a copy.
    """
    if node.tag == _TEXT and isinstance(node, yaml.ScalarNode):
        return node.value
    if id(node) in made:
        return made[id(node)]
    data: Any
    if node.tag == _LIST and isinstance(node, yaml.SequenceNode):
        data = made[id(node)] = []
        data.extend(_plain(loader, item, made) for item in node.value)
    elif node.tag == _BLOCK and isinstance(node, yaml.MappingNode) and all(_is_name(key) for key, _ in node.value):
        data = made[id(node)] = {}
        for key, value in node.value:
            data[key.value] = _plain(loader, value, made)
    else:
        data = made[id(node)] = loader.construct_object(node, deep=True)
    return data


def _is_name(key: yaml.Node) -> bool:
    """Return whether a key is used as text without type resolution, such as `1` and `no`."""
    return isinstance(key, yaml.ScalarNode) and key.tag in _SCALARS


def _repeated(node: yaml.Node, path: Path, key: Key = ()) -> Iterator[SourceFault]:
    """Yield a fault for each duplicate key in a block, of which PyYAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.tag != "tag:yaml.org,2002:merge":
                if name.value in seen:
                    position = SourcePosition(path, name.start_mark.line + 1, name.start_mark.column + 1)
                    facts = {"key": name.value, "first": seen[name.value]}
                    yield SourceFault("AGREEMENT-106", facts, position, (*key, name.value))
                seen.setdefault(name.value, name.start_mark.line + 1)
                if not isinstance(value, yaml.ScalarNode):
                    yield from _repeated(value, path, (*key, name.value))
    elif isinstance(node, yaml.SequenceNode):
        for serial, item in enumerate(node.value):
            if not isinstance(item, yaml.ScalarNode):
                yield from _repeated(item, path, (*key, serial))


def _positions(node: yaml.Node, path: Path, key: Key = ()) -> Iterator[tuple[Key, SourcePosition]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode):
                here = (*key, name.value)
                yield here, SourcePosition(path, name.start_mark.line + 1, name.start_mark.column + 1)
                yield from _positions(value, path, here)
    elif isinstance(node, yaml.SequenceNode):
        for serial, item in enumerate(node.value):
            here = (*key, serial)
            yield here, SourcePosition(path, item.start_mark.line + 1, item.start_mark.column + 1)
            yield from _positions(item, path, here)


def _insert_schools(source: AgreementSource, contents: FileContents) -> None:
    """Replace the reference to the file of schools by its rows."""
    reference = source.data.get("schools")
    if not isinstance(reference, dict):
        return
    position = source.position(("schools", "file"))
    source.data["schools"] = []
    name = reference.get("file")
    if set(reference) != {"file"} or not isinstance(name, str) or SCHOOLS_FILE.fullmatch(name) is None:
        source.faults.append(SourceFault("AGREEMENT-109", {"problem": _words("reference")}, position, ("schools",)))
        return
    path = source.path.parent / name
    try:
        content = contents[path] if path in contents else read_plain(path)
        rows = list(read_table(content, Header(_NEEDED_COLUMNS, _OPTIONAL_COLUMNS)).rows)
    except OSError:
        source.faults.append(
            SourceFault("AGREEMENT-109", {"problem": _words("unreadable", file=name)}, position, ("schools",))
        )
        return
    except HeaderError as wrong:
        source.faults.extend(_header_faults(wrong, SourcePosition(path, wrong.line, 1)))
        return
    except OverstapError as problem:
        source.faults.append(
            SourceFault("AGREEMENT-109", {"problem": problem}, SourcePosition(path, 1, 1), ("schools",))
        )
        return
    for row in rows:
        here = SourcePosition(path, row.line, 1)
        if isinstance(row, RefusedRow):
            # An unreadable row makes the agreement as a whole invalid, so that no school is left out unnoticed
            source.faults.append(SourceFault("AGREEMENT-109", {"problem": row.error}, here, ("schools",)))
            continue
        source.rows["schools", len(source.data["schools"])] = here
        source.data["schools"].append(_school(dict(row.cells)))


def _header_faults(wrong: HeaderError, position: SourcePosition) -> Iterator[SourceFault]:
    for column in wrong.names:
        close = difflib.get_close_matches(column, _COLUMNS, 1) or ["-"]
        facts = {"problem": _words("unknown_column", column=column, close=close[0], columns=", ".join(_COLUMNS))}
        yield SourceFault("AGREEMENT-109", facts, position, ("schools",))
    for column in wrong.missing:
        yield SourceFault("AGREEMENT-109", {"problem": _words("no_column", column=column)}, position, ("schools",))
    for column in wrong.double:
        yield SourceFault("AGREEMENT-109", {"problem": _words("double_column", column=column)}, position, ("schools",))


def _yaml_fault(message: str) -> "LocalisedText":
    """Translate a message of the YAML parser; an unknown message is quoted in English."""
    known = texts("agreements/yaml")["faults"]
    name = next((fault["name"] for fault in known if fault["says"] in message), "yaml_other")
    return LocalisedText(name, {"said": message})


def _words(name: str, **facts: object) -> "LocalisedText":
    return LocalisedText(name, facts)


@dataclass(frozen=True, slots=True)
class LocalisedText:
    """A part of a sentence in each language, an entry of include/texts/agreements/checks.yaml with its facts."""

    name: str
    facts: dict[str, object]


def _school(row: dict[str, str]) -> dict[str, Any]:
    school: dict[str, Any] = {name: value for name, value in row.items() if value}
    if supplies := school.get("supplies"):
        name, _, rest = supplies.partition(":")
        kind = sources().get(name)
        school["supplies"] = {"way": name, **(kind.cell(rest.strip()) if kind else {})}
    if receives := school.get("receives"):
        blocks = (kind.cell(receives) for kind in channels().values())
        # A cell of no kind is treated as a URL, for which the check reports the required form
        school["receives"] = next((block for block in blocks if block), {"way": "push", "url": receives})
    return school


def _apply_defaults(source: AgreementSource, folder: Path) -> None:
    """Add the defaults of the national file to the rounds of the agreement."""
    rounds, year = source.data.get("rounds"), source.data.get("school_year")
    if not isinstance(rounds, dict) or not isinstance(year, str) or SCHOOL_YEAR.fullmatch(year) is None:
        return
    try:
        national = national_year(year, folder)
    except OverstapError as error:
        source.faults.append(SourceFault("AGREEMENT-164", dict(error.facts), SourcePosition(source.path, 1, 1)))
        return
    for kind, usual in national.rounds.items():
        if kind.value not in rounds:
            continue
        stated = rounds[kind.value]
        if stated is None:  # `advice:` without a block takes all defaults
            stated = rounds[kind.value] = {}
        if isinstance(stated, dict):
            _fill(stated, usual)


def _fill(stated: dict[str, Any], usual: Mapping[str, Any]) -> None:
    for name, value in usual.items():
        if name not in ("milestones", "sources"):
            stated.setdefault(name, value)
    milestones = stated.setdefault("milestones", {})
    if not isinstance(milestones, dict):
        return
    sources = stated.setdefault("sources", {})
    for name, moment in usual.get("milestones", {}).items():
        if name not in milestones:
            milestones[name] = moment
            if isinstance(sources, dict) and name in usual.get("sources", {}):
                sources.setdefault(name, usual["sources"][name])


def stated_moment(value: object) -> datetime | None:
    """Parse a moment, with its offset if it has one; None when the value is no date with a time of day."""
    if isinstance(value, str):
        try:
            return moment_of(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) else None
