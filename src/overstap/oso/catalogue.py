"""Catalogue of a version of the OSO data set, read from `include/schemas/oso/<version>/`.

The one source from which reading, writing, the structure check, frames, labels and minimisation derive. A version is
data: a folder with `version.yaml`, `fields.csv`, `codelists.csv` and `matrix.csv`; `based_on` lets a version state
    only what differs.
"""

import csv
import re
import sys
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from overstap.errors import OverstapError
from overstap.oso.values import SimpleType
from overstap.resources import INCLUDE
from overstap.texts import read_yaml

FOLDER = INCLUDE / "schemas" / "oso"
PROFILES = ("POVO", "POPO", "VOVO", "BB", "POSWV", "VOSWV")
MANDATORY, OPTIONAL, FORBIDDEN, OPTED_OUT = "VERPLICHT", "OPTIONEEL", "VERBODEN", "OPT-UIT"


@dataclass(frozen=True, slots=True)
class Field:
    """An element within a block.

    Args:
        block: the block it stands in, such as `leerling`.
        name: the element's name.
        min: how often at least, 0 or 1.
        max: how often at most, 1 or None for any number.
        choice: members of one exclusive choice share this id; it ends in `?` when none of them need be there.
        type: what a leaf holds; None for a block.
        contains: the block it holds; None for a leaf.
        list: number of its code list, or None.
        category: the category that steers it (without `cat_`), or None to take it from what it stands in.
        group: legal data group (DOMAIN 2.4), or None likewise.
        sensitivity: `open`, `person`, `identifying` or `special`, or None likewise.
        attribute: the one optional attribute it may carry, or None.
        label: what it is called on screens and letters, Dutch.
        help: one sentence about it, Dutch.
    """

    block: str
    name: str
    min: int
    max: int | None
    choice: str
    type: SimpleType | None
    contains: str | None
    list: str | None
    category: str | None
    group: str | None
    sensitivity: str | None
    attribute: str | None
    label: str
    help: str


@dataclass(frozen=True, slots=True)
class FieldPlace:
    """A field where it stands in the dossier, with what it takes over from what is above it.

    Args:
        path: such as `dossier/huidigeschool/leerling/verzorger/iban`.
        field: the field.
        category: the category that steers it, without `cat_`.
        group: legal data group.
        sensitivity: `open`, `person`, `identifying` or `special`.
    """

    path: str
    field: Field
    category: str
    group: str
    sensitivity: str


@dataclass(frozen=True, slots=True)
class Withheld:
    """A field that a profile may not carry.

    Args:
        block: the block.
        name: the field in it.
        when: empty for always, or the boolean field of the same block that must be true.
        rule: the official rule that says so; empty where we keep a secret address secret without one.
    """

    block: str
    name: str
    when: str
    rule: str


@dataclass(frozen=True, slots=True)
class Slot:
    """What the readers need to know of an element, compiled: looked up by its tag."""

    code: str
    name: str
    inner: "Compiled | None"
    type: SimpleType | None
    attribute: str | None
    field: Field


class OwnAttribute(NamedTuple):
    """The attribute that a leaf may have.

    Args:
        name: its name.
        key: under what it stands beside the leaf in a `Node`.
    """

    name: str
    key: str


Quick = tuple[str, str, "Compiled | OwnAttribute | None", int, int, "Set[str] | None", Callable[[str], bool]]
"""Of an element what the walk over it needs: taken apart at once, for there are hundreds in a dossier.

Its code; its name; the block that it holds, the attribute that it may have, or None for a bare leaf; the fewest and the
most characters of a leaf of which nothing else is asked; of any other leaf the texts found good before, and the test of
a text. A plain tuple, since Python takes those apart several times as fast as a named one.
"""


@dataclass(slots=True)
class Compiled:
    """A block made ready for quick reading.

    The names of a block's elements become one character each; whether their order, number and choices are right is
    then one regular expression over the word they form, and most words have been seen before.
    """

    name: str
    slots: dict[str, Slot] = field(default_factory=dict)
    named: dict[str, Slot] = field(default_factory=dict)
    by_code: dict[str, Slot] = field(default_factory=dict)
    by_tag: dict[str, Quick] = field(default_factory=dict)
    written: dict[str, tuple[str, str, "Compiled | None", bool]] = field(default_factory=dict, repr=False)
    """Per field what stands before and after it, the block that it holds, and whether it may have an attribute."""
    pattern: re.Pattern[str] = re.compile("")
    repeats: bool = False
    _seen: set[str] = field(default_factory=set, repr=False)

    def accepts(self, word: str) -> bool:
        """Tell whether elements in this order make a good block."""
        if word in self._seen:
            return True
        if self.pattern.fullmatch(word) is None:
            return False
        if len(self._seen) < 10_000 and len(word) < 200:  # bounds, so that made-up files cannot fill the memory
            self._seen.add(word)
        return True


@dataclass(frozen=True)
class Catalogue:
    """One version of the data set.

    Args:
        version: such as `2019.1`.
        namespace: the XML namespace, which carries the year.
        validation: the value that metadata/validatieversie must have.
        root: name of the outermost block.
        blocks: per block its fields in order.
        repeating: blocks whose fields as a whole may come more than once.
        lists: per code list number its codes with a Dutch label, empty where the meaning is not public.
        matrix: per profile and category VERPLICHT, OPTIONEEL or VERBODEN.
        forbidden: per profile the fields it may not carry.
        types: the simple types by name.
        categories: label per category.
        category_help: one sentence per category.
        groups: label per legal data group.
        list_names: label per code list.
    """

    version: str
    namespace: str
    validation: str
    root: str
    blocks: dict[str, tuple[Field, ...]]
    repeating: frozenset[str]
    lists: dict[str, dict[str, str]]
    matrix: dict[str, dict[str, str]]
    forbidden: dict[str, tuple[Withheld, ...]]
    types: dict[str, SimpleType]
    categories: dict[str, str]
    category_help: dict[str, str]
    groups: dict[str, str]
    list_names: dict[str, str]
    compiled_blocks: dict[str, Compiled] = field(repr=False, compare=False)

    @property
    def compiled(self) -> Compiled:
        """The outermost block, made ready for quick reading."""
        return self.compiled_blocks[self.root]

    def tag(self, name: str) -> str:
        """Return an element's name with the namespace, as lxml writes it."""
        return f"{{{self.namespace}}}{name}"

    def field(self, block: str, name: str) -> Field:
        """Return a field.

        Raises:
            KeyError: the block has no such field.
        """
        for candidate in self.blocks[block]:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{block}.{name}")

    def withheld(self, profile: str) -> tuple[Withheld, ...]:
        """Return the fields that a profile may not carry."""
        return self.forbidden.get(profile, ())

    def walk(self) -> Iterator[FieldPlace]:
        """Yield every place of the dossier in document order, blocks before what they hold."""
        yield from self._walk(self.root, self.root, "metadata", "okr", "open")

    def _walk(self, block: str, path: str, category: str, group: str, sensitivity: str) -> Iterator[FieldPlace]:
        for each in self.blocks[block]:
            place = FieldPlace(
                path=f"{path}/{each.name}",
                field=each,
                category=each.category or category,
                group=each.group or group,
                sensitivity=each.sensitivity or sensitivity,
            )
            yield place
            if each.contains:
                yield from self._walk(each.contains, place.path, place.category, place.group, place.sensitivity)


def versions() -> tuple[str, ...]:
    """Return the known versions, oldest first."""
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/version.yaml")))


@cache
def catalogue(version: str, folder: Path = FOLDER) -> Catalogue:
    """Return a version's catalogue.

    Args:
        version: such as `2019.1`.
        folder: where the versions are.

    Raises:
        OverstapError: DOSSIER-001 when the version is not known.
    """
    if version not in {path.parent.name for path in folder.glob("*/version.yaml")}:
        raise OverstapError("DOSSIER-001", version=version, known=", ".join(versions()))
    return _Loader(folder).load(version)


@cache
def by_namespace() -> dict[str, str]:
    """Return the version per XML namespace."""
    return {catalogue(version).namespace: version for version in versions()}


class _Loader:
    """Reads the files of a version and of what it is based on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.types = {row["type"]: _simple_type(row) for row in _rows(folder / "types.csv")}

    def load(self, version: str) -> Catalogue:
        about, rows, lists, matrix, withheld, labels = self._gather(version)
        blocks: dict[str, tuple[Field, ...]] = {}
        for block, members in rows.items():
            blocks[block] = tuple(self._field(row, labels) for row in members)
        reached = _reached(about["root"], blocks)
        blocks = {name: fields for name, fields in blocks.items() if name in reached}
        used = {each.list for fields in blocks.values() for each in fields if each.list}
        categories = {row["category"]: row for row in _rows(self.folder / "categories.csv")}
        repeating = frozenset(about.get("repeating", ())) & reached
        return Catalogue(
            version=about["version"],
            namespace=about["namespace"],
            validation=about["validation"],
            root=about["root"],
            blocks=blocks,
            repeating=repeating,
            lists={number: codes for number, codes in lists.items() if number in used},
            matrix=matrix,
            forbidden={
                profile: tuple(each for each in found if each.block in blocks) for profile, found in withheld.items()
            },
            types=self.types,
            categories={name: row["label"] for name, row in categories.items() if name in matrix[PROFILES[0]]},
            category_help={name: row["help"] for name, row in categories.items()},
            groups={row["group"]: row["label"] for row in _rows(self.folder / "groups.csv")},
            list_names={row["list"]: row["label"] for row in _rows(self.folder / "list_names.csv")},
            compiled_blocks=_compile(about["namespace"], blocks, repeating),
        )

    def _gather(self, version: str) -> tuple[dict[str, Any], Any, Any, Any, Any, dict[str, tuple[str, str]]]:
        """Lay a version's files over those it is based on: each block, each list and the matrix as a whole."""
        home = self.folder / version
        about = read_yaml(home / "version.yaml")
        if based_on := about.get("based_on"):
            base, rows, lists, matrix, withheld, labels = self._gather(based_on)
            about = {**base, **about}
        else:
            rows, lists, matrix, withheld = {}, {}, {}, {}
            labels = _labels(self.folder / "labels.csv")
        rows = {**rows, **_grouped(home / "fields.csv", "block")}
        stated = _grouped(home / "codelists.csv", "list")
        lists = {**lists, **{number: {row["value"]: row["label"] for row in codes} for number, codes in stated.items()}}
        if (home / "matrix.csv").exists():
            matrix = {
                profile: {row["category"]: row[profile] for row in _rows(home / "matrix.csv")} for profile in PROFILES
            }
        if (home / "withheld.csv").exists():
            withheld = {profile: [] for profile in PROFILES}
            for row in _rows(home / "withheld.csv"):
                for profile in row["profiles"].split():
                    withheld[profile].append(Withheld(row["block"], row["field"], row["when"], row["rule"]))
        return about, rows, lists, matrix, withheld, {**labels, **_labels(home / "labels.csv")}

    def _field(self, row: dict[str, str], labels: dict[str, tuple[str, str]]) -> Field:
        block, name = row["block"], row["field"]
        label, help_text = labels.get(f"{block}.{name}") or labels[f"*.{name}"]
        return Field(
            block=block,
            name=name,
            min=int(row["min"]),
            max=None if row["max"] == "*" else int(row["max"]),
            choice=row["choice"],
            type=self.types[row["type"]] if row["type"] else None,
            contains=row["contains"] or None,
            list=row["list"] or None,
            category=row["category"] or None,
            group=row["group"] or None,
            sensitivity=row["sensitivity"] or None,
            attribute=row["attribute"] or None,
            label=label,
            help=help_text,
        )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _grouped(path: Path, column: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    if path.exists():
        for row in _rows(path):
            found.setdefault(row[column], []).append(row)
    return found


def _labels(path: Path) -> dict[str, tuple[str, str]]:
    if not path.exists():
        return {}
    return {f"{row['block']}.{row['field']}": (row["label"], row["help"]) for row in _rows(path)}


def _simple_type(row: dict[str, str]) -> SimpleType:
    def number(column: str) -> int | None:
        return int(row[column]) if row[column] else None

    return SimpleType(
        name=row["type"],
        base=row["base"],
        pattern=re.compile(row["pattern"]) if row["pattern"] else None,
        shortest=number("shortest") or 0,
        longest=number("longest"),
        least=number("least"),
        most=number("most"),
        label=row["label"],
    )


def _reached(root: str, blocks: dict[str, tuple[Field, ...]]) -> set[str]:
    reached, waiting = set(), [root]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(each.contains for each in blocks[name] if each.contains)
    return reached


def _compile(namespace: str, blocks: dict[str, tuple[Field, ...]], repeating: frozenset[str]) -> dict[str, Compiled]:
    made = {name: Compiled(name) for name in blocks}
    for name, fields in blocks.items():
        compiled = made[name]
        compiled.repeats = name in repeating
        codes = {each.name: chr(0x4E00 + index) for index, each in enumerate(fields)}
        for each in fields:
            compiled.slots[f"{{{namespace}}}{each.name}"] = Slot(
                code=codes[each.name],
                name=each.name,
                inner=made[each.contains] if each.contains else None,
                type=each.type,
                attribute=each.attribute,
                field=each,
            )
        compiled.named = {slot.name: slot for slot in compiled.slots.values()}
        compiled.by_code = {slot.code: slot for slot in compiled.slots.values()}
        compiled.written = {
            slot.name: (f"<{slot.name}>", f"</{slot.name}>", slot.inner, slot.attribute is not None)
            for slot in compiled.slots.values()
        }
        compiled.by_tag = {tag: _quick(slot) for tag, slot in compiled.slots.items()}
        compiled.pattern = re.compile(_expression(fields, codes, name in repeating))
    return made


def _quick(slot: Slot) -> Quick:
    kind = slot.type
    if kind is None:
        return slot.code, slot.name, slot.inner, 0, 0, None, bool
    own = None if slot.attribute is None else OwnAttribute(slot.attribute, f"{slot.name}@{slot.attribute}")
    accepted = None if kind.is_bounded_only else kind.accepted
    longest = sys.maxsize if kind.longest is None else kind.longest
    return slot.code, slot.name, own, kind.shortest, longest, accepted, kind.accepts


def _expression(fields: tuple[Field, ...], codes: dict[str, str], repeats: bool) -> str:
    parts: list[str] = []
    index = 0
    while index < len(fields):
        choice = fields[index].choice
        if not choice:
            parts.append(codes[fields[index].name] + _times(fields[index].min, fields[index].max))
            index += 1
            continue
        members = []
        while index < len(fields) and fields[index].choice == choice:
            members.append(codes[fields[index].name] + _times(1, fields[index].max))
            index += 1
        parts.append(f"(?:{'|'.join(members)}){'?' if choice.endswith('?') else ''}")
    whole = "".join(parts)
    return f"(?:{whole})+" if repeats else whole


def _times(least: int, most: int | None) -> str:
    return {(0, 1): "?", (1, 1): "", (0, None): "*", (1, None): "+"}[least, most]
