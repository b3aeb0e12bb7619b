"""Comparison of a draft with the agreement that holds: what differs, and what running rounds would not take over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.differences import AgreementDifference, differences
from overstap.errors import OverstapError
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.rounds.steering import judge_file
from overstap.ledger.session import UnitOfWork
from overstap.texts import texts


@dataclass(frozen=True, slots=True)
class DraftDifference:
    """One value that a draft changes: what it is, the value that holds, and that of the draft, Dutch."""

    label: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class RunningRound:
    """A running round, and the changes that it would not take over: what they are and why, Dutch."""

    round: str
    refused: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class DraftComparison:
    """Comparison of a draft with the agreement that holds.

    Args:
        state: "compared", "new" when no agreement holds, "broken" when the draft or the agreement is invalid.
        differences: what differs.
        running: the rounds that run under the agreement.
    """

    state: str
    differences: Sequence[DraftDifference] = ()
    running: Sequence[RunningRound] = ()


def compare(unit: UnitOfWork | None, old: Agreement, new: Agreement) -> DraftComparison:
    """Return the comparison of a draft with the agreement that holds.

    Args:
        unit: a read-only transaction; None when the ledger does not know the region.
        old: the agreement that holds, of the file.
        new: the draft.
    """
    names = {school.id: school.name for school in (*old.schools, *new.schools)}
    found = [DraftDifference(_label(one, names), one.old_nl, one.new_nl) for one in differences(old, new)]
    running: list[RunningRound] = []
    if unit is not None and found:
        running = [one for kind in old.rounds if (one := _running(unit, new, kind, names)) is not None]
    return DraftComparison("compared", found, running)


def _running(unit: UnitOfWork, new: Agreement, kind: RoundKind, names: Mapping[str, str]) -> RunningRound | None:
    round_id = new.round_id(kind)
    try:
        if get_round(unit, round_id).closed_at is not None:
            return None
    except OverstapError as error:
        if error.code != "LEDGER-009":
            raise
        return None  # it has not opened
    decided = judge_file(unit, round_id, new)
    return RunningRound(
        kind.dutch, [(_label(verdict.difference, names), verdict.sentence_nl) for verdict in decided.refused]
    )


def _label(one: AgreementDifference, names: Mapping[str, str]) -> str:
    """Return what a difference is about: milestones, schools and comparisons in words, anything else by its key."""
    steps = one.path.split(".")
    if steps[0] == "schools" and len(steps) > 1 and steps[1] in names:
        return " ".join((f"{names[steps[1]]} ({steps[1]})", *steps[2:]))
    if steps[0] == "rounds" and len(steps) > 1:
        milestones = texts("orchestration/documentation")["milestones"]
        rest = milestones[steps[3]]["nl"] if steps[2:3] == ["milestones"] and steps[3:] else ".".join(steps[2:])
        return f"{RoundKind(steps[1]).dutch}: {rest}" if rest else RoundKind(steps[1]).dutch
    if steps[0] == "comparisons" and len(steps) > 1:
        words = texts("board/drafts")
        said = words["compare"]["compared"]["nl"].format(region=steps[1])
        if steps[2:]:
            of = words["compare"]["compared_at"] if steps[2] == "at" else words["fields"]["compared"][steps[2]]
            said = f"{said}: {of['nl']}"
        return str(said)
    return one.path
