"""Official rules of an added version: those of the known version, without what asks for fields that are gone.

The rules themselves are code; an added version says in its `rules.csv` which of them no longer apply, and checks the
code lists of its own schema and sheets. What only the official sheet checks is reported by running that sheet.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from overstap.oso.validation_sheets import SheetContent
from overstap.quality.rulebook import Rule
from overstap.standards.carrying_over import CarriedOver
from overstap.texts import texts


@dataclass(slots=True)
class RuleChanges:
    """Differences of the rules of a version from those of the known version.

    Args:
        rows: rows of rules.csv.
        messages: rows of messages.csv, for rules without a message of ours.
        withdrawn: ids of rules that no longer apply.
        narrowed: ids of rules that apply to fewer or other fields.
        unknown: ids of rules that only the official sheet checks.
    """

    rows: list[dict[str, str]] = field(default_factory=list)
    messages: list[dict[str, str]] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    narrowed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)


def changes_of(
    known: Mapping[str, Rule], made: CarriedOver, sheets: SheetContent, *, root: str, has_validation: bool
) -> RuleChanges:
    """Return how the official rules of a version differ from those of the known version.

    Args:
        known: the rules of the known version, by id.
        made: the tables of the version.
        sheets: what was read from its official sheets.
        root: name of its outermost block.
        has_validation: whether the value of metadata/validatieversie is known.
    """
    found = RuleChanges()
    places = {(holder, row["field"]) for row in made.fields for holder in made.holders[row["block"]]}
    listed = _by_list(made)
    for rule in known.values():
        if rule.is_own or not rule.is_judged:
            continue
        check = _narrowed(rule.check, places, listed, root=root, has_validation=has_validation)
        if check == rule.check:
            continue
        (found.narrowed if check else found.withdrawn).append(rule.id)
        found.rows.append(_row(rule, check))
    for number in sorted(listed, key=int):
        if f"CL{number}" not in known and number in made.lists:
            found.rows.append(_new_list(number, listed[number]))
            found.messages.append(_list_message(number, made.list_names.get(number, number)))
    for name, text in sheets.messages.items():
        if name not in known and not name.startswith("CL"):
            found.unknown.append(name)
            found.messages.append(_sheet_message(name, text))
    return found


def _by_list(made: CarriedOver) -> dict[str, list[str]]:
    """Return, per code list, the places (`block/field`, by element name) that no rule of the known version checks."""
    found: dict[str, list[str]] = {}
    for row in made.fields:
        if (row["block"], row["field"]) in made.newly_listed:
            for holder in sorted(made.holders[row["block"]]):
                place = f"{holder}/{row['field']}"
                if place not in found.setdefault(row["list"], []):
                    found[row["list"]].append(place)
    return found


def _narrowed(
    check: tuple[str, ...],
    places: set[tuple[str, str]],
    listed: Mapping[str, Iterable[str]],
    *,
    root: str,
    has_validation: bool,
) -> tuple[str, ...]:
    """Return a check without the fields that are gone; empty when nothing is left of it."""
    word, *arguments = check
    if word in ("required", "forbidden", "some"):
        block, *fields = arguments
        left = [each for each in fields if (block, each) in places]
        return (word, block, *left) if left else ()
    if word == "codes":
        number, *stated = arguments
        left = [each for each in stated if _is_there(each.rstrip("!"), places, root)]
        covered = {each.rstrip("!") for each in left}
        everywhere = {each.partition("/")[2] for each in covered if each.startswith("*/")}
        more = [
            each for each in listed.get(number, ()) if each not in covered and each.partition("/")[2] not in everywhere
        ]
        return (word, number, *left, *more) if left or more else ()
    if word in ("category", "switched_off"):
        category, *stated = arguments
        left = [each for each in stated if _is_there(each.lstrip("?"), places, root)]
        return (word, category, *left) if left and ("categorie_uitlevering", category) in places else ()
    if word == "equals":
        place, value = arguments
        is_there = _is_there(place.rstrip("?"), places, root)
        return check if is_there and (has_validation or value != "{validation}") else ()
    return check


def _is_there(place: str, places: set[tuple[str, str]], root: str) -> bool:
    block, _, name = place.rpartition("/")
    if block == "*":
        return any(each == name for _, each in places)
    return (block or root, name) in places


def _row(rule: Rule, check: tuple[str, ...]) -> dict[str, str]:
    return {
        "id": rule.id,
        "status": rule.status.value if check else "withdrawn",
        "severity": rule.severity.value if check and rule.severity is not None else "",
        "kind": rule.kind,
        "transfer": " ".join(rule.transfers),
        "stage": rule.stage.value if rule.stage.value == "complete" else "",
        "check": " ".join(check),
        "rule": rule.rule if check else f"not in this version: {rule.rule}",
    }


def _new_list(number: str, places: list[str]) -> dict[str, str]:
    return {
        "id": f"CL{number}",
        "status": "active",
        "severity": "error",
        "kind": "",
        "transfer": "",
        "stage": "",
        "check": " ".join(("codes", number, *places)),
        "rule": f"code list {number}: value of {' '.join(places)} must be in the list",
    }


def _list_message(number: str, name: str) -> dict[str, str]:
    words = texts("standards/messages")["code_list"]
    named = {"number": number, "name": name, "codes": "{codes}"}
    return {
        "rule": f"CL{number}",
        **{key: words[key].format(**named) for key in ("nl", "do_nl", "en", "do_en")},
        "who": "school",
    }


def _sheet_message(rule: str, text: str) -> dict[str, str]:
    words = texts("standards/messages")["official_sheet"]
    said = {"rule": rule, "text": text}
    return {"rule": rule, **{key: words[key].format(**said) for key in ("nl", "do_nl", "en", "do_en")}, "who": "school"}
