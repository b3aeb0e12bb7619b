"""Trigger forms of DAGs: milestones to move, schools to limit a run to, reopening, and the reason."""

from datetime import datetime
from typing import Any, get_args

from airflow.sdk import Param

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model.rounds import Shiftable
from overstap.clock import format_moment
from overstap.texts import Count, texts

ROUND, SCHOOLS, REASON, REOPEN = "ronde", "alleen_scholen", "waarom", "weer_openen"
"""Keys of the forms. They differ from the fields of gates, since the values of the run take precedence."""
MOMENTS: tuple[str, ...] = get_args(Shiftable)
"""The milestones that a form can move."""


def run_form(agreement: Agreement, kind: RoundKind) -> dict[str, Param]:
    """Return the form of a run of one round: limit to some schools, or move milestones within the agreed bounds.

    Args:
        agreement: what was agreed.
        kind: the round.
    """
    words = texts("orchestration/form")
    schools = (*agreement.suppliers(kind), *agreement.receivers(kind))
    chosen = Param(
        [],
        type="array",
        items={"type": "string", "enum": [school.id for school in schools]},
        uniqueItems=True,
        examples=[school.id for school in schools],
        values_display={school.id: school.label for school in schools},
        title=words[SCHOOLS]["title"]["nl"],
        description=words[SCHOOLS]["text"]["nl"],
    )
    agreed = agreement.round(kind)
    room = {str(name): days for name, days in agreed.may_shift.items() if days}
    moments = {
        name: _moment(name, getattr(agreed.milestones, name), room[name])
        for name in MOMENTS
        if name in room and name in kind.milestones
    }
    return {SCHOOLS: chosen, **moments, REASON: _reason(is_needed=False)}


def steering_form(agreement: Agreement) -> dict[str, Param]:
    """Return the form for changes of any running round of a region.

    Args:
        agreement: what was agreed.
    """
    words = texts("orchestration/form")
    kinds = list(agreement.rounds)
    chosen = Param(
        kinds[0].value,
        type="string",
        enum=[kind.value for kind in kinds],
        values_display={kind.value: kind.dutch for kind in kinds},
        title=words[ROUND]["title"]["nl"],
        description=words[ROUND]["text"]["nl"],
    )
    moments = {name: _moment(name) for name in MOMENTS}
    reopen = Param(False, type="boolean", title=words[REOPEN]["title"]["nl"], description=words[REOPEN]["text"]["nl"])
    return {ROUND: chosen, **moments, REOPEN: reopen, REASON: _reason(is_needed=True)}


def _moment(name: str, agreed: datetime | None = None, days: int = 0) -> Param:
    words = texts("orchestration/form")
    said: Any = words["moment" if agreed else "any_moment"]["nl"]
    return Param(
        None,
        type=["null", "string"],
        format="date-time",
        title=texts("orchestration/documentation")["milestones"][name]["nl"],
        description=said.format(agreed=format_moment(agreed) if agreed else "", days=Count(days)),
    )


def _reason(*, is_needed: bool) -> Param:
    words = texts("orchestration/form")[REASON]
    bounds: dict[str, Any] = {"type": "string", "minLength": 3} if is_needed else {"type": ["null", "string"]}
    return Param(
        None if not is_needed else words["usual"]["nl"],
        maxLength=500,
        title=words["title"]["nl"],
        description=words["text"]["nl"],
        **bounds,
    )
