"""Verdicts on differences between a running round's agreement and a changed file: accepted, or kept as it was.

Pure: how far the round is comes as facts. Airflow, the ledger and the command all ask here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from overstap.agreements.differences import AgreementDifference, ChangeKind, differences
from overstap.agreements.model import Agreement, Milestones, RegistrationStage, RoundKind
from overstap.agreements.model.rounds import moments_of
from overstap.agreements.write import put
from overstap.clock import format_moment
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class HowFar:
    """How far a round is.

    Args:
        at: the present moment.
        is_shown: dossiers were released to parents. None: nobody looked; the agreed moment of opening says it.
        supplied: schools with dossiers in the round; None: nobody looked, the agreed moments say it.
        sealed_for: schools for which something was sealed; None as above.
    """

    at: datetime
    is_shown: bool | None = None
    supplied: frozenset[str] | None = None
    sealed_for: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class ChangeVerdict:
    """Whether a difference is taken over.

    Args:
        difference: what differs.
        refused: why not, an entry of include/texts/agreements/changing.yaml; None when it is taken over.
        facts: what its sentence needs.
    """

    difference: AgreementDifference
    refused: str | None = None
    facts: tuple[tuple[str, str], ...] = ()

    @property
    def sentence_nl(self) -> str:
        """Why it is refused, or that it is taken over, as a coordinator reads it."""
        return self._said("nl")

    @property
    def sentence_en(self) -> str:
        """The same in English."""
        return self._said("en")

    def _said(self, language: str) -> str:
        sentence: str = texts("agreements/changing")[self.refused or "taken"][language]
        return sentence.format(**dict(self.facts))

    def as_json(self) -> dict[str, Any]:
        """Return it as the ledger keeps it: which key, from what to what, and the verdict."""
        return {
            "path": self.difference.path,
            "allowed": self.refused is None,
            "reason": self.refused,
            "said": self.difference.sentence_nl,
        }


@dataclass(frozen=True, slots=True)
class Decided:
    """What is left of a changed agreement.

    Args:
        agreement: what holds from now on.
        verdicts: one for each difference that matters to the round.
    """

    agreement: Agreement
    verdicts: tuple[ChangeVerdict, ...]

    @property
    def refused(self) -> tuple[ChangeVerdict, ...]:
        """The differences that are not taken over."""
        return tuple(verdict for verdict in self.verdicts if verdict.refused is not None)


def decide(old: Agreement, new: Agreement, kind: RoundKind, so_far: HowFar) -> Decided:
    """Decide what of a changed agreement holds for a round that runs.

    What other rounds differ in is taken along: it is nothing to this one, which only its own round asks for.

    Args:
        old: what holds.
        new: what is offered.
        kind: the round.
        so_far: how far it is.
    """
    found = differences(old, new)
    if old.region != new.region or old.school_year != new.school_year or kind not in new.rounds:
        return Decided(old, tuple(ChangeVerdict(difference, "another") for difference in found))
    mine = [difference for difference in found if difference.round in (None, kind.value)]
    verdicts = [_verdict(difference, old, kind, so_far) for difference in mine]
    merged = _without(new, [verdict for verdict in verdicts if verdict.refused is not None])
    if merged is None:  # what is left of it does not fit together: then nothing about the round itself moves
        verdicts = [
            verdict
            if verdict.refused or verdict.difference.round is None
            else ChangeVerdict(verdict.difference, "does_not_fit")
            for verdict in verdicts
        ]
        merged = _without(new, [verdict for verdict in verdicts if verdict.refused is not None])
    if merged is None:
        return Decided(
            old, tuple(ChangeVerdict(verdict.difference, verdict.refused or "does_not_fit") for verdict in verdicts)
        )
    return Decided(merged, tuple(verdicts))


def _without(new: Agreement, refused: Sequence[ChangeVerdict]) -> Agreement | None:
    """Return the new agreement with the refused differences taken back; None when that is no agreement."""
    data = new.model_dump(mode="python")
    for verdict in refused:
        put(
            data,
            verdict.difference.path.split("."),
            verdict.difference.old,
            verdict.difference.change is ChangeKind.ADDED,
        )
    try:
        return Agreement.model_validate(data)
    except ValidationError:
        return None


_Rule = Callable[[AgreementDifference, Agreement, RoundKind, HowFar], ChangeVerdict]


def _verdict(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    steps = difference.path.split(".")
    if steps[0] == "rounds":
        if len(steps) == 2:
            return ChangeVerdict(difference, "another")
        return _ROUND.get(steps[2], _never)(difference, old, kind, so_far)
    return _REGION.get(steps[0], _never)(difference, old, kind, so_far)


def _always(difference: AgreementDifference, *_: Any) -> ChangeVerdict:
    return ChangeVerdict(difference)


def _never(difference: AgreementDifference, *_: Any) -> ChangeVerdict:
    return ChangeVerdict(difference, "not_while_running")


def _until_due(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    """What decides how dossiers are cut and read: until everything is collected for good."""
    due = old.round(kind).milestones.data_due
    if so_far.at >= due:
        return ChangeVerdict(difference, "collected", (("moment", format_moment(due)),))
    return ChangeVerdict(difference)


def _until_shown(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    """What parents were told: until they were."""
    opens = old.round(kind).milestones.review_opens
    is_shown = so_far.at >= opens if so_far.is_shown is None else so_far.is_shown
    return ChangeVerdict(difference, "shown") if is_shown else ChangeVerdict(difference)


def _categories(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    shown = _until_shown(difference, old, kind, so_far)
    return shown if shown.refused else _until_due(difference, old, kind, so_far)


def _receivers(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    """More receivers than parents were told of: until they were told. Fewer: until it is delivered."""
    order = list(RegistrationStage)
    if order.index(difference.new) < order.index(difference.old):
        return _until_shown(difference, old, kind, so_far)
    delivers = old.round(kind).milestones.delivers
    if so_far.at >= delivers:
        return ChangeVerdict(difference, "passed", (("key", "delivers"), ("moment", format_moment(delivers))))
    return ChangeVerdict(difference)


def _longer(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    """Time for parents: never less than they were told; more until the window closes."""
    closes = old.round(kind).milestones.review_closes
    if so_far.at >= closes:
        return ChangeVerdict(difference, "passed", (("key", "review_closes"), ("moment", format_moment(closes))))
    return ChangeVerdict(difference) if difference.new > difference.old else _until_shown(difference, old, kind, so_far)


def _milestone(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    name = difference.path.rpartition(".")[2]
    before: datetime = difference.old.astimezone(UTC)
    after: datetime = difference.new.astimezone(UTC)
    if before <= so_far.at:
        return ChangeVerdict(difference, "passed", (("key", name), ("moment", format_moment(before))))
    if after <= so_far.at:
        return ChangeVerdict(difference, "would_be_past", (("key", name), ("moment", format_moment(after))))
    if name == "review_closes" and after < before:
        return _until_shown(difference, old, kind, so_far)
    return ChangeVerdict(difference)


def _school(difference: AgreementDifference, old: Agreement, kind: RoundKind, so_far: HowFar) -> ChangeVerdict:
    steps = difference.path.split(".")
    if len(steps) == 1:  # no list of schools with a name each: a whole other list
        return ChangeVerdict(difference, "not_while_running")
    if len(steps) > 2:
        return ChangeVerdict(difference, "another_kind") if steps[2] in ("kind", "id") else ChangeVerdict(difference)
    school = steps[1]
    stones = old.round(kind).milestones
    supplies = (difference.new or difference.old)["kind"] == kind.supplied_by
    name, until = ("data_due", stones.data_due) if supplies else ("delivers", stones.delivers)
    if difference.change is ChangeKind.ADDED:
        if so_far.at >= until:
            return ChangeVerdict(difference, "passed", (("key", name), ("moment", format_moment(until))))
        return ChangeVerdict(difference)
    known = so_far.supplied if supplies else so_far.sealed_for
    is_in_it = so_far.at >= until if known is None else school in known
    if is_in_it:
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
        ),
        _always,
    ),
    **dict.fromkeys(("region", "school_year"), _never),
    "schools": _school,
}
_ROUND: dict[str, _Rule] = {
    **dict.fromkeys(
        ("gate_answered_by", "reminders", "addenda", "sources", "may_shift", "invitations", "notices"), _always
    ),
    **dict.fromkeys(("profile", "provisional"), _until_due),
    "inspection": _until_shown,
    **dict.fromkeys(("review_minimum", "review_school_days"), _longer),
    "categories": _categories,
    "receivers": _receivers,
    "milestones": _milestone,
}
"""By key of the agreement and of a round. What is not here does not change while a round runs."""


def shifted(agreement: Agreement, kind: RoundKind, moved: dict[str, datetime]) -> Agreement:
    """Return the agreement with milestones of a round moved; nothing is judged but their order.

    Args:
        agreement: what holds.
        kind: the round.
        moved: the new moment of each.

    Raises:
        ValidationError: the milestones are not in order any more.
    """
    agreed = agreement.round(kind)
    stones = moments_of(kind, {name: getattr(agreed.milestones, name) for name in Milestones.model_fields} | moved)
    changed = agreed.model_copy(update={"milestones": Milestones.model_validate(stones)})
    return agreement.model_copy(update={"rounds": {**agreement.rounds, kind: changed}})
