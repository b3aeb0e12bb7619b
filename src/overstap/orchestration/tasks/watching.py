"""What goes on beside a round, every few minutes: tests before it, taking back, trying again, telling in time."""

import logging
from collections import Counter
from datetime import datetime, timedelta

from overstap.agreements import Agreement
from overstap.clock import now
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery import circuit_breaker
from overstap.ledger.delivery.test_messages import SchoolResult
from overstap.ledger.rounds import rounds
from overstap.ledger.rounds.milestones import note_passed
from overstap.ledger.rounds.rounds import RoundRow
from overstap.orchestration.round_context import bare_workplace, say
from overstap.pki import TrustStore
from overstap.settings import Settings

log = logging.getLogger(__name__)

TESTED_AGAIN_AFTER = timedelta(hours=6)
"""A school that did not pass is tried again by itself, not oftener than this."""


def watch_deliveries(region: str, school_year: str) -> dict[str, int]:
    """Look after a region's deliveries: whatever is due now, of each of its rounds.

    Tells what is undelivered when receipts are due; sends test messages between opening and delivery; takes back what
    was withdrawn; sends again what somebody asked for, and what waited for its time.
    """
    done: Counter[str] = Counter()
    with bare_workplace() as (settings, ledger):
        with ledger.unit(region, "watch") as unit:
            known = rounds.of_year(unit, school_year)
        if not known:
            return {}
        trust = TrustStore(settings.need_path("trust"), production=settings.production)
        for one in known:
            if one.closed_at is None:
                with ledger.unit(region, "watch") as unit:
                    done["milestones"] += len(note_passed(unit, one.round_id))
                done["undelivered"] += _tell(ledger, region, one)
        done.update(_take_back(ledger, trust, settings, known[-1].agreement))
        done.update(_send(ledger, trust, settings, region, known))
        for one in known:  # last: a school that hangs must not keep waiting what matters more
            if one.closed_at is None:
                done["tested"] += _test(ledger, trust, settings, one)
    say("Leveringen | deliveries", done)
    return dict(done)


def _tell(ledger: Ledger, region: str, one: RoundRow) -> int:
    from overstap.notifications.undelivered import tell_undelivered

    if now() < one.agreement.round(one.kind).milestones.receipts_due:
        return 0
    with ledger.unit(region, "watch") as unit:
        return sum(item.count for item in tell_undelivered(unit, one.agreement, one.kind))


def _test(ledger: Ledger, trust: TrustStore, settings: Settings, one: RoundRow) -> int:
    from overstap.delivery.test_messages import Tester

    milestones = one.agreement.round(one.kind).milestones
    if not milestones.opens <= now() < milestones.delivers:
        return 0
    tester = Tester(ledger, trust, one.agreement, one.round_id, "watch", now, settings.outbox)
    tester.take_in()
    if not any(_is_to_be_tested(school, now()) for school in tester.standing()):
        return 0
    found = tester.send()
    for school in found:
        if not school.has_passed:
            log.warning("Proefbericht niet geslaagd | not passed: %s (%s): %s", school.name, school.school, school.code)
    return len(found)


def _is_to_be_tested(school: SchoolResult, at: datetime) -> bool:
    return not school.has_passed and (school.tried_at is None or school.tried_at < at - TESTED_AGAIN_AFTER)


def _take_back(ledger: Ledger, trust: TrustStore, settings: Settings, agreement: Agreement) -> Counter[str]:
    from overstap.delivery.revocation_sender import take_back_all

    done = take_back_all(ledger, trust, agreement=agreement, actor="watch", clock=now, outbox=settings.outbox)
    return Counter({f"taken back, {name}": count for name, count in done.items() if count})


def _send(ledger: Ledger, trust: TrustStore, settings: Settings, region: str, known: list[RoundRow]) -> Counter[str]:
    from overstap.delivery.sending import send_school

    done: Counter[str] = Counter()
    by_id = {one.round_id: one for one in known}
    with ledger.unit(region, "watch") as unit:
        due = circuit_breaker.due(unit)
    for round_id, school in due:
        if round_id not in by_id:
            continue
        try:
            done.update(
                send_school(
                    ledger,
                    trust,
                    agreement=by_id[round_id].agreement,
                    round_id=round_id,
                    school=by_id[round_id].agreement.school(school),
                    actor="watch",
                    clock=now,
                    outbox=settings.outbox,
                )
            )
        except OverstapError as error:  # one school's fault stops no other's; the round's task is red
            log.warning("%s %s: %s", round_id, school, error)
    return done
