"""Changes that a running round accepted, from an agreement file or a coordinator's form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from overstap.agreements import Agreement, Milestones, RoundKind
from overstap.agreements.changing import ChangeVerdict, Decided, HowFar, decide, shifted
from overstap.errors import Bilingual, OverstapError, form_error
from overstap.ledger.rounds import runs
from overstap.ledger.rounds.round_agreements import add_version, hold, last_offered, progress, versions
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class SteeringRequest:
    """What a coordinator asks of a round or of one run of it.

    Args:
        by: the account.
        reason: in the coordinator's own words; may be empty.
        moved: the new moment of milestones, by name.
        schools: only these, in this run; empty means all.
        run_id: which run.
    """

    by: str
    reason: str
    moved: Mapping[str, datetime]
    schools: Sequence[str] = ()
    run_id: str = ""


def judge_file(unit: UnitOfWork, round_id: str, offered: Agreement) -> Decided:
    """Return what a round would take over of an agreement file, and change nothing."""
    found = get_round(unit, round_id)
    return decide(found.agreement, offered, found.kind, _how_far(unit, round_id))


def take_file(unit: UnitOfWork, round_id: str, offered: Agreement, *, taken_by: str) -> Decided | None:
    """Take over what may still change, and keep what was refused and why.

    A file is looked at once: until it changes again, this does nothing. A form that moved a milestone since is not
    undone by it, as long as the file states what it stated before.

    Args:
        unit: the transaction.
        round_id: the round; it is open.
        offered: the agreement file as it is now.
        taken_by: account or task.

    Returns:
        What was decided; None when the file was looked at before.
    """
    if last_offered(unit, round_id) == offered.digest:
        return None
    hold(unit, round_id)
    if last_offered(unit, round_id) == offered.digest:
        return None  # another task was quicker
    found = get_round(unit, round_id)
    meant = _with_forms(offered, found.agreement, _stated(unit, round_id), found.kind)
    decided = decide(found.agreement, meant, found.kind, _how_far(unit, round_id))
    add_version(
        unit,
        round_id,
        decided.agreement,
        origin="file",
        offered_digest=offered.digest,
        changes=[verdict.as_json() for verdict in decided.verdicts],
        taken_by=taken_by,
    )
    return decided


def take_form(unit: UnitOfWork, round_id: str, asked: SteeringRequest) -> tuple[ChangeVerdict, ...]:
    """Take over what a coordinator filled in, all of it or nothing.

    Args:
        unit: the transaction.
        round_id: the round; it is open.
        asked: what is asked.

    Returns:
        What moved.

    Raises:
        OverstapError: AGREEMENT-021 with why it cannot be; nothing is kept then.
    """
    hold(unit, round_id)
    found = get_round(unit, round_id)
    agreed = found.agreement.round(found.kind)
    supplying = found.agreement.suppliers(found.kind)
    known = {school.id for school in (*supplying, *found.agreement.receivers(found.kind))}
    if strange := [school for school in asked.schools if school not in known]:
        raise form_error("strange_schools", schools=", ".join(strange))
    so_far = _how_far(unit, round_id)
    moved = {name: at for name, at in asked.moved.items() if at != getattr(agreed.milestones, name)}
    stated = _stated(unit, round_id).round(found.kind).milestones
    for name, at in moved.items():
        room = {str(key): days for key, days in agreed.may_shift.items() if key in found.kind.milestones}.get(name, 0)
        # An hour more: the clock may change in between, and people count days.
        if not room or abs(at - getattr(stated, name)) > timedelta(days=room, hours=1):
            called = texts("orchestration/documentation")["milestones"][name]
            raise form_error("too_far", milestone_nl=called["nl"], milestone_en=called["en"], days=room)
    try:
        offered = shifted(found.agreement, found.kind, moved)
    except ValidationError:
        raise form_error("order") from None
    decided = decide(found.agreement, offered, found.kind, so_far)
    if decided.refused:
        first = decided.refused[0]
        raise _refused(first.sentence_nl.rstrip("."), first.sentence_en.rstrip("."))
    if asked.schools:
        runs.narrow(unit, round_id, asked.run_id, asked.schools, asked_by=asked.by, reason=asked.reason)
    if moved:
        add_version(
            unit,
            round_id,
            decided.agreement,
            origin="form",
            offered_digest=offered.digest,
            changes=[verdict.as_json() for verdict in decided.verdicts],
            taken_by=asked.by,
            reason=asked.reason,
        )
    return decided.verdicts


def _stated(unit: UnitOfWork, round_id: str) -> Agreement:
    """Return what held by the newest agreement file, before any form: forms that follow one another do not add up."""
    return [version for version in versions(unit, round_id) if version.origin != "form"][-1].agreement


def _with_forms(offered: Agreement, holds: Agreement, stated: Agreement, kind: RoundKind) -> Agreement:
    """Return the offered agreement with what forms moved, where it says what the file said before."""
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
        return offered  # other moments of the file have moved so that the form's no longer fit: the file counts


def _how_far(unit: UnitOfWork, round_id: str) -> HowFar:
    found = progress(unit, round_id)
    return HowFar(found.at, found.is_shown, found.supplied, found.sealed_for)


def _refused(problem: str, problem_en: str) -> OverstapError:
    return OverstapError("AGREEMENT-021", problem=Bilingual(problem, problem_en))
