"""Requests of schools at the desk, and the dossiers that each may receive."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from overstap.agreements.model import RegistrationStage
from overstap.ledger.audit import AuditLine
from overstap.ledger.delivery.deliveries import Envelope, stages_from
from overstap.ledger.delivery.withdrawals import StoredRevocation
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class ReadyDelivery:
    """A sealed dossier that is ready for the requesting school."""

    message_id: UUID
    oso_version: str
    sealed_at: datetime
    """In whole seconds, as its manifest states it."""


@dataclass(frozen=True, slots=True)
class RequestStatus:
    """State of a pupil towards one school; the desk decides what the school is told."""

    pupil: bytes | None
    """Keyed hash; None when the region does not know the pupil."""
    is_known_to_school: bool
    """The pupil has an application, registration or placement at the school that was not withdrawn."""
    is_receiver: bool
    """The registration has reached the stage that the round's agreement requires."""
    content: tuple[VersionRef, EncryptedContent] | None = field(repr=False)
    """The pupil's newest dossier, whoever receives it."""
    ready: ReadyDelivery | None
    is_withdrawn: bool
    """The pupil's newest dossier was taken back."""
    revocation: StoredRevocation | None = field(repr=False)
    """Open revocation of a dossier that the school may have."""


def request_status(unit: UnitOfWork, *, pupil_number: str, primary_school: str, secondary_school: str) -> RequestStatus:
    """Return the state of a pupil towards the requesting school. Reads only, by the same statements each time.

    Args:
        unit: the transaction.
        pupil_number: BSN or onderwijsnummer.
        primary_school: BRIN and branch of the sender in the request.
        secondary_school: BRIN and branch of the requesting school.
    """
    pupil = unit.keys.lookup("pupil", pupil_number)
    stages = unit.rows(
        "select distinct stage from overstap.application where pupil = %(pupil)s and secondary_school = %(school)s "
        "and withdrawn_at is null",
        pupil=pupil,
        school=secondary_school,
    )
    dossiers = unit.rows(
        "select d.dossier, d.version, d.round_id, v.key_id, v.content, d.state from overstap.dossier d "
        "join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version "
        "join overstap.round o on o.round_id = d.round_id "
        "where d.pupil = %(pupil)s and d.primary_school = %(primary)s and d.erased_at is null "
        "order by o.opened_at desc, d.dossier desc limit 1",
        pupil=pupil,
        primary=primary_school,
    )
    newest = unit.rows("select round_id from overstap.round order by opened_at desc, round_id desc limit 1")
    taken_back = unit.rows(
        """
        select r.message_id, l.secondary_school, r.statement, r.statement_digest
          from overstap.revocation r
          join overstap.delivery l on l.message_id = r.message_id
          join overstap.dossier d on d.dossier = l.dossier
         where d.pupil = %(pupil)s and d.primary_school = %(primary)s and l.secondary_school = %(school)s
           and r.state = 'open'
         order by r.made_at, r.message_id limit 1
        """,
        pupil=pupil,
        primary=primary_school,
        school=secondary_school,
    )
    # Sealed for this school, released and inspected still, received there still, and delivery not held: as for sending.
    ready = unit.rows(
        """
        select l.message_id, v.oso_version, date_trunc('second', coalesce(l.stated_at, l.sealed_at))
          from overstap.delivery l
          join overstap.dossier d on d.dossier = l.dossier and d.version = l.number
          join overstap.dossier_version v on v.dossier = l.dossier and v.number = l.number
          join overstap.may_leave m on m.dossier = l.dossier and m.number = l.number
          join overstap.may_receive a on a.dossier = l.dossier and a.secondary_school = l.secondary_school
         where d.pupil = %(pupil)s and d.primary_school = %(primary)s and l.secondary_school = %(school)s
           and d.erased_at is null
           and l.state in ('sealed', 'confirmed') and d.state in ('sealed', 'undelivered', 'confirmed')
           and not exists (select from overstap.gate_hold h where h.round_id = l.round_id
                              and h.gate = 'release_for_delivery' and h.settled_by is null and h.withdrawn_at is null)
         order by l.message_id desc limit 1
        """,
        pupil=pupil,
        primary=primary_school,
        school=secondary_school,
    )
    needed = set(RegistrationStage)
    if dossiers or newest:  # also without a dossier: the time of an answer must not show which dossiers there are
        opened = get_round(unit, dossiers[0][2] if dossiers else newest[0][0])
        needed = {RegistrationStage(one) for one in stages_from(opened.agreement.round(opened.kind).receivers)}
    return RequestStatus(
        pupil=pupil if dossiers or stages else None,
        is_known_to_school=bool(stages),
        is_receiver=any(RegistrationStage(stage) in needed for (stage,) in stages),
        content=(VersionRef(dossiers[0][0], dossiers[0][1]), EncryptedContent(dossiers[0][3], dossiers[0][4]))
        if dossiers
        else None,
        ready=ReadyDelivery(*ready[0]) if ready else None,
        is_withdrawn=bool(dossiers) and dossiers[0][5] == "withdrawn",
        revocation=StoredRevocation(*taken_back[0]) if taken_back else None,
    )


def any_content(unit: UnitOfWork) -> tuple[VersionRef, EncryptedContent] | None:
    """Return any dossier of the region, decrypted where the request has none, so that the response time is equal."""
    rows = unit.rows("select dossier, number, key_id, content from overstap.dossier_version order by dossier limit 1")
    return (VersionRef(rows[0][0], rows[0][1]), EncryptedContent(rows[0][2], rows[0][3])) if rows else None


def unknown_today(unit: UnitOfWork, secondary_school: str) -> int:
    """Return the number of a school's requests for unknown pupils within a day."""
    return int(
        unit.one(
            "select count(*) from overstap.dossier_request where secondary_school = %(school)s and answer = 'unknown' "
            "and asked_at > clock_timestamp() - interval '1 day'",
            school=secondary_school,
        )[0]
    )


def keep_request(
    unit: UnitOfWork,
    request_id: UUID,
    *,
    secondary_school: str,
    primary_school: str,
    pupil: bytes | None,
    answer: str,
    reason: str,
    message_id: UUID | None = None,
) -> None:
    """Record a request and its answer.

    Args:
        unit: the transaction.
        request_id: the requesting school's own id.
        secondary_school: the requesting school.
        primary_school: the sender in the request.
        pupil: keyed hash (32 bytes), or None.
        answer: answer to the school.
        reason: exact reason, which the school is not told.
        message_id: the envelope that is handed out.
    """
    unit.run(
        "insert into overstap.dossier_request (request_id, region, secondary_school, primary_school, pupil, answer, "
        "reason, message_id) values (%(id)s, %(region)s, %(school)s, %(primary)s, %(pupil)s, %(answer)s, %(reason)s, "
        "%(message)s)",
        id=request_id,
        region=unit.region,
        school=secondary_school,
        primary=primary_school,
        pupil=pupil,
        answer=answer,
        reason=reason,
        message=message_id,
    )


def hand_out(unit: UnitOfWork, message_id: UUID) -> Envelope:
    """Return one envelope for the requesting school, and write the audit line. Commit before answering."""
    row = unit.one(
        "update overstap.delivery set attempts = attempts + 1, offered_at = coalesce(offered_at, clock_timestamp()) "
        "where message_id = %(id)s returning message_id, dossier, number, secondary_school, envelope, envelope_digest, "
        "manifest_digest, attempts",
        id=message_id,
    )
    found, dossier, number, school, envelope, digest, manifest, attempts = row
    unit.audit("delivery.send", AuditLine(str(found), {"to": school, "attempt": attempts, "asked": True}))
    return Envelope(found, VersionRef(dossier, number), school, envelope, digest, manifest)


@dataclass(frozen=True, slots=True)
class SentDelivery:
    """A delivery that was sent or handed out to a school."""

    message_id: UUID
    secondary_school: str
    envelope_digest: bytes
    manifest_digest: bytes
    state: str
    round_kind: str


def sent_deliveries(unit: UnitOfWork, secondary_school: str, message_ids: Sequence[UUID]) -> dict[UUID, SentDelivery]:
    """Return the deliveries about which a school may answer: those that were sent at least once."""
    return {
        row[0]: SentDelivery(*row)
        for row in unit.rows(
            "select l.message_id, l.secondary_school, l.envelope_digest, l.manifest_digest, l.state, o.kind "
            "from overstap.delivery l join overstap.round o on o.round_id = l.round_id "
            "where l.message_id = any(%(ids)s) and l.secondary_school = %(school)s and l.attempts > 0",
            ids=list(message_ids),
            school=secondary_school,
        )
    }


def request_for(unit: UnitOfWork, message_id: UUID) -> tuple[UUID, str] | None:
    """Return the school's last request by which it got a dossier, with its sender."""
    rows = unit.rows(
        "select request_id, primary_school from overstap.dossier_request where message_id = %(id)s "
        "order by asked_at desc limit 1",
        id=message_id,
    )
    return (rows[0][0], rows[0][1]) if rows else None


def earlier_request(unit: UnitOfWork, message_id: UUID) -> tuple[UUID, str] | None:
    """Return the school's last request that was told "not ready" and that this delivery answers, with its sender."""
    rows = unit.rows(
        "select r.request_id, r.primary_school from overstap.delivery l "
        "join overstap.dossier d on d.dossier = l.dossier "
        "join overstap.dossier_request r on r.pupil = d.pupil and r.secondary_school = l.secondary_school "
        "and r.primary_school = d.primary_school where l.message_id = %(id)s and r.answer = 'not_ready' "
        "order by r.asked_at desc limit 1",
        id=message_id,
    )
    return (rows[0][0], rows[0][1]) if rows else None
