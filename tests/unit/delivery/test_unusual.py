"""What is unusual before delivery: each rule by itself, on both sides of its bound."""

from collections import Counter
from datetime import UTC, datetime

import pytest

from overstap.delivery.unusual import DeliverySituation, Ending, unusual
from overstap.ledger.rounds.counts import PrimaryCounts
from overstap.ledger.rounds.gate_holds import HoldReason


def school(name: str, expected: int, **states: int) -> PrimaryCounts:
    return PrimaryCounts(name, f"School {name}", expected, Counter(states), Counter(), Counter())


def names(*schools: PrimaryCounts, **more: object) -> list[tuple[str, str, int]]:
    return [(one.reason, one.subject, one.count) for one in unusual(DeliverySituation(schools, **more))]


def test_an_ordinary_round_asks_nothing() -> None:
    assert names(school("A", 50, inspected=46, rejected=3, not_inspected=1), school("B", 1, inspected=1)) == []


def test_a_round_that_would_deliver_nothing_asks() -> None:
    """Issue 15: 75 released, nobody inspected, a school missing, and everything was green."""
    found = names(school("A", 75, not_inspected=75), school("B", 20), is_agreement_changed=True)
    assert found == [("school_missing", "B", 20), ("many_not_inspected", "", 75), ("nothing_to_deliver", "", 75)]
    assert ("nothing_to_deliver", "", 10) in names(school("A", 50), school("B", 10, rejected=10))


def test_a_rerun_with_nothing_new_asks_nothing() -> None:
    assert names(school("A", 50, confirmed=1, rejected=49), school("B", 9), is_agreement_changed=True) == []


@pytest.mark.parametrize("state", ["inspected", "sealed", "confirmed"])
def test_much_less_than_expected_on_both_sides_of_its_bound(state: str) -> None:
    enough, few = (Counter({"inspected": 1}) + Counter({state: count}) for count in (49, 48))
    assert names(school("A", 100, **enough)) == []
    assert names(school("A", 100, **few)) == [("few_to_deliver", "", 51)]


def test_accepted_dossiers_that_nobody_decided_about_are_told_even_when_others_go() -> None:
    assert names(school("A", 50, inspected=45, accepted=5)) == [("not_released", "", 5)]
    assert names(school("A", 50, confirmed=45, accepted=5)) == [("not_released", "", 5)]


def test_a_school_that_is_missing_unless_nobody_was_expected() -> None:
    assert names(school("A", 9, inspected=9), school("B", 12), school("C", 0)) == [("school_missing", "B", 12)]


@pytest.mark.parametrize(
    ("state", "reason", "most"),
    [
        ("rejected", "many_rejected", 10),
        ("no_receiver", "many_without_receiver", 5),
        ("not_inspected", "many_not_inspected", 20),
    ],
)
def test_shares_on_both_sides_of_their_bound(state: str, reason: str, most: int) -> None:
    assert names(school("A", 100, **{"inspected": 100 - most, state: most})) == []
    assert names(school("A", 100, **{"inspected": 99 - most, state: most + 1})) == [(reason, "", most + 1)]


def test_a_certificate_that_ends_and_an_agreement_that_changed() -> None:
    ends = Ending("98XA00 signing-2", datetime(2027, 3, 1, 12, tzinfo=UTC))
    found = unusual(DeliverySituation([school("A", 1, inspected=1)], [ends], is_agreement_changed=True))
    assert [(one.reason, one.subject) for one in found] == [("certificate", ends.name), ("agreement_changed", "")]
    assert found[0].facts["until"] == "maandag 1 maart 2027, 13:00 uur"


def test_each_reason_has_its_sentence_with_its_facts() -> None:
    from overstap.texts import texts

    everything = DeliverySituation(
        [school("A", 10, inspected=5, rejected=9, no_receiver=9, not_inspected=9), school("B", 5)],
        [Ending("98XA00 signing-2", datetime(2027, 3, 1, 12, tzinfo=UTC))],
        is_agreement_changed=True,
        placed_twice=[HoldReason("placed_twice", 1, {}, "6BCJ-X0NH/98XA00/98XB00")],
        older_advice={"99XA00": 2},
    )
    said = texts("orchestration/gates")["release_for_delivery"]["reasons"]
    nothing = DeliverySituation([school("A", 10, accepted=10)])
    few = DeliverySituation([school("A", 10, inspected=1)])
    found = [*unusual(everything), *unusual(nothing), *unusual(few)]
    at_intake = {"many_unstated"}  # raised where registrations are read
    assert {one.reason for one in found} == set(said) - at_intake
    for one in found:
        for language in ("nl", "en"):
            assert said[one.reason][language].format(count=one.count, **one.facts)
