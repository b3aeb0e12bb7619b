"""Invitation of the families of a round by mail, and reminders.

Letters contain codes, so the school makes them itself (`printing_letters`). Mails go through the outbox, which sends
them from the agreed hour on, by the database's clock. Each meaning is mailed once, so every step may be repeated.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from overstap.agreements import Round
from overstap.clock import dutch_time, now
from overstap.ledger import Ledger
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.current_versions import current_versions
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.review import invitations
from overstap.ledger.review.invitations import EntitledPerson, Invitation
from overstap.ledger.rounds.rounds import RoundRow, get_round
from overstap.ledger.session import UnitOfWork
from overstap.notifications.families import FamilyMail, queue_for_families
from overstap.oso.facts import DossierFacts
from overstap.progress import Advance, unwatched
from overstap.review.codes import renew
from overstap.review.people import people_of

GROUP = 100
"""Dossiers per transaction."""
NOBODY = "-"
"""Handle of the person where a dossier names nobody who may inspect it."""


def sent_from(agreed: Round) -> datetime:
    """Return the moment before which nothing is sent to families."""
    return agreed.invitations.sent_from or agreed.milestones.review_opens


def invite(
    ledger: Ledger,
    *,
    region: str,
    round_id: str,
    actor: str,
    address: str,
    clock: Callable[[], datetime] = now,
    advance: Advance = unwatched,
) -> Counter[str]:
    """Invite persons who were not invited yet, and send due reminders. Idempotent.

    In a round without inspection nothing is sent.

    Args:
        ledger: the ledger.
        region: region id.
        round_id: the round.
        actor: step or account, recorded in audit lines.
        address: address of the parents' pages, beginning with https://.
        clock: returns the present moment, aware.
        advance: is told of the dossiers whose families were invited.

    Returns:
        Counts: "people" who were recorded as entitled, "mails", "reminders", "secret" and "missing" e-mail addresses,
        "nobody" for dossiers that name nobody.
    """
    done: Counter[str] = Counter()
    while True:
        with ledger.unit(region, actor) as unit:
            found = get_round(unit, round_id)
            if not found.kind.is_inspected:
                return done
            dossiers = invitations.without_people(unit, round_id, limit=GROUP)
            done.update(_invite(unit, found, dossiers, address, clock()))
        advance(len(dossiers))
        if len(dossiers) < GROUP:
            break
    agreed = found.agreement.round(found.kind)
    if "email" in agreed.invitations.by:
        for days in sorted({one.days_before for one in agreed.reminders if one.of == "review_closes"}):
            done.update(_remind(ledger, found, days, actor, address, clock()))
    return done


def _invite(unit: UnitOfWork, found: RoundRow, dossiers: Sequence[UUID], address: str, at: datetime) -> Counter[str]:
    agreed = found.agreement.round(found.kind)
    done: Counter[str] = Counter()
    persons: list[EntitledPerson] = []
    made: list[Invitation] = []
    mails: list[FamilyMail] = []
    for ref, facts, closes_at, opens_at in current_facts(unit, dossiers):
        people = people_of(unit.keys, facts, dutch_time(at).date())
        if not people:
            done["nobody"] += 1
            made.append(Invitation(ref, NOBODY, "email", 0, "missing"))
        for one in people:
            persons.append(EntitledPerson(ref, one.key, one.kind))
            if "email" not in agreed.invitations.by:
                continue
            if one.email is None:
                done[one.email_is] += 1
                made.append(Invitation(ref, one.key, "email", 0, one.email_is))
                continue
            begins = max(opens_at or sent_from(agreed), agreed.milestones.review_opens)
            moments = {"opens": begins, "closes": closes_at}
            kind = "renewed" if ref.number > 1 else "invitation"
            mails.append(FamilyMail(invitations.meaning(ref, one.key, 0), kind, one.email, moments, sent_from(agreed)))
            made.append(Invitation(ref, one.key, "email", 0, None))
    invitations.entitle(unit, persons)
    invitations.note(unit, made)
    # The code in a family's letter stays valid and shows the newer version from now on
    renew(unit, found.round_id, dossiers)
    done.update(people=len(persons), mails=queue_for_families(unit, found.round_id, mails, address=address))
    return done


def _remind(ledger: Ledger, found: RoundRow, days: int, actor: str, address: str, at: datetime) -> Counter[str]:
    done: Counter[str] = Counter()
    while True:
        with ledger.unit(found.region, actor) as unit:
            due = invitations.to_remind(unit, found.round_id, days, limit=GROUP)
            people: dict[tuple[VersionRef, str], tuple[str | None, datetime]] = {}
            for ref, facts, closes_at, _ in current_facts(unit, list(dict.fromkeys(one.ref.dossier for one in due))):
                for one in people_of(unit.keys, facts, dutch_time(at).date()):
                    people[ref, one.key] = one.email, closes_at
            mails, made = [], []
            for person in due:
                email, closes_at = people.get((person.ref, person.person), (None, at))
                made.append(Invitation(person.ref, person.person, "email", days, None if email else "missing"))
                if email:
                    meaning = invitations.meaning(person.ref, person.person, days)
                    mails.append(FamilyMail(meaning, "reminder", email, {"closes": closes_at}))
            invitations.note(unit, made)
            done["reminders"] += queue_for_families(unit, found.round_id, mails, address=address)
        if len(due) < GROUP:
            return done


def current_facts(
    unit: UnitOfWork, dossiers: Sequence[UUID]
) -> list[tuple[VersionRef, DossierFacts, datetime, datetime | None]]:
    """Return the current versions of dossiers with their facts, and when their review closes and opens."""
    found = current_versions(unit, dossiers)
    facts = records.of(unit, [one.ref for one in found], DossierFacts)
    return [
        (one.ref, facts[one.ref], one.closes_at, one.opens_at)
        for one in found
        if one.ref in facts and one.closes_at is not None
    ]
