"""Tests that garbage collection is suspended during a step only."""

import gc
from collections.abc import Callable
from functools import partial

import pytest

from overstap.rounds import checking, collection, delivering
from overstap.rounds.garbage import fewer_collections


def test_the_threshold_is_put_back_also_after_an_error() -> None:
    before = gc.get_threshold()
    found = []

    @fewer_collections()
    def step() -> None:
        found.append(gc.get_threshold())
        raise LookupError

    with pytest.raises(LookupError):
        step()
    assert found[0][0] > 10 * before[0]
    assert found[0][1:] == before[1:]
    assert gc.get_threshold() == before


class SeenError(Exception):
    """What a step asks first of its context."""


class Context:
    """Tells the threshold to who asks anything of it."""

    def __getattr__(self, name: str) -> object:
        raise SeenError(gc.get_threshold()[0])


@pytest.mark.parametrize(
    "step",
    [
        partial(collection.collect, Context(), "99AA00"),
        partial(checking.check, Context()),
        partial(delivering.seal, Context()),
        partial(delivering.send, Context(), "99AA00", actor="test"),
    ],
)
def test_the_steps_that_go_through_all_dossiers_have_it(step: Callable[[], object]) -> None:
    with pytest.raises(SeenError) as found:
        step()
    assert found.value.args[0] > gc.get_threshold()[0]
