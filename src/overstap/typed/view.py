"""One step of the form with its answers, as a page shows it: blocks, fields, messages beside the fields."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from overstap.typed.answers import MOST_BLOCKS, Answers, Clash, count_of, is_there
from overstap.typed.dossier import FormFinding
from overstap.typed.form import FormBlock, FormField, FormStep

_SHOWN_AT_ONCE = {"leerling/verzorger[]/communicatielijst/communicatie[]": 2}
"""Number of empty blocks that are shown where one is not enough: a telephone number and an e-mail address."""


@dataclass(frozen=True, slots=True)
class FieldView:
    """One field with its answer.

    Args:
        path: its path with numbers, which is its name in the form.
        form: the field of the form.
        text: the answer.
        is_required: whether it has to be filled in; not in a further block that is still empty.
        findings: what is wrong or remarkable.
        theirs: what somebody else saved meanwhile; None when nobody did.
    """

    path: str
    form: FormField
    text: str = field(repr=False)
    is_required: bool
    findings: tuple[FormFinding, ...] = ()
    theirs: str | None = field(default=None, repr=False)

    @property
    def id(self) -> str:
        """Id in the page."""
        return f"v-{self.path}"

    @property
    def is_wrong(self) -> bool:
        """Whether something has to be mended before the dossier can be handed in."""
        return self.theirs is not None or any(one.severity == "error" for one in self.findings)

    @property
    def is_told(self) -> bool:
        """Whether it has an answer or a message, so that it is never hidden among the further questions."""
        return bool(self.text or self.findings) or self.theirs is not None


@dataclass(frozen=True, slots=True)
class ItemView:
    """One occurrence of a block.

    Args:
        path: its path, with its number where it can occur more often.
        number: its number; 0 where it can occur once.
        asked: fields and blocks that are shown at once.
        further: those on request.
        is_open: whether the further ones are shown, since one of them has an answer or a message.
    """

    path: str
    number: int
    asked: "tuple[FieldView | BlockView, ...]"
    further: "tuple[FieldView | BlockView, ...]"
    is_open: bool


@dataclass(frozen=True, slots=True)
class BlockView:
    """A block with its occurrences.

    Args:
        path: its path without a number of its own.
        form: the block of the form.
        items: its occurrences.
        can_add: whether another can be added.
        can_remove: whether one can be taken away.
        findings: messages about the block as a whole.
    """

    path: str
    form: FormBlock
    items: tuple[ItemView, ...]
    can_add: bool
    can_remove: bool
    findings: tuple[FormFinding, ...]

    @property
    def is_told(self) -> bool:
        """Whether something in it has an answer or a message."""
        return bool(self.findings) or any(each.is_told for item in self.items for each in (*item.asked, *item.further))


@dataclass(frozen=True, slots=True)
class _About:
    answers: Answers
    findings: Mapping[str, tuple[FormFinding, ...]]
    clashes: Mapping[str, Clash]


def shown(
    step: FormStep, answers: Answers, findings: Iterable[FormFinding] = (), clashes: Iterable[Clash] = ()
) -> ItemView:
    """Return a step as a page shows it.

    Args:
        step: the step.
        answers: its answers.
        findings: what the rules say of the dossier; those of other steps are left out.
        clashes: fields that somebody else changed meanwhile.
    """
    by_path: dict[str, tuple[FormFinding, ...]] = {}
    for one in findings:
        if one.step == step.name and one.path:
            by_path[one.path] = (*by_path.get(one.path, ()), one)
    about = _About(answers, by_path, {one.path: one for one in clashes})
    return _item(step.block, step.block.path, 0, about)


def _item(block: FormBlock, path: str, number: int, about: _About) -> ItemView:
    asks_all = not any(each.is_first for each in block.members)  # nothing is needed first: all of it is asked at once
    is_spare = number > 1 and not any(one.startswith(f"{path}/") for one in about.answers)
    asked: list[FieldView | BlockView] = []
    further: list[FieldView | BlockView] = []
    for each in block.members:
        name = each.path.removesuffix("[]").rpartition("/")[2]
        at = f"{path}/{name}" if path else name
        made = _block(each, at, about) if isinstance(each, FormBlock) else _field(each, at, about, is_spare=is_spare)
        (asked if each.is_first or asks_all else further).append(made)
    return ItemView(path, number, tuple(asked), tuple(further), any(each.is_told for each in further))


def _field(form: FormField, path: str, about: _About, *, is_spare: bool) -> FieldView:
    clash = about.clashes.get(path)
    return FieldView(
        path,
        form,
        about.answers.get(path, ""),
        form.is_required and not is_spare,
        about.findings.get(path, ()),
        clash.theirs if clash is not None else None,
    )


def _block(form: FormBlock, path: str, about: _About) -> BlockView:
    own = about.findings.get(path, ()) if form.repeats else about.findings.get(form.path, ())
    if not form.repeats:
        own = about.findings.get(path, ())
        is_shown = form.is_first or is_there(about.answers, path)
        items = (_item(form, path, 0, about),) if is_shown else ()
        is_added = bool(items) and not form.is_first
        return BlockView(path, form, items, not is_shown, is_added, own)
    filled = count_of(about.answers, path)
    least = _SHOWN_AT_ONCE.get(form.path, 1) if form.is_first else 0
    count = min(max(filled, least), MOST_BLOCKS)
    numbered = tuple(_item(form, f"{path}[{number}]", number, about) for number in range(1, count + 1))
    own = (*own, *(one for item in numbered for one in about.findings.get(item.path, ())))
    return BlockView(path, form, numbered, count < MOST_BLOCKS, count > 1 or (count > 0 and not form.is_first), own)
