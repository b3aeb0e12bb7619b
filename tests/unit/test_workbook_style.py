"""Rows of workbooks that are as high as their text, and lines that a name cannot turn around."""

import pytest

from overstap.workbook_style import LINE_POINTS, MAX_POINTS, row_height, without_direction_marks


@pytest.mark.parametrize(
    ("cells", "lines"),
    [
        ([], 1),
        ([("", 20)], 1),
        ([(7, 12)], 1),
        ([("kort", 20), ("a" * 18, 20)], 1),
        ([("kort", 20), ("a" * 19, 20)], 2),
        ([("a\nb\n\nc", 20)], 4),
        ([("a" * 100 + "\n" + "b" * 10, 52)], 4),
        ([("x", 0)], 1),
    ],
)
def test_a_row_is_as_high_as_its_longest_text(cells: list[tuple[object, float]], lines: int) -> None:
    assert row_height(cells) == lines * LINE_POINTS


def test_no_row_is_higher_than_a_workbook_can_hold() -> None:
    assert row_height([("woord " * 5_000, 20)]) == MAX_POINTS < 409


def test_a_name_does_not_turn_the_rest_of_its_line_around() -> None:
    assert without_direction_marks("De \u202eمدرسة\u2066, 26 november") == "De مدرسة, 26 november"
    assert without_direction_marks("مدرسة النور") == "مدرسة النور"
