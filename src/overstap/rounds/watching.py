"""Background work on deliveries: test messages, revocations, retries, notices of deadlines."""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from overstap.delivery.revocation_sender import take_back_all
from overstap.delivery.test_messages import Tester
from overstap.errors import OverstapError
from overstap.ledger.delivery import circuit_breaker
from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.rounds import due_work, rounds
from overstap.ledger.rounds.due_work import DELIVERIES
from overstap.ledger.rounds.milestones import note_passed
from overstap.notifications.undelivered import report_undelivered
from overstap.rounds import next_look
from overstap.rounds.agreed import round_context
from overstap.rounds.context import Context, RoundContext
from overstap.rounds.delivering import send
from overstap.rounds.next_look import TESTED_AGAIN_AFTER

log = logging.getLogger(__name__)


def watch(context: Context, region: str, school_year: str) -> Counter[str]:
    """Do the due background work on a region's deliveries, in each of its rounds.

    Records passed milestones; queues notices of undelivered dossiers at `receipts_due`; sends test messages between
    opening and delivery; sends revocations of withdrawn dossiers; sends envelopes again that a person asked for or
    whose backoff has ended.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.
    """
    done: Counter[str] = Counter()
    with context.ledger.unit(region, "watch") as unit:
        due_work.begin(unit, DELIVERIES)
    with context.ledger.unit(region, "watch") as unit:
        rows = rounds.of_year(unit, school_year)
    # Changes of the agreement file are applied here too, since the round's own tasks may wait for weeks
    known = [
        round_context(context, one.round_id, "watch")
        if one.closed_at is None
        else context.of_round(one.round_id, one.agreement)
        for one in rows
    ]
    still_open = [one for one, row in zip(known, rows, strict=True) if row.closed_at is None]
    if known:
        done = _watch(known, still_open)
    with context.ledger.unit(region, "watch") as unit:
        next_at = next_look.for_deliveries(
            unit,
            still_open,
            context.clock(),
            tests_failed=done["failed tests"] > 0,
            unsigned=done["taken back, unsigned"] > 0,
        )
        due_work.end(unit, DELIVERIES, next_at)
    return done


def _watch(known: Sequence[RoundContext], still_open: Sequence[RoundContext]) -> Counter[str]:
    done: Counter[str] = Counter()
    for one in still_open:
        with one.unit("watch") as unit:
            done["milestones"] += len(note_passed(unit, one.round_id))
        done["undelivered"] += _tell_undelivered(one)
    done.update(_take_back(known[-1]))
    done.update(_send(known))
    for one in still_open:  # last, since a school that does not answer delays what comes after
        done.update(_test(one))
    return done


def _tell_undelivered(context: RoundContext) -> int:
    if context.clock() < context.round.milestones.receipts_due:
        return 0
    with context.unit("watch") as unit:
        return sum(item.count for item in report_undelivered(unit, context.agreement, context.kind))


def _test(context: RoundContext) -> Counter[str]:
    milestones = context.round.milestones
    if not milestones.opens <= context.clock() < milestones.delivers:
        return Counter()
    tester = Tester(
        *(context.ledger, context.trust, context.agreement, context.round_id),
        *("watch", context.clock, context.place("outbox")),
    )
    tester.take_in()
    found = []
    if any(_is_to_be_tested(school, context.clock()) for school in tester.standing()):
        found = tester.send()
    for school in found:
        if not school.has_passed:
            log.warning(
                "Proefbericht niet aangekomen | not arrived: %s (%s): %s", school.name, school.school, school.code
            )
    failed = sum(not school.has_passed for school in tester.standing())
    return Counter({"tested": len(found), "failed tests": failed})


def _is_to_be_tested(school: SchoolResult, at: datetime) -> bool:
    return not school.has_passed and (school.tried_at is None or school.tried_at < at - TESTED_AGAIN_AFTER)


def _take_back(context: RoundContext) -> Counter[str]:
    done = take_back_all(
        context.ledger,
        context.trust,
        agreement=context.agreement,
        actor="watch",
        clock=context.clock,
        outbox=context.place("outbox"),
    )
    return Counter({f"taken back, {name}": count for name, count in done.items() if count})


def _send(known: Sequence[RoundContext]) -> Counter[str]:
    done: Counter[str] = Counter()
    by_id: dict[str, RoundContext] = {one.round_id: one for one in known}
    with known[0].unit("watch") as unit:
        due = circuit_breaker.due(unit)
    for round_id, school in due:
        if round_id not in by_id:
            continue
        try:
            done.update(send(by_id[round_id], school, actor="watch"))
        except OverstapError as error:  # the other schools go on; the round's own task fails for it
            log.warning("%s %s: %s", round_id, school, error)
    return done
