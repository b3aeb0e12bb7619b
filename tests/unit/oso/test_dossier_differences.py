import random

import pytest
from dossier_mutations import mutate
from generated_dossiers import element, generate

from overstap.oso.building import build
from overstap.oso.differences import FieldChange, differences
from overstap.oso.reading import from_element
from overstap.oso.traversal import fields
from overstap.oso.tree import Node

SEED = 20190416
LIST = "schoolloopbaanlijst/schoolloopbaan"


def with_career(*entries):
    return build({"huidigeschool": {"leerling": {"schoolloopbaanlijst": {"schoolloopbaan": list(entries)}}}})


def entry(year, group="8a", grade="8"):
    return {"schooljaar": year, "groepscode": group, "jaargroep": grade}


def leaves(dossier):
    return [each for each in fields(dossier) if not isinstance(each.value, Node)]


def test_a_dossier_is_the_same_as_itself():
    dossier = generate(random.Random(SEED), density=1.0)
    assert differences(dossier, dossier) == []


def test_a_dossier_that_comes_or_goes_whole_is_told_leaf_by_leaf():
    dossier, nothing = generate(random.Random(SEED), density=0.8), build({})
    for older, newer, change in ((nothing, dossier, FieldChange.ADDED), (dossier, nothing, FieldChange.REMOVED)):
        found = differences(older, newer)
        assert {each.change for each in found} == {change}
        assert [each.path for each in found] == [each.path for each in leaves(dossier)]
        assert [each.before or each.after or "" for each in found] == [each.value for each in leaves(dossier)]
        assert [each.category for each in found] == [each.category for each in leaves(dossier)]


def test_a_changed_block_is_found_behind_one_that_was_put_in_front():
    before = with_career(entry("2024-2025", grade="7"), entry("2025-2026"))
    after = with_career(entry("2023-2024", grade="6"), entry("2024-2025", grade="7"), entry("2025-2026", group="8b"))
    found = differences(before, after)
    changed = [each for each in found if each.change is FieldChange.CHANGED]
    assert [(each.path.partition("leerling/")[2], each.before, each.after) for each in changed] == [
        (f"{LIST}[3]/groepscode", "8a", "8b")
    ]
    assert {each.path.partition("leerling/")[2].rpartition("/")[0] for each in found if each not in changed} == {
        f"{LIST}[1]"
    }


def test_what_likens_most_is_paired_when_one_goes():
    before = with_career(entry("2023-2024", "6c", "6"), entry("2024-2025", "7c", "7"), entry("2025-2026"))
    found = differences(before, with_career(entry("2024-2025", "7d", "7"), entry("2025-2026")))
    assert {(each.change, each.path.partition("leerling/")[2]) for each in found} == {
        (FieldChange.CHANGED, f"{LIST}[1]/groepscode"),
        *((FieldChange.REMOVED, f"{LIST}[1]/{name}") for name in ("schooljaar", "groepscode", "jaargroep")),
    }


def test_the_order_of_first_names_counts():
    one, other = (
        build({"huidigeschool": {"leerling": {"voornaam": names}}}) for names in (["Noor", "Eva"], ["Eva", "Noor"])
    )
    assert {each.change for each in differences(one, other)} == {FieldChange.REMOVED, FieldChange.ADDED}


def test_a_field_that_a_later_version_dropped_is_removed():
    older = build({"huidigeschool": {"leerling": {"zorg": {"naamib": "x"}}}}, "2018.1")
    found = differences(older, build({"huidigeschool": {"leerling": {"achternaam": "Vis"}}}))
    assert {(each.change, each.path.rpartition("/")[2]) for each in found} == {
        (FieldChange.REMOVED, "naamib"),
        (FieldChange.ADDED, "achternaam"),
    }


@pytest.mark.parametrize("seed", range(40))
def test_what_is_told_turns_the_older_into_the_newer(seed):
    """By bare field: what was, less what went, with what came, is what is."""
    chance = random.Random(seed)
    older = generate(chance, density=0.5)
    root, _ = mutate(element(older), chance)
    newer = from_element(root, "2019.1")

    def bare(path):
        return "/".join(step.partition("[")[0] for step in path.split("/"))

    held = sorted((bare(each.path), each.value) for each in leaves(older))
    for each in differences(older, newer):
        if each.before is not None:
            held.remove((bare(each.path), each.before))
        if each.after is not None:
            held.append((bare(each.path), each.after))
    assert sorted(held) == sorted((bare(each.path), each.value) for each in leaves(newer))


def test_thousands_of_equals_are_compared_in_one_go(monkeypatch):
    """Counted, not timed: each leaf is looked at a bounded number of times."""
    from overstap.oso import differences as module

    looked = 0
    key = module._key

    def counting(value):
        nonlocal looked
        looked += 1
        return key(value)

    monkeypatch.setattr(module, "_key", counting)
    many = 8_000
    older, newer = ["x"] * many, ["y", *["x"] * many, *["z"] * many]
    pupil = [build({"huidigeschool": {"leerling": {"voornaam": names}}}) for names in (older, newer)]
    assert len(differences(*pupil)) == 1 + many
    assert looked == len(older) + len(newer)
    # No row of blocks is so long that pairing by likeness grows with its square.
    before = with_career(*(entry("2024-2025", str(n)) for n in range(600)))
    after = with_career(*(entry("2025-2026", str(n)) for n in range(601)))
    looked = 0
    assert len(differences(before, after)) == 603
    assert looked < 20 * 1_201
