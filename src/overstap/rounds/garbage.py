"""Garbage collection while a step goes through thousands of dossiers."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_NEW_OBJECTS = 50_000
"""Objects in containers that may be made, and not be gone, before Python looks for cycles; by itself it is 700."""


@contextmanager
def fewer_collections() -> Iterator[None]:
    """Let Python look for cycles of objects less often until the end.

    A dossier is a tree of some hundred dictionaries, without cycles, and is gone with its last reference. To look for
    cycles after each handful of them took a twentieth of the time of taking in, a tenth of that of sealing.
    """
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
