"""Tasks that apply a coordinator's form: moved milestones, and a run limited to some schools. The ledger decides."""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from airflow.sdk import get_current_context

from overstap.agreements import RoundId
from overstap.clock import NETHERLANDS
from overstap.errors import form_error
from overstap.orchestration.round_context import failures_told, workplace
from overstap.orchestration.run_form import MOMENTS, REASON, REOPEN, ROUND, SCHOOLS
from overstap.orchestration.titles import aside

log = logging.getLogger(__name__)


def steer(region: str, school_year: str) -> dict[str, int]:
    """Take over what the form of the region's steering DAG asks of a running round.

    Raises:
        OverstapError: AGREEMENT-021 when it cannot be.
    """
    with failures_told():
        round_id = RoundId.of(region, school_year, _text(get_current_context()["params"], ROUND))
    reopened = reopen(round_id) if get_current_context()["params"].get(REOPEN) is True else False
    return {"moved": take_form(round_id), "reopened": int(reopened)}


def reopen(round_id: RoundId) -> bool:
    """Open a round again that was closed, as the form of the present run asks; the coordinator clears its tasks.

    Raises:
        OverstapError: AGREEMENT-021 when it cannot be.
    """
    from overstap.rounds import opening

    context = get_current_context()
    by = context["dag_run"].triggering_user_name or ""
    with workplace(round_id, "steer") as place:
        return opening.reopen(place, asked_by=by, reason=_text(context["params"], REASON))


def take_form(round_id: RoundId) -> int:
    """Take over what the form of the present run asks; a run that asks nothing changes nothing.

    The form has a schema that Airflow holds it against; it is looked at here again, since a run can be started in other
    ways. Nothing of it becomes a path, a query or a template.

    Args:
        round_id: the round; it is open.

    Returns:
        How many milestones moved.

    Raises:
        OverstapError: AGREEMENT-021 when it cannot be.
    """
    from overstap.ledger.rounds.steering import SteeringRequest
    from overstap.rounds.opening import steer as take_over

    context = get_current_context()
    params, run = context["params"], context["dag_run"]
    with failures_told():
        moved = {name: moment for name in MOMENTS if (moment := _moment(params, name)) is not None}
        schools = _schools(params)
        asked = SteeringRequest(run.triggering_user_name or "", _text(params, REASON), moved, schools, run.run_id)
    if not moved and not schools:
        return 0
    with workplace(round_id, "steer") as place:
        count = take_over(place, asked)
    if schools:
        log.info("Alleen voor de gekozen scholen, aantal: %d | for the chosen schools only", len(schools))
    return count


def nothing_to_do(why: str) -> dict[str, Any]:
    """Say behind the label of the present task's school, and in its log, why there was nothing to do.

    It is done, not skipped: what follows for the other schools would be skipped with it (trigger rules of Airflow
    3.3.2).

    Args:
        why: key of its words in include/texts/orchestration/titles.yaml, without `aside.`.

    Returns:
        The task's result: no counts.
    """
    said = aside(why)
    cast("dict[str, Any]", get_current_context())["aside"] = said
    log.info("Niets te doen%s | nothing to do", said)
    return {}


def _moment(params: Mapping[str, Any], name: str) -> datetime | None:
    value = params.get(name)
    if value is None or value == "":
        return None
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        raise form_error("no_moment", field=name) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=NETHERLANDS)


def _schools(params: Mapping[str, Any]) -> list[str]:
    value = params.get(SCHOOLS) or []
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise form_error("no_list", field=SCHOOLS)
    return value


def _text(params: Mapping[str, Any], name: str) -> str:
    value = params.get(name) or ""
    if not isinstance(value, str) or len(value) > 500:
        raise form_error("no_text", field=name)
    return value.strip()
