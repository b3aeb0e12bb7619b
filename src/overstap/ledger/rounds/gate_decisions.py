"""Coordinators' decisions at the gates of a round, for board and report."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class WindowChoice:
    """A choice at the gate `not_inspected`, for dossiers that were not inspected in time.

    Args:
        choice: "hold", "extend" or "attest".
        dossiers: number of dossiers that it is about.
        schools: number of schools that it is about.
        closes_at: new end of the window, where it was extended.
    """

    choice: str
    dossiers: int
    schools: int
    closes_at: datetime | None


@dataclass(frozen=True, slots=True)
class GateDecision:
    """A coordinator's decision at a gate.

    Args:
        at: moment of the decision.
        gate: the gate.
        account: the account that decided.
        name: name of that account's coordinator in the current agreement; the account where the agreement has none.
        is_approved: whether the round may go on.
        count: number of dossiers, or of holds, that it is about.
        reason: the coordinator's text; may be empty.
        choices: the choices, at the gate `not_inspected`.
        decision: its id.
        is_taken_back: whether a later decision took it back.
    """

    at: datetime
    gate: str
    account: str
    name: str
    is_approved: bool
    count: int
    reason: str
    choices: Sequence[WindowChoice] = ()
    decision: UUID | None = None
    is_taken_back: bool = False


def of_round(unit: UnitOfWork, round_id: str) -> list[GateDecision]:
    """Return the decisions of a round, the oldest first."""
    chosen: dict[object, list[WindowChoice]] = {}
    for decision, choice, dossiers, schools, closes_at in unit.rows(
        "select gate_decision, choice, sum(dossiers)::integer, count(*)::integer, max(closes_at) "
        "from overstap.window_decision where round_id = %(round)s group by 1, 2 order by 2",
        round=round_id,
    ):
        chosen.setdefault(decision, []).append(WindowChoice(choice, dossiers, schools, closes_at))
    return [
        GateDecision(
            at, gate, account, name or account, approved, count, reason, chosen.get(decision, ()), decision, is_back
        )
        for decision, at, gate, account, name, approved, count, reason, is_back in unit.rows(
            "select g.gate_decision, g.decided_at, g.gate, g.decided_by, "
            "(select c ->> 'name' from jsonb_array_elements(a.agreement -> 'coordinators') c "
            "where c ->> 'account' = g.decided_by limit 1), g.approved, g.dossiers, g.reason, "
            "exists (select from overstap.gate_decision t where t.takes_back = g.gate_decision) "
            "from overstap.gate_decision g join overstap.round o using (round_id) "
            "join overstap.round_agreement a on a.round_id = o.round_id and a.number = o.agreement_number "
            "where g.round_id = %(round)s order by g.decided_at",
            round=round_id,
        )
    ]


def first_release(unit: UnitOfWork, round_id: str) -> datetime | None:
    """Return when dossiers of a round were first released for review; None when none were."""
    moment: datetime | None = unit.one(
        "select min(decided_at) from overstap.gate_decision where round_id = %(round)s "
        "and gate = 'release_for_review' and approved "
        "and not exists (select from overstap.gate_decision t where t.takes_back = gate_decision.gate_decision)",
        round=round_id,
    )[0]
    return moment


def ready_to_leave(unit: UnitOfWork, round_id: str) -> int:
    """Return the number of dossiers of a round that are inspected and not sealed yet."""
    found = unit.one(
        "select count(*) from overstap.dossier where round_id = %(round)s and state = 'inspected'", round=round_id
    )
    return int(found[0])
