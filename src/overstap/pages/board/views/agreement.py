"""Page with the versions of a round's agreement: what changed, when, by whom and why, and what was refused."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from overstap.agreements import RoundKind
from overstap.agreements.differences import AgreementDifference, differences
from overstap.ledger.rounds.round_agreements import AgreementVersion, versions
from overstap.pages.board.render import render
from overstap.pages.board.views.page_context import PageContext, PageNotFoundError
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class ChangedValue:
    """One value that changed: what it is, the old and the new value, Dutch."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class AgreementChange:
    """A version of the agreement, compared with the one before.

    Args:
        at: since when it is in force.
        by: who applied it, and how, Dutch.
        reason: the text that was given with it; may be empty.
        taken: what changed in what counts for the round.
        refused: what was offered and refused: the difference and the reason, Dutch.
    """

    at: datetime
    by: str
    reason: str
    taken: Sequence[ChangedValue]
    refused: Sequence[tuple[str, str]]


def page(context: PageContext, round_id: str) -> str:
    """Return the page as HTML.

    Raises:
        PageNotFoundError: the account may not see the round, or it has not opened.
    """
    with context.round(round_id) as (unit, view):
        if unit is None:
            raise PageNotFoundError(round_id)
        known = versions(unit, round_id)
        return render(
            "agreement",
            base=context.base,
            now=context.now,
            person=context.person,
            view=view,
            begun=known[0].taken_at,
            changes=[_change(before, after) for before, after in reversed(list(pairwise(known)))],
        )


def _change(before: AgreementVersion, after: AgreementVersion) -> AgreementChange:
    words, reasons = texts("board/agreement"), texts("agreements/changing")
    people = {one.account: one.name for one in (*before.agreement.coordinators, *after.agreement.coordinators)}
    by = words["by"]["nl"].format(
        name=people.get(after.taken_by, after.taken_by),
        origin=texts("agreements/differences")["origins"][after.origin]["nl"],
    )
    refused = [
        (str(one["said"]), _reason(reasons, str(one["reason"]))) for one in after.changes if not one.get("allowed")
    ]
    names = {one.id: one.name for one in (*before.agreement.schools, *after.agreement.schools)}
    taken = [
        ChangedValue(_label(one, names), one.old_nl, one.new_nl)
        for one in differences(before.agreement, after.agreement)
    ]
    return AgreementChange(after.taken_at, by, after.reason, taken, refused)


def _label(one: AgreementDifference, names: Mapping[str, str]) -> str:
    """Return what a difference is about: a milestone and a school by their names, anything else by its key."""
    kind, key, *rest = [*one.path.split("."), ""] if "." not in one.path else one.path.split(".")
    if kind == "schools" and key in names:
        return " ".join((f"{names[key]} ({key})", *rest))
    if kind == "rounds":
        milestones = texts("orchestration/documentation")["milestones"]
        said = milestones[rest[1]]["nl"] if rest[:1] == ["milestones"] and rest[1:] else ".".join(rest)
        return f"{RoundKind(key).dutch}: {said}" if said else RoundKind(key).dutch
    return one.path


def _reason(reasons: dict[str, dict[str, str]], key: str) -> str:
    """Return the sentence of a refusal; empty where its facts were not kept."""
    sentence = reasons.get(key, {}).get("nl", "")
    return "" if "{" in sentence else sentence
