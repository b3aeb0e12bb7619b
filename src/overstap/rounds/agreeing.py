"""Writing of approved drafts to the agreement files; a file that was changed beside a draft is left as it is."""

import logging
from collections import Counter

from overstap.agreements.drafting.files import AgreementPlace, AgreementTexts
from overstap.errors import OverstapError, system_fault
from overstap.ledger.agreement_drafts import AgreementDraft, announce_draft, approved_drafts, settle_draft
from overstap.rounds.context import Context

log = logging.getLogger(__name__)

_ACTOR = "apply_agreement"


def write_approved(context: Context, region: str) -> Counter[str]:
    """Write the approved drafts of a region to its agreement files, in the order of their approval.

    A draft is written once, also when the writer was killed in the middle. It is refused when the file is not the one
    that it was made from, or when the check finds errors in it by now. A running round takes a changed file by itself,
    and says which changes it refuses.

    Args:
        context: settings and ledger.
        region: region id.

    Returns:
        Counts of drafts that were written and refused.

    Raises:
        OverstapError: AGREEMENT-032 when the file cannot be written, LEDGER-012 when another process is at it.
    """
    done: Counter[str] = Counter()
    with context.ledger.exclusive(f"agreement {region}"):
        with context.ledger.unit(region, _ACTOR) as unit:
            waiting = approved_drafts(unit)
        for draft in waiting:
            problem = _write(context, region, draft)
            with context.ledger.unit(region, _ACTOR) as unit:
                settle_draft(unit, draft.draft, problem)
            done["refused" if problem else "written"] += 1
            if problem:
                log.warning("voorstel %s niet doorgevoerd | draft not applied: %s", draft.draft, problem)
    return done


def _write(context: Context, region: str, draft: AgreementDraft) -> str | None:
    """Write a draft; return the key of the reason why it was not written."""
    place = AgreementPlace(context.settings.regions, region, draft.school_year)
    file = f"{region}/{draft.school_year}.yaml"
    try:
        before = place.stored()
    except OSError as problem:
        raise OverstapError("AGREEMENT-032", file=file, kind=system_fault(problem)) from problem
    except (UnicodeDecodeError, OverstapError):
        return "changed_by_hand"  # it could be read when the draft was made
    if before == draft.texts:
        return None  # written by a run that was killed before it could say so
    # The list of schools is written first; a run that was killed then left it beside the older agreement
    is_half_written = before == AgreementTexts(draft.base.content, draft.texts.schools)
    if (before.digest if before else None) != draft.base_digest and not is_half_written:
        return "changed_by_hand"
    if place.has_errors(draft.texts, draft.base):
        return "has_errors"
    with context.ledger.unit(region, _ACTOR) as unit:
        if not announce_draft(unit, draft.draft, before.digest if before else None):
            return None  # settled by another
    try:
        place.write(draft.texts, before)
    except OSError as problem:
        raise OverstapError("AGREEMENT-032", file=file, kind=system_fault(problem)) from problem
    return None
