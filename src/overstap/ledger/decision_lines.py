"""Comparison of decisions with their audit lines: decisions without a line, and lines without a decision.

The functions of the database record a decision and its line in one statement, so a difference means that one of the two
was changed with the owner's rights.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from overstap.ledger.session import UnitOfWork

Fact = tuple[Any, ...]
"""The common values of a decision and its line; the first is the kind of decision."""


def differences(unit: UnitOfWork) -> Iterator[tuple[str, str]]:
    """Yield subject and fault of every decision and line of the unit's region that do not match."""
    kept, told = Counter(_decisions(unit)), Counter(_lines(unit))
    for fact in sorted(kept.keys() | told.keys(), key=repr):
        kind, subject, *rest = fact
        said = f"{kind} ({', '.join(map(str, rest))})" if rest else str(kind)
        if kept[fact] > told[fact]:
            yield str(subject), f"{said} was decided {kept[fact]} times, and {told[fact]} lines tell it"
        elif told[fact] > kept[fact]:
            yield str(subject), f"{told[fact]} lines tell {said}, and it was decided {kept[fact]} times"
    yield from _codes(unit)
    yield from _closings(unit)
    yield from _registrations(unit)


def _decisions(unit: UnitOfWork) -> Iterator[Fact]:
    for gate, *rest in unit.rows("select gate, round_id, approved, decided_by, dossiers from overstap.gate_decision"):
        yield ("round.reopen" if gate == "reopen" else f"gate.{gate}", *rest)
    yield from unit.rows(
        "select 'review.record', dossier || '/' || number, agreed, ground from overstap.review_decision "
        "where ground <> 'carried'"
    )
    yield from unit.rows(
        "select 'review.carry', dossier || '/' || number from overstap.review_decision where ground = 'carried'"
    )
    yield from unit.rows(
        "select 'delivery.withdraw', dossier || '/' || number, reason, decided_by from overstap.withdrawal"
    )
    yield from unit.rows(
        "select case number when 1 then 'round.open' else 'agreement.' || origin end, round_id, agreement_digest "
        "from overstap.round_agreement"
    )
    yield from unit.rows("select 'run.narrow', round_id, run_id, asked_by from overstap.run_change")
    yield from unit.rows(
        "select 'retention.hold', coalesce(dossier::text, round_id), reason from overstap.retention_hold"
    )
    yield from unit.rows(
        "select 'retention.lift', retention_hold::text from overstap.retention_hold where lifted_at is not null"
    )
    yield from unit.rows(
        "select 'released', dossier || '/' || number from overstap.dossier_version v where released_by is not null "
        "and not exists (select from overstap.gate_decision g where g.gate_decision = v.released_by and g.approved "
        "and g.gate = 'release_for_review')"
    )


_FACTS: dict[str, Any] = {
    "review.record": lambda said: (said["agreed"], said["ground"]),
    "review.carry": lambda said: (),
    "delivery.withdraw": lambda said: (said["reason"], said["by"]),
    "round.open": lambda said: (said["agreement"],),
    "agreement.file": lambda said: (said["agreement"],),
    "agreement.form": lambda said: (said["agreement"],),
    "run.narrow": lambda said: (said["run"], said["by"]),
    "retention.hold": lambda said: (said["reason"],),
    "retention.lift": lambda said: (),
}
_NO_DECISIONS = ("gate.hold", "gate.hold_withdrawn")


def _lines(unit: UnitOfWork) -> Iterator[Fact]:
    for action, subject, said in unit.rows(
        "select l.said ->> 'action', l.said ->> 'subject', l.said -> 'detail' from "
        "(select payload::jsonb as said, seq from overstap.audit_line) l "
        "where l.said ->> 'action' = any(%(actions)s) or starts_with(l.said ->> 'action', 'gate.') order by l.seq",
        actions=[*_FACTS, "round.reopen"],
    ):
        if action in _NO_DECISIONS:
            continue
        if action.startswith("gate.") or action == "round.reopen":
            approved = said["approved"] if "approved" in said else said["choice"] != "hold"
            yield (action, subject, approved, said["by"], said["dossiers"])
            continue
        # Older lines have the number of decisions, not their ids
        for _ in range(said.get("decisions", 1) if action == "review.carry" else 1):
            yield (action, subject, *_FACTS[action](said))


def _codes(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """No code is in use, or was, without the line of its making; erased ones leave their lines behind."""
    for dossier, given, told in unit.rows(
        "select a.dossier::text, a.given, coalesce(t.told, 0) from "
        "(select dossier, person, count(*) as given from overstap.review_access group by 1, 2) a left join "
        "(select split_part(l.said ->> 'subject', '/', 1) as dossier, l.said #>> '{detail,person}' as person, "
        "count(*) as told from (select payload::jsonb as said from overstap.audit_line) l "
        "where l.said ->> 'action' = 'review.code' group by 1, 2) t "
        "on t.dossier = a.dossier::text and t.person = a.person "
        "where a.given > coalesce(t.told, 0)"
    ):
        yield dossier, f"a person of it was given {given} codes, and {told} lines tell it"


def _closings(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare closed rounds with the last line about each round."""
    last: dict[str, bool] = dict(
        unit.rows(
            "select distinct on (l.said ->> 'subject') l.said ->> 'subject', l.said ->> 'action' = 'round.close' from "
            "(select payload::jsonb as said, seq from overstap.audit_line) l "
            "where l.said ->> 'action' in ('round.close', 'round.reopen') order by l.said ->> 'subject', l.seq desc"
        )
    )
    for round_id, is_closed in unit.rows("select round_id, closed_at is not null from overstap.round"):
        if is_closed != last.get(round_id, False):
            yield round_id, "is closed without a line of it" if is_closed else "is open, and the last line closed it"


def _registrations(unit: UnitOfWork) -> Iterable[tuple[str, str]]:
    """Compare the registrations of a school year with the last line about them."""
    for year, told, found in unit.rows(
        "select t.year, t.digest, overstap.registrations_digest(t.year) from "
        "(select distinct on (l.said ->> 'subject') "
        "l.said ->> 'subject' as year, l.said -> 'detail' ->> 'digest' as digest from "
        "(select payload::jsonb as said, seq from overstap.audit_line) l "
        "where starts_with(l.said ->> 'action', 'registrations.') order by l.said ->> 'subject', l.seq desc) t "
        "where t.digest is not null"
    ):
        if told != found:
            yield year, "its registrations are not those of the last line about them"
    for (year,) in unit.rows(
        "select distinct a.school_year from overstap.application a where not exists (select from overstap.audit_line l "
        "where starts_with(l.payload::jsonb ->> 'action', 'registrations.') "
        "and l.payload::jsonb ->> 'subject' = a.school_year)"
    ):
        yield year, "has registrations without a line of them"
