"""Tells a person by mail when somebody answers, records an answer, prints a new code or signs in for them."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger
from overstap.ledger.review.person_events import untold
from overstap.notifications.families import FamilyMail, queue_for_families
from overstap.review.inviting import known_dossiers
from overstap.review.people import people_of

GROUP = 100
"""Events per transaction."""


def alert_persons(
    ledger: Ledger, *, region: str, round_id: str, actor: str, address: str, clock: Callable[[], datetime] = now
) -> Counter[str]:
    """Queue a mail for each thing that was done and that its person was not told yet. Safe to repeat.

    Persons whom the region does not reach by e-mail find the same on the parents' pages, in their log.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        actor: who does it, for the evidence.
        address: of the parents' pages.
        clock: the present moment.

    Returns:
        Count "alerts".
    """
    done: Counter[str] = Counter()
    while True:
        with ledger.unit(region, actor) as unit:
            events = untold(unit, round_id, limit=GROUP)
            addresses = {
                (ref.dossier, one.key): one.email
                for ref, facts, _, _ in known_dossiers(unit, list(dict.fromkeys(one.dossier for one in events)))
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
