"""Notices about advice and test: reminders on the days of the calendar, and what is missing after them."""

from datetime import date

import pytest

from overstap.agreements import Agreement, load_agreement
from overstap.notifications.advice_notices import ADVICE_KINDS, DUE_KINDS, advice_notices
from overstap.texts import texts
from overstap_tools.project import PROJECT


@pytest.fixture(scope="module")
def agreement() -> Agreement:
    return load_agreement(PROJECT / "include" / "regions" / "haaglanden" / "2026-2027.yaml")


def kinds(agreement: Agreement, today: date, **missing: int) -> set[str]:
    school = agreement.primary_schools[0].id
    found = advice_notices(agreement, {(school, flag): count for flag, count in missing.items()}, today)
    return {one.kind for one in found}


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (date(2027, 1, 21), set()),
        (date(2027, 1, 22), {"advice_provisional"}),  # 24 January is a Sunday: the Friday before it
        (date(2027, 1, 31), {"advice_provisional"}),
        (date(2027, 2, 1), set()),
        (date(2027, 2, 5), {"advice_register_provisional"}),  # 7 February is a Sunday
        (date(2027, 2, 15), set()),
        (date(2027, 3, 17), {"advice_definitive"}),
        (date(2027, 3, 31), {"advice_register_definitive"}),
        (date(2027, 4, 8), set()),
    ],
)
def test_each_primary_school_is_reminded_before_the_four_days(
    agreement: Agreement, today: date, expected: set[str]
) -> None:
    assert kinds(agreement, today) == expected
    found = advice_notices(agreement, {}, today)
    assert len(found) == len(expected) * len(agreement.primary_schools)
    assert len({(one.kind, one.about) for one in found}) == len(found)


def test_what_is_missing_is_told_once_the_day_is_past(agreement: Agreement) -> None:
    flags = {"no_provisional": 1, "no_definitive": 2, "no_test": 3, "older_advice": 4}
    assert kinds(agreement, date(2027, 2, 1), **flags) == {"advice_no_provisional"}
    assert "advice_no_test" in kinds(agreement, date(2027, 3, 16), **flags)
    assert kinds(agreement, date(2027, 3, 25), **flags) == {"advice_no_definitive"}
    assert kinds(agreement, date(2027, 4, 20), **flags) == set()


def test_a_reconsideration_is_told_again_when_the_count_changes(agreement: Agreement) -> None:
    school = agreement.primary_schools[0].id
    two, three = (
        [one.about for one in advice_notices(agreement, {(school, "reconsider"): count}, date(2027, 3, 12))]
        for count in (2, 3)
    )
    assert len(two) == len(three) == 1
    assert two != three


def test_every_kind_has_its_sentences_and_every_day_its_reminder() -> None:
    assert set(ADVICE_KINDS) <= set(texts("notices/kinds"))
    assert len(DUE_KINDS) == 4
