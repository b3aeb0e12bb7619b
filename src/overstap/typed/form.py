"""Form for one pupil's dossier, made from the catalogue: only what law, profile and agreement allow.

A field that minimisation removes has no place in the form. What the receiver needs first is shown at once
(`include/schemas/oso/form.csv`, and what the rules of the profile require); the rest on request.
"""

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

from overstap.oso.catalogue import MANDATORY, OPTIONAL, Catalogue, Field, catalogue, versions
from overstap.oso.version_cache import forgettable
from overstap.oso.version_folders import BUILT_IN, UNCLASSIFIED
from overstap.quality import engine, rulebook
from overstap.quality.findings import JudgementStage
from overstap.texts import texts

TOP = "dossier/huidigeschool/"
"""What each path of the form leaves out in front."""
STREET = "~straat"
"""Name of the field in which street and house number are typed as people write them."""
_PUPIL = "leerling"
_SCHOOL = "school"
_NOT_TYPED = frozenset({"metadata", "ouderinzage"})
"""Categories that Overstap fills in itself."""
_FIRST_STEPS = (_PUPIL, "oudersverzorgers", "schoolloopbaan", "overstapadvies", _SCHOOL)
_KIND_OF_TRANSFER = {"BB": "overdrachtbinnenbrin", "POSWV": "swv-dossier", "VOSWV": "swv-dossier"}
_NUMBERED = re.compile(r"\[[0-9]+\]")


class FormFieldKind(StrEnum):
    """How a field is typed."""

    TEXT = "text"
    LONG = "long"
    """A text of several lines."""
    WORDS = "words"
    """Several values on one line, with spaces between them: first names."""
    LINES = "lines"
    """Several values, each on a line of its own."""
    DATE = "date"
    YES_NO = "yes_no"
    CHOICE = "choice"
    CHOICES = "choices"
    """Several codes of a code list."""
    NUMBER = "number"
    FILE = "file"
    STREET = "street"
    """Street, house number and addition on one line."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One field of the form.

    Args:
        path: its path below `TOP`, with `[]` behind a block that can occur more often: `leerling/verzorger[]/iban`.
        field: the field of the catalogue; of a street, the field `straat`.
        label: Dutch label.
        help: description in one Dutch sentence.
        kind: how it is typed.
        choices: codes and their meanings, for a choice.
        is_first: whether it is shown at once.
        is_required: whether the standard or a rule of the profile requires it.
    """

    path: str
    field: Field
    label: str
    help: str
    kind: FormFieldKind
    choices: tuple[tuple[str, str], ...]
    is_first: bool
    is_required: bool


@dataclass(frozen=True, slots=True)
class FormBlock:
    """A block of the form.

    Args:
        path: its path below `TOP`, with `[]` at the end when it can occur more often; empty for the school itself.
        title: Dutch label.
        label: the label, or empty where the block needs no heading of its own.
        help: description in one Dutch sentence.
        repeats: whether it can occur more often.
        members: its fields and blocks, in the order of the standard.
        is_first: whether it is shown at once.
    """

    path: str
    title: str
    label: str
    help: str
    repeats: bool
    members: "tuple[FormField | FormBlock, ...]"
    is_first: bool


@dataclass(frozen=True, slots=True)
class FormStep:
    """One step of the form: a category of the data set.

    Args:
        name: the category.
        label: Dutch label.
        help: description in one Dutch sentence.
        is_mandatory: whether every dossier of the profile has it.
        block: its fields.
    """

    name: str
    label: str
    help: str
    is_mandatory: bool
    block: FormBlock


@dataclass(frozen=True)
class Form:
    """The form of a profile and the agreed categories.

    Args:
        version: version of the data set.
        profile: transfer profile.
        steps: the steps, the mandatory ones first.
        fields: every field by its path.
        blocks: every block by its path.
        step_of: the name of the step of every path of a field or block.
    """

    version: str
    profile: str
    categories: frozenset[str]
    steps: tuple[FormStep, ...]
    fields: Mapping[str, FormField]
    blocks: Mapping[str, FormBlock]
    step_of: Mapping[str, str]

    def step(self, name: str) -> FormStep | None:
        """Return a step; None when the form has none of that name."""
        return next((one for one in self.steps if one.name == name), None)

    def field_at(self, path: str) -> FormField | None:
        """Return the field of a path with numbers, such as `leerling/verzorger[2]/iban`; None when there is none."""
        return self.fields.get(template_of(path))


def template_of(path: str) -> str:
    """Return a path with its numbers taken out: `leerling/verzorger[2]/iban` becomes `leerling/verzorger[]/iban`."""
    return _NUMBERED.sub("[]", path)


def newest_version() -> str:
    """Return the newest version of the data set in which a dossier can be valid."""
    return next(one for one in reversed(versions()) if not catalogue(one).unusable)


@forgettable
@lru_cache(maxsize=64)
def form_of(version: str, profile: str, categories: frozenset[str]) -> Form:
    """Return the form of a round.

    Args:
        version: version of the data set.
        profile: transfer profile of the round, such as `POVO`.
        categories: the optional categories that the region agreed on, without `cat_`.
    """
    return _Maker(version, profile, categories).form()


@cache
def _shown() -> dict[tuple[str, str], str]:
    with (BUILT_IN / "form.csv").open(encoding="utf-8", newline="") as file:
        return {(row["block"], row["field"]): row["shown"] for row in csv.DictReader(file)}


class _Maker:
    def __init__(self, version: str, profile: str, categories: frozenset[str]) -> None:
        self.known: Catalogue = catalogue(version)
        self.profile = profile
        self.categories = categories
        self.withheld = {(each.block, each.name) for each in self.known.withheld(profile) if not each.when}
        self.required = _required(version, profile)
        self.fields: dict[str, FormField] = {}
        self.blocks: dict[str, FormBlock] = {}
        self.step_of: dict[str, str] = {}
        self.step = ""

    def form(self) -> Form:
        matrix = self.known.matrix[self.profile]
        allowed = [
            name
            for name, mark in matrix.items()
            if name not in _NOT_TYPED and (mark == MANDATORY or (mark == OPTIONAL and name in self.categories))
        ]
        steps = []
        for name in allowed:
            self.step = name
            block = self._top(name)
            if block is None:
                continue
            steps.append(
                FormStep(
                    name,
                    self.known.categories[name],
                    self.known.category_help.get(name, ""),
                    matrix[name] == MANDATORY,
                    block,
                )
            )
        steps.sort(key=lambda one: (not one.is_mandatory, _place(one.name)))
        return Form(
            self.known.version, self.profile, self.categories, tuple(steps), self.fields, self.blocks, self.step_of
        )

    def _top(self, category: str) -> FormBlock | None:
        at, name = ("", "huidigeschool") if category == _SCHOOL else (_PUPIL, _PUPIL)
        members = self._members(name, name, at, _SCHOOL if category == _SCHOOL else _PUPIL, category)
        if not members:
            return None
        return FormBlock(at, "", "", "", False, members, True)

    def _members(
        self, block: str, element: str, at: str, category: str, wanted: str
    ) -> tuple[FormField | FormBlock, ...]:
        """Return the fields and blocks of a block that are of the wanted category.

        Args:
            block: name of the block.
            element: name of the element that holds it, by which the rules name it.
            at: its path, with a number for each block that repeats.
            category: its own category.
            wanted: the category of the step.
        """
        found: list[FormField | FormBlock] = []
        for each in self.known.blocks[block]:
            own = each.category or category
            shown = _shown().get((block, each.name), "")
            if (block, each.name) in self.withheld or UNCLASSIFIED in (own, each.category):
                continue
            path = f"{at}/{each.name}" if at else each.name
            if each.contains is None:
                if each.name == "straat" and own == wanted:
                    found.append(self._street(each, at))
                if own == wanted and shown != "never":
                    found.append(self._field(each, element, path, shown))
                continue
            if not at and each.name == _PUPIL:  # the pupil has steps of its own
                continue
            repeats = each.max is None or each.contains in self.known.repeating
            path = f"{path}[]" if repeats else path
            members = self._members(each.contains, each.name, path, own, wanted)
            if not members:
                continue
            is_list = len(self.known.blocks[each.contains]) == 1 and len(members) == 1 and not repeats
            is_first = shown == "first" or (shown != "later" and (each.min > 0 or own != category))
            is_passed = own != wanted  # a block of another category around what is asked here
            label = "" if is_list or is_passed else each.label
            made = FormBlock(path, each.label, label, each.help, repeats, members, is_first or is_passed)
            self.blocks[path] = made
            self.step_of.setdefault(path, self.step)
            found.append(made)
        return tuple(found)

    def _field(self, each: Field, element: str, path: str, shown: str) -> FormField:
        is_required = (each.min > 0 and not each.choice) or each.name in self.required.get(element, frozenset())
        choices: tuple[tuple[str, str], ...] = ()
        if each.list is not None and each.list in self.known.lists:
            choices = tuple(
                (code, f"{meaning[:1].upper()}{meaning[1:]}" if meaning else code)
                for code, meaning in self.known.lists[each.list].items()
            )
        own = own_words().get(f"{each.block}/{each.name}") or own_words().get(f"*/{each.name}", {})
        made = FormField(
            path,
            each,
            own["label"]["nl"] if "label" in own else each.label,
            own["help"]["nl"] if "help" in own else each.help,
            _kind(each, has_choices=bool(choices)),
            choices,
            shown == "first" or (shown != "later" and is_required),
            is_required and shown != "later",
        )
        self.fields[path] = made
        self.step_of[path] = self.step
        return made

    def _street(self, each: Field, at: str) -> FormField:
        own = own_words()[f"*/{STREET}"]
        made = FormField(
            f"{at}/{STREET}", each, own["label"]["nl"], own["help"]["nl"], FormFieldKind.STREET, (), True, True
        )
        self.fields[made.path] = made
        self.step_of[made.path] = self.step
        return made


def own_words() -> dict[str, dict[str, dict[str, str]]]:
    """Return label and help of fields for which the words of the standard do not say how to type them."""
    found: dict[str, dict[str, dict[str, str]]] = texts("school/typed")["fields"]
    return found


def _kind(each: Field, *, has_choices: bool) -> FormFieldKind:
    base = each.type.base if each.type is not None else "string"
    if each.name == "bestandsinhoud":
        return FormFieldKind.FILE
    if has_choices:
        return FormFieldKind.CHOICE if each.max == 1 else FormFieldKind.CHOICES
    if each.max is None:
        return FormFieldKind.WORDS if each.name.endswith("voornaam") else FormFieldKind.LINES
    if base == "boolean":
        return FormFieldKind.YES_NO
    if base == "date" or (each.type is not None and each.type.name in ("dutch_date", "month")):
        return FormFieldKind.DATE
    if base in ("integer", "int", "decimal"):
        return FormFieldKind.NUMBER
    return FormFieldKind.LONG if each.name in _LONG else FormFieldKind.TEXT


_LONG = frozenset(
    {
        *("argumentatie", "aandachtspunten", "motivatie_herzienadvies", "opmerking", "isgerichtop"),
        *("centraleproblematiek", "maatregelen", "competentiebeschrijving", "beoordeling"),
    }
)


@cache
def _required(version: str, profile: str) -> dict[str, frozenset[str]]:
    """Return the fields that the rules of a profile require, per element name of their block."""
    kind = _KIND_OF_TRANSFER.get(profile, "overstapdossier")
    transfer = "" if profile == "BB" else profile
    sheet = engine.sheet_for(kind, transfer)
    found: dict[str, set[str]] = {}
    for rule in rulebook.rules(version).values():
        if rule.applies(kind, sheet, transfer, JudgementStage.BEFORE_INSPECTION) and rule.check[0] == "required":
            _, block, *fields = rule.check
            found.setdefault(block, set()).update(fields)
    return {block: frozenset(fields) for block, fields in found.items()}


def _place(name: str) -> int:
    return _FIRST_STEPS.index(name) if name in _FIRST_STEPS else len(_FIRST_STEPS)


def walk(block: FormBlock) -> Iterator[FormField | FormBlock]:
    """Yield every field and block below a block, in the order of the form."""
    for each in block.members:
        yield each
        if isinstance(each, FormBlock):
            yield from walk(each)
