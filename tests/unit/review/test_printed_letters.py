"""Tests of what of a text is printed: letters with their marks, and no stacks of marks that take minutes to lay out."""

import unicodedata

import pytest

from overstap.pdf.fonts import MOST_MARKS, printable


@pytest.mark.parametrize("name", ["Zoë", "Çağla", "Nguyễn Thị", "مُحَمَّد", "x̂́̃"])
def test_a_name_is_printed_with_all_of_its_marks(name: str) -> None:
    assert printable(name) == unicodedata.normalize("NFC", name)


def test_of_a_stack_of_marks_the_first_are_printed() -> None:
    shown = printable("x" + "\u0331" * 20_000 + "y" + "\u0331" * 3)
    assert shown == "x" + "\u0331" * MOST_MARKS + "y" + "\u0331" * 3
    assert len(printable("x" + "\u200b\u0301" * 20_000)) <= 1 + MOST_MARKS


def test_what_no_font_has_is_told_and_line_ends_stay() -> None:
    assert printable("a\U0001f600\nb\tc") == "a\ufffd\nb\tc"
