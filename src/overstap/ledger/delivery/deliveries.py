"""Deliveries of a round: claiming dossiers to seal, sending envelopes, recording receipts.

The views `may_leave` and `may_receive` of the database decide which dossier may leave, and to which school.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from uuid import UUID

from overstap.agreements.model import RegistrationStage
from overstap.clock import format_moment
from overstap.errors import OverstapError
from overstap.ledger.audit import AuditLine
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import EncryptedContent, RegionKeys, sha256
from overstap.ledger.session import UnitOfWork

FIRST = UUID(int=0)
"""What comes before every dossier."""


@dataclass(frozen=True, slots=True)
class EarlierEnvelopes:
    """Earlier envelopes of a dossier for a school."""

    replaces: UUID | None = None
    """Message id of the newest older version that the school may have."""
    serial: int = 0
    """How often this version was sealed before, refused, and requested again."""
    is_sealed: bool = False
    """Whether this version is sealed for the school and confirmed or open."""


@dataclass(frozen=True, slots=True)
class DossierToSeal:
    """A dossier that may leave: released, inspected, and with schools that may receive it."""

    ref: VersionRef
    primary_school: str
    secondary_schools: tuple[str, ...]
    content: EncryptedContent = field(repr=False)
    content_digest: bytes
    seen_on: date | None
    """None where no inspection is needed: towards a partnership."""
    agreed: str
    consent: str | None
    views: tuple[tuple[int, EncryptedContent], ...] = field(repr=False)
    """What parents wrote, each with the version that it is about: it goes along until its writer replaces it."""
    pupil: bytes = field(repr=False)
    """Keyed hash of the pupil's number."""
    before: Mapping[str, EarlierEnvelopes]
    """Earlier envelopes by secondary school."""

    def meaning(self, round_id: str, school: str) -> str:
        """Return the idempotency key of a delivery: this version of this pupil's dossier, round and school.

        It is derived from the source and the agreement, not from ids of the database, so that a ledger restored from an
        older backup, or filled anew, gives the same meaning and the same message id.
        """
        serial = self.before.get(school, EarlierEnvelopes()).serial
        parts = (round_id, self.pupil.hex(), self.ref.number, serial, self.content_digest.hex(), school)
        return "\0".join(map(str, parts))

    def decrypted(self, keys: RegionKeys) -> tuple[bytes, str | None]:
        """Return the dossier and the parents' views, decrypted; the views of two parents are joined by a line break.

        Raises:
            OverstapError: LEDGER-002 or LEDGER-003 when one of them cannot be decrypted.
        """
        views = [
            keys.decrypt(view, f"view/{VersionRef(self.ref.dossier, number).bound_to}").decode()
            for number, view in self.views
        ]
        return keys.decrypt(self.content, self.ref.bound_to), "\n\n".join(views) or None


@dataclass(frozen=True, slots=True)
class Envelope:
    """A sealed dossier for one school."""

    message_id: UUID
    ref: VersionRef
    secondary_school: str
    envelope: bytes = field(repr=False)
    envelope_digest: bytes
    manifest_digest: bytes
    serial: int = 0
    """How often this version was sealed for this school before."""
    files_digest: bytes | None = None
    """Digest of the files by the manifest, which does not change when they are sealed again."""
    attempts: int = 0
    """Number of attempts, this one included."""
    stated_at: datetime | None = None
    """Moment of sealing in its manifest."""
    key_id: str | None = None
    """Key of the region that it is encrypted with, for a school that collects on its page."""


def stages_from(stage: RegistrationStage) -> list[str]:
    """Return this stage of registration and the surer ones."""
    order = list(RegistrationStage)
    return [item.value for item in order[order.index(stage) :]]


def check_due(unit: UnitOfWork, round_id: str) -> None:
    """Refuse to deliver before the agreed moment; `overstap.may_leave` returns nothing before it either.

    Raises:
        OverstapError: AGREEMENT-020 with the moment.
    """
    delivers_at, is_due = unit.one(
        "select delivers_at, delivers_at <= overstap.clock() from overstap.round where round_id = %(round)s",
        round=round_id,
    )
    if not is_due:
        raise OverstapError("AGREEMENT-020", moment=format_moment(delivers_at), round=round_id)


def claim_to_seal(
    unit: UnitOfWork,
    round_id: str,
    stage: RegistrationStage,
    *,
    senders: Sequence[str],
    receivers: Sequence[str],
    limit: int,
    after: UUID = FIRST,
    skipped: Collection[UUID] = (),
) -> list[DossierToSeal]:
    """Claim inspected dossiers that may leave and have a receiver, in their order; a concurrent call gets others.

    Args:
        unit: the transaction; the claim holds until it ends.
        round_id: the round.
        stage: least stage of registration at the receiving school.
        senders: primary schools that can sign at present; dossiers of others wait.
        receivers: secondary schools that can be sealed for at present; a dossier with another receiver waits.
        limit: most dossiers.
        after: the last dossier that this run claimed; no index holds the state, so each claim would pass by all that
            were sealed before.
        skipped: dossiers that could not be sealed in this run.
    """
    while True:
        # Locked first, and read when they are: parents may change their answer until then. What may leave is asked once
        # only, of those that are locked: to plan that takes longer than to take a group.
        locked = unit.rows(
            """
            select d.dossier from overstap.dossier d
             where d.round_id = %(round)s and d.dossier > %(after)s and d.state = 'inspected'
               and d.primary_school = any(%(senders)s) and not (d.dossier = any(%(aside)s::uuid[]))
             order by d.dossier limit %(limit)s
               for update of d skip locked
            """,
            round=round_id,
            senders=list(senders),
            limit=limit,
            after=after,
            aside=list(skipped),
        )
        claimed = _leaving(unit, [row[0] for row in locked], stage, receivers) if locked else []
        if claimed or not locked:
            return claimed
        after = locked[-1][0]


def _leaving(
    unit: UnitOfWork, locked: Sequence[UUID], stage: RegistrationStage, receivers: Sequence[str]
) -> list[DossierToSeal]:
    """Return those of locked dossiers that may leave to schools which can all be sealed for, in the same order."""
    # "offset 0" keeps what is asked of a dossier within it: without statistics (a ledger's first round) a planner
    # joined all dossiers of the region with each that was taken.
    rows = unit.rows_by_kept_plan(
        """
        select d.dossier, d.version, d.primary_school, v.key_id, v.content, v.content_digest,
               m.seen_on, m.agreed, m.consent, m.view_key_ids, m.views, m.view_numbers, d.pupil,
               array(select secondary_school from overstap.may_receive a
                      where a.dossier = d.dossier and a.stage = any(%(stages)s) order by secondary_school)
          from overstap.dossier d
         cross join lateral (
               select * from overstap.may_leave m where m.dossier = d.dossier and m.number = d.version offset 0) m
          join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version
         where d.dossier = any(%(ids)s)
         order by d.dossier
        """,
        ids=list(locked),
        stages=stages_from(stage),
    )
    before = _before(unit, [VersionRef(row[0], row[1]) for row in rows])
    claimed = []
    for row in rows:
        dossier, number, school, key_id, content, digest, seen_on, agreed, consent, *views, pupil, schools = row
        if not schools or not set(schools) <= set(receivers):
            continue  # nobody may receive it, or a school that cannot be sealed for at present
        claimed.append(
            DossierToSeal(
                VersionRef(dossier, number),
                school,
                tuple(one for one in schools if not before.get(dossier, {}).get(one, EarlierEnvelopes()).is_sealed),
                EncryptedContent(key_id, content),
                digest,
                seen_on,
                agreed,
                consent,
                tuple((number, EncryptedContent(key, view)) for key, view, number in zip(*views, strict=True)),
                pupil,
                before.get(dossier, {}),
            )
        )
    return claimed


def _before(unit: UnitOfWork, refs: Sequence[VersionRef]) -> dict[UUID, dict[str, EarlierEnvelopes]]:
    """Return the earlier envelopes of dossiers, per school."""
    current = {ref.dossier: ref.number for ref in refs}
    found: dict[UUID, dict[str, EarlierEnvelopes]] = {}
    for dossier, school, message_id, number, is_asked_again, may_be_there, _ in unit.rows(
        "select l.* from unnest(%(ids)b::uuid[]) as t (id) cross join lateral ("
        "select dossier, secondary_school, message_id, number, state = 'resealed', "
        "state = 'confirmed' or state = 'sealed' and attempts > 0, serial from overstap.delivery "
        "where dossier = t.id offset 0) l order by number, serial",
        ids=list(current),
    ):
        known = found.setdefault(dossier, {}).get(school, EarlierEnvelopes())
        if number == current[dossier]:
            found[dossier][school] = EarlierEnvelopes(known.replaces, known.serial + is_asked_again, not is_asked_again)
        elif may_be_there:
            found[dossier][school] = EarlierEnvelopes(message_id, 0)
    return found


_PLACEMENT_WAITS = """exists (
    select from overstap.placed_twice t where t.round_id = d.round_id and t.pupil = d.pupil and t.holds is null)"""


def sort_receivers(unit: UnitOfWork, round_id: str, stage: RegistrationStage) -> Counter[str]:
    """Mark inspected dossiers that no school may receive as without receiver, and undo it for those that one now may.

    A pupil who is placed at several schools has receivers, of which a coordinator has to choose: the dossier waits.

    Returns:
        Counts of "no_receiver" and "found_receiver".
    """
    stages = stages_from(stage)
    found = unit.run(
        "update overstap.dossier d set state = 'inspected' where d.round_id = %(round)s "  # noqa: S608 (above)
        "and d.state = 'no_receiver' and (exists (select from overstap.may_receive a "
        "where a.dossier = d.dossier and a.stage = any(%(stages)s)) "
        f"or {_PLACEMENT_WAITS})",
        round=round_id,
        stages=stages,
    )
    missing = unit.run(
        "update overstap.dossier d set state = 'no_receiver' where d.round_id = %(round)s "  # noqa: S608 (above)
        "and d.state = 'inspected' and not exists (select from overstap.may_receive a "
        "where a.dossier = d.dossier and a.stage = any(%(stages)s)) "
        f"and not {_PLACEMENT_WAITS}",
        round=round_id,
        stages=stages,
    )
    return Counter(no_receiver=missing, found_receiver=found)


@dataclass(frozen=True, slots=True)
class UnreceivedDossiers:
    """Dossiers of a school that nobody may receive in this round.

    Args:
        primary_school: whose.
        why: `outside`: registered at a school that does not take part; `other_school`: the registration names another
            primary school; `stage`: below the agreed stage of registration; `none`: no registration.
        count: how many.
    """

    primary_school: str
    why: str
    count: int


def without_receiver(unit: UnitOfWork, round_id: str) -> list[UnreceivedDossiers]:
    """Return the number of dossiers without a receiver per reason, each under its first reason."""
    rows = unit.rows(
        """
        select d.primary_school,
               case when bool_or(a.secondary_school = any(o.receiving) and a.primary_school = d.primary_school)
                    then 'stage'
                    when bool_or(a.secondary_school = any(o.receiving)) then 'other_school'
                    when bool_or(a.secondary_school is not null) then 'outside' else 'none' end as why,
               d.dossier
          from overstap.dossier d join overstap.round o on o.round_id = d.round_id
          left join lateral (
               select x.primary_school, x.secondary_school from overstap.application x
                where x.region = o.region and x.school_year = o.school_year and x.pupil = d.pupil
                  and x.withdrawn_at is null offset 0) a on true
         where d.round_id = %(round)s and d.state = 'no_receiver'
         group by d.primary_school, d.dossier
        """,
        round=round_id,
    )
    counted = Counter((school, why) for school, why, _ in rows)
    return [UnreceivedDossiers(school, why, count) for (school, why), count in sorted(counted.items())]


def waiting_to_seal(unit: UnitOfWork, round_id: str) -> int:
    """Return the number of inspected dossiers that wait for sealing.

    Without those that lack a required consent, and those that wait for a coordinator's answer about two placements.
    """
    return int(
        unit.one(
            "select count(*) from overstap.dossier d where round_id = %(round)s and state = 'inspected' "  # noqa: S608
            "and not exists (select from overstap.without_consent w where w.dossier = d.dossier) "
            f"and not {_PLACEMENT_WAITS}",
            round=round_id,
        )[0]
    )


def keep_sealed(unit: UnitOfWork, round_id: str, envelopes: Sequence[Envelope]) -> None:
    """Store envelopes and mark their dossiers sealed, in the transaction that claimed them."""
    unit.audit(
        "delivery.seal",
        *(
            AuditLine(str(item.message_id), {"of": item.ref.bound_to, "to": item.secondary_school})
            for item in envelopes
        ),
    )
    columns = {"message_id": "uuid", "region": "text", "round_id": "text", "dossier": "uuid", "number": "int4"}
    columns |= {"secondary_school": "text", "envelope": "bytea", "envelope_digest": "bytea", "manifest_digest": "bytea"}
    columns |= {"serial": "int2", "files_digest": "bytea", "stated_at": "timestamptz", "key_id": "text"}
    unit.insert(
        "delivery",
        columns,
        [
            (
                item.message_id,
                unit.region,
                round_id,
                item.ref.dossier,
                item.ref.number,
                item.secondary_school,
                item.envelope,
                item.envelope_digest,
                item.manifest_digest,
                item.serial,
                item.files_digest,
                item.stated_at,
                item.key_id,
            )
            for item in envelopes
        ],
    )
    unit.run(
        "update overstap.dossier set state = 'sealed' where dossier = any(%(ids)b)",
        ids=list({item.ref.dossier for item in envelopes}),
    )


def claim_to_send(
    unit: UnitOfWork, round_id: str, secondary_school: str, *, after: UUID | None = None, limit: int
) -> list[Envelope]:
    """Return due deliveries for one school, and write the audit line of each attempt.

    Commit before sending. Only a dossier's current version is returned: an older one is never sent after a newer.

    An envelope for a pupil whose registration was withdrawn since is not sent; its problem is DELIVERY-104.

    One sender per school at a time: the caller holds `Ledger.exclusive`. Should two send nevertheless, the receiver
    recognises the message id and returns the same receipt, so that the envelope is stored once.

    Args:
        unit: the transaction.
        round_id: the round.
        secondary_school: the receiver.
        after: the last message id that this run took, so that a run tries each delivery once.
        limit: most deliveries.
    """
    # Materialised: a planner without statistics made the selection anew for each row that it took. "offset 0" keeps
    # what is asked of a dossier within it, as in `claim_to_seal`.
    rows = unit.rows_by_kept_plan(
        """
        with taken as materialized (
               select x.message_id from overstap.delivery x
                cross join lateral (
                      select from overstap.dossier d where d.dossier = x.dossier and d.version = x.number
                         and d.state in ('sealed', 'undelivered') and d.erased_at is null offset 0) d
                cross join lateral (
                      select from overstap.may_leave m where m.dossier = x.dossier and m.number = x.number offset 0) m
                cross join lateral (
                      select from overstap.may_receive a
                       where a.dossier = x.dossier and a.secondary_school = x.secondary_school limit 1) r
                where x.round_id = %(round)s and x.secondary_school = %(school)s and x.state = 'sealed'
                  and x.offered_at is null
                  and x.next_attempt_at <= overstap.clock()
                  and (%(after)s::uuid is null or x.message_id > %(after)s)
                order by x.message_id limit %(limit)s)
        update overstap.delivery l set attempts = attempts + 1
          from taken where l.message_id = taken.message_id
        returning l.message_id, dossier, number, envelope, envelope_digest, manifest_digest, attempts, files_digest
        """,
        round=round_id,
        school=secondary_school,
        after=after,
        limit=limit,
    )
    rows.sort(key=lambda row: row[0])
    unit.audit(
        "delivery.send",
        *(AuditLine(str(row[0]), {"to": secondary_school, "attempt": row[6]}) for row in rows),
    )
    return [
        Envelope(
            row[0],
            VersionRef(row[1], row[2]),
            secondary_school,
            row[3],
            row[4],
            row[5],
            files_digest=row[7],
            attempts=row[6],
        )
        for row in rows
    ]


@dataclass(frozen=True, slots=True)
class AttemptResult:
    """Result of an attempt: a verified receipt, one that does not count, or none."""

    message_id: UUID
    outcome: str
    """accepted, refused, unverified (a receipt that does not count), failed (not delivered, or no receipt could be
    fetched), offered (ready for the school to collect) or waiting (still ready, without a receipt)."""
    code: str | None
    receipt: bytes | None = field(repr=False, default=None)
    wait: timedelta = timedelta(0)
    """Wait before the next attempt, where the delivery is not settled."""
    rule: str | None = None
    """Rule of docs/envelope.md that the answer breaks; shown to those with access, never stored."""


def settle(unit: UnitOfWork, answers: Sequence[AttemptResult]) -> None:
    """Record the results of attempts. Only a verified receipt settles a delivery; others stay open with their problem.

    A dossier is confirmed when every delivery of its version is, and refused when none is open and one was refused.
    """
    # Rows are locked before the region's chain, in the same order everywhere, against deadlocks
    unit.rows(
        "select from overstap.dossier d join overstap.delivery l using (dossier) where l.message_id = any(%(ids)b) "
        "order by d.dossier for update",
        ids=[item.message_id for item in answers],
    )
    signed = [item for item in answers if item.receipt is not None]
    unit.run(  # the receiver repeats the same bytes: what could not be verified earlier (a stale CRL) may be by now
        """
        insert into overstap.receipt as kept (region, message_id, digest, content, outcome, code)
        select %(region)s, * from unnest(%(ids)b::uuid[], %(digests)b::bytea[], %(contents)b::bytea[],
                                         %(outcomes)b::text[], %(codes)b::text[])
        on conflict (message_id, digest) do update set outcome = excluded.outcome, code = excluded.code
         where kept.outcome = 'unverified'
        """,
        region=unit.region,
        ids=[item.message_id for item in signed],
        digests=[sha256(item.receipt or b"") for item in signed],
        contents=[item.receipt for item in signed],
        outcomes=[item.outcome for item in signed],
        codes=[item.code for item in signed],
    )
    settled = [item for item in answers if item.outcome in ("accepted", "refused")]
    unit.audit(
        "delivery.settle",
        *(
            AuditLine(
                str(item.message_id),
                {"outcome": item.outcome, "code": item.code, "receipt": sha256(item.receipt or b"").hex()},
            )
            for item in settled
        ),
    )
    unit.run(
        "update overstap.delivery l set problem = t.code, "
        "state = case t.outcome when 'accepted' then 'confirmed' when 'refused' then 'refused' else l.state end, "
        "settled_at = case when t.outcome in ('accepted', 'refused') then overstap.clock() end, "
        "offered_at = case t.outcome when 'offered' then overstap.clock() else l.offered_at end, "
        "next_attempt_at = "
        "case when l.next_attempt_at = 'infinity' then 'infinity' else overstap.clock() + t.wait end "
        "from unnest(%(ids)b::uuid[], %(outcomes)b::text[], %(codes)b::text[], %(waits)b::interval[]) "
        "as t (id, outcome, code, wait) "
        "where l.message_id = t.id and l.state = 'sealed'",
        ids=[item.message_id for item in answers],
        outcomes=[item.outcome for item in answers],
        codes=[item.code for item in answers],
        waits=[item.wait for item in answers],
    )
    unit.run(
        """
        update overstap.dossier d set state = case when s.refused then 'refused' else 'confirmed' end
          from (select l.dossier, l.number,
                       bool_or(l.state = 'refused') as refused, bool_or(l.state = 'sealed') as is_open
                  from overstap.delivery l
                 where (l.dossier, l.number) in
                       (select dossier, number from overstap.delivery where message_id = any(%(ids)b))
                 group by l.dossier, l.number) s
         where d.dossier = s.dossier and d.version = s.number and not s.is_open and d.state in ('sealed', 'undelivered')
        """,
        ids=[item.message_id for item in settled],
    )
    if settled:  # who waits for the last receipt of a school hears of it
        unit.rows("select overstap.tell_settled(%(ids)b::uuid[])", ids=[item.message_id for item in settled])


def adopt(unit: UnitOfWork, message_id: UUID, *, envelope: bytes, manifest_digest: bytes) -> None:
    """Replace our envelope by the one that the receiver stored: the same files, under the same message id.

    For a delivery that is open still; its receipt is settled next, in the same transaction.
    """
    unit.rows(
        "select overstap.adopt_envelope(%(id)s, %(envelope)s, %(manifest)s)",
        id=message_id,
        envelope=envelope,
        manifest=manifest_digest,
    )


@dataclass(frozen=True, slots=True)
class OfferedDelivery:
    """A delivery that is ready for its school to collect, without a receipt."""

    message_id: UUID
    secondary_school: str
    envelope_digest: bytes
    manifest_digest: bytes
    problem: str | None
    """Error code of the last attempt to fetch its receipt."""


def offered(unit: UnitOfWork, round_id: str, secondary_school: str) -> list[OfferedDelivery]:
    """Return the deliveries that are ready for a school to collect, without a receipt."""
    return [
        OfferedDelivery(*row)
        for row in unit.rows(
            "select message_id, secondary_school, envelope_digest, manifest_digest, problem from overstap.delivery "
            "where round_id = %(round)s and secondary_school = %(school)s and state = 'sealed' "
            "and offered_at is not null order by message_id",
            round=round_id,
            school=secondary_school,
        )
    ]


@dataclass(frozen=True, slots=True)
class UnsettledDeliveries:
    """Deliveries to a school that are not settled."""

    count: int
    waiting: int
    """Number of them that are ready for the school to collect, without a problem."""
    problems: Counter[str]
    """Number of deliveries by error code of the last attempt."""


def sealed_for(unit: UnitOfWork, round_id: str, secondary_school: str) -> int:
    """Return the number of envelopes of a round for a school."""
    found = unit.one(
        "select count(*) from overstap.delivery where round_id = %(round)s and secondary_school = %(school)s",
        round=round_id,
        school=secondary_school,
    )
    return int(found[0])


def unsettled(unit: UnitOfWork, round_id: str, secondary_school: str | None = None) -> UnsettledDeliveries:
    """Return the open deliveries for one school or all, without withdrawn and replaced ones."""
    rows = unit.rows(
        "select coalesce(l.problem, ''), count(*), "
        "count(*) filter (where l.problem is null and l.offered_at is not null) "
        "from overstap.delivery l join overstap.dossier d "
        "on d.dossier = l.dossier and d.version = l.number and d.state in ('sealed', 'undelivered') "
        "where l.round_id = %(round)s and l.state = 'sealed' "
        "and (%(school)s::text is null or l.secondary_school = %(school)s) group by 1",
        round=round_id,
        school=secondary_school,
    )
    return UnsettledDeliveries(
        sum(row[1] for row in rows),
        sum(row[2] for row in rows),
        Counter({code: count for code, count, _ in rows if code}),
    )
