"""Tests of blockers: one situation per kind, the most urgent first, none when all is done."""

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from overstap.agreements import Milestones
from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.dossiers.outstanding import ReportedUndelivered, WithoutReceiverCount
from overstap.ledger.rounds.progress import OpenDelivery, OpenReview
from overstap.pages.board.blockers import ContactRole, SchoolSituation, Urgency, blockers
from overstap.pages.board.schools import _deadline
from overstap.pages.board.steps import StepName, StepState, steps
from overstap.texts import texts

NOW = datetime(2027, 3, 20, 12, tzinfo=UTC)
PAIR = ("99AA00", "98XA00")
BEFORE, AFTER = NOW - timedelta(days=1), NOW + timedelta(days=1)


def milestones(due: datetime = BEFORE, delivers: datetime = AFTER) -> Milestones:
    return Milestones(
        opens=NOW - timedelta(days=9),
        data_due=due,
        review_opens=max(due, BEFORE),
        review_closes=max(due, AFTER),
        delivers=max(due, delivers, AFTER),
        receipts_due=NOW + timedelta(days=9),
    )


QUIET = SchoolSituation(
    0, Counter(), Counter(), Counter(), None, (), (0, 0), {}, milestones(), NOW, lambda code: f"Zin van {code}."
)


@pytest.mark.parametrize(
    ("situation", "kind", "weight", "who"),
    [
        (replace(QUIET, expected=3), "nothing_supplied_late", Urgency.PROBLEM, ContactRole.SCHOOL),
        (
            replace(QUIET, expected=3, milestones=milestones(AFTER)),
            "nothing_supplied",
            Urgency.WAITING,
            ContactRole.SCHOOL,
        ),
        (
            replace(QUIET, refused_files=Counter({"INTAKE-001": 2})),
            "refused_files",
            Urgency.PROBLEM,
            ContactRole.SCHOOL,
        ),
        (
            replace(QUIET, states=Counter(rejected=2), rejections=Counter({"OV-ID-01": 2})),
            "rejected",
            Urgency.PROBLEM,
            ContactRole.SCHOOL,
        ),
        (replace(QUIET, states=Counter(rejected=1)), "rejected_bare", Urgency.PROBLEM, ContactRole.SCHOOL),
        (
            replace(QUIET, expected=3, states=Counter(confirmed=2)),
            "incomplete_late",
            Urgency.PROBLEM,
            ContactRole.SCHOOL,
        ),
        (
            replace(QUIET, expected=3, states=Counter(confirmed=2), milestones=milestones(AFTER)),
            "incomplete",
            Urgency.WAITING,
            ContactRole.SCHOOL,
        ),
        (replace(QUIET, states=Counter(not_inspected=1)), "not_inspected", Urgency.PROBLEM, ContactRole.SCHOOL),
        (
            replace(QUIET, states=Counter(inspected=1), without_consent=1),
            "without_consent",
            Urgency.PROBLEM,
            ContactRole.SCHOOL,
        ),
        (replace(QUIET, states=Counter(no_receiver=1)), "no_receiver", Urgency.PROBLEM, ContactRole.REGISTRATIONS),
        (replace(QUIET, states=Counter(refused=1)), "refused", Urgency.PROBLEM, ContactRole.RECEIVER),
        (replace(QUIET, states=Counter(undelivered=1)), "undelivered", Urgency.PROBLEM, ContactRole.RECEIVER),
        (
            replace(QUIET, states=Counter(sealed=1), deliveries=[OpenDelivery("99AA00", "98XA00", "DELIVERY-001", 1)]),
            "unanswered",
            Urgency.PROBLEM,
            ContactRole.RECEIVER,
        ),
        (
            replace(QUIET, states=Counter(sealed=1), deliveries=[OpenDelivery("99AA00", "98XA00", "", 1)]),
            "under_way",
            Urgency.GOING,
            ContactRole.NOBODY,
        ),
        (
            replace(QUIET, states=Counter(in_review=2), review=OpenReview(2, AFTER, AFTER)),
            "in_review",
            Urgency.WAITING,
            ContactRole.SCHOOL,
        ),
        (replace(QUIET, states=Counter(accepted=2)), "unreleased", Urgency.WAITING, ContactRole.COORDINATOR),
        (
            replace(QUIET, states=Counter(accepted=2), milestones=milestones(AFTER)),
            "unreleased_early",
            Urgency.GOING,
            ContactRole.NOBODY,
        ),
        (replace(QUIET, requests=(3, 1)), "requests_overdue", Urgency.PROBLEM, ContactRole.SCHOOL),
        (replace(QUIET, requests=(3, 0)), "requests", Urgency.WAITING, ContactRole.SCHOOL),
        (replace(QUIET, rejected_by={"98XA00": 2}), "not_taken_in", Urgency.PROBLEM, ContactRole.RECEIVER),
        (
            replace(
                QUIET,
                states=Counter(no_receiver=1),
                without_receiver=[WithoutReceiverCount("99AA00", "c.jansen", 1, BEFORE)],
            ),
            "no_receiver_owned",
            Urgency.WAITING,
            ContactRole.REGISTRATIONS,
        ),
        (
            replace(
                QUIET,
                states=Counter(no_receiver=2),
                without_receiver=[WithoutReceiverCount("99AA00", "c.jansen", 1, BEFORE)],
            ),
            "no_receiver",
            Urgency.PROBLEM,
            ContactRole.REGISTRATIONS,
        ),
        (
            replace(
                QUIET,
                states=Counter(undelivered=1),
                reported_undelivered=[ReportedUndelivered(*PAIR, "sealed", "", 1, BEFORE)],
            ),
            "undelivered_told",
            Urgency.PROBLEM,
            ContactRole.RECEIVER,
        ),
        (
            replace(QUIET, tested=SchoolResult("99AA00", "De Es", "PO", None, BEFORE, "TRUST-001")),
            "test_failed",
            Urgency.WAITING,
            ContactRole.SCHOOL,
        ),
        (
            replace(QUIET, deliveries=[OpenDelivery(*PAIR, "", 3)], not_collected={"98XA00": 3}),
            "not_collected",
            Urgency.PROBLEM,
            ContactRole.RECEIVER,
        ),
        (replace(QUIET, placements={("98XA00", "not_placed"): 2}), "not_placed", Urgency.WAITING, ContactRole.SCHOOL),
        (
            replace(QUIET, placements={("98XA00", "not_shown_up"): 1}),
            "not_shown_up",
            Urgency.WAITING,
            ContactRole.RECEIVER,
        ),
        (replace(QUIET, states=Counter(supplied=2)), "unchecked", Urgency.GOING, ContactRole.NOBODY),
        (replace(QUIET, states=Counter(inspected=2)), "inspected_early", Urgency.GOING, ContactRole.NOBODY),
    ],
)
def test_each_kind(situation: SchoolSituation, kind: str, weight: Urgency, who: ContactRole) -> None:
    [found] = blockers(situation)
    assert (found.kind, found.weight, found.who) == (kind, weight, who)
    assert found.says
    assert found.do
    assert "{" not in found.says + found.do


def test_every_kind_has_both_languages() -> None:
    for kind, words in texts("board/blockers").items():
        assert words["nl"] and words["en"] and words["do_nl"] and words["do_en"], kind  # noqa: PT018


def test_the_worst_comes_first_and_one_is_told_as_one() -> None:
    situation = replace(
        QUIET, expected=9, states=Counter(supplied=1, in_review=1, rejected=1), review=OpenReview(1, AFTER, AFTER)
    )
    found = blockers(situation)
    assert [one.weight for one in found] == sorted(one.weight for one in found)
    assert found[0].weight is Urgency.PROBLEM
    assert "1 dossiers" not in " ".join(one.says for one in found)


def test_nothing_holds_up_who_is_done() -> None:
    assert blockers(replace(QUIET, expected=4, states=Counter(confirmed=4))) == []


def test_what_is_no_trouble_is_not_told() -> None:
    passed = SchoolResult("99AA00", "De Es", "PO", BEFORE, BEFORE, None)
    late = SchoolResult("99AA00", "De Es", "PO", None, BEFORE, "TRUST-001")
    quiet = replace(QUIET, tested=passed, reported_undelivered=[ReportedUndelivered(*PAIR, "confirmed", "", 1, BEFORE)])
    assert blockers(replace(quiet, placements={("98XA00", "placed"): 2, ("98XA00", "imported"): 2})) == []
    delivering = milestones().model_copy(update={"delivers": BEFORE})
    assert blockers(replace(QUIET, tested=late, milestones=delivering)) == []


def test_steps_of_a_school() -> None:
    found = steps(
        expected=10,
        states=Counter(rejected=1, inspected=3, confirmed=4),
        refused_files=0,
        milestones=milestones(),
        now=NOW,
    )
    assert [(step.state, step.done, step.goal) for step in found] == [
        (StepState.LATE, 8, 10),
        (StepState.TROUBLE, 7, 10),
        (StepState.BUSY, 7, 10),
        (StepState.BUSY, 4, 10),
        (StepState.BUSY, 4, 10),
    ]
    done = steps(expected=2, states=Counter(confirmed=2), refused_files=0, milestones=milestones(), now=NOW)
    assert {step.state for step in done} == {StepState.DONE}
    none = steps(expected=0, states=Counter(), refused_files=0, milestones=milestones(AFTER), now=NOW)
    assert {step.state for step in none} == {StepState.AHEAD}


def test_a_dossier_to_mend_beyond_those_expected_is_counted() -> None:
    found = steps(
        expected=10, states=Counter(rejected=1, accepted=10), refused_files=0, milestones=milestones(AFTER), now=NOW
    )
    check = next(step for step in found if step.name is StepName.CHECK)
    assert (check.state, check.done, check.goal) == (StepState.TROUBLE, 10, 11)


def test_families_are_not_late_with_what_nobody_released() -> None:
    over = milestones().model_copy(update={"review_closes": BEFORE})
    for states, expected in ((Counter(accepted=3), StepState.AHEAD), (Counter(in_review=3), StepState.LATE)):
        found = steps(expected=3, states=states, refused_files=0, milestones=over, now=NOW)
        assert next(step for step in found if step.name is StepName.REVIEW).state is expected


def test_a_school_of_which_nothing_was_expected_is_not_late() -> None:
    assert _deadline(QUIET) is None
    assert _deadline(replace(QUIET, expected=3)) == BEFORE
    assert _deadline(replace(QUIET, refused_files=Counter({"INTAKE-001": 2}))) == BEFORE
    assert _deadline(replace(QUIET, milestones=milestones(AFTER))) == AFTER, "something may come until then"
