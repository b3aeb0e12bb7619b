"""Answers of a form: texts by path, as people wrote them, and what is made of them.

A path has a number for each block that can occur more often: `leerling/verzorger[2]/achternaam`. `#leerling/verzorger`
is how many of a block are shown, so that an empty one can be filled in. Only paths of the form are kept.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from overstap.oso.catalogue import Catalogue, catalogue
from overstap.oso.identifiers import is_postcode
from overstap.typed.form import STREET, Form, FormBlock, FormField, FormFieldKind, FormStep, template_of, walk
from overstap.typed.people_write import (
    NotUnderstoodError,
    read_day,
    read_month,
    read_number,
    read_street,
    read_text,
    read_yes_no,
)

Answers = Mapping[str, str]
"""Texts by path."""
COUNT = "#"
MOST_BLOCKS = 60
"""Most blocks of one kind within another; a form without end is no form."""
MOST_CHARACTERS = 20_000
"""Longest text of one field."""
_LAST_NUMBER = re.compile(r"^(?P<block>.*)\[(?P<number>[0-9]{1,4})\](?P<rest>/.*)?$")
_STEP = re.compile(r"(?P<name>[^/\[\]#]+)(?:\[(?P<number>[0-9]{1,4})\])?")
_NEVER = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""Characters that XML 1.0 does not allow (production 2)."""


@dataclass(frozen=True, slots=True)
class AnswerFault:
    """A text that is not understood.

    Args:
        path: path of the field.
        why: key of the sentence under `fault` in `include/texts/school/typed.yaml`.
    """

    path: str
    why: str


def taken_in(form: Form, step: FormStep, given: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the answers of one step from the fields of a submitted form, in the form in which people read them again.

    Fields that the form does not have are left out: a page can be made to send anything. Empty blocks are left out and
    the others renumbered, so that the numbers are those of the dossier.

    Args:
        form: the form of the round.
        step: the step.
        given: names and texts as they were sent.
    """
    found: dict[str, str] = {}
    for name, text in given:
        if name.startswith(COUNT):
            block = form.blocks.get(f"{template_of(name[1:])}[]") or form.blocks.get(template_of(name[1:]))
            if block is not None and form.step_of.get(block.path) == step.name and _is_small(name) and _is_count(text):
                found[name] = str(min(int(text[:3]), MOST_BLOCKS))
            continue
        field = form.field_at(name)
        plain = _NEVER.sub("", text).strip()[:MOST_CHARACTERS]
        if field is None or form.step_of[field.path] != step.name or not _is_small(name) or not plain:
            continue
        if field.kind is FormFieldKind.CHOICES and name in found:
            plain = f"{found[name]}\n{plain}"
        found[name] = _written_again(field, plain)
    return renumbered(found)


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _is_small(path: str) -> bool:
    return all(1 <= int(number) <= MOST_BLOCKS for number in re.findall(r"\[([0-9]{1,9})\]", path))


def _written_again(field: FormField, text: str) -> str:
    """Return a text as it is shown again: a date by its numbers; what is not understood stays as it was written."""
    try:
        if field.kind is FormFieldKind.DATE and not _is_month(field):
            return f"{read_day(text):%d-%m-%Y}"
        if field.kind is FormFieldKind.YES_NO:
            return read_yes_no(text)
    except NotUnderstoodError:
        return text
    return text if field.kind is not FormFieldKind.TEXT else read_text(field.field, text)


def _is_month(field: FormField) -> bool:
    return field.field.type is not None and field.field.type.name == "month"


def renumbered(answers: Answers) -> dict[str, str]:
    """Return the answers with repeated blocks numbered from 1 without gaps, in their order."""
    numbers: dict[str, dict[int, int]] = {}
    for path in answers:
        if path.startswith(COUNT):
            continue
        at = ""
        for part in path.split("/"):
            step = _STEP.fullmatch(part)
            if step is None:
                break
            name = f"{at}/{step['name']}" if at else step["name"]
            if step["number"]:
                numbers.setdefault(name, {})[int(step["number"])] = 0
            at = f"{at}/{part}" if at else part
    for found in numbers.values():
        for new, old in enumerate(sorted(found), 1):
            found[old] = new
    return {_with_new_numbers(path, numbers): text for path, text in answers.items()}


def _with_new_numbers(path: str, numbers: Mapping[str, Mapping[int, int]]) -> str:
    mark = COUNT if path.startswith(COUNT) else ""
    old = new = ""
    for part in path.removeprefix(COUNT).split("/"):
        step = _STEP.fullmatch(part)
        if step is None:
            return path
        at = f"{old}/{step['name']}" if old else step["name"]
        number = numbers.get(at, {}).get(int(step["number"]), int(step["number"])) if step["number"] else None
        old = f"{old}/{part}" if old else part
        piece = step["name"] if number is None else f"{step['name']}[{number}]"
        new = f"{new}/{piece}" if new else piece
    return mark + new


def count_of(answers: Answers, block: str) -> int:
    """Return how many of a repeated block are shown: those that are filled in, and those that were added.

    Args:
        answers: the answers.
        block: path of the block with the numbers of the blocks around it, without one of its own.
    """
    start = f"{block}["
    filled = [int(path[len(start) :].partition("]")[0]) for path in answers if path.startswith(start)]
    asked = answers.get(f"{COUNT}{block}", "0")
    return max([*filled, int(asked) if asked.isdigit() else 0])


def is_there(answers: Answers, block: str) -> bool:
    """Return whether a block that can occur once is filled in or was asked for."""
    return f"{COUNT}{block}" in answers or any(path.startswith(f"{block}/") for path in answers)


def without(answers: Answers, block: str) -> dict[str, str]:
    """Return the answers without one block, the later ones moved up.

    Args:
        answers: the answers.
        block: its path, with its number where it can occur more often.
    """
    kept = {
        path: text
        for path, text in answers.items()
        if not path.startswith((f"{block}/", f"{COUNT}{block}/")) and path != f"{COUNT}{block}"
    }
    found = _LAST_NUMBER.fullmatch(block)
    if found is not None:
        count = f"{COUNT}{found['block']}"
        if count in kept:
            kept[count] = str(max(int(kept[count]) - 1, 0))
    return renumbered(kept)


def values_of(form: Form, answers: Answers) -> tuple[dict[str, Any], list[AnswerFault]]:
    """Return the nested values of the block `huidigeschool`, for `oso.building.build`, and what is not understood.

    Args:
        form: the form.
        answers: the answers of all steps; files are texts that the caller has put in the place of their ids.
    """
    nested: dict[str, Any] = {}
    faults = []
    for path, text in answers.items():
        field = form.field_at(path) if not path.startswith(COUNT) else None
        if field is None or not text:
            continue
        try:
            _put(nested, path, field, text)
        except NotUnderstoodError as problem:
            faults.append(AnswerFault(path, problem.why))
    known = catalogue(form.version)
    return _listed(nested, "huidigeschool", known), faults


def _put(nested: dict[str, Any], path: str, field: FormField, text: str) -> None:
    *blocks, name = path.split("/")
    at = nested
    for part in blocks:
        step = _STEP.fullmatch(part)
        if step is None:
            return
        at = at.setdefault(step["name"], {})
        if step["number"]:
            at = at.setdefault(int(step["number"]), {})
    if field.kind is FormFieldKind.STREET:
        street = read_street(text)
        at |= {"straat": street.street, "nummer": street.number}
        if street.addition:
            at["toevoeging"] = street.addition
        return
    at[name] = understood(field, text)


def understood(field: FormField, text: str) -> Any:
    """Return the value of one answer in the form of the standard: a text, or a list for a field that repeats.

    Raises:
        NotUnderstoodError: it is not understood.
    """
    if field.kind is FormFieldKind.DATE:
        if _is_month(field):
            year, month = read_month(text)
            return f"{year:04}-{month:02}"
        day = read_day(text)
        is_dutch = field.field.type is not None and field.field.type.name == "dutch_date"
        return f"{day:%d-%m-%Y}" if is_dutch else day.isoformat()
    if field.kind is FormFieldKind.YES_NO:
        return read_yes_no(text)
    if field.kind is FormFieldKind.NUMBER:
        return read_number(text, field.field.type.base if field.field.type is not None else "integer")
    if field.kind is FormFieldKind.WORDS:
        # A first name can hold a space: commas, where there are any, then tell where one ends
        parts = [" ".join(part.split()) for part in text.split(",")] if "," in text else text.split()
        return [read_text(field.field, part) for part in parts if part]
    if field.kind in (FormFieldKind.LINES, FormFieldKind.CHOICES):
        return [read_text(field.field, part.strip()) for part in text.splitlines() if part.strip()]
    if field.field.name == "postcode":
        plain = read_text(field.field, text)
        if is_postcode(plain):
            return plain.replace(" ", "")
        if re.fullmatch(r"[0-9]{4}.{0,4}", plain):
            raise NotUnderstoodError("postcode")
    return read_text(field.field, text)


def _listed(found: Mapping[Any, Any], block: str, known: Catalogue) -> dict[str, Any]:
    """Return nested values with lists for repeated blocks, and with the blocks that are required though empty."""
    made: dict[str, Any] = {}
    for each in known.blocks[block]:
        given = found.get(each.name)
        if each.contains is None:
            if given is not None:
                made[each.name] = given
            continue
        if given and all(isinstance(key, int) for key in given):
            items = [item for number in sorted(given) if (item := _listed(given[number], each.contains, known))]
            if items:
                made[each.name] = items
        elif given and (inner := _listed(given, each.contains, known)):
            made[each.name] = inner
    if made:
        for each in known.blocks[block]:
            # The standard requires some blocks even when they are empty, such as the parts of a final test
            is_missing = each.contains and each.min > 0 and not each.choice and each.name not in made
            if is_missing and all(one.min == 0 for one in known.blocks[each.contains or ""]):
                made[each.name] = {}
    return made


def answers_of(form: Form, school: Mapping[str, Any]) -> dict[str, str]:
    """Return a dossier as answers of a form: what the form does not ask is left out.

    Args:
        form: the form.
        school: the block `huidigeschool` of the dossier (a `Node`).
    """
    found: dict[str, str] = {}
    _flatten(form, school, "", "huidigeschool", catalogue(form.version), found)
    return found


def _flatten(form: Form, node: Mapping[str, Any], at: str, block: str, known: Catalogue, found: dict[str, str]) -> None:
    groups = (node.get("#") or [node]) if block in known.repeating else [node]
    for place, group in enumerate(groups, 1):
        here = f"{at}[{place}]" if block in known.repeating else at
        for each in known.blocks[block]:
            values = group.get(each.name) or []
            path = f"{here}/{each.name}" if here else each.name
            if each.contains is not None:
                for number, value in enumerate(values, 1):
                    own = f"{path}[{number}]" if each.max is None else path
                    _flatten(form, value, own, each.contains, known, found)
                continue
            if each.name == "straat" and values:
                parts = [str(group[name][0]) for name in ("straat", "nummer") if group.get(name)]
                more = str(group["toevoeging"][0]) if group.get("toevoeging") else ""
                found[f"{here}/{STREET}"] = " ".join(parts) + (f" {more}" if more else "")
            field = form.field_at(path)
            if field is not None and values:
                found[path] = _shown(field, [str(value) for value in values])


def _shown(field: FormField, values: list[str]) -> str:
    if field.kind is FormFieldKind.WORDS:
        is_with_spaces = any(" " in value for value in values)
        return ", ".join([*values, ""]).strip() if is_with_spaces else " ".join(values)
    if field.kind in (FormFieldKind.LINES, FormFieldKind.CHOICES):
        return "\n".join(values)
    if field.kind is FormFieldKind.YES_NO:
        return {"1": "true", "0": "false"}.get(values[0], values[0])
    return _written_again(field, values[0])


@dataclass(frozen=True, slots=True)
class Clash:
    """One field that two people filled in differently at the same time.

    Args:
        path: path of the field.
        mine: what was sent; empty when it was cleared.
        theirs: what somebody else saved meanwhile; empty when it was cleared.
    """

    path: str
    mine: str
    theirs: str


def merged(before: Answers, theirs: Answers, mine: Answers) -> tuple[dict[str, str], list[Clash]]:
    """Return the answers of two people who began from the same ones, and the fields in which they differ.

    A field that one of them changed is as that person left it. Where both changed it, differently, it is in the list
    and stays as it was sent.

    Args:
        before: what both saw.
        theirs: what was saved meanwhile.
        mine: what is sent now.
    """
    found, clashes = {}, []
    for path in dict.fromkeys((*mine, *theirs, *before)):
        old, saved, sent = before.get(path, ""), theirs.get(path, ""), mine.get(path, "")
        text = saved if sent == old else sent
        if sent not in (old, saved) and saved != old and not path.startswith(COUNT):
            clashes.append(Clash(path, sent, saved))
        if path.startswith(COUNT):
            text = max(saved, sent, key=lambda one: int(one) if one.isdigit() else -1)
        if text:
            found[path] = text
    return found, clashes


def leaves(block: FormBlock) -> list[FormField]:
    """Return every field below a block, in the order of the form."""
    return [each for each in walk(block) if isinstance(each, FormField)]
