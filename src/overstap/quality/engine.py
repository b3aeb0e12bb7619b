"""Rule engine: compiles the rules for one kind of dossier to a plan, and executes it."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType

from overstap.oso.catalogue import FORBIDDEN, MANDATORY, OPTED_OUT, Catalogue, catalogue
from overstap.oso.version_cache import forgettable
from overstap.quality import (
    advice,
    blank_fields,
    carers,
    categories,
    dates,
    final_test,
    free_text,
    identity,
    official,
    references,
    rulebook,
)
from overstap.quality.findings import DossierFinding, DossierSeverity, JudgementStage
from overstap.quality.rule_context import Block, BlockLayout, Location, RuleContext, path_of
from overstap.quality.rulebook import Rule

OWN_CODE = "OV-CL-01"
"""Rule of a value that the region's agreement adds to a code list."""
RuleCheck = Callable[..., Iterable[Location]]
Breach = tuple[str, Location]


@dataclass(slots=True)
class PresenceRules:
    """Fields that one block must have, must not have, or must have at least one of, each with its rule id."""

    required: dict[str, str] = field(default_factory=dict)
    forbidden: dict[str, str] = field(default_factory=dict)
    some: list[tuple[frozenset[str], str]] = field(default_factory=list)


@dataclass(slots=True)
class RulePlan:
    """The rules for one kind of dossier, grouped by the block that they check."""

    presence: dict[str, PresenceRules] = field(default_factory=dict)
    codes: dict[str, list[tuple[str, frozenset[str], str, bool]]] = field(default_factory=dict)
    needed: list[tuple[str, str, str]] = field(default_factory=list)
    values: list[tuple[str, str, str, bool, str]] = field(default_factory=list)
    categories: list[tuple[str, str, frozenset[str], list[tuple[str, str, bool]]]] = field(default_factory=list)
    checks: dict[str, list[tuple[str, RuleCheck, tuple[str, ...]]]] = field(default_factory=dict)


_WORDS = {
    "category": frozenset((MANDATORY, FORBIDDEN, OPTED_OUT)),
    "switched_off": frozenset((OPTED_OUT,)),  # the only mark that the sheets before 2019 check
}
_NEEDS = {
    check: block
    for block, checks in {
        "eindtoets_basisonderwijs": ("test_result", "test_kind", "test_advice", "missed_without_exemption"),
        "eindtoetsresultaat": (
            *(
                "test_that_ended",
                "reference_levels",
                "exempt_but_taken",
                "test_advice_unreadable",
                "higher_test_advice",
            ),
        ),
        "afname": ("recent_test",),
        "lwoo": ("lwoo_end", "designation_without_lwoo"),
        "tlv": ("partnership_form",),
        "bevorderd": ("promoted_to",),
        "inzage": ("refusal_without_reason", "consent_refused", "inspected_in_future", "inspected_before_made"),
        "toelichting_onderwijsbehoeften": ("explanation_left_over",),
        "gba": ("registry_birth_date",),
        "toetsscore": ("score_without_outcome",),
    }.items()
    for check in checks
}
"""The block without which a check finds nothing; most dossiers lack most of these blocks."""


def _modules() -> list[ModuleType]:
    return [official, identity, dates, advice, final_test, carers, references, categories, blank_fields, free_text]


@cache
def functions() -> dict[str, RuleCheck]:
    """Return the check functions by name, as a rule's `check` names them.

    Raises:
        ValueError: two modules define a function of one name.
    """
    found: dict[str, RuleCheck] = {}
    for module in _modules():
        for name, value in vars(module).items():
            if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__:
                if name in found:
                    raise ValueError(f"two checks are called {name}")
                found[name] = value
    return found


@forgettable
@cache
def layout(version: str) -> BlockLayout:
    """Return the block structure of a version."""
    return BlockLayout(catalogue(version))


def sheet_for(kind: str, transfer: str) -> str:
    """Return the official sheet for a dossier.

    Args:
        kind: its `overdrachtsoort`.
        transfer: its `metadata/overstap`, which decides when the kind is unknown.
    """
    if kind == "overstapdossier":
        return "OVa"
    if kind == "overdrachtbinnenbrin":
        return "OVb"
    return "PaO" if kind == "swv-dossier" or transfer in ("POSWV", "VOSWV") else "OVa"


@forgettable
@cache
def plan(version: str, kind: str, sheet: str, transfer: str, stage: JudgementStage) -> RulePlan:
    """Return the plan for one kind of dossier.

    Args:
        version: version of the data set.
        kind: `overdrachtsoort`, a known value or empty, so that the number of cached plans is bounded.
        sheet: official sheet: `OVa`, `OVb` or `PaO`.
        transfer: `metadata/overstap`, a known value or empty.
        stage: stage of the round.
    """
    rule_plan = RulePlan()
    about = catalogue(version)
    for rule in rulebook.rules(version).values():
        if rule.applies(kind, sheet, transfer, stage):
            _add(rule_plan, rule, about)
    return rule_plan


def _add(rule_plan: RulePlan, rule: Rule, about: Catalogue) -> None:
    word, *arguments = rule.check
    if word in ("required", "forbidden", "some"):
        block, *fields = arguments
        presence = rule_plan.presence.setdefault(block, PresenceRules())
        if word == "some":
            presence.some.append((frozenset(fields), rule.id))
        else:
            getattr(presence, word).update(dict.fromkeys(fields, rule.id))
    elif word == "codes":
        values = frozenset(about.lists.get(arguments[0], ()))
        for place in arguments[1:]:
            parent, name = place.rstrip("!").split("/")
            for block in _holders(about, name) if parent == "*" else [parent]:
                rule_plan.codes.setdefault(block, []).append((name, values, rule.id, _repeats(about, block, name)))
            if place.endswith("!"):
                rule_plan.needed.append((parent, name, rule.id))
    elif word in ("category", "switched_off"):
        category, *places = arguments
        blocks = []
        for place in places:
            block, _, name = place.lstrip("?").rpartition("/")
            blocks.append((block or about.root, name, not place.startswith("?")))
        rule_plan.categories.append((category, rule.id, _WORDS[word], blocks))
    elif word == "own_code":
        pass  # found where the code lists are checked
    elif word == "equals":
        block, _, name = arguments[0].rstrip("?").partition("/")
        value = {"{version}": about.version, "{validation}": about.validation}[arguments[1]]
        rule_plan.values.append((block, name, value, arguments[0].endswith("?"), rule.id))
    else:
        function = functions()[word]
        rule_plan.checks.setdefault(_NEEDS.get(word, about.root), []).append((rule.id, function, tuple(arguments)))


def _holders(about: Catalogue, name: str) -> list[str]:
    """Return the element names of the blocks that can contain a field."""
    kinds = {block for block, fields in about.blocks.items() if any(each.name == name for each in fields)}
    holders = {each.name for fields in about.blocks.values() for each in fields if each.contains in kinds}
    return sorted(holders | ({about.root} & kinds))


def _repeats(about: Catalogue, holder: str, name: str) -> bool:
    """Return whether a field can repeat in a block with an element name."""
    kinds = {each.contains for fields in about.blocks.values() for each in fields if each.name == holder}
    return any(each.max is None for kind in kinds if kind for each in about.blocks[kind] if each.name == name)


def breaches(context: RuleContext, rule_plan: RulePlan) -> list[Breach]:
    """Return every breach of the plan's rules, in no particular order."""
    found: list[Breach] = []
    blocks = context.blocks
    for name, presence in rule_plan.presence.items():
        for block in blocks.get(name, ()):
            _presence(found, block, presence)
    for name, fields in rule_plan.codes.items():
        for block in blocks.get(name, ()):
            node = block.node
            for leaf, values, rule, repeats in fields:
                texts = node.get(leaf)
                if texts is not None and not values.issuperset(texts):
                    for number, text in enumerate(texts, 1):
                        if text not in values:
                            place = (block, leaf, number if repeats or number > 1 else 0)
                            is_own = (rule.removeprefix("CL"), text) in context.own_codes
                            found.append((OWN_CODE if is_own else rule, place))
    for name, leaf, rule in rule_plan.needed:
        for block in blocks.get(name, (context.root,)):
            if leaf not in block.node:
                found.append((rule, (block, leaf, 0)))
    for name, leaf, value, only_present, rule in rule_plan.values:
        for block in blocks.get(name, ()):
            if block.text(leaf) != value and not (only_present and leaf not in block.node):
                found.append((rule, (block, leaf, 0)))
    _categories(found, context, rule_plan)
    for name, checks in rule_plan.checks.items():
        if name in blocks:
            for rule, check, arguments in checks:
                for place in check(context, *arguments):
                    found.append((rule, place))
    return found


def _presence(found: list[Breach], block: Block, presence: PresenceRules) -> None:
    names = block.node.keys()
    if not names >= presence.required.keys():
        found.extend((rule, (block, name, 0)) for name, rule in presence.required.items() if name not in names)
    if not names.isdisjoint(presence.forbidden):
        found.extend((rule, (block, name, 0)) for name, rule in presence.forbidden.items() if name in names)
    for fields, rule in presence.some:
        if names.isdisjoint(fields):
            found.append((rule, (block, "", 0)))


def _categories(found: list[Breach], context: RuleContext, rule_plan: RulePlan) -> None:
    delivery = context.first("categorie_uitlevering")
    if delivery is None:
        return
    for category, rule, heeded, places in rule_plan.categories:
        word = delivery.text(category)
        if word not in heeded:
            continue
        if word == MANDATORY:
            for holder, name, _ in places:
                if name in context.node(holder):
                    break
            else:
                found.append((rule, (delivery, category, 0)))
        else:
            for holder, name, counts in places:
                block = context.first(holder)
                if counts and block is not None and name in block.node:
                    found.append((rule, (block, name, 0)))


@forgettable
@cache
def _places(version: str) -> frozenset[tuple[str, str]]:
    """Return each field of a version with the element name of the block that holds it, and with "" for any block."""
    known = catalogue(version)
    holders = [(known.root, known.root)]
    holders += [(each.name, each.contains) for fields in known.blocks.values() for each in fields if each.contains]
    return frozenset(
        (name, each.name) for holder, kind in holders for each in known.blocks[kind] for name in (holder, "")
    )


def findings(context: RuleContext, rule_plan: RulePlan, version: str) -> list[DossierFinding]:
    """Return the findings in the order of the rulebook, each rule once per location, with their messages."""
    found = breaches(context, rule_plan)
    if not found:
        return []
    book = rulebook.rules(version)
    order = rulebook.order(version)
    # A rule carried over from another version can ask for a field that this version does not have
    places = _places(version)
    found = [
        (rule, place)
        for rule, place in found
        # What is missing together with its block is reported at the dossier itself
        if not place[1] or (("" if place[0].above is None else place[0].name), place[1]) in places
    ]
    found.sort(key=lambda breach: order[breach[0]])
    by_place: dict[tuple[str, str], DossierFinding] = {}
    for rule, place in found:
        path = path_of(place)
        if (rule, path) not in by_place:
            words = rulebook.sentence(rule, version)
            severity = book[rule].severity or DossierSeverity.ERROR
            by_place[rule, path] = DossierFinding(rule, severity, path, words.message_nl, words.message_en, words.who)
    return list(by_place.values())
