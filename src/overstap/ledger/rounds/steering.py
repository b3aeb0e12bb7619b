"""Changes to a running round, from a changed agreement file or a coordinator's form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.agreements.change_verdicts import ChangeContext, ChangeDecision, ChangeVerdict, decide, shifted
from overstap.errors import Bilingual, OverstapError, form_error
from overstap.ledger.rounds import runs
from overstap.ledger.rounds.round_agreements import add_version, last_offered, lock_round, progress, versions
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.second_person import waiting
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class SteeringRequest:
    """A coordinator's request to move milestones of a round, or to limit one run to some schools.

    Args:
        by: the account.
        reason: the coordinator's text; may be empty.
        moved: new moments by milestone.
        schools: schools of this run; empty: all.
        run_id: id of the run.
    """

    by: str
    reason: str
    moved: Mapping[str, datetime]
    schools: Sequence[str] = ()
    run_id: str = ""


def judge_file(unit: UnitOfWork, round_id: str, offered: Agreement) -> ChangeDecision:
    """Return which changes of an agreement file a round would accept, without applying them."""
    found = get_round(unit, round_id)
    return decide(found.agreement, offered, found.kind, _how_far(unit, round_id))


def apply_file(unit: UnitOfWork, round_id: str, offered: Agreement, *, taken_by: str) -> ChangeDecision | None:
    """Apply the allowed changes of an agreement file, and record the refused ones with their reasons.

    A file is applied once: until it changes again, this does nothing. It does not undo a milestone that a form moved
    since, as long as the file states the same moment as before.

    Args:
        unit: the transaction.
        round_id: the round; it is open.
        offered: the agreement file as it is now.
        taken_by: account or task that applies it.

    Returns:
        The verdicts; None when the file was applied before, or waits for a second person (`waits_for_second`).
    """
    if last_offered(unit, round_id) == offered.digest:
        return None
    lock_round(unit, round_id)
    if last_offered(unit, round_id) == offered.digest:
        return None  # another task applied it in the meantime
    found = get_round(unit, round_id)
    meant = _with_forms(offered, found.agreement, _stated(unit, round_id), found.kind)
    decided = decide(found.agreement, meant, found.kind, _how_far(unit, round_id))
    number = add_version(
        unit,
        round_id,
        decided.agreement,
        origin="file",
        offered_digest=offered.digest,
        changes=[verdict.as_json() for verdict in decided.verdicts],
        taken_by=taken_by,
    )
    return None if number is None else decided


def waits_for_second(unit: UnitOfWork, round_id: str) -> bool:
    """Tell whether a change of a round's agreement waits for a second person."""
    return any(one.act == "agreement_change" and one.round_id == round_id for one in waiting(unit))


def apply_form(unit: UnitOfWork, round_id: str, request: SteeringRequest) -> tuple[ChangeVerdict, ...] | None:
    """Apply a coordinator's form as a whole, or not at all.

    Args:
        unit: the transaction.
        round_id: the round; it is open.
        request: the request of the form.

    Returns:
        The verdicts on the changes; None when they wait for a second person.

    Raises:
        OverstapError: AGREEMENT-021 with the reason of the refusal; nothing is stored then.
    """
    lock_round(unit, round_id)
    found = get_round(unit, round_id)
    agreed = found.agreement.round(found.kind)
    supplying = found.agreement.suppliers(found.kind)
    known = {school.id for school in (*supplying, *found.agreement.receivers(found.kind))}
    if strange := [school for school in request.schools if school not in known]:
        raise form_error("strange_schools", count=len(strange))  # not what was typed, which may be anything
    context = _how_far(unit, round_id)
    moved = {name: at for name, at in request.moved.items() if at != getattr(agreed.milestones, name)}
    stated = _stated(unit, round_id).round(found.kind).milestones
    for name, at in moved.items():
        room = {str(key): days for key, days in agreed.may_shift.items() if key in found.kind.milestones}.get(name, 0)
        # An hour more, since the bound is in days and daylight saving time may begin or end in between.
        if not room or abs(at - getattr(stated, name)) > timedelta(days=room, hours=1):
            called = texts("orchestration/documentation")["milestones"][name]
            raise form_error("too_far", milestone_nl=called["nl"], milestone_en=called["en"], days=room)
    try:
        offered = shifted(found.agreement, found.kind, moved)
    except ValidationError:
        raise form_error("order") from None
    decided = decide(found.agreement, offered, found.kind, context)
    if decided.refused:
        first = decided.refused[0]
        raise _refused(first.sentence_nl.rstrip("."), first.sentence_en.rstrip("."))
    if request.schools:
        runs.narrow(unit, round_id, request.run_id, request.schools, asked_by=request.by, reason=request.reason)
    if moved and (
        add_version(
            unit,
            round_id,
            decided.agreement,
            origin="form",
            offered_digest=offered.digest,
            changes=[verdict.as_json() for verdict in decided.verdicts],
            taken_by=request.by,
            reason=request.reason,
        )
        is None
    ):
        return None
    return decided.verdicts


def _stated(unit: UnitOfWork, round_id: str) -> Agreement:
    """Return the agreement of the newest file, before any form, so that shifts by several forms do not add up."""
    return [version for version in versions(unit, round_id) if version.origin != "form"][-1].agreement


def _with_forms(offered: Agreement, holds: Agreement, stated: Agreement, kind: RoundKind) -> Agreement:
    """Return the offered agreement with the milestones that forms moved and the file did not."""
    if kind not in offered.rounds:
        return offered
    new, now, before = (one.round(kind).milestones for one in (offered, holds, stated))
    moved = {
        name: getattr(now, name)
        for name in Milestones.model_fields
        if getattr(new, name) == getattr(before, name) != getattr(now, name)
    }
    try:
        return shifted(offered, kind, moved) if moved else offered
    except ValidationError:
        return offered  # the form's moments no longer fit between the file's: the file counts


def _how_far(unit: UnitOfWork, round_id: str) -> ChangeContext:
    found = progress(unit, round_id)
    return ChangeContext(found.at, found.is_shown, found.supplied, found.sealed_for)


def _refused(problem: str, problem_en: str) -> OverstapError:
    return OverstapError("AGREEMENT-021", problem=Bilingual(problem, problem_en))
