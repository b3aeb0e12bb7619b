"""Tests of trigger forms (F75): paths, queries and templates are plain text, are refused, and appear in no message."""

from copy import deepcopy
from typing import Any

import pytest

from overstap.errors import OverstapError

HOSTILE = [
    "../../etc/passwd",
    "'; drop table overstap.round; --",
    "{{ conn.las.password }}",
    "a moment\0",
    "0" * 5000,
    "2027-99-99",
]


@pytest.mark.fault("F75")
@pytest.mark.parametrize("value", [*HOSTILE, 7, ["2027-03-01 08:00"], {"a": 1}], ids=str)
def test_what_is_no_moment_is_refused(value: Any) -> None:
    from overstap.orchestration.tasks.steering import _moment

    with pytest.raises(OverstapError, match="AGREEMENT-021") as refused:
        _moment({"data_due": value}, "data_due")
    assert str(value) not in str(refused.value)


def test_a_moment_without_a_zone_is_dutch_wall_time() -> None:
    from overstap.orchestration.tasks.steering import _moment

    assert str(_moment({"data_due": "2027-03-01T08:00"}, "data_due")) == "2027-03-01 08:00:00+01:00"
    assert str(_moment({"data_due": "2027-07-01T08:00:00Z"}, "data_due")) == "2027-07-01 08:00:00+00:00"
    assert _moment({"data_due": None}, "data_due") is None
    assert _moment({}, "data_due") is None


@pytest.mark.fault("F75")
@pytest.mark.parametrize("value", ["99AA00", {"99AA00": 1}, [7], [["99AA00"]]], ids=str)
def test_what_is_no_list_of_schools_is_refused(value: Any) -> None:
    from overstap.orchestration.tasks.steering import _schools

    with pytest.raises(OverstapError, match="AGREEMENT-021"):
        _schools({"alleen_scholen": value})


@pytest.mark.fault("F75")
def test_a_reason_is_a_short_text_and_stays_a_text() -> None:
    from overstap.orchestration.tasks.steering import _text

    assert _text({"waarom": " {{ 7*7 }} "}, "waarom") == "{{ 7*7 }}"
    for value in ("x" * 501, ["x"], 7):
        with pytest.raises(OverstapError, match="AGREEMENT-021"):
            _text({"waarom": value}, "waarom")


@pytest.mark.parametrize("value", [["99ZZ99"], ["../x"], ["{{ x }}"], "99AA00"], ids=str)
def test_the_forms_schema_refuses_other_schools(dags: dict[str, Any], value: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    form = deepcopy(dags["round__alfa__advice"].params)
    assert form["alleen_scholen"] == []
    with pytest.raises(ParamValidationError):
        form.get_param("alleen_scholen").resolve(value)
    known = form.get_param("alleen_scholen").schema["items"]["enum"]
    assert form.get_param("alleen_scholen").resolve(known[:2]) == known[:2]


def test_steering_asks_which_round_and_why(dags: dict[str, Any]) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    form = deepcopy(dags["steer__alfa"].params)
    assert form.get_param("ronde").schema["enum"] == ["pre_registration", "advice", "placement"]
    for name, value in (("ronde", "../x"), ("waarom", "")):
        with pytest.raises(ParamValidationError):
            form.get_param(name).resolve(value)


def test_no_key_of_a_run_is_a_field_of_a_question() -> None:
    """A run's form is laid over each question's (Airflow 3.3.2): with the same key a question would not open."""
    from overstap.orchestration import run_form
    from overstap.orchestration.gates import (
        AcceptUndeliverable,
        DecideNotInspected,
        ReleaseForDelivery,
        ReleaseForReview,
    )

    asked = {"reden"}
    for gate in (AcceptUndeliverable, DecideNotInspected, ReleaseForDelivery, ReleaseForReview):
        asked |= set(gate.fields)
    assert not asked & {run_form.ROUND, run_form.SCHOOLS, run_form.REASON, run_form.REOPEN, *run_form.MOMENTS}
