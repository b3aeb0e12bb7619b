"""Minimisation: what may go along, and not a field more.

A category goes when the profile allows it (the matrix of the standard), the region agreed on it, and the school did
not switch it off itself. Anything else is taken out with all that hangs on it, attachments too, and marked, so that a
receiver can tell withheld (OPT-UIT) from never allowed (VERBODEN) from nothing known. Works as a white list: an element
or attribute that the catalogue does not know belongs to no category and goes too.
"""

from collections.abc import Set
from typing import Any

from lxml import etree

from overstap.errors import OverstapError
from overstap.oso.catalogue import (
    FORBIDDEN,
    MANDATORY,
    OPTED_OUT,
    OPTIONAL,
    PROFILES,
    Catalogue,
    Compiled,
    Withheld,
)
from overstap.oso.model import Dossier
from overstap.oso.trimming import TRUE, UNLISTED_MAIL, UNLISTED_PHONE, holds_other, trim

UNNUMBERED = frozenset({"POSWV", "VOSWV"})
"""Profiles in which the pupil's number may not go along: to a partnership (rule PaO.LL12; include/schemas/oso)."""


def cut(dossier: Dossier, profile: str, categories: Set[str]) -> Dossier:
    """Return the dossier cut to what profile and agreement allow.

    Args:
        dossier: the dossier as the school supplied it.
        profile: transfer profile: `POVO`, `POPO`, `VOVO`, `BB`, `POSWV` or `VOSWV`.
        categories: the optional categories that the region agreed on, without `cat_`. Obligatory ones always go,
            forbidden ones
            never, whatever stands here.

    Returns:
        A new dossier; the given one is untouched.

    Raises:
        OverstapError: DOSSIER-012 profile not known, DOSSIER-013 category not known, DOSSIER-014 the dossier is of
            another profile.
    """
    marks = marks_for(dossier, profile, categories)
    known = dossier.catalogue
    gone = frozenset(category for category, mark in marks.items() if mark in (FORBIDDEN, OPTED_OUT))
    if dossier.is_sound:
        node = trim(dossier.tree, known, profile, gone, marks)
        return Dossier.of_tree(node, dossier.version, is_simple=dossier.is_simple)
    return by_elements(dossier, profile, gone, marks)


def by_elements(dossier: Dossier, profile: str, gone: frozenset[str], marks: dict[str, str]) -> Dossier:
    """Cut a dossier element by element, whatever its structure is like.

    Args:
        dossier: the dossier.
        profile: transfer profile.
        gone: categories whose fields go.
        marks: per category what metadata/categorie_uitlevering says of it.
    """
    known = dossier.catalogue
    names: dict[Any, str] = {None: known.namespace}
    root = etree.Element(known.tag(known.root), nsmap=names)
    scissors = _Scissors(known.withheld(profile), gone)
    scissors.block(dossier.root, root, known.compiled, "metadata")
    _write_marks(root, known, marks)
    return Dossier(root=root, version=dossier.version)


def marks_for(dossier: Dossier, profile: str, categories: Set[str]) -> dict[str, str]:
    """Return per category what the cut dossier says of it in metadata/categorie_uitlevering.

    Args:
        dossier: the dossier as supplied: what the school itself switched off stays off.
        profile: transfer profile.
        categories: the optional categories agreed on.

    Raises:
        OverstapError: as `cut`.
    """
    known = dossier.catalogue
    if profile not in PROFILES:
        raise OverstapError("DOSSIER-012", profile=profile, known=", ".join(PROFILES))
    if dossier.profile is not None and dossier.profile != profile:
        raise OverstapError("DOSSIER-014", found=dossier.profile, profile=profile)
    matrix = known.matrix[profile]
    for category in sorted(categories):
        if category not in matrix:
            raise OverstapError("DOSSIER-013", category=category, version=known.version, known=", ".join(matrix))
    supplied = dossier.metadata.block("categorie_uitlevering")
    marks = {}
    for category, allowed in matrix.items():
        if allowed == OPTIONAL:
            own = supplied.text(f"cat_{category}") if supplied is not None else None
            allowed = OPTIONAL if category in categories and own not in (OPTED_OUT, FORBIDDEN) else OPTED_OUT
        marks[category] = allowed
    return marks


def keeps(marks: dict[str, str], category: str) -> bool:
    """Tell whether a category's blocks stay."""
    return marks[category] in (MANDATORY, OPTIONAL)


class _Scissors:
    """Copies what stays, of a dossier whose structure is in doubt; what is not copied is gone."""

    def __init__(self, withheld: tuple[Withheld, ...], gone: frozenset[str]) -> None:
        self.withheld: dict[str, dict[str, str]] = {}
        for each in withheld:
            self.withheld.setdefault(each.block, {})[each.name] = each.when
        self.gone = gone

    def block(self, source: Any, target: Any, compiled: Compiled, category: str) -> None:
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

    def _forbidden(self, source: Any, compiled: Compiled) -> set[str]:
        rules = self.withheld.get(compiled.name, {})
        return {name for name, when in rules.items() if not when or _is_true(source, compiled, when)}


def _is_true(source: Any, compiled: Compiled, name: str) -> bool:
    for child in source:
        slot = compiled.slots.get(child.tag)
        if slot is not None and slot.name == name:
            return (child.text or "").strip() in TRUE
    return False


def _mask(contact: Any) -> None:
    """Replace a secret number or address by the standard's placeholder (rule OVa.LL08): masked, not dropped."""
    values = {etree.QName(child).localname: child for child in contact}
    secret, number, kind = values.get("geheim"), values.get("nummer"), values.get("soort")
    if secret is None or number is None or (secret.text or "").strip() not in TRUE:
        return
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
