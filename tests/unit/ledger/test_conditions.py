"""Tests of conditions on a parameter that may be absent, decided before PostgreSQL sees the query."""

import pytest

from overstap.ledger.conditions import decided

ONE = "select 1 from t where a = %(a)s and (%(school)s::text is null or t.school = %(school)s) group by 1"


@pytest.mark.parametrize(
    ("query", "absent", "expected"),
    [
        (ONE, {"school"}, "select 1 from t where a = %(a)s and true group by 1"),
        (ONE, set(), "select 1 from t where a = %(a)s and (t.school = %(school)s) group by 1"),
        (ONE, {"a"}, "select 1 from t where a = %(a)s and (t.school = %(school)s) group by 1"),
        ("select %(school)s::text is null", {"school"}, "select %(school)s::text is null"),
        (
            "where (%(id)s::uuid is null\n   or x in (select f(y) from z where (%(n)s::int is null or z.n = %(n)s)))",
            {"n"},
            "where (x in (select f(y) from z where true))",
        ),
        (
            "(%(a)s::text is null or a = %(a)s) and (%(b)s::text is null or b = %(b)s)",
            {"a"},
            "true and (b = %(b)s)",
        ),
        ("where a is null or b = 1", {"a", "b"}, "where a is null or b = 1"),
    ],
)
def test_a_condition_is_left_out_or_left_alone(query: str, absent: set[str], expected: str) -> None:
    assert decided(query, frozenset(absent)) == expected


def test_a_condition_that_is_not_closed_is_no_query() -> None:
    with pytest.raises(ValueError, match="not closed"):
        decided("where (%(school)s::text is null or (school = %(school)s", frozenset({"school"}))
