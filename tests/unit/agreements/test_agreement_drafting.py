"""Tests of the text of drafts: merging of two people's changes, and fields that change their own place only."""

from pathlib import Path

import pytest
import yaml
from agreement_files import GOOD, write
from hypothesis import given
from hypothesis import strategies as st

from overstap.agreements.drafting.fields import (
    comparisons_of,
    coordinators_of,
    field_groups,
    with_comparisons,
    with_coordinators,
    with_fields,
)
from overstap.agreements.drafting.files import AgreementPlace, AgreementTexts
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


COMPARES = """comparisons:  # met wie wij vergelijken
  - region: leiden                      # op deze server
    at: [2027-04-16 12:00, 2027-05-21 12:00]
  - region: delft
    conductor: "00000003123456780000"
    at_most: 6000
"""


def changed(folder: Path, text: str, values: dict[str, str]) -> str:
    """What a form with these values makes of a file, as the board does it."""
    made = with_fields(text, of(folder, text), values)
    source = of(folder, made)
    return with_comparisons(made, source, comparisons_of(source, values))


def test_a_comparison_has_each_field_also_those_that_the_file_leaves_out(tmp_path: Path) -> None:
    found = {name: value for name, value in names(of(tmp_path, GOOD + COMPARES)).items() if "comparisons" in name}
    assert found == {
        "comparisons.0.region": "leiden",
        "comparisons.0.at.0": "2027-04-16T12:00",
        "comparisons.0.at.1": "2027-05-21T12:00",
        "comparisons.0.at.2": "",
        "comparisons.0.conductor": "",
        "comparisons.0.at_most": "",
        "comparisons.1.region": "delft",
        "comparisons.1.at.0": "",
        "comparisons.1.conductor": "00000003123456780000",
        "comparisons.1.at_most": "6000",
    }


def test_an_untouched_or_replaced_value_keeps_the_text_around_it(tmp_path: Path) -> None:
    text = GOOD + COMPARES
    assert changed(tmp_path, text, names(of(tmp_path, text))) == text
    values = {"comparisons.0.at.1": "2027-05-28T09:30", "comparisons.1.at_most": "7000"}
    made = changed(tmp_path, text, values)
    assert made == text.replace("2027-05-21 12:00", "2027-05-28 09:30").replace("6000", "7000")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"comparisons.0.at.0": ""}, [{"region": "leiden", "at": ["2027-05-21 12:00"]}, None]),
        (
            {"comparisons.0.at.2": "2027-06-01T08:00"},
            [{"region": "leiden", "at": ["2027-04-16 12:00", "2027-05-21 12:00", "2027-06-01 08:00"]}, None],
        ),
        ({"comparisons.0.at_most": "900"}, [{"at_most": 900}, None]),
        ({"comparisons.0.at_most": "veel"}, [{"at_most": "veel"}, None]),
        ({"comparisons.1.conductor": "", "comparisons.1.at.0": "2027-04-16T12:00"}, [None, {"conductor": None}]),
        ({"comparisons.1.region": ""}, [None, {"region": ""}]),
    ],
)
def test_what_is_filled_in_or_emptied_is_written(
    tmp_path: Path, values: dict[str, str], expected: list[dict[str, object] | None]
) -> None:
    before = of(tmp_path, GOOD + COMPARES).at("comparisons")
    made = of(tmp_path, changed(tmp_path, GOOD + COMPARES, values)).at("comparisons")
    for was, found, wanted in zip(before, made, expected, strict=True):
        if wanted is None:
            assert found == was
        for name, inside in (wanted or {}).items():
            assert found.get(name) == inside


def test_comparisons_are_added_to_a_file_without_and_taken_out(tmp_path: Path) -> None:
    wanted = [{"region": "leiden", "at": []}]
    made = with_comparisons(GOOD, of(tmp_path, GOOD), wanted)
    assert made.startswith(GOOD.rstrip())
    assert of(tmp_path, made).at("comparisons") == [{"region": "leiden"}]
    without = with_comparisons(made, of(tmp_path, made), [])
    assert of(tmp_path, without).at("comparisons") == []
    assert with_comparisons(GOOD, of(tmp_path, GOOD), []) == GOOD


@pytest.mark.parametrize("nothing", ["comparisons:", "comparisons: null", "comparisons: []"])
def test_a_comparison_is_added_where_the_file_has_the_key_with_nothing_behind(tmp_path: Path, nothing: str) -> None:
    text = f"{GOOD.rstrip()}\n{nothing}\n"
    assert with_comparisons(text, of(tmp_path, text), []) == text
    made = of(tmp_path, with_comparisons(text, of(tmp_path, text), [{"region": "leiden", "at": []}]))
    assert (made.faults, made.at("comparisons")) == ([], [{"region": "leiden"}])


def test_a_draft_shows_no_file_but_the_list_beside_the_agreement(tmp_path: Path) -> None:
    """Who writes a region's agreement file does not read other files of the server on the board."""
    place = AgreementPlace(tmp_path, "voorbeeld", "2026-2027")
    place.path.parent.mkdir()
    (tmp_path / "geheim.csv").write_text("een geheim", encoding="utf-8")
    (place.path.parent / "scholen.csv").write_text("id;name", encoding="utf-8")
    for name, shown in (("../geheim.csv", None), (str(tmp_path / "geheim.csv"), None), ("scholen.csv", "id;name")):
        text = f"region: voorbeeld\nschools: {{file: {name}}}\n"
        place.path.write_text(text, encoding="utf-8")
        assert place.stored() == AgreementTexts(text, shown)
