"""Tests of the text of drafts: merging of two people's changes, and fields that change their own place only."""

from pathlib import Path

import pytest
import yaml
from agreement_files import GOOD, write
from hypothesis import given
from hypothesis import strategies as st

from overstap.agreements.drafting.fields import coordinators_of, field_groups, with_coordinators, with_fields
from overstap.agreements.drafting.merging import merge
from overstap.agreements.source_positions import AgreementSource, read_source

LINES = st.lists(st.sampled_from(["a", "b", "c", "d: 1", ""]), max_size=12).map("\n".join)


@given(LINES, LINES)
def test_a_side_that_changed_nothing_takes_the_other(base: str, changed: str) -> None:
    for merged in (merge(base, changed, base), merge(base, base, changed), merge(base, changed, changed)):
        assert merged.text == changed
        assert merged.conflicts == ()


@given(LINES, LINES, LINES)
def test_no_line_is_lost_unseen(base: str, mine: str, theirs: str) -> None:
    """What a side added stands in the merged text, or in a conflict that is shown."""
    merged = merge(base, mine, theirs)
    there = merged.text.split("\n")
    shown = [line for conflict in merged.conflicts for line in (*conflict.mine, *conflict.theirs)]
    old = base.split("\n")
    for side in (mine, theirs):
        for line in set(side.split("\n")) - set(old):
            assert line in there or line in shown
    for conflict in merged.conflicts:
        assert tuple(there[conflict.line - 1 : conflict.line - 1 + len(conflict.mine)]) == conflict.mine


def test_changes_of_different_lines_are_both_there() -> None:
    merged = merge("a\nb\nc\nd\n", "a\nB\nc\nd\n", "a\nb\nc\nD\nE\n")
    assert merged.text == "a\nB\nc\nD\nE\n"
    assert merged.conflicts == ()


def test_the_same_line_is_a_conflict() -> None:
    merged = merge("a\nb\nc", "a\nmine\nc", "a\ntheirs\nc")
    assert merged.text == "a\nmine\nc"
    [conflict] = merged.conflicts
    assert (conflict.line, conflict.mine, conflict.theirs) == (2, ("mine",), ("theirs",))


def of(folder: Path, text: str) -> AgreementSource:
    return read_source(write(folder, text))


def names(source: AgreementSource) -> dict[str, str]:
    return {one.name: one.value for group in field_groups(source) for one in group.fields}


@pytest.mark.parametrize(
    "value", ["Anders", "{{ 7*7 }}", "{x}", 'a: "b" # c', "- x", "2027-03-12 16:00", "no", "é😀", "'", "*a"]
)
def test_a_field_changes_its_own_place_only(tmp_path: Path, value: str) -> None:
    text = GOOD.replace("    name: C. Jansen", "    name: C. Jansen  # sinds 2020")
    source = of(tmp_path, text)
    for name in ("coordinators.0.name", "occasions.1.name", "name"):
        changed = with_fields(text, source, {name: value})
        again = of(tmp_path / "again", changed)
        assert names(again) == names(source) | {name: value}
        assert changed.count("\n") == text.count("\n")
        assert "# sinds 2020" in changed


def test_moments_are_fields_in_wall_time(tmp_path: Path) -> None:
    source = of(tmp_path, GOOD.replace("opens: 2027-03-01 08:00", "opens: '2027-03-01 08:00+01:00'"))
    found = {one.name: (one.kind, one.value) for group in field_groups(source) for one in group.fields}
    assert found["rounds.advice.milestones.data_due"] == ("moment", "2027-03-16T12:00")
    assert found["rounds.advice.milestones.opens"] == ("text", "2027-03-01 08:00+01:00"), "its offset is not lost"
    changed = with_fields(GOOD, of(tmp_path, GOOD), {"rounds.advice.milestones.data_due": "2027-03-15T09:30"})
    assert changed == GOOD.replace("data_due: 2027-03-16 12:00", "data_due: 2027-03-15 09:30")


def test_what_is_no_field_changes_nothing(tmp_path: Path) -> None:
    source = of(tmp_path, GOOD)
    values = {
        "region": "x",
        "schools.0.name": "x",
        "rounds.advice.receivers": "placed",
        "a.b": "c",
        "name": "Voorbeeldregio",
    }
    assert with_fields(GOOD, source, values) == GOOD


@pytest.mark.parametrize(
    "block",
    [
        "coordinators:\n  - account: a\n    name: A\n    email: a@b.nl\n",
        "coordinators:\n- {account: a, name: A, email: a@b.nl}  # wie\n",
        "coordinators: [{account: a, name: A, email: a@b.nl}]\n",
        "coordinators: []\n",
        "coordinators:\n",
    ],
)
def test_coordinators_are_replaced_and_the_rest_stays(tmp_path: Path, block: str) -> None:
    text = f"# kop\nregion: voorbeeld\n{block}# tussen\nname: V\nrounds:\n  advice:\n"
    source = of(tmp_path, text)
    people = [*coordinators_of(source), {"account": "b", "name": "B: c", "email": "b@b.nl"}]
    changed = with_coordinators(text, source, people)
    read = yaml.safe_load(changed)
    assert read["coordinators"] == people
    assert read["name"] == "V"
    assert "# kop" in changed
    assert "# tussen" in changed
