"""Blinded pseudonyms: two regions come to the same point, and nobody to it alone."""

from uuid import uuid4

import pytest

from overstap.errors import OverstapError
from overstap.ledger.comparisons.blinding import (
    LABEL_BYTES,
    Exponent,
    open_label,
    point_of,
    seal_label,
    tag_of,
)
from overstap.simulation.synthetic.numbers import bsn

POINT = point_of(bsn(1))


def test_the_order_of_two_regions_makes_no_difference_and_a_question_is_undone() -> None:
    asks, answers, once, once_there = (Exponent.random() for _ in range(4))
    asked = once.apply(asks.apply(POINT))
    answered = answers.times(once_there).apply(asked)
    assert asks.times(once).inverse().apply(answered) == once_there.apply(answers.apply(POINT))
    assert Exponent.of_bytes(once.to_bytes()).apply(POINT) == once.apply(POINT)


def test_one_number_has_one_point_and_two_numbers_have_two() -> None:
    points = {point_of(bsn(position)) for position in range(200)}
    assert len(points) == 200
    assert point_of(bsn(1)) == POINT


def test_two_questions_about_a_pupil_have_nothing_in_common() -> None:
    own = Exponent.random().apply(POINT)
    assert Exponent.random().apply(own) != Exponent.random().apply(own)


def test_a_label_opens_with_its_own_point_and_comparison_alone() -> None:
    one, other, comparison = Exponent.random().apply(POINT), Exponent.random().apply(POINT), uuid4()
    label = seal_label(one, comparison, b"x" * 128)
    assert len(label) == LABEL_BYTES
    assert open_label(one, comparison, label) == b"x" * 128
    assert tag_of(one, comparison) == label[:16]
    assert tag_of(one, uuid4()) != label[:16]
    for point, of in ((other, comparison), (one, uuid4())):
        with pytest.raises(OverstapError, match="COMPARE-005"):
            open_label(point, of, label)
    with pytest.raises(OverstapError, match="COMPARE-005"):
        open_label(one, comparison, label[:-1] + bytes([label[-1] ^ 1]))


@pytest.mark.parametrize("point", [b"", b"\0" * 31, b"\xff" * 32, POINT + b"\0"])
def test_what_is_no_point_is_refused(point: bytes) -> None:
    with pytest.raises(OverstapError, match="COMPARE-005"):
        Exponent.random().apply(point)


def test_an_exponent_is_not_shown() -> None:
    one = Exponent.random()
    assert str(int.from_bytes(one.to_bytes())) not in repr(one)
