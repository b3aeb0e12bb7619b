"""Conditions of a query that hold for a given value only, decided before PostgreSQL sees them.

`(%(school)s::text is null or d.primary_school = %(school)s)` is one query for a region and for a school of it. No plan
is good for both, so PostgreSQL planned such a query at each call, which for the pages of one school took longer than to
run it. Decided before, it is two queries, each of which PostgreSQL plans a few times per connection and then keeps.
"""

import re
from functools import lru_cache

_BEGIN = re.compile(r"\(%\((\w+)\)s::\w+ is null\s+or\s+")


@lru_cache(maxsize=1024)
def decided(query: str, absent: frozenset[str]) -> str:
    """Return a query without its conditions on parameters that are absent, and with those of the others alone.

    Args:
        query: with named parameters.
        absent: names of the parameters that are null.

    Raises:
        ValueError: a condition is not closed.
    """
    found = []
    at = 0
    while begin := _BEGIN.search(query, at):
        end = _end(query, begin.end())
        inner = decided(query[begin.end() : end], absent)
        found += [query[at : begin.start()], "true" if begin[1] in absent else f"({inner})"]
        at = end + 1
    return "".join((*found, query[at:]))


def _end(query: str, at: int) -> int:
    """Return the place of the bracket that closes what is open at a place; none of these conditions quotes one."""
    depth = 1
    for place in range(at, len(query)):
        depth += {"(": 1, ")": -1}.get(query[place], 0)
        if not depth:
            return place
    raise ValueError("a condition is not closed")
