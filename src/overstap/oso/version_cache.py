"""Caches of what follows from the versions of the data set, which are cleared together when a version changes."""

from functools import _lru_cache_wrapper
from typing import Any, TypeVar

_Cached = TypeVar("_Cached", bound="_lru_cache_wrapper[Any]")
_caches: "list[_lru_cache_wrapper[Any]]" = []


def forgettable(cached: _Cached) -> _Cached:
    """Register a cached function, decorated by `functools.cache` or `lru_cache`, and return it."""
    _caches.append(cached)
    return cached


def forget_versions() -> None:
    """Clear every registered cache, so that this process reads the versions anew."""
    for cached in _caches:
        cached.cache_clear()
