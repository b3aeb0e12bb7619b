"""Plain data of agreement files with national defaults, and the file and line of each value.

Loading and checking both begin here, so they cannot read a file differently.
"""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import yaml

from overstap.agreements.kinds import channels, sources
from overstap.agreements.model.moments import moment_of
from overstap.agreements.national import FOLDER, national_year
from overstap.agreements.yaml_core import CoreLoader, yaml_text
from overstap.errors import OverstapError
from overstap.tabular import Header, HeaderError, RefusedRow, read_table
from overstap.texts import texts

Key = tuple[str | int, ...]
"""The way to a value: ("rounds", "advice", "milestones", "opens")."""

_TEXT, _LIST, _BLOCK = (f"tag:yaml.org,2002:{kind}" for kind in ("str", "seq", "map"))
_SCALARS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in ("str", "int", "float", "bool", "null"))
_MAX_BYTES, _MAX_NODES = 5_000_000, 500_000
"""A region of 150 schools, written out, has a hundredth of either."""
SCHOOL_YEAR = re.compile(r"20[0-9]{2}-20[0-9]{2}")
_SCHOOLS_FILE = re.compile(r"[A-Za-z0-9_-]+\.(csv|xlsx)")
_NEEDED_COLUMNS = ("id", "name", "kind", "contact")
_OPTIONAL_COLUMNS = ("board", "supplies", "receives")
_COLUMNS = ("id", "name", "kind", "board", "contact", "supplies", "receives")


@dataclass(frozen=True, slots=True)
class SourcePosition:
    """Where something stands; line and column count from 1."""

    file: Path
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class SourceFault:
    """What is wrong with the files themselves.

    Args:
        code: of include/texts/errors/agreements.yaml.
        facts: what its sentence needs.
        place: where.
        key: the value it is about, or its nearest neighbour above.
    """

    code: str
    facts: dict[str, Any]
    place: SourcePosition
    key: Key = ()


@dataclass(slots=True)
class AgreementSource:
    """What the files of one agreement state.

    Args:
        path: the agreement file.
        data: plain data in the form of `Agreement`, or whatever stands in the file.
        faults: what was found wrong on the way.
        rows: where each row of the schools' file stands.
        root: the agreement file as YAML read it; None when it could not.
        places: where each key of the agreement file stands; None until somebody asks.
    """

    path: Path
    data: Any = None
    faults: list[SourceFault] = field(default_factory=list)
    rows: dict[Key, SourcePosition] = field(default_factory=dict)
    root: yaml.Node | None = None
    places: dict[Key, SourcePosition] | None = None

    def is_stated(self, key: Key) -> bool:
        """Return whether a key stands in the files, and was not taken from the national file."""
        return key in self.rows or key in self._places()

    def place(self, key: Key) -> SourcePosition:
        """Return where a value stands; when it stands nowhere, the nearest thing above it that does."""
        while key and not self.is_stated(key):
            key = key[:-1]
        return self.rows.get(key) or self._places().get(key, SourcePosition(self.path, 1, 1))

    def key_of(self, loc: tuple[str | int, ...]) -> Key:
        """Return the way through the file to what a model's fault is about.

        Args:
            loc: pydantic's way, which names alternatives that do not stand in the file: `[key]`, the kind of a source.
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
        """Return the name, or else the id, of the school that a key is in; empty where it is in none."""
        if len(key) < 2 or key[0] != "schools":
            return ""
        school = self.at(*key[:2])
        named = [school.get(name) for name in ("name", "id")] if isinstance(school, Mapping) else []
        return next((one[:80] for one in named if isinstance(one, str) and one), "")

    def _places(self) -> dict[Key, SourcePosition]:
        """Return where each key stands, found when first asked for: who reads eighty sound agreements never asks."""
        if self.places is None:
            self.places = dict(_places(self.root, self.path)) if self.root is not None else {}
        return self.places

    def text_at(self, *key: str | int) -> str | None:
        """Return a single value of the agreement file as it was written; None when there is none at that place."""
        node = self.root
        for step in key:
            inside: yaml.Node | None = None
            if isinstance(node, yaml.MappingNode):
                inside = next((value for name, value in node.value if name.value == step), None)
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
                inside = node.value[step]
            node = inside
        return str(node.value) if isinstance(node, yaml.ScalarNode) else None

    def at(self, *key: str | int) -> Any:
        """Return a value, or None when it, or something above it, is not there."""
        found = self.data
        for step in key:
            is_key = isinstance(found, Mapping) and step in found
            is_position = isinstance(found, list) and isinstance(step, int) and step < len(found)
            if not (is_key or is_position):
                return None
            found = found[step]
        return found


def read_written(path: Path, national: Path = FOLDER) -> AgreementSource:
    """Read an agreement file with what belongs to it; nothing is raised, what is wrong is in `faults`.

    Args:
        path: the YAML file.
        national: folder with the national files.
    """
    written = AgreementSource(path)
    try:
        data = path.read_bytes()
        if len(data) > _MAX_BYTES:
            return _too_large(written)
        loader = CoreLoader(yaml_text(data))
        try:
            node = loader.get_single_node()
            if node is not None:
                if _size(node, {}) > _MAX_NODES:
                    return _too_large(written)
                written.faults.extend(_repeated(node, path))
                written.data = _plain(loader, node, {})
                written.root = node
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        place = SourcePosition(path, mark.line + 1, mark.column + 1) if mark else SourcePosition(path, 1, 1)
        said = " ".join(str(problem.problem or problem.context).split())
        written.faults.append(SourceFault("AGREEMENT-101", {"problem": _yaml_fault(said)}, place))
        return written
    except OSError:
        written.faults.append(SourceFault("AGREEMENT-119", {}, SourcePosition(path, 1, 1)))
        return written
    except (UnicodeDecodeError, yaml.YAMLError, RecursionError) as problem:
        said = " ".join(str(problem).split()) or type(problem).__name__
        written.faults.append(SourceFault("AGREEMENT-101", {"problem": _yaml_fault(said)}, SourcePosition(path, 1, 1)))
        return written
    if not isinstance(written.data, dict):
        written.faults.append(
            SourceFault("AGREEMENT-101", {"problem": _words("yaml_no_keys")}, SourcePosition(path, 1, 1))
        )
        return written
    _take_schools(written)
    _take_defaults(written, national)
    return written


def _too_large(written: AgreementSource) -> AgreementSource:
    facts = {"problem": _words("yaml_too_large")}
    written.faults.append(SourceFault("AGREEMENT-101", facts, SourcePosition(written.path, 1, 1)))
    return written


def _size(node: yaml.Node, known: dict[int, int]) -> int:
    """Return how many values a node holds, each reference (*name) counted as what it stands for.

    A file of a kilobyte in which references lead to lists of references stands for more than there is time to look at.

    Raises:
        RecursionError: a node is within itself.
    """
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        parts = node.value if isinstance(node, yaml.SequenceNode) else [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _plain(loader: Any, node: yaml.Node, made: dict[int, Any]) -> Any:
    """Return the data of a node, as the loader itself makes them and in a third of its time.

    Blocks, lists and text are made here; what is less usual (numbers, moments, merged blocks, tags) by the loader.

    Args:
        loader: whose node it is.
        node: what to make data of.
        made: by node, what was made: an alias stands for the same data, not for a copy.
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
    """Tell whether a key is what was written, whatever it looks like: a key names something, also `1` and `no`."""
    return isinstance(key, yaml.ScalarNode) and key.tag in _SCALARS


def _repeated(node: yaml.Node, path: Path, key: Key = ()) -> Iterator[SourceFault]:
    """Yield each key that stands twice in one block; YAML would silently keep the last."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode) and name.tag != "tag:yaml.org,2002:merge":
                if name.value in seen:
                    place = SourcePosition(path, name.start_mark.line + 1, name.start_mark.column + 1)
                    facts = {"key": name.value, "first": seen[name.value]}
                    yield SourceFault("AGREEMENT-106", facts, place, (*key, name.value))
                seen.setdefault(name.value, name.start_mark.line + 1)
                if not isinstance(value, yaml.ScalarNode):
                    yield from _repeated(value, path, (*key, name.value))
    elif isinstance(node, yaml.SequenceNode):
        for serial, item in enumerate(node.value):
            if not isinstance(item, yaml.ScalarNode):
                yield from _repeated(item, path, (*key, serial))


def _places(node: yaml.Node, path: Path, key: Key = ()) -> Iterator[tuple[Key, SourcePosition]]:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if isinstance(name, yaml.ScalarNode):
                here = (*key, name.value)
                yield here, SourcePosition(path, name.start_mark.line + 1, name.start_mark.column + 1)
                yield from _places(value, path, here)
    elif isinstance(node, yaml.SequenceNode):
        for serial, item in enumerate(node.value):
            here = (*key, serial)
            yield here, SourcePosition(path, item.start_mark.line + 1, item.start_mark.column + 1)
            yield from _places(item, path, here)


def _take_schools(written: AgreementSource) -> None:
    """Put the rows of the schools' file in the place of the reference to it."""
    reference = written.data.get("schools")
    if not isinstance(reference, dict):
        return
    place = written.place(("schools", "file"))
    written.data["schools"] = []
    name = reference.get("file")
    if set(reference) != {"file"} or not isinstance(name, str) or _SCHOOLS_FILE.fullmatch(name) is None:
        written.faults.append(SourceFault("AGREEMENT-109", {"problem": _words("reference")}, place, ("schools",)))
        return
    path = written.path.parent / name
    try:
        rows = list(read_table(path.read_bytes(), Header(_NEEDED_COLUMNS, _OPTIONAL_COLUMNS)).rows)
    except OSError:
        written.faults.append(
            SourceFault("AGREEMENT-109", {"problem": _words("unreadable", file=name)}, place, ("schools",))
        )
        return
    except HeaderError as wrong:
        written.faults.extend(_header_faults(wrong, SourcePosition(path, wrong.line, 1)))
        return
    except OverstapError as problem:
        written.faults.append(
            SourceFault("AGREEMENT-109", {"problem": problem}, SourcePosition(path, 1, 1), ("schools",))
        )
        return
    for row in rows:
        here = SourcePosition(path, row.line, 1)
        if isinstance(row, RefusedRow):
            # The school stands there and cannot be read: the agreement as a whole waits, and no school is left out.
            written.faults.append(SourceFault("AGREEMENT-109", {"problem": row.error}, here, ("schools",)))
            continue
        written.rows["schools", len(written.data["schools"])] = here
        written.data["schools"].append(_school(dict(row.cells)))


def _header_faults(wrong: HeaderError, place: SourcePosition) -> Iterator[SourceFault]:
    for column in wrong.names:
        close = difflib.get_close_matches(column, _COLUMNS, 1) or ["-"]
        facts = {"problem": _words("unknown_column", column=column, close=close[0], columns=", ".join(_COLUMNS))}
        yield SourceFault("AGREEMENT-109", facts, place, ("schools",))
    for column in wrong.missing:
        yield SourceFault("AGREEMENT-109", {"problem": _words("no_column", column=column)}, place, ("schools",))
    for column in wrong.double:
        yield SourceFault("AGREEMENT-109", {"problem": _words("double_column", column=column)}, place, ("schools",))


def _yaml_fault(said: str) -> "Said":
    """Return the words for a fault of YAML's parser, whose own are English; of an unusual one those stand beside."""
    known = texts("agreements/yaml")["faults"]
    return Said(next((one["name"] for one in known if one["says"] in said), "yaml_other"), {"said": said})


def _words(name: str, **facts: object) -> "Said":
    return Said(name, facts)


@dataclass(frozen=True, slots=True)
class Said:
    """A part of a sentence that differs per language: an entry of include/texts/agreements/checks.yaml."""

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
        # Whatever is no kind's cell is taken for an address: the check then says what an address looks like
        school["receives"] = next((block for block in blocks if block), {"way": "push", "url": receives})
    return school


def _take_defaults(written: AgreementSource, folder: Path) -> None:
    """Fill in what the national file says of a round that the region names and does not describe in full."""
    rounds, year = written.data.get("rounds"), written.data.get("school_year")
    if not isinstance(rounds, dict) or not isinstance(year, str) or SCHOOL_YEAR.fullmatch(year) is None:
        return
    try:
        national = national_year(year, folder)
    except OverstapError as error:
        written.faults.append(SourceFault("AGREEMENT-164", dict(error.facts), SourcePosition(written.path, 1, 1)))
        return
    for kind, usual in national.rounds.items():
        if kind.value not in rounds:
            continue
        stated = rounds[kind.value]
        if stated is None:  # "advice:" with nothing behind it: wholly as usual
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


def moment_written(value: object) -> datetime | None:
    """Return the moment that a value states, with its offset if it has one; None when it states none.

    A day without a time is none.
    """
    if isinstance(value, str):
        try:
            return moment_of(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) else None
