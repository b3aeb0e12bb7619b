"""Values of the ledger's metrics at one moment, read with a login that can write nothing."""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import psycopg

from overstap.errors import OverstapError
from overstap.ledger import backups, certificate_dates
from overstap.ledger.notifications import outbox
from overstap.ledger.read_only import ReadOnlyLedger
from overstap.ledger.rounds import due_work, oldest_problem, progress, round_overview, task_failures
from overstap.ledger.session import UnitOfWork

KEPT_AFTER_CLOSING = timedelta(days=14)
"""How long a round is reported after it was closed."""

METRICS: Mapping[str, tuple[str, str]] = {
    "overstap.ledger.up": ("", "Whether the ledger could be read: 1 or 0."),
    "overstap.region.readable": ("", "Whether a region's rows could be read: 1 or 0."),
    "overstap.rounds": ("{round}", "Rounds: open, and closed in the last two weeks."),
    "overstap.dossiers": ("{dossier}", "Dossiers of a round by state."),
    "overstap.dossiers.stuck.age": ("s", "Time since the first dossier entered a state that somebody must act on."),
    "overstap.deliveries": ("{delivery}", "Deliveries of a round by outcome."),
    "overstap.deliveries.failing.age": ("s", "Time since the first delivery was sealed whose last attempt failed."),
    "overstap.mails": ("{mail}", "Mails of the outbox by state."),
    "overstap.mails.overdue": ("s", "Time since the first waiting mail was due; 0 when none is late."),
    "overstap.tasks.failed": ("{task}", "Tasks that failed and have not succeeded since, by who must act."),
    "overstap.work.overdue": ("s", "Time since background work was due; 0 when it is not."),
    "overstap.audit.uncovered": ("{line}", "Audit lines that no signed checkpoint covers yet."),
    "overstap.audit.checkpoint.age": ("s", "Time since the newest signed checkpoint."),
    "overstap.backup.age": ("s", "Time since the newest backup of a kind."),
    "overstap.certificate.remaining": ("s", "Time until a certificate expires; below 0 afterwards."),
}
"""Unit (UCUM) and description of each metric, by its name in OpenTelemetry."""


@dataclass(frozen=True, slots=True)
class MetricValue:
    """One value.

    Args:
        value: the number.
        attributes: ids and words; no pupil, no person.
    """

    value: float
    attributes: Mapping[str, str] = field(default_factory=dict)


Values = dict[str, list[MetricValue]]


def read(ledger: ReadOnlyLedger, at: Callable[[], datetime]) -> Values:
    """Return the values by name of the metric.

    A ledger that cannot be read has `overstap.ledger.up` 0 and no other value; so has a region, with
    `overstap.region.readable`. What could not be read is never told as a zero.

    Args:
        ledger: the ledger, with the login overstap_watch.
        at: the clock.
    """
    found: Values = defaultdict(list)
    try:
        with ledger.without_region() as connection:
            for kind, made in backups.newest(connection).items():
                found["overstap.backup.age"].append(MetricValue(_age(made, at()), {"kind": kind}))
            for holder, until in (certificate_dates.noted(connection) or {}).items():
                left = (until - at()).total_seconds()
                found["overstap.certificate.remaining"].append(MetricValue(left, {"holder": holder}))
        work = due_work.due_work(ledger)
        for one in work:
            late = max(0.0, _age(one.due_at, at())) if one.due_at is not None else 0.0
            found["overstap.work.overdue"].append(MetricValue(late, {"region": one.region, "work": one.work}))
        with ledger.regions() as turn:
            for region in sorted({one.region for one in work}):
                try:
                    values = _region(turn(region), region, at)
                except OverstapError as error:
                    if error.code != "LEDGER-007":
                        raise
                    values = {}
                for name, some in values.items():
                    found[name] += some
                readable = MetricValue(float(bool(values)), {"region": region})
                found["overstap.region.readable"].append(readable)
    except (OverstapError, psycopg.Error):
        return {"overstap.ledger.up": [MetricValue(0)]}
    found["overstap.ledger.up"].append(MetricValue(1))
    return dict(found)


def _region(unit: UnitOfWork, region: str, at: Callable[[], datetime]) -> Values:
    found: Values = defaultdict(list)
    since = at() - KEPT_AFTER_CLOSING
    rounds = [one for one in round_overview.opened(unit) if one.closed_at is None or one.closed_at > since]
    kept = {one.round_id for one in rounds}

    def add(name: str, value: float, **attributes: str) -> None:
        found[name].append(MetricValue(value, {"region": region, **attributes}))

    for state in ("open", "closed"):
        add("overstap.rounds", sum((one.closed_at is None) == (state == "open") for one in rounds), state=state)
    states, all_stuck = oldest_problem.states_and_stuck(unit)
    for name, counted, what in (
        ("overstap.dossiers", states, "state"),
        ("overstap.deliveries", progress.deliveries(unit), "outcome"),
    ):
        for round_id in kept & counted.keys():
            for word, count in counted[round_id].items():
                add(name, count, round=round_id, **{what: word})
    for stuck in all_stuck:
        if stuck.round_id in kept:
            add("overstap.dossiers.stuck.age", _age(stuck.since, at()), round=stuck.round_id, state=stuck.state)
    for in_round, (_, since_sealed) in oldest_problem.unanswered(unit).items():
        add("overstap.deliveries.failing.age", _age(since_sealed, at()), round=in_round)
    mails, first_due = outbox.backlog(unit)
    for state in ("waiting", "sending", "sent", "refused"):
        add("overstap.mails", mails[state], state=state)
    add("overstap.mails.overdue", max(0.0, _age(first_due, at())) if first_due else 0.0)
    failed = [one.who for one in task_failures.open_failures(unit)]
    for who in ("school", "supplier", "region", "administrator"):
        add("overstap.tasks.failed", failed.count(who), who=who)
    covered = oldest_problem.checkpoint_coverage(unit)
    add("overstap.audit.uncovered", covered.lines - covered.signed)
    if covered.signed_at is not None:
        add("overstap.audit.checkpoint.age", _age(covered.signed_at, at()))
    return found


def _age(moment: datetime, now: datetime) -> float:
    return (now - moment).total_seconds()
