"""Catalogue of a version of the OSO data set: its fields, types, code lists and rules per profile.

Reading, writing, the structure check, tables, labels and minimisation all derive from it. A version is data in
`include/schemas/oso/<version>/`, or in a folder of the same form that an administrator added: `version.yaml`,
`fields.csv`, `codelists.csv` and `matrix.csv`; with `based_on` a version states only the differences.
"""

import csv
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, cached_property
from pathlib import Path
from typing import Any, NamedTuple

from overstap.errors import OverstapError
from overstap.oso.simple_types import SimpleType
from overstap.oso.version_cache import forgettable
from overstap.oso.version_folders import BUILT_IN, UNCLASSIFIED, version_folders
from overstap.texts import read_yaml

FOLDER = BUILT_IN
PROFILES = ("POVO", "POPO", "VOVO", "BB", "POSWV", "VOSWV")
MANDATORY, OPTIONAL, FORBIDDEN, OPTED_OUT = "VERPLICHT", "OPTIONEEL", "VERBODEN", "OPT-UIT"
NOT_STATED = "ONBEKEND"
"""In the matrix of an added version: nobody has stated yet what a profile does with a new category; it is left out."""


@dataclass(frozen=True, slots=True)
class Field:
    """An element within a block.

    Args:
        block: name of the block that contains it, such as `leerling`.
        name: name of the element.
        min: smallest number of occurrences, 0 or 1.
        max: largest number of occurrences, 1 or None for unbounded.
        choice: id of the exclusive choice that it belongs to, ending in `?` when the choice is optional; else empty.
        type: type of a leaf; None for a block.
        contains: name of the block that it holds; None for a leaf.
        list: number of its code list, or None.
        category: its category (without `cat_`); None to inherit it from the block.
        group: its legal data group (DOMAIN 2.4); None to inherit it.
        sensitivity: `open`, `person`, `identifying` or `special`; None to inherit it.
        attribute: name of its optional attribute, or None.
        label: Dutch label on screens and in letters.
        help: description in one Dutch sentence.
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
    """A field at one path of the dossier, with the properties that it inherits.

    Args:
        path: path such as `dossier/huidigeschool/leerling/verzorger/iban`.
        field: the field.
        category: its category, without `cat_`.
        group: its legal data group.
        sensitivity: `open`, `person`, `identifying` or `special`.
    """

    path: str
    field: Field
    category: str
    group: str
    sensitivity: str


@dataclass(frozen=True, slots=True)
class WithheldField:
    """A field that must not be sent in a profile.

    Args:
        block: name of the block.
        name: name of the field.
        when: name of the boolean field of the same block that must be true; empty for always.
        rule: id of the official rule; empty where a secret address is withheld without one.
    """

    block: str
    name: str
    when: str
    rule: str


@dataclass(frozen=True, slots=True)
class CompiledField:
    """Precomputed properties of an element, for reading and writing."""

    code: str
    name: str
    inner: "CompiledBlock | None"
    type: SimpleType | None
    attribute: str | None
    field: Field


class LeafAttribute(NamedTuple):
    """The optional attribute of a leaf.

    Args:
        name: name of the attribute.
        key: key of its values in a `Node`, such as `land@omschrijving`.
    """

    name: str
    key: str


FastField = tuple[str, str, "CompiledBlock | LeafAttribute | None", int, int, "Set[str] | None", Callable[[str], bool]]
"""Properties of an element for the fast tree builder.

Code; name; the compiled block, the attribute, or None for a leaf without one; smallest and largest length of a leaf
whose type has no other restriction; accepted texts so far and the check of a text, for other leaves. A plain tuple,
since Python unpacks it several times as fast as a named tuple.
"""


@dataclass(slots=True)
class CompiledBlock:
    """Precomputed properties of a block, for reading and writing.

    Each element of the block has a one-character code. Order, number and choices of the elements are then checked with
    one regular expression over the word of their codes, and most words are in a cache.
    """

    name: str
    slots: dict[str, CompiledField] = field(default_factory=dict)
    named: dict[str, CompiledField] = field(default_factory=dict)
    by_code: dict[str, CompiledField] = field(default_factory=dict)
    by_tag: dict[str, FastField] = field(default_factory=dict)
    written: dict[str, tuple[str, str, "CompiledBlock | None", bool]] = field(default_factory=dict, repr=False)
    """Per field its start tag, its end tag, the block that it holds, and whether it can have an attribute."""
    pattern: re.Pattern[str] = re.compile("")
    repeats: bool = False
    _seen: set[str] = field(default_factory=set, repr=False)

    def accepts(self, word: str) -> bool:
        """Return whether elements in this order form a valid block."""
        if word in self._seen:
            return True
        if self.pattern.fullmatch(word) is None:
            return False
        if len(self._seen) < 10_000 and len(word) < 200:  # bounds, so that hostile files cannot exhaust memory
            self._seen.add(word)
        return True


@dataclass(frozen=True)
class Catalogue:
    """One version of the data set.

    Args:
        version: version number, such as `2019.1`.
        namespace: XML namespace of the version.
        validation: required value of metadata/validatieversie.
        root: name of the outermost block.
        blocks: fields per block, in order.
        repeating: names of blocks whose sequence of fields can repeat as a whole.
        lists: codes per code list number, with a Dutch label, empty where the meaning is not public.
        matrix: VERPLICHT, OPTIONEEL or VERBODEN per profile and category.
        forbidden: fields that must not be sent, per profile.
        types: the simple types by name.
        categories: Dutch label per category.
        category_help: description per category, one sentence.
        groups: Dutch label per legal data group.
        list_names: Dutch label per code list.
        compiled_blocks: precomputed properties per block.
    """

    version: str
    namespace: str
    validation: str
    root: str
    blocks: dict[str, tuple[Field, ...]]
    repeating: frozenset[str]
    lists: dict[str, dict[str, str]]
    matrix: dict[str, dict[str, str]]
    forbidden: dict[str, tuple[WithheldField, ...]]
    types: dict[str, SimpleType]
    categories: dict[str, str]
    category_help: dict[str, str]
    groups: dict[str, str]
    list_names: dict[str, str]
    compiled_blocks: dict[str, CompiledBlock] = field(repr=False, compare=False)

    @property
    def compiled(self) -> CompiledBlock:
        """The precomputed properties of the outermost block."""
        return self.compiled_blocks[self.root]

    def tag(self, name: str) -> str:
        """Return the name of an element with its namespace, in lxml's notation."""
        return f"{{{self.namespace}}}{name}"

    def field(self, block: str, name: str) -> Field:
        """Return a field of a block.

        Raises:
            KeyError: the block does not exist or has no such field.
        """
        for candidate in self.blocks[block]:
            if candidate.name == name:
                return candidate
        raise KeyError(f"{block}.{name}")

    def withheld(self, profile: str) -> tuple[WithheldField, ...]:
        """Return the fields that must not be sent in a profile."""
        return self.forbidden.get(profile, ())

    @cached_property
    def unclassified(self) -> tuple[str, ...]:
        """Paths of the fields that nobody has classified yet; they do not leave, nor does what is below them."""
        return tuple(_unclassified(self.walk()))

    @cached_property
    def unusable(self) -> tuple[str, ...]:
        """Paths of unclassified fields without which no dossier of the version is valid; empty when it can be used."""
        return tuple(_required(self.root, self.root, self.blocks))

    def walk(self) -> Iterator[FieldPlace]:
        """Yield every field at every path of the dossier, in document order, blocks before their fields."""
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
    """Return the known versions, built in and added, oldest first."""
    return tuple(sorted(version_folders()))


@forgettable
@cache
def catalogue(version: str, folder: Path = FOLDER) -> Catalogue:
    """Return the catalogue of a version.

    Args:
        version: version number, such as `2019.1`.
        folder: folder with a subfolder per built-in version.

    Raises:
        OverstapError: DOSSIER-001 when the version is unknown.
    """
    folders = version_folders(folder)
    if version not in folders:
        raise OverstapError("DOSSIER-001", version=version, known=", ".join(sorted(folders)))
    return load_catalogue(version, folders, folder)


def load_catalogue(version: str, folders: dict[str, Path], folder: Path = FOLDER) -> Catalogue:
    """Load the catalogue of a version from stated folders, uncached.

    Args:
        version: version number.
        folders: folder of each version, by its number.
        folder: folder with the tables that the versions share.
    """
    return _Loader(folder, folders).load(version)


@forgettable
@cache
def by_namespace() -> dict[str, str]:
    """Return the version number per XML namespace."""
    return {catalogue(version).namespace: version for version in versions()}


def has_new_versions() -> bool:
    """Return whether versions were added since `by_namespace` was called first, in a process that runs for long."""
    return not set(by_namespace().values()).issuperset(versions())


class _Loader:
    """Loader of the files of a version and of the versions that it is based on."""

    def __init__(self, folder: Path, folders: dict[str, Path]) -> None:
        self.folder = folder
        self.folders = folders
        self.types = {row["type"]: _simple_type(row) for row in _rows(folder / "types.csv")}
        self.categories = {row["category"]: row for row in _rows(folder / "categories.csv")}
        self.list_names = {row["list"]: row["label"] for row in _rows(folder / "list_names.csv")}

    def load(self, version: str) -> Catalogue:
        about, rows, lists, matrix, withheld, labels = self._gather(version)
        blocks: dict[str, tuple[Field, ...]] = {}
        for block, members in rows.items():
            blocks[block] = tuple(self._field(row, labels) for row in members)
        reached = _reached(about["root"], blocks)
        blocks = {name: fields for name, fields in blocks.items() if name in reached}
        used = {each.list for fields in blocks.values() for each in fields if each.list}
        categories = self.categories
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
            list_names=self.list_names,
            compiled_blocks=_compile(about["namespace"], blocks, repeating),
        )

    def _gather(self, version: str) -> tuple[dict[str, Any], Any, Any, Any, Any, dict[str, tuple[str, str]]]:
        """Merge the files of a version into those it is based on; a block, a list or the matrix replaces as a whole."""
        version_folder = self.folders[version]
        about = read_yaml(version_folder / "version.yaml")
        if based_on := about.get("based_on"):
            base, rows, lists, matrix, withheld, labels = self._gather(based_on)
            about = {**base, **about}
        else:
            rows, lists, matrix, withheld = {}, {}, {}, {}
            labels = _labels(self.folder / "labels.csv")
        self.types |= {row["type"]: _simple_type(row) for row in _optional_rows(version_folder / "types.csv")}
        self.categories |= {row["category"]: row for row in _optional_rows(version_folder / "categories.csv")}
        self.list_names |= {row["list"]: row["label"] for row in _optional_rows(version_folder / "list_names.csv")}
        rows = {**rows, **_grouped(version_folder / "fields.csv", "block")}
        stated = _grouped(version_folder / "codelists.csv", "list")
        lists = {**lists, **{number: {row["value"]: row["label"] for row in codes} for number, codes in stated.items()}}
        if (version_folder / "matrix.csv").exists():
            matrix = {
                profile: {row["category"]: row[profile] for row in _rows(version_folder / "matrix.csv")}
                for profile in PROFILES
            }
        if (version_folder / "withheld.csv").exists():
            withheld = {profile: [] for profile in PROFILES}
            for row in _rows(version_folder / "withheld.csv"):
                for profile in row["profiles"].split():
                    withheld[profile].append(WithheldField(row["block"], row["field"], row["when"], row["rule"]))
        return about, rows, lists, matrix, withheld, {**labels, **_labels(version_folder / "labels.csv")}

    def _field(self, row: dict[str, str], labels: dict[str, tuple[str, str]]) -> Field:
        block, name = row["block"], row["field"]
        unnamed = self.categories[UNCLASSIFIED]["help"]
        label, help_text = labels.get(f"{block}.{name}") or labels.get(f"*.{name}") or (name, unnamed)
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


def _optional_rows(path: Path) -> list[dict[str, str]]:
    return _rows(path) if path.exists() else []


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

    def bound(column: str) -> Decimal | None:
        return Decimal(row[column]) if row[column] else None

    return SimpleType(
        name=row["type"],
        base=row["base"],
        pattern=re.compile(row["pattern"]) if row["pattern"] else None,
        shortest=number("shortest") or 0,
        longest=number("longest"),
        least=bound("least"),
        most=bound("most"),
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


def _unclassified(places: Iterable[FieldPlace]) -> Iterator[str]:
    """Yield the outermost unclassified places, and unclassified places below a field that was classified."""
    outer = ""
    for place in places:
        if place.category == UNCLASSIFIED and not (outer and place.path.startswith(outer)):
            yield place.path
            outer = f"{place.path}/"


def _required(block: str, path: str, blocks: dict[str, tuple[Field, ...]]) -> Iterator[str]:
    for each in blocks[block]:
        if each.min and not each.choice:
            if each.category == UNCLASSIFIED:
                yield f"{path}/{each.name}"
            elif each.contains:
                yield from _required(each.contains, f"{path}/{each.name}", blocks)


def _compile(
    namespace: str, blocks: dict[str, tuple[Field, ...]], repeating: frozenset[str]
) -> dict[str, CompiledBlock]:
    made = {name: CompiledBlock(name) for name in blocks}
    for name, fields in blocks.items():
        compiled = made[name]
        compiled.repeats = name in repeating
        codes = {each.name: chr(0x4E00 + index) for index, each in enumerate(fields)}
        for each in fields:
            compiled.slots[f"{{{namespace}}}{each.name}"] = CompiledField(
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


def _quick(slot: CompiledField) -> FastField:
    kind = slot.type
    if kind is None:
        return slot.code, slot.name, slot.inner, 0, 0, None, bool
    own = None if slot.attribute is None else LeafAttribute(slot.attribute, f"{slot.name}@{slot.attribute}")
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
