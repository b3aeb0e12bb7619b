"""Minimisation once more, element by element on the XML: slow and plain, to hold `cutting.cut` against."""

from typing import Any

from lxml import etree

from overstap.oso.catalogue import Catalogue, CompiledBlock, WithheldField
from overstap.oso.minimisation import UNLISTED_MAIL, UNLISTED_PHONE

TRUE = ("true", "1")


def by_elements(source: Any, known: Catalogue, profile: str, marks: dict[str, str]) -> Any:
    """Return an element `dossier` cut to what a profile and the marks of its categories allow."""
    gone = frozenset(name for name, mark in marks.items() if mark in ("OPT-UIT", "VERBODEN"))
    names: Any = {None: known.namespace}
    root = etree.Element(known.tag(known.root), nsmap=names)
    _Scissors(known.withheld(profile), gone).block(source, root, known.compiled, "metadata")
    _write_marks(root, known, marks)
    return root


def holds_other(inner: CompiledBlock | None, category: str, gone: frozenset[str]) -> bool:
    if inner is None:
        return False
    return any(slot.field.category not in (None, category, *gone) for slot in inner.named.values())


class _Scissors:
    """Copies what stays, of a dossier whose structure is in doubt; what is not copied is gone."""

    def __init__(self, withheld: tuple[WithheldField, ...], gone: frozenset[str]) -> None:
        self.withheld: dict[str, dict[str, str]] = {}
        for each in withheld:
            self.withheld.setdefault(each.block, {})[each.name] = each.when
        self.gone = gone

    def block(self, source: Any, target: Any, compiled: CompiledBlock, category: str) -> None:
        forbidden = self._forbidden(source, compiled)
        target.text, target.tail = _blank(source.text), _blank(source.tail)
        for child in source:
            slot = compiled.slots.get(child.tag)
            if slot is None or slot.name in forbidden:
                continue
            own = slot.field.category or category
            if own in self.gone and not holds_other(slot.inner, own, self.gone):
                continue
            made = etree.SubElement(target, child.tag)
            if slot.inner is None:
                made.text, made.tail = child.text, _blank(child.tail)
                if slot.attribute is not None and child.get(slot.attribute):
                    made.set(slot.attribute, child.get(slot.attribute))
            else:
                self.block(child, made, slot.inner, own)
                if len(child) and not len(made):  # nothing of it may stay, so it is absent
                    target.remove(made)
        if compiled.name == "communicatie":
            _mask(target)

    def _forbidden(self, source: Any, compiled: CompiledBlock) -> set[str]:
        rules = self.withheld.get(compiled.name, {})
        return {name for name, when in rules.items() if not when or _is_true(source, compiled, when)}


def _is_true(source: Any, compiled: CompiledBlock, name: str) -> bool:
    found = [child for child in source if child.tag in compiled.slots and compiled.slots[child.tag].name == name]
    return any((child.text or "").strip() in TRUE for child in found)


def _mask(contact: Any) -> None:
    numbers = contact.findall("{*}nummer")
    if any((each.text or "").strip() in TRUE for each in contact.findall("{*}geheim")):
        kind = contact.find("{*}soort")
        for number in numbers:
            number.text = UNLISTED_MAIL if kind is not None and kind.text == "e-mail" else UNLISTED_PHONE


def _write_marks(root: Any, known: Catalogue, marks: dict[str, str]) -> None:
    metadata = root.find(known.tag("metadata"))
    if metadata is None:
        return
    block = metadata.find(known.tag("categorie_uitlevering"))
    if block is None:
        block = etree.Element(known.tag("categorie_uitlevering"))
        after = metadata.find(known.tag("validatieversie"))
        metadata.insert(len(metadata) if after is None else metadata.index(after) + 1, block)
    layout = block[0].tail if len(block) else None
    last = block[-1].tail if len(block) else None
    del block[:]
    for field in known.blocks["categorie_uitlevering"]:
        mark = etree.SubElement(block, known.tag(field.name))
        mark.text = marks[field.name.removeprefix("cat_")]
        mark.tail = layout
    block[-1].tail = last


def _blank(text: str | None) -> str | None:
    """Keep layout, drop stray text: text between elements belongs to no category."""
    return text if text is not None and text.isspace() else None
