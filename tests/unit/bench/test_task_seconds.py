"""Tests of how the seconds of a run in Airflow are divided, from logs as Airflow writes them."""

import json
from datetime import UTC, datetime

import pytest

from overstap_tools.bench.task_seconds import SecondKind as K
from overstap_tools.bench.task_seconds import Span, bar, divided, spans_of, waited_before

AT = 1_800_000_000.0


def line(seconds: float, event: str, **more: object) -> str:
    return json.dumps({"timestamp": datetime.fromtimestamp(AT + seconds, UTC).isoformat(), "event": event, **more})


def process(begin: float, reads: float, is_read: float, end: float) -> list[str]:
    took = {"dag_file_parse_ms": 1_000 * (is_read - reads), "bundle_prepare_ms": 1}
    return [
        line(begin, "::group::Pre Execute"),
        line(is_read, "Worker startup parse complete", **took),
        line(end, "done"),
    ]


def test_a_process_starts_reads_and_works() -> None:
    found = spans_of(process(1, 2, 2.5, 4), started_at=AT + 0.5)
    assert [(one.kind, one.begin - AT, one.end - AT) for one in found] == [
        (K.START, 0.5, 2),
        (K.READING, 2, 2.5),
        (K.WORK, 2.5, 4),
    ]


def test_between_a_question_and_its_answer_people_are_waited_for() -> None:
    found = spans_of([*process(0, 1, 1, 2), *process(9, 10, 10, 11)], answered_at=AT + 6)
    assert [(one.begin - AT, one.end - AT) for one in found if one.kind is K.PEOPLE] == [(2, 6)]
    seconds = divided(found, AT, AT + 12)
    assert seconds == {
        K.START: 2,
        K.READING: 0,
        K.WORK: 2,
        K.PEOPLE: 4,
        K.SCHEDULER: 4,
    }


def test_a_wait_that_ends_without_a_second_process_waited_for_people_too() -> None:
    found = spans_of(process(0, 1, 1, 2), answered_at=AT + 6)
    assert [(one.begin - AT, one.end - AT) for one in found if one.kind is K.PEOPLE] == [(2, 6)]
    assert spans_of([], answered_at=AT + 6) == []


def test_a_process_that_never_read_the_file_only_started() -> None:
    found = spans_of([line(0, "::group::Pre Execute"), line(3, "killed")])
    assert found == [Span(K.START, AT, AT + 3)]


def test_what_runs_together_shares_the_seconds_and_hides_a_wait() -> None:
    spans = [Span(K.WORK, 0, 4), Span(K.START, 2, 4), Span(K.PEOPLE, 1, 6)]
    seconds = divided(spans, 0, 8)
    assert seconds == {
        K.START: 1,
        K.READING: 0,
        K.WORK: 3,
        K.PEOPLE: 2,
        K.SCHEDULER: 2,
    }
    assert sum(seconds.values()) == 8


def test_what_is_outside_the_run_is_cut_off() -> None:
    assert divided([Span(K.WORK, -5, 20)], 0, 2)[K.WORK] == 2
    assert divided([], 3, 5)[K.SCHEDULER] == 2


@pytest.mark.parametrize("width", [1, 7, 60])
def test_a_bar_is_as_long_as_it_was_asked_for(width: int) -> None:
    seconds = {
        K.START: 1.0,
        K.READING: 0.0,
        K.WORK: 2.0,
        K.PEOPLE: 0.3,
        K.SCHEDULER: 0.7,
    }
    assert len(bar(seconds, width)) == width
    assert bar(dict.fromkeys(K, 0.0)) == ""
    assert bar({K.START: 1.0, K.READING: 0.0, K.WORK: 2.0}, 3) == "s##"


def test_a_wait_for_the_scheduler_is_told_by_the_task_that_came_next() -> None:
    spans = {
        "first": [Span(K.START, 1, 2), Span(K.WORK, 2, 4)],
        "asks": [Span(K.WORK, 4.5, 5), Span(K.PEOPLE, 5, 9), Span(K.WORK, 10, 11)],
        "beside": [Span(K.WORK, 3, 4)],
    }
    found = waited_before(spans, 0, 13)
    assert found == {"first": 1, "asks": 1.5, "": 2}
    every = [one for each in spans.values() for one in each]
    assert sum(found.values()) == divided(every, 0, 13)[K.SCHEDULER]


def test_a_run_that_nothing_ran_in_was_all_wait() -> None:
    assert waited_before({}, 0, 3) == {"": 3}
    assert waited_before({"late": [Span(K.WORK, 5, 6)]}, 0, 3) == {"late": 3}
