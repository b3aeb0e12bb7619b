"""What a coordinator asks by a form: milestones moved, a run narrowed to schools. The ledger keeps it and decides."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from airflow.sdk import get_current_context

from overstap.agreements import SchoolKind
from overstap.clock import NETHERLANDS, now
from overstap.errors import OverstapError
from overstap.ledger.delivery.deliveries import still_open
from overstap.ledger.rounds.runs import narrowed_to
from overstap.ledger.rounds.steering import SteeringRequest, take_form
from overstap.orchestration.round_context import RoundRef, Workplace, workplace
from overstap.orchestration.run_form import MOMENTS, REASON, ROUND, SCHOOLS
from overstap.orchestration.titles import aside

log = logging.getLogger(__name__)


def steer(region: str, school_year: str) -> dict[str, int]:
    """Take over what the form of the region's steering DAG asks of a running round.

    Raises:
        OverstapError: AGREEMENT-021 when it cannot be.
    """
    kind = _text(get_current_context()["params"], ROUND)
    return {"moved": take_conf(RoundRef(region, school_year, kind))}


def take_conf(ref: RoundRef) -> int:
    """Take over what the form of the present run asks; a run that asks nothing changes nothing.

    The form has a schema that Airflow holds it against; it is looked at here again, since a run can be started in other
    ways. Nothing of it becomes a path, a query or a template.

    Args:
        ref: the round; it is open.

    Returns:
        How many milestones moved.

    Raises:
        OverstapError: AGREEMENT-021 when it cannot be.
    """
    context = get_current_context()
    params, run = context["params"], context["dag_run"]
    moved = {name: moment for name in MOMENTS if (moment := _moment(params, name)) is not None}
    schools = _schools(params)
    if not moved and not schools:
        return 0
    by = run.triggering_user_name
    with workplace(ref, "steer") as place:
        accounts = {person.account for person in place.agreement.coordinators}
        if by is None or by not in accounts:
            raise _refused(
                "alleen een coördinator van deze regio mag een ronde bijsturen",
                "only a coordinator of this region may steer a round",
            )
        asked = SteeringRequest(by, _text(params, REASON), moved, schools, run.run_id)
        with place.ledger.unit(ref.region, by) as unit:
            verdicts = take_form(unit, ref.round_id, asked)
    for verdict in verdicts:
        log.info("%s | %s", verdict.difference.sentence_nl, verdict.sentence_nl)
    if schools:
        log.info("Deze run gaat alleen over %d scholen | about these schools only", len(schools))
    return len(verdicts)


def is_chosen(place: Workplace, school: str) -> bool:
    """Tell whether the present run is about a school. A side of which no school was chosen is not narrowed.

    A school that it is not about shows so behind its label. It is done, not skipped: what follows for the others would
    be skipped with it (trigger rules of Airflow 3.3.2).
    """
    run_id = get_current_context()["run_id"]
    with place.ledger.unit(place.ref.region, place.ref.kind) as unit:
        chosen = narrowed_to(unit, place.ref.round_id, run_id)
    kinds: dict[str, SchoolKind] = {one.id: one.kind for one in place.agreement.schools}
    if school in chosen or not {one for one in chosen if kinds.get(one) is kinds.get(school)}:
        return True
    nothing_to_do("not_in_this_run")
    return False


def leaves_open(place: Workplace) -> bool:
    """Tell whether the present run must leave the round open: narrowed, while others' deliveries are on their way."""
    run_id = get_current_context()["run_id"]
    with place.ledger.unit(place.ref.region, place.ref.kind) as unit:
        is_narrowed = bool(narrowed_to(unit, place.ref.round_id, run_id))
        is_busy = still_open(unit, place.ref.round_id).count > 0
    return is_narrowed and is_busy and now() < place.round.milestones.receipts_due


def nothing_to_do(why: str) -> None:
    """Say behind the label of the present task's school, and in its log, why there was nothing to do.

    Args:
        why: key of its words in include/texts/orchestration/titles.yaml, without `aside.`.
    """
    said = aside(why)
    cast("dict[str, Any]", get_current_context())["aside"] = said
    log.info("Niets te doen%s | nothing to do", said)


def _moment(params: Mapping[str, Any], name: str) -> datetime | None:
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise _refused(f"{name} is geen datum met een tijd", f"{name} is no date with a time") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=NETHERLANDS)


def _schools(params: Mapping[str, Any]) -> list[str]:
    value = params.get(SCHOOLS) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise _refused(f"{SCHOOLS} is geen lijst van scholen", f"{SCHOOLS} is no list of schools")
    return value


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name) or ""
    if not isinstance(value, str) or len(value) > 500:
        raise _refused(f"{name} is geen tekst van hooguit 500 tekens", f"{name} is no text of at most 500 characters")
    return value.strip()


def _refused(problem: str, problem_en: str) -> OverstapError:
    return OverstapError("AGREEMENT-021", problem=problem, problem_en=problem_en)
