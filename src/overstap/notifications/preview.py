"""Previews of every kind of notice mail, for the schools and dates of an agreement."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta

from overstap.agreements import Agreement, RoundKind
from overstap.agreements.model.agreement import FourEyesAct
from overstap.errors import OverstapError
from overstap.ledger.delivery.uncollected import UncollectedEnvelopes
from overstap.ledger.notifications.notices import Notice
from overstap.ledger.review.windows import SchoolInspections
from overstap.ledger.rounds.counts import PrimaryCounts, SecondaryCounts
from overstap.ledger.rounds.refused_lists import RefusedRows, RegionList
from overstap.ledger.rounds.registrations import RefusedRegistration, UnstatedRegistrations
from overstap.ledger.rounds.task_failures import TaskFailure, TaskInstanceRef
from overstap.notifications.account_notices import ACCOUNT_KINDS
from overstap.notifications.admission_notices import ADMISSION_KINDS
from overstap.notifications.advice_notices import ADVICE_KINDS
from overstap.notifications.composition import ComposedMail, compose_notices, recipient_of
from overstap.notifications.handover_notices import agreed, proposed
from overstap.notifications.round_notices import RoundStatus, round_notices
from overstap.texts import texts

ADDRESS = "https://overstap.example.nl"


def previews(agreement: Agreement, *, language: str = "nl") -> Iterator[tuple[str, ComposedMail]]:
    """Yield name and mail per kind of notice, then a coordinator's digest of a busy day.

    Args:
        agreement: agreement whose schools, people and dates are used; the counts are fictitious.
        language: "nl" or "en".
    """
    kind = next(iter(agreement.rounds))
    found = {one.kind: one for one in _all_notices(agreement, kind)}
    for name in texts("notices/kinds"):
        if name in found:
            yield name, _mail(agreement, [found[name]], language, urgent=found[name].is_urgent)
    to_coordinator = [one for one in found.values() if one.recipient.startswith("coordinator:")]
    if to_coordinator:
        yield "digest_coordinator", _mail(agreement, to_coordinator, language, urgent=False)


def _mail(agreement: Agreement, told: list[Notice], language: str, *, urgent: bool) -> ComposedMail:
    to = recipient_of(agreement, told[0].recipient)
    if to is None:
        raise LookupError(told[0].recipient)
    return compose_notices(
        *(agreement, to, told),
        board=lambda round_id: f"{ADDRESS}/plugin/rondes/rondes/ronde/{round_id}",
        is_urgent=urgent,
        language=language,
        school_page=f"{ADDRESS}/scholen",
    )


def _all_notices(agreement: Agreement, kind: RoundKind) -> Iterator[Notice]:
    """Yield the notices at each milestone of a round with a late school and a school with faults."""
    if RoundKind.SUPPORT in agreement.rounds and kind is not RoundKind.SUPPORT:
        opens = agreement.round(RoundKind.SUPPORT).milestones.opens
        yield from round_notices(_status(agreement, RoundKind.SUPPORT, opens + timedelta(hours=1)))
    moments = agreement.round(kind).milestones
    near = agreement.notices.deadline_near
    for milestone in ("data_due", "review_closes", "receipts_due"):
        due: datetime = getattr(moments, milestone)
        yield from round_notices(_status(agreement, kind, due - near / 2))
        yield from round_notices(_status(agreement, kind, due + timedelta(hours=1)))
        for reminder in agreement.round(kind).reminders:
            if reminder.of == milestone:
                at = due - timedelta(days=reminder.days_before) + timedelta(minutes=1)
                yield from round_notices(_status(agreement, kind, at))
    yield from round_notices(_status(agreement, kind, moments.opens + timedelta(hours=1)))
    yield from round_notices(_status(agreement, kind, moments.receipts_due + timedelta(days=1), is_closed=True))
    gate = texts("orchestration/gates")["release_for_review"]["subject"]
    subjects = {f"subject_{name}": text.format(dossiers="412 dossiers") for name, text in gate.items()}
    account = agreement.coordinators[0].account
    school = agreement.primary_schools[0].id
    receiver = agreement.secondary_schools[0]
    late = {"school": receiver.name, "schools": f"{receiver.name} (2)", "count": 2, "due": "12-5-2027"}
    for name in ADMISSION_KINDS:
        to = f"coordinator:{account}" if name.endswith("_region") else f"school:{receiver.id}"
        yield Notice(name, "preview", to, late)
    sender = agreement.primary_schools[0]
    for name in ADVICE_KINDS:
        yield Notice(name, "preview", f"school:{sender.id}", {"school": sender.name, "count": 2, "due": "24-3-2027"})
    for name in ACCOUNT_KINDS:
        yield Notice(name, "preview", f"school:{school}", {"account": "j.jansen@school.example"}, is_urgent=True)
    moment = agreement.round(kind).milestones.receipts_due
    yield proposed(agreement.round_id(kind), "preview", "6BCJ-X0NH", sender.id, receiver.name, 3)
    both = {sender.id: sender.name, receiver.id: receiver.name}
    yield from agreed(agreement.round_id(kind), "preview", "preview", "6BCJ-X0NH", moment, moment, both)
    for act in FourEyesAct:
        yield Notice(f"second_{act}", "preview", f"coordinator:{account}", {"by": account})
    yield Notice("gate", "preview", f"coordinator:{account}", subjects, agreement.round_id(kind), is_urgent=True)


def _status(agreement: Agreement, kind: RoundKind, at: datetime, *, is_closed: bool = False) -> RoundStatus:
    moments = agreement.round(kind).milestones
    primary = [
        PrimaryCounts(
            school.id,
            school.name,
            30,
            Counter() if place == 0 and not is_closed else Counter(accepted=24, rejected=3, confirmed=24 * is_closed),
            Counter() if place == 0 else Counter({"INTAKE-002": 1}),
            Counter(),
        )
        for place, school in enumerate(agreement.primary_schools)
    ]
    secondary = [
        SecondaryCounts(school.id, school.name, 40, 40 if is_closed else 31, 0, Counter())
        for school in agreement.secondary_schools
    ]
    review = [
        SchoolInspections(school.id, school.name, 24, 20, 4, 0, 0, 0, moments.review_closes)
        for school in agreement.primary_schools
    ]
    collects = agreement.secondary_schools[:1]
    uncollected = [UncollectedEnvelopes(one.id, 12, at - timedelta(days=5), 2, False) for one in collects]
    late = agreement.primary_schools[0]
    error = OverstapError("INTAKE-050", school=late.label, contact=late.contact)
    red = TaskFailure(
        TaskInstanceRef(f"round__{agreement.region}__{kind}", "run", "collect", 0, None, late.id),
        error.code,
        error.facts,
        error.who,
        will_retry=False,
        at=moments.data_due,
    )
    return RoundStatus(
        agreement.round_id(kind),
        kind,
        agreement,
        at - timedelta(days=1) if at > moments.opens + timedelta(days=7) else moments.opens,
        moments.receipts_due if is_closed else None,
        at,
        primary,
        secondary,
        review,
        uncollected,
        [red],
        [(f"{late.id} signing-1", late.id, moments.receipts_due)],
        [
            RefusedRegistration("file", 3, "INTAKE-043", {}),
            RefusedRegistration("file", 7, "INTAKE-039", {}),
            RefusedRegistration("file", 12, "INTAKE-039", {}),
        ],
        UnstatedRegistrations(240, 130, "preview"),
        refused_lists=[RefusedRows(RegionList.TESTS, "", 1, "INTAKE-120", 2, (4, 9), {"line": 4})],
    )
