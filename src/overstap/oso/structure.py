"""Structure check of a dossier against the catalogue: order, number, choices and forms of values.

It accepts and rejects as the official XSD does, with one exception: xsi:type is rejected. The XSD allows it to replace
a block by an extended one, in which the data of a second pupil would escape minimisation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree

from overstap.oso.catalogue import Catalogue, CompiledBlock, CompiledField, Field
from overstap.oso.model import Dossier
from overstap.oso.tree import IRREGULAR, XSI, Irregularity, Node, in_order
from overstap.resources import INCLUDE
from overstap.texts import read_yaml

_TEXTS = INCLUDE / "texts" / "structure.yaml"
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class StructureFault:
    """A fault in the structure of a dossier.

    Args:
        path: path such as `dossier/huidigeschool/leerling/verzorger[2]/iban`.
        code: `STRUCTURE-nnn`, see `include/texts/structure.yaml`.
        message_nl: fault and remedy, Dutch; never contains the value.
        message_en: fault and remedy, English; never contains the value.
        who: who has to correct it, `school` or `supplier`.
    """

    path: str
    code: str
    message_nl: str
    message_en: str
    who: str


@cache
def _sentences() -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = read_yaml(_TEXTS)
    return found


def sentence(code: str, **facts: Any) -> tuple[str, str, str]:
    """Return the message of a structure or attachment fault.

    Args:
        code: a code of `include/texts/structure.yaml`.
        facts: values for its placeholders; no personal data.

    Returns:
        Dutch message, English message, and who has to correct the dossier.

    Raises:
        KeyError: the code or a fact is missing.
    """
    text = _sentences()[code]
    return text["nl"].format(**facts), text["en"].format(**facts), text["who"]


@cache
def codes() -> tuple[str, ...]:
    """Return all codes of structure and attachment faults."""
    return tuple(_sentences())


def check(dossier: Dossier) -> list[StructureFault]:
    """Check a dossier's structure.

    Args:
        dossier: the dossier as read.

    Returns:
        The faults, in document order; empty when the official schema accepts the dossier.
    """
    if dossier.is_sound:
        return []
    known = dossier.catalogue
    checker = _StructureCheck(known)
    if (noted := dossier.tree.get(IRREGULAR)) is not None:
        checker.attributes(noted[0].attributes.get(-1, ()), known.root, None)
    checker.block(dossier.tree, known.compiled, known.root)
    return checker.faults


def path_of(parent: str, field: Field, number: int) -> str:
    """Return the path of a field, with its number where the field can repeat.

    Args:
        parent: path of the block that contains it.
        field: the field.
        number: number among the fields of this name, from 1.
    """
    return f"{parent}/{field.name}" if field.max == 1 and number == 1 else f"{parent}/{field.name}[{number}]"


_NOTHING = Irregularity("")


class _StructureCheck:
    """Structure check of a dossier whose structure is not known to be valid."""

    def __init__(self, known: Catalogue) -> None:
        self.faults: list[StructureFault] = []
        self._names = {field.name for fields in known.blocks.values() for field in fields}

    def add(self, code: str, path: str, label: str, **facts: Any) -> None:
        nl, en, who = sentence(code, label=label, element=path.rsplit("/", 1)[-1].split("[")[0], **facts)
        self.faults.append(StructureFault(path, code, nl, en, who))

    def block(self, node: Node, compiled: CompiledBlock, path: str) -> None:
        label = path.rsplit("/", 1)[-1]
        noted = node[IRREGULAR][0] if IRREGULAR in node else _NOTHING
        if noted.has_text:
            self.add("STRUCTURE-008", path, label)
        unknown_elements = list(noted.unknown_elements)
        met: list[CompiledField] = []
        for slot, number, value in in_order(node, compiled):
            at = len(met)
            while unknown_elements and unknown_elements[0][0] <= at:
                self._unknown_element(unknown_elements.pop(0)[1], compiled, path)
            met.append(slot)
            here = path_of(path, slot.field, number + 1)
            self.attributes(noted.attributes.get(at, ()), here, slot)
            if slot.inner is not None:
                self.block(value, slot.inner, here)
            elif at in noted.nested:
                self.add("STRUCTURE-010", here, slot.field.label)
            else:
                self.leaf(value, slot, here)
        for _, name in unknown_elements:
            self._unknown_element(name, compiled, path)
        if not compiled.accepts("".join(slot.code for slot in met)):
            before = len(self.faults)
            for group in _repetitions(met) if compiled.repeats else [met]:
                self._number_and_order(group, compiled, path)
            if len(self.faults) == before:
                self.add("STRUCTURE-002", path, label)

    def leaf(self, text: str, slot: CompiledField, path: str) -> None:
        label, kind = slot.field.label, slot.type
        if kind is None:
            raise ValueError(f"{slot.name} is not a leaf")
        if kind.accepts(text):
            return
        if (not text.strip(_BLANK) and kind.shortest) or (not text and kind.base != "string"):
            self.add("STRUCTURE-007", path, label)
        elif kind.longest is not None and len(text) > kind.longest:
            self.add("STRUCTURE-011", path, label, longest=kind.longest, length=len(text))
        else:
            self.add("STRUCTURE-006", path, label, form=kind.label)

    def attributes(self, names: Iterable[str], path: str, slot: CompiledField | None) -> None:
        """Report attributes that are not permitted or are empty."""
        label = slot.field.label if slot is not None else path
        for name in names:
            if slot is not None and name == slot.attribute:
                self.add("STRUCTURE-007", f"{path}@{name}", label)
            elif name == f"{XSI}type":
                self.add("STRUCTURE-013", path, label)
            else:
                self.add("STRUCTURE-009", path, label, attribute=self._safe_name(etree.QName(name).localname))

    def _unknown_element(self, name: str | None, compiled: CompiledBlock, path: str) -> None:
        if name is None:  # an undeclared entity
            self.add("STRUCTURE-008", path, path.rsplit("/", 1)[-1])
            return
        safe_name = self._safe_name(name)
        self.add("STRUCTURE-012" if safe_name in compiled.named else "STRUCTURE-001", f"{path}/{safe_name}", safe_name)

    def _safe_name(self, name: str) -> str:
        """Return a name that the standard defines, or "?": other names in a file can contain personal data."""
        return name if name in self._names else "?"

    def _number_and_order(self, met: Sequence[CompiledField], compiled: CompiledBlock, path: str) -> None:
        count: dict[str, int] = {}
        for slot in met:
            count[slot.name] = count.get(slot.name, 0) + 1
        choices: dict[str, list[Field]] = {}
        for slot in compiled.slots.values():
            field, found = slot.field, count.get(slot.name, 0)
            if field.choice:
                choices.setdefault(field.choice, []).append(field)
            elif found < field.min:
                self.add("STRUCTURE-003", f"{path}/{field.name}", field.label)
            if field.max is not None and found > field.max:
                self.add("STRUCTURE-004", path_of(path, field, field.max + 1), field.label, most=field.max)
        for choice, members in choices.items():
            present = [field for field in members if count.get(field.name)]
            names = ", ".join(field.label for field in members)
            if len(present) > 1:
                self.add("STRUCTURE-005", f"{path}/{present[1].name}", present[1].label, names=names)
            elif not present and not choice.endswith("?"):
                self.add("STRUCTURE-014", path, path.rsplit("/", 1)[-1], names=names)
        self._order(met, path)

    def _order(self, met: Sequence[CompiledField], path: str) -> None:
        numbers: dict[str, int] = {}
        furthest: CompiledField | None = None
        for slot in met:
            numbers[slot.name] = numbers.get(slot.name, 0) + 1
            if furthest is not None and slot.code < furthest.code:
                here = path_of(path, slot.field, numbers[slot.name])
                self.add("STRUCTURE-002", here, slot.field.label)
                return
            furthest = slot


def _repetitions(met: Sequence[CompiledField]) -> list[list[CompiledField]]:
    """Split the fields of a repeating block into repetitions, at least one, so that an empty block has faults too."""
    repetitions: list[list[CompiledField]] = [[]]
    for slot in met:
        last = repetitions[-1][-1] if repetitions[-1] else None
        if last is not None and (slot.code < last.code or (slot.code == last.code and slot.field.max == 1)):
            repetitions.append([])
        repetitions[-1].append(slot)
    return repetitions
