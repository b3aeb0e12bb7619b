"""Mails that alert a person to a decision, a recorded decision, a new code, or the first sign-in with their code."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger
from overstap.ledger.review.person_events import not_mailed
from overstap.notifications.families import FamilyMail, queue_for_families
from overstap.review.inviting import current_facts
from overstap.review.people import people_of

GROUP = 100
"""Events per transaction."""


def alert_persons(
    ledger: Ledger, *, region: str, round_id: str, actor: str, address: str, clock: Callable[[], datetime] = now
) -> Counter[str]:
    """Queue a mail for each event that its person was not told yet. Idempotent.

    Persons without a usable e-mail address find the events in their log on the parents' pages.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        actor: step or account, recorded in audit lines.
        address: address of the parents' pages.
        clock: returns the present moment, aware.

    Returns:
        Number of queued mails as count "alerts".
    """
    done: Counter[str] = Counter()
    while True:
        with ledger.unit(region, actor) as unit:
            events = not_mailed(unit, round_id, limit=GROUP)
            addresses = {
                (ref.dossier, one.key): one.email
                for ref, facts, _, _ in current_facts(unit, list(dict.fromkeys(one.dossier for one in events)))
                for one in people_of(unit.keys, facts, dutch_time(clock()).date())
            }
            mails = [
                FamilyMail(one.meaning, one.kind, email, {"moment": one.at})
                for one in events
                if (email := addresses.get((one.dossier, one.person))) is not None
            ]
            queued = queue_for_families(unit, round_id, mails, address=address)
            done["alerts"] += queued
        if len(events) < GROUP or not queued:
            return done
