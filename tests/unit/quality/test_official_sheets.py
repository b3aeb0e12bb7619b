"""The rules give the verdict of the official sheets: over the examples and a thousand changed dossiers.

Runs where OVERSTAP_OFFICIAL holds the sheets of the public repository and the package saxonche is installed.
"""

import pickle
import random
from collections.abc import Iterable
from copy import deepcopy
from datetime import date
from functools import cache, lru_cache
from typing import Any

import pytest
import rule_examples as examples
from lxml import etree
from official_files import official_folder
from official_sheets import Sheet

from overstap.oso.building import build
from overstap.oso.catalogue import catalogue
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.tree import GROUPS, Node
from overstap.oso.writing import to_bytes
from overstap.quality import rulebook
from overstap.quality.engine import sheet_for
from overstap.quality.rulebook import RuleStatus
from overstap.quality.rules import judge
from overstap_tools.bench.dossier import SHEETS, VERSION

SEED = 20190416
CHANGED = 1_000
TODAY = date(2019, 6, 1)
ALIASES = {"OS.cat120": "OS.cat12"}
"""Ids that a sheet's comment misspells."""
TEXTS = (
    *("true", "false", "1", "0", "x", "SO", "BO", "POVO", "POPO", "VOVO", "POSWV", "VOSWV", "VOMBO", "LAS", "LVS"),
    *("overstapdossier", "overdrachtbinnenbrin", "swv-dossier", "2019.1", "2019.1.1", "2018.1.1", "J", "N", "Ja"),
    *("telefoon", "e-mail", "9999999999", "geheim@geheim.geheim", "a@b.nl", "a@b", "a b@c.nl", "@", "OPT-UIT", "Nee"),
    *("VERPLICHT", "VERBODEN", "OPTIONEEL", "2027-07-31", "2027-07-30", "10", "0013", "0015", "F81.0", "werk"),
)


@pytest.fixture(scope="module")
def sheets() -> dict[str, Sheet]:
    pytest.importorskip("saxonche", reason="the package saxonche is not installed")
    folder = official_folder()
    if folder is None or not all((folder / VERSION / path).is_file() for path in SHEETS.values()):
        pytest.skip("the official sheets are not at hand; set OVERSTAP_OFFICIAL to a folder with 2019.1/OV and PaO")
    return {name: Sheet(folder / VERSION / path) for name, path in SHEETS.items()}


@pytest.fixture(scope="module")
def schema(sheets: dict[str, Sheet]) -> Any:
    folder = official_folder()
    assert folder is not None
    return etree.XMLSchema(etree.parse(folder / VERSION / "OSO_gegevensset.xsd"))


def differences(dossier: Dossier, data: bytes, sheets: dict[str, Sheet]) -> list[str]:
    """Return how the rules differ from the sheet, rule by rule: nothing where they agree."""
    is_pao = sheet_for(dossier.tree.text("overdrachtsoort") or "", dossier.metadata.text("overstap") or "") == "PaO"
    sheet = sheets["PaO" if is_pao else "OV"]
    messages = sheet.messages(data)
    ours = found_by_us(dossier)
    book = rulebook.rules(VERSION)
    found = []
    for rules, numbers in together(sheet):
        said, fires = bool(messages & numbers), bool(ours & rules)
        revived = {rule for rule in rules if book[rule].status is RuleStatus.REVIVED}
        if said != fires and not (revived == rules and not said):
            found.append(f"{sorted(rules)}: the sheet {'warns' if said else 'is silent'}, overstap not so")
    return found


@lru_cache(maxsize=1)
def found_by_us(dossier: Dossier) -> frozenset[str]:
    return frozenset(finding.rule for finding in judge(dossier, today=TODAY))


@cache
def together(sheet: Sheet) -> Iterable[tuple[set[str], set[int]]]:
    """Yield rules with their messages: those that share a message cannot be told apart, and are compared as one."""
    judged = {rule.id for rule in rulebook.rules(VERSION).values() if rule.is_judged}
    groups: list[tuple[set[str], set[int]]] = []
    for number, named in sheet.rules.items():
        rules, numbers = {ALIASES.get(rule, rule) for rule in named} & judged, {number}
        if not rules:
            continue
        for group in [each for each in groups if each[0] & rules]:
            rules |= group[0]
            numbers |= group[1]
            groups.remove(group)
        groups.append((rules, numbers))
    return groups


def test_every_message_of_the_sheets_has_a_rule(sheets: dict[str, Sheet]) -> None:
    book = rulebook.rules(VERSION)
    judged = {rule.id for rule in book.values() if rule.is_judged and not rule.is_own}
    named: set[str] = set()
    for sheet in sheets.values():
        for rules, _ in together(sheet):
            named |= rules
        for rules in sheet.rules.values():
            assert {ALIASES.get(rule, rule) for rule in rules} & book.keys(), rules
    assert named == judged


def test_the_official_examples_get_the_verdict_of_the_sheets(sheets: dict[str, Sheet]) -> None:
    folder = official_folder()
    assert folder is not None
    for path in sorted((folder / VERSION / "examples").glob("*.xml")):
        data = path.read_bytes()
        assert differences(read(data), data, sheets) == [], path.name


@pytest.mark.parametrize("rule", [rule for rule in examples.BREAKING if not rule.startswith("OV-")])
def test_an_example_of_a_rule_gets_the_verdict_of_the_sheets(rule: str, sheets: dict[str, Sheet]) -> None:
    for example in (examples.BREAKING[rule], examples.near(rule)):
        dossier = examples.made(*example)
        assert differences(dossier, to_bytes(dossier), sheets) == []


@pytest.mark.parametrize("address", ["a@b.nl\n", "\na@b.nl", "a@b.nl ", "mailto:a@b.nl", "a@b.nl;c@d.nl", "a@b\n.nl"])
def test_where_the_pattern_of_addresses_begins_and_ends_is_that_of_the_sheets(
    address: str, sheets: dict[str, Sheet]
) -> None:
    dossier = examples.made("POVO", {f"{examples._CONTACTS['pupil']}/nummer": address})
    assert differences(dossier, to_bytes(dossier), sheets) == []


def test_a_thousand_changed_dossiers_get_the_verdict_of_the_sheets(
    sheets: dict[str, Sheet], schema: Any, thorough: bool
) -> None:
    """Every change leaves a dossier that the official schema accepts: the sheets are written for those alone.

    Two of three begin as a dossier that breaks one rule, so that each rule is met that such a dossier can break, and
    each also beside others.
    """
    chance = random.Random(SEED)
    profiles = ("POVO", "POPO", "VOVO", "BB", "POSWV", "VOSWV")
    whole = [examples.made(profile).tree for profile in profiles]
    whole += [read(path.read_bytes()).tree for path in official_examples()]
    book = rulebook.rules(VERSION)
    official = {rule.id for rule in book.values() if rule.is_judged and not rule.is_own}
    breaking = {rule: examples.made(*examples.BREAKING[rule]) for rule in examples.BREAKING if rule in official}
    accepted = {rule: one for rule, one in breaking.items() if schema.validate(etree.fromstring(to_bytes(one)))}
    broken = [one.tree for one in accepted.values()]
    compared, met, done = 0, set[str](), set[str]()
    wanted = CHANGED * 10 if thorough else CHANGED
    for number in range(wanted * 4):
        original = chance.choice(chance.choice((whole, broken, broken)))
        tree, kinds = changed(original, chance.choice(whole), chance)
        dossier = build(tree)
        data = to_bytes(dossier)
        if not schema.validate(etree.fromstring(data)):
            continue
        assert differences(dossier, data, sheets) == [], f"seed {SEED}, number {number}"
        met |= found_by_us(dossier)
        done |= kinds
        compared += 1
        if compared == wanted:
            break
    assert compared == wanted
    assert done == {"gone", "another text", "taken"}
    assert len(accepted) > 0.9 * len(official)
    assert accepted.keys() <= met, sorted(accepted.keys() - met)


def official_examples() -> list[Any]:
    folder = official_folder()
    return sorted((folder / VERSION / "examples").glob("*.xml")) if folder else []


def changed(tree: Node, donor: Node, chance: random.Random) -> tuple[Node, set[str]]:
    """Return a copy in which some fields are gone, hold another text, or were taken from another dossier; and which."""
    tree = pickle.loads(pickle.dumps(tree))  # noqa: S301 - our own, and a tenth of what deepcopy takes
    done = set()
    for _ in range(chance.choice((1, 1, 2, 3, 5))):
        path, block = chance.choice(list(blocks(tree, ())))
        names = [name for name in block if name != GROUPS and "@" not in name]
        kind = chance.random()
        if kind < 0.35 and names:
            block.pop(chance.choice(names))
            done.add("gone")
        elif kind < 0.75 and names:
            name = chance.choice(names)
            values = block[name]
            if isinstance(values[0], str):
                values[chance.randrange(len(values))] = chance.choice(TEXTS)
                done.add("another text")
        else:
            others = [found for where, found in blocks(donor, ()) if where == path]
            more = [name for name in others[0] if name != GROUPS and "@" not in name] if others else []
            if more:
                name = chance.choice(more)
                block[name] = deepcopy(others[0][name])
                done.add("taken")
    return tree, done


def blocks(node: Node, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], Node]]:
    """Yield every block with the names on the way to it; lines of a repeating block are left as they are."""
    yield path, node
    for name, values in node.items():
        if name != GROUPS:
            for value in values:
                if isinstance(value, Node) and GROUPS not in value:
                    yield from blocks(value, (*path, name))


def test_the_catalogue_has_the_code_lists_of_the_sheets(sheets: dict[str, Sheet]) -> None:
    numbers = {rule.removeprefix("CL") for sheet in sheets.values() for ids in sheet.rules.values() for rule in ids}
    assert {number for number in numbers if number.isdecimal()} <= set(catalogue(VERSION).lists)
