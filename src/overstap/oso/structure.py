"""Structure check against the catalogue: order, number, choices, forms of values.

Accepts and rejects as the official XSD does, with one exception: a file may not choose its own types (xsi:type). The
XSD lets a block be replaced by a longer one, and that would carry a second pupil past minimisation.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from lxml import etree

from overstap.oso.catalogue import Catalogue, Compiled, Field, Slot
from overstap.oso.model import Dossier
from overstap.oso.tree import IRREGULAR, XSI, Irregularity, Node, in_order
from overstap.resources import INCLUDE
from overstap.texts import read_yaml

_TEXTS = INCLUDE / "texts" / "structure.yaml"
_BLANK = " \t\r\n"


@dataclass(frozen=True, slots=True)
class StructureFault:
    """Something in a dossier's structure that the standard does not allow.

    Args:
        path: where, such as `dossier/huidigeschool/leerling/verzorger[2]/iban`.
        code: `STRUCTURE-nnn`, see `include/texts/structure.yaml`.
        message_nl: what is wrong and what to do, Dutch. Never tells the value found.
        message_en: the same in English.
        who: who mends it, `school` or `supplier`.
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
    """Return a finding's sentence.

    Args:
        code: a code of `include/texts/structure.yaml`.
        facts: what fills its places; never pupil data.

    Returns:
        Dutch, English, and who mends it.

    Raises:
        KeyError: the code or a fact is missing.
    """
    text = _sentences()[code]
    return text["nl"].format(**facts), text["en"].format(**facts), text["who"]


@cache
def codes() -> tuple[str, ...]:
    """Return every code that a structure or attachment finding can have."""
    return tuple(_sentences())


def check(dossier: Dossier) -> list[StructureFault]:
    """Check a dossier's structure.

    Args:
        dossier: a dossier as read.

    Returns:
        What is wrong, in document order; empty when the official schema accepts the dossier.
    """
    if dossier.is_sound:
        return []
    known = dossier.catalogue
    look = _Look(known)
    if (noted := dossier.tree.get(IRREGULAR)) is not None:
        look.attributes(noted[0].attributes.get(-1, ()), known.root, None)
    look.block(dossier.tree, known.compiled, known.root)
    return look.faults


def path_of(parent: str, field: Field, number: int) -> str:
    """Return the path of a field: with its number, from 1, where the field may repeat.

    Args:
        parent: path of the block it stands in.
        field: the field.
        number: which of the fields of this name, from 1.
    """
    return f"{parent}/{field.name}" if field.max == 1 and number == 1 else f"{parent}/{field.name}[{number}]"


_NOTHING = Irregularity("")


class _Look:
    """The careful look, at dossiers in which the walk met something."""

    def __init__(self, known: Catalogue) -> None:
        self.faults: list[StructureFault] = []
        self._names = {field.name for fields in known.blocks.values() for field in fields}

    def add(self, code: str, path: str, label: str, **facts: Any) -> None:
        nl, en, who = sentence(code, label=label, element=path.rsplit("/", 1)[-1].split("[")[0], **facts)
        self.faults.append(StructureFault(path, code, nl, en, who))

    def block(self, node: Node, compiled: Compiled, path: str) -> None:
        label = path.rsplit("/", 1)[-1]
        noted = node[IRREGULAR][0] if IRREGULAR in node else _NOTHING
        if noted.has_text:
            self.add("STRUCTURE-008", path, label)
        strangers = list(noted.strangers)
        met: list[Slot] = []
        for slot, number, value in in_order(node, compiled):
            at = len(met)
            while strangers and strangers[0][0] <= at:
                self._stranger(strangers.pop(0)[1], compiled, path)
            met.append(slot)
            here = path_of(path, slot.field, number + 1)
            self.attributes(noted.attributes.get(at, ()), here, slot)
            if slot.inner is not None:
                self.block(value, slot.inner, here)
            elif at in noted.nested:
                self.add("STRUCTURE-010", here, slot.field.label)
            else:
                self.leaf(value, slot, here)
        for _, name in strangers:
            self._stranger(name, compiled, path)
        if not compiled.accepts("".join(slot.code for slot in met)):
            before = len(self.faults)
            for group in _rounds(met) if compiled.repeats else [met]:
                self._number_and_order(group, compiled, path)
            if len(self.faults) == before:
                self.add("STRUCTURE-002", path, label)

    def leaf(self, text: str, slot: Slot, path: str) -> None:
        label, kind = slot.field.label, slot.type
        if kind is None:
            raise ValueError(f"{slot.name} is no leaf")
        if kind.accepts(text):
            return
        if (not text.strip(_BLANK) and kind.shortest) or (not text and kind.base != "string"):
            self.add("STRUCTURE-007", path, label)
        elif kind.longest is not None and len(text) > kind.longest:
            self.add("STRUCTURE-011", path, label, longest=kind.longest, length=len(text))
        else:
            self.add("STRUCTURE-006", path, label, form=kind.label)

    def attributes(self, names: Iterable[str], path: str, slot: Slot | None) -> None:
        """Tell of attributes that do not belong, or are empty."""
        label = slot.field.label if slot is not None else path
        for name in names:
            if slot is not None and name == slot.attribute:
                self.add("STRUCTURE-007", f"{path}@{name}", label)
            elif name == f"{XSI}type":
                self.add("STRUCTURE-013", path, label)
            else:
                self.add("STRUCTURE-009", path, label, attribute=self._told(etree.QName(name).localname))

    def _stranger(self, name: str | None, compiled: Compiled, path: str) -> None:
        if name is None:  # an entity that nothing declares
            self.add("STRUCTURE-008", path, path.rsplit("/", 1)[-1])
            return
        told = self._told(name)
        self.add("STRUCTURE-012" if told in compiled.named else "STRUCTURE-001", f"{path}/{told}", told)

    def _told(self, name: str) -> str:
        """Return a name of the standard as it is and any other as "?": it comes from the file, and may be anybody's."""
        return name if name in self._names else "?"

    def _number_and_order(self, met: Sequence[Slot], compiled: Compiled, path: str) -> None:
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

    def _order(self, met: Sequence[Slot], path: str) -> None:
        numbers: dict[str, int] = {}
        furthest: Slot | None = None
        for slot in met:
            numbers[slot.name] = numbers.get(slot.name, 0) + 1
            if furthest is not None and slot.code < furthest.code:
                here = path_of(path, slot.field, numbers[slot.name])
                self.add("STRUCTURE-002", here, slot.field.label)
                return
            furthest = slot


def _rounds(met: Sequence[Slot]) -> list[list[Slot]]:
    """Split the fields of a repeating block into its rounds: at least one, so that an empty block has faults too."""
    rounds: list[list[Slot]] = [[]]
    for slot in met:
        last = rounds[-1][-1] if rounds[-1] else None
        if last is not None and (slot.code < last.code or (slot.code == last.code and slot.field.max == 1)):
            rounds.append([])
        rounds[-1].append(slot)
    return rounds
