"""Verdicts on changes of an agreement while a round runs: each difference is accepted or refused, with the reason.

The functions have no side effects; the progress of the round is an argument. Airflow, the ledger and
`overstap agreement diff` use the same functions.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from overstap.agreements.differences import AgreementDifference, ChangeKind, differences
from overstap.agreements.model import Agreement, Milestones, RegistrationStage, RoundKind
from overstap.agreements.model.rounds import with_review_moments
from overstap.agreements.value_setting import set_value
from overstap.clock import format_moment
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class ChangeContext:
    """Progress of a running round, on which the verdicts depend.

    Args:
        at: the present moment, with time zone.
        is_shown: whether dossiers were released to parents; None derives it from the milestone `review_opens`.
        supplied: ids of the schools with dossiers in the round; None derives it from the milestones.
        sealed_for: ids of the schools for which envelopes were sealed; None derives it from the milestones.
    """

    at: datetime
    is_shown: bool | None = None
    supplied: frozenset[str] | None = None
    sealed_for: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ChangeVerdict:
    """Verdict on one difference.

    Args:
        difference: the difference.
        refused: reason of the refusal, an entry of include/texts/agreements/changing.yaml; None when accepted.
        facts: values for the placeholders of its sentence.
    """

    difference: AgreementDifference
    refused: str | None = None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def sentence_nl(self) -> str:
        """The reason of the refusal, or that the change is accepted, in Dutch."""
        return self._sentence("nl")

    @property
    def sentence_en(self) -> str:
        """The same in English."""
        return self._sentence("en")

    def _sentence(self, language: str) -> str:
        sentence: str = texts("agreements/changing")[self.refused or "taken"][language]
        return sentence.format(**dict(self.facts))

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as plain data, in the form that the ledger stores."""
        return {
            "path": self.difference.path,
            "allowed": self.refused is None,
            "reason": self.refused,
            "said": self.difference.sentence_nl,
        }


@dataclass(frozen=True, slots=True)
class ChangeDecision:
    """Decision on a changed agreement.

    Args:
        agreement: the agreement in force from now on, with the accepted differences only.
        verdicts: the verdict on each difference that concerns the round.
    """

    agreement: Agreement
    verdicts: tuple[ChangeVerdict, ...]

    @property
    def refused(self) -> tuple[ChangeVerdict, ...]:
        """The refused differences."""
        return tuple(verdict for verdict in self.verdicts if verdict.refused is not None)


def decide(old: Agreement, new: Agreement, kind: RoundKind, context: ChangeContext) -> ChangeDecision:
    """Decide which changes of an agreement apply to a running round.

    Differences in other rounds are accepted without a verdict, since this round does not use them.

    Args:
        old: the agreement in force.
        new: the changed agreement.
        kind: kind of the running round.
        context: progress of the round.
    """
    found = differences(old, new)
    if old.region != new.region or old.school_year != new.school_year or kind not in new.rounds:
        return ChangeDecision(old, tuple(ChangeVerdict(difference, "another") for difference in found))
    relevant = [difference for difference in found if difference.round in (None, kind.value)]
    verdicts = [_verdict(difference, old, kind, context) for difference in relevant]
    merged = _without(new, [verdict for verdict in verdicts if verdict.refused is not None])
    if merged is None:  # the accepted differences alone are inconsistent: refuse all differences of the round
        verdicts = [
            verdict
            if verdict.refused or verdict.difference.round is None
            else ChangeVerdict(verdict.difference, "does_not_fit")
            for verdict in verdicts
        ]
        merged = _without(new, [verdict for verdict in verdicts if verdict.refused is not None])
    if merged is None:
        return ChangeDecision(
            old, tuple(ChangeVerdict(verdict.difference, verdict.refused or "does_not_fit") for verdict in verdicts)
        )
    return ChangeDecision(merged, tuple(verdicts))


def _without(new: Agreement, refused: Sequence[ChangeVerdict]) -> Agreement | None:
    """Return the new agreement without the refused differences; None when the result is not valid."""
    data = new.model_dump(mode="python")
    for verdict in refused:
        set_value(
            data,
            verdict.difference.path.split("."),
            verdict.difference.old,
            verdict.difference.change is ChangeKind.ADDED,
        )
    try:
        return Agreement.model_validate(data)
    except ValidationError:
        return None


_Rule = Callable[[AgreementDifference, Agreement, RoundKind, ChangeContext], ChangeVerdict]


def _verdict(difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext) -> ChangeVerdict:
    steps = difference.path.split(".")
    if steps[0] == "rounds":
        if len(steps) == 2:
            return ChangeVerdict(difference, "another")
        return _ROUND.get(steps[2], _never)(difference, old, kind, context)
    return _REGION.get(steps[0], _never)(difference, old, kind, context)


def _always(difference: AgreementDifference, *_: Any) -> ChangeVerdict:
    return ChangeVerdict(difference)


def _never(difference: AgreementDifference, *_: Any) -> ChangeVerdict:
    return ChangeVerdict(difference, "not_while_running")


def _until_due(
    difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext
) -> ChangeVerdict:
    """Accept keys that affect minimisation and validation until the milestone `data_due`."""
    due = old.round(kind).milestones.data_due
    if context.at >= due:
        return ChangeVerdict(difference, "collected", (("moment", format_moment(due)),))
    return ChangeVerdict(difference)


def _until_shown(
    difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext
) -> ChangeVerdict:
    """Accept keys that parents are informed of until dossiers are released to them."""
    opens = old.round(kind).milestones.review_opens
    is_shown = context.at >= opens if context.is_shown is None else context.is_shown
    return ChangeVerdict(difference, "shown") if is_shown else ChangeVerdict(difference)


def _categories(
    difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext
) -> ChangeVerdict:
    shown = _until_shown(difference, old, kind, context)
    return shown if shown.refused else _until_due(difference, old, kind, context)


def _receivers(
    difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext
) -> ChangeVerdict:
    """Accept more receivers until dossiers are released to parents, and fewer receivers until delivery."""
    order = list(RegistrationStage)
    if order.index(difference.new) < order.index(difference.old):
        return _until_shown(difference, old, kind, context)
    delivers = old.round(kind).milestones.delivers
    if context.at >= delivers:
        return ChangeVerdict(difference, "passed", (("key", "delivers"), ("moment", format_moment(delivers))))
    return ChangeVerdict(difference)


def _more_eyes(
    difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext
) -> ChangeVerdict:
    """Accept more acts for two persons while a round runs, and never fewer: one person could drop the second."""
    if set(difference.old or ()) <= set(difference.new or ()):
        return ChangeVerdict(difference)
    return ChangeVerdict(difference, "not_while_running")


def _longer(difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext) -> ChangeVerdict:
    """Accept a shorter review until dossiers are released to parents, and a longer one until the review closes."""
    closes = old.round(kind).milestones.review_closes
    if context.at >= closes:
        return ChangeVerdict(difference, "passed", (("key", "review_closes"), ("moment", format_moment(closes))))
    return (
        ChangeVerdict(difference) if difference.new > difference.old else _until_shown(difference, old, kind, context)
    )


def _milestone(
    difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext
) -> ChangeVerdict:
    name = difference.path.rpartition(".")[2]
    before: datetime = difference.old.astimezone(UTC)
    after: datetime = difference.new.astimezone(UTC)
    if before <= context.at:
        return ChangeVerdict(difference, "passed", (("key", name), ("moment", format_moment(before))))
    if after <= context.at:
        return ChangeVerdict(difference, "would_be_past", (("key", name), ("moment", format_moment(after))))
    if name == "review_closes" and after < before:
        return _until_shown(difference, old, kind, context)
    return ChangeVerdict(difference)


def _school(difference: AgreementDifference, old: Agreement, kind: RoundKind, context: ChangeContext) -> ChangeVerdict:
    steps = difference.path.split(".")
    if len(steps) == 1:  # school ids are not unique, so the lists differ as a whole
        return ChangeVerdict(difference, "not_while_running")
    if len(steps) > 2:
        return ChangeVerdict(difference, "another_kind") if steps[2] in ("kind", "id") else ChangeVerdict(difference)
    school = steps[1]
    milestones = old.round(kind).milestones
    supplies = (difference.new or difference.old)["kind"] == kind.supplied_by
    name, until = ("data_due", milestones.data_due) if supplies else ("delivers", milestones.delivers)
    if difference.change is ChangeKind.ADDED:
        if context.at >= until:
            return ChangeVerdict(difference, "passed", (("key", name), ("moment", format_moment(until))))
        return ChangeVerdict(difference)
    known = context.supplied if supplies else context.sealed_for
    takes_part = context.at >= until if known is None else school in known
    if takes_part:
        return ChangeVerdict(difference, "has_dossiers", (("school", school),))
    return ChangeVerdict(difference)


_REGION: dict[str, _Rule] = {
    **dict.fromkeys(
        (
            "name",
            "example",
            "holiday_region",
            "coordinators",
            "viewers",
            "registrations",
            "notices",
            "occasions",
            "retention",
            "second_factor",
            "pdf_attachments",
            "own_codes",
            "comparisons",
            "test_suppliers",
        ),
        _always,
    ),
    **dict.fromkeys(("region", "school_year"), _never),
    "four_eyes": _more_eyes,
    "schools": _school,
}
_ROUND: dict[str, _Rule] = {
    **dict.fromkeys(
        ("gate_answered_by", "reminders", "addenda", "sources", "may_shift", "invitations", "notices", "older_advice"),
        _always,
    ),
    **dict.fromkeys(("profile", "provisional"), _until_due),
    "inspection": _until_shown,
    **dict.fromkeys(("review_minimum", "review_school_days"), _longer),
    "categories": _categories,
    "receivers": _receivers,
    "milestones": _milestone,
}
"""Rules by key of the agreement and of a round; other keys cannot change while a round runs."""


def shifted(agreement: Agreement, kind: RoundKind, moved: dict[str, datetime]) -> Agreement:
    """Return the agreement with milestones of a round moved; only their order is checked.

    Args:
        agreement: the agreement in force.
        kind: kind of the round.
        moved: the new moments by name of the milestone.

    Raises:
        ValidationError: the milestones would be out of order.
    """
    agreed = agreement.round(kind)
    milestones = with_review_moments(
        kind, {name: getattr(agreed.milestones, name) for name in Milestones.model_fields} | moved
    )
    changed = agreed.model_copy(update={"milestones": Milestones.model_validate(milestones)})
    return agreement.model_copy(update={"rounds": {**agreement.rounds, kind: changed}})
