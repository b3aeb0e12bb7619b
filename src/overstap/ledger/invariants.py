"""Checks of invariants I1 to I13 over the whole ledger.

Each check returns the ids of rows that break it, and changes nothing.
"""

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from overstap.agreements.stored import stored_agreement
from overstap.errors import OverstapError
from overstap.ledger.audit import ChainFault, line_count, read_chain, verify
from overstap.ledger.decision_lines import differences
from overstap.ledger.delivery.deliveries import stages_from
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork
from overstap.progress import Advance, counted, unwatched

StoreContents = Mapping[UUID, bytes]
"""What a receiver stored: message id to SHA-256 of the envelope."""


@dataclass(frozen=True, slots=True)
class Breach:
    """A row that breaks an invariant."""

    invariant: str
    subject: str
    why: str


@dataclass(frozen=True, slots=True)
class ExternalEvidence:
    """Evidence outside the ledger that the checks use."""

    stores: Mapping[str, StoreContents | None] | None = None
    """Contents of each secondary school's store; no entry: not checked."""
    receipt_fault: Callable[["ConfirmedDelivery"], str | None] | None = None
    """Verifies a receipt's signature again; returns the fault, or None."""


@dataclass(frozen=True, slots=True)
class ConfirmedDelivery:
    """A confirmed delivery with its receipt."""

    message_id: UUID
    secondary_school: str
    envelope_digest: bytes
    manifest_digest: bytes
    receipt: bytes
    kept_at: datetime
    """When the ledger stored it, by the database's clock."""


def extent(unit: UnitOfWork) -> int:
    """Return how many rows `check` reads one by one and reports: audit lines, contents and receipts."""
    [contents] = unit.one(
        "select (select count(*) from overstap.dossier_version) + (select count(*) from overstap.dossier_record) "
        "+ (select count(*) from overstap.receipt)"
    )
    return line_count(unit.connection, unit.region) + int(str(contents))


def check(
    unit: UnitOfWork, evidence: ExternalEvidence = ExternalEvidence(), *, advance: Advance = unwatched
) -> list[Breach]:
    """Return every breach of an invariant in the unit's region.

    Args:
        unit: a transaction in the region; run it while no round runs, since the checks read no single snapshot.
        evidence: receivers' stores and a verifier of receipts, where available.
        advance: is told of the rows that were read, of as many as `extent` says.
    """
    fault = verify(counted(read_chain(unit.connection, unit.region), advance), region=unit.region)
    checks: Iterable[Callable[[UnitOfWork, ExternalEvidence], Iterator[Breach]]] = (
        _only_what_may_leave,
        _stored_once,
        partial(_confirmed_by_receipt, advance=advance),
        _nothing_lost,
        partial(_evidence_before_effect, fault=fault),
        partial(_decisions_match_lines, fault=fault),
        _states_have_sources,
        partial(_encrypted, advance=advance),
        _erased,
        _regions_apart,
        _nothing_twice,
        _no_two_placements,
        _clocks_have_starts,
        _nothing_sent_again,
        _only_compared,
    )
    return [breach for one in checks for breach in one(unit, evidence)]


def _only_what_may_leave(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I1: released and inspected before sealing, in time; only to a school where the pupil is registered as agreed.

    To a partnership: released, in time, and to the partnership of the round only.
    """
    rows = unit.rows(
        """
        select l.message_id, o.round_id, o.agreement, o.kind,
               (select g.approved from overstap.gate_decision g join overstap.dossier_version v
                    on v.released_by = g.gate_decision
                 where v.dossier = l.dossier and v.number = l.number and g.decided_at <= l.sealed_at),
               not o.inspects or exists (select from overstap.review_decision r
                        where r.dossier = l.dossier and r.number = l.number and r.recorded_at <= l.sealed_at),
               case when not o.inspects then case when l.secondary_school = any(o.receiving) then array['placed'] end
                    when exists (select from overstap.guest_dossier g where g.dossier = l.dossier
                                    and g.school = l.secondary_school and g.since <= l.sealed_at
                                    and (g.ended_at is null or g.ended_at >= l.sealed_at)) then array['placed'] else
               (select array[a.stage] || array(select e.stage from overstap.application_event e
                         where (e.region, e.school_year, e.pupil, e.secondary_school)
                             = (a.region, a.school_year, a.pupil, a.secondary_school) and e.noted_at <= l.sealed_at)
                  from overstap.dossier d join overstap.application a using (pupil)
                 where d.dossier = l.dossier and a.school_year = o.school_year
                   and l.secondary_school
                       = case o.kind when 'feedback' then a.primary_school else a.secondary_school end
                   and (o.kind <> 'feedback' or a.secondary_school = d.primary_school)
                   and (a.withdrawn_at is null or a.withdrawn_at > l.sealed_at)) end,
               (select d.forgotten_at is not null from overstap.dossier d where d.dossier = l.dossier),
               l.sealed_at >= (select v.delivers_at from overstap.round_agreement v
                                where v.round_id = l.round_id and (v.taken_at <= l.sealed_at or v.number = 1)
                                order by v.number desc limit 1)
          from overstap.delivery l join overstap.round o on o.round_id = l.round_id
        """
    )
    agreed: dict[str, list[str]] = {}
    order: _SealedAfter | None = None
    for message_id, round_id, agreement, kind, released, inspected, stages, is_forgotten, in_time in rows:
        known = agreed.get(round_id)
        if known is None:
            known = stages_from(stored_agreement(agreement).round(kind).receivers)
            agreed[round_id] = known
        if order is None and not (released and inspected):
            order = _SealedAfter(unit)
        if not released and order is not None and message_id not in order.release:
            yield Breach("I1", str(message_id), "sealed without a coordinator's release before it")
        if not inspected and order is not None and message_id not in order.inspection:
            yield Breach("I1", str(message_id), "sealed without an inspection recorded before it")
        if in_time is False:
            yield Breach("I1", str(message_id), "sealed before the agreed moment of delivery")
        if not set(known) & set(stages or ()) and not is_forgotten:
            yield Breach("I1", str(message_id), "sealed for a school without a sufficient registration")


class _SealedAfter:
    """Envelopes that were sealed after what they needed, by the numbers of the audit lines.

    The moments tell the same, unless the database's clock went back between the two (F34).

    Args:
        unit: a transaction in the region.
    """

    def __init__(self, unit: UnitOfWork) -> None:
        rows = unit.rows(
            """
            with line as (select seq, payload::jsonb as said from overstap.audit_line),
                 sealed as (select said ->> 'subject' as message_id, min(seq) as seq from line
                             where said ->> 'action' = 'delivery.seal' group by 1),
                 decided as (select said -> 'detail' ->> 'decision' as decision, min(seq) as seq from line
                              where said -> 'detail' ? 'decision' group by 1)
            select l.message_id,
                   exists (select from overstap.dossier_version v
                             join overstap.gate_decision g on g.gate_decision = v.released_by and g.approved
                             join decided c on c.decision = g.gate_decision::text
                            where v.dossier = l.dossier and v.number = l.number and c.seq < s.seq),
                   exists (select from overstap.review_decision r
                             join decided c on c.decision = r.review_decision::text
                            where r.dossier = l.dossier and r.number = l.number and c.seq < s.seq)
              from overstap.delivery l join sealed s on s.message_id = l.message_id::text
            """
        )
        self.release = {message_id for message_id, is_released, _ in rows if is_released}
        self.inspection = {message_id for message_id, _, is_inspected in rows if is_inspected}


def _stored_once(unit: UnitOfWork, evidence: ExternalEvidence) -> Iterator[Breach]:
    """I2: a receiver stored each accepted envelope once, and stored none that was not sent to it."""
    for school, store in (evidence.stores or {}).items():
        if store is None:
            continue
        sent = {
            message_id: (state, digest, pair)
            for message_id, state, digest, *pair in unit.rows(
                "select message_id, state, envelope_digest, dossier, number from overstap.delivery "
                "where secondary_school = %(school)s",
                school=school,
            )
        }
        pairs = Counter(tuple(sent[message_id][2]) for message_id in store if message_id in sent)
        for pair, count in pairs.items():
            if count > 1:
                yield Breach("I2", "/".join(map(str, pair)), f"stored {count} times by {school}")
        for message_id, digest in store.items():
            if message_id not in sent:
                yield Breach("I2", str(message_id), f"stored by {school}, but never sealed for it")
            elif sent[message_id][1] != digest:
                yield Breach("I2", str(message_id), f"stored by {school} with another digest")
        revoked = {
            row[0]
            for row in unit.rows(
                "select r.message_id from overstap.revocation r join overstap.delivery l using (message_id) "
                "where r.state = 'confirmed' and l.secondary_school = %(school)s",
                school=school,
            )
        }
        for message_id, (state, _digest, _pair) in sent.items():
            if state == "confirmed" and message_id not in store and message_id not in revoked:
                yield Breach("I2", str(message_id), f"confirmed by {school}, but not in its store")
            if message_id in store and message_id in revoked:
                yield Breach("I2", str(message_id), f"revoked, which {school} confirmed, but still in its store")


def _confirmed_by_receipt(unit: UnitOfWork, evidence: ExternalEvidence, *, advance: Advance) -> Iterator[Breach]:
    """I3: confirmed if and only if its evidence is there; the dossier's state follows.

    The evidence is a verified receipt with matching digests, or for a dossier on a school's page a confirmation by an
    account of that school.
    """
    for message_id, state, accepted, is_on_page in unit.rows(
        "select l.message_id, l.state, exists (select from overstap.receipt r where r.message_id = l.message_id "
        "and r.outcome = 'accepted'), l.key_id is not null from overstap.delivery l"
    ):
        if accepted and is_on_page:
            yield Breach("I3", str(message_id), "has a receipt, but stood on a school's page")
        if not is_on_page and (state == "confirmed") != accepted:
            yield Breach("I3", str(message_id), f"state is {state}, accepted receipt: {accepted}")
    yield from _confirmed_by_account(unit)
    for dossier, state in unit.rows(
        "select d.dossier, d.state from overstap.dossier d where d.state = 'confirmed' and (not exists "
        "(select from overstap.delivery l where l.dossier = d.dossier and l.number = d.version) or exists "
        "(select from overstap.delivery l where l.dossier = d.dossier and l.number = d.version "
        "and l.state not in ('confirmed', 'resealed')))"
    ):
        yield Breach("I3", str(dossier), f"dossier is {state}, but not each of its deliveries is")
    for row in unit.rows("select message_id, envelope, envelope_digest from overstap.delivery where envelope <> ''"):
        if hashlib.sha256(row[1]).digest() != row[2]:
            yield Breach("I3", str(row[0]), "the kept envelope is not what was sealed")
    if evidence.receipt_fault is None:
        return
    receipts = unit.rows(
        "select l.message_id, l.secondary_school, l.envelope_digest, l.manifest_digest, r.content, r.received_at "
        "from overstap.delivery l join overstap.receipt r using (message_id) where r.outcome = 'accepted'"
    )
    for row in counted(receipts, advance, every=100):
        confirmed = ConfirmedDelivery(*row)
        fault = evidence.receipt_fault(confirmed)
        if fault is not None:
            yield Breach("I3", str(confirmed.message_id), f"its receipt is not valid: {fault}")


def _confirmed_by_account(unit: UnitOfWork) -> Iterator[Breach]:
    """I3 and I5 of schools' pages: confirmed by account after it was collected, of the very bytes, and only there."""
    for message_id, state, is_on_page, is_confirmed, is_same, is_sent, is_collected in unit.rows(
        "select l.message_id, l.state, l.key_id is not null, p.message_id is not null, "
        "p.envelope_digest = l.envelope_digest, l.attempts > 0, "
        "d.forgotten_at is not null or exists (select from overstap.page_collection c "
        "where c.message_id = l.message_id and c.collected_at <= p.confirmed_at) "
        "from overstap.delivery l join overstap.dossier d using (dossier) "
        "left join overstap.page_confirmation p using (message_id) "
        "where l.key_id is not null or p.message_id is not null"
    ):
        if not is_on_page:
            yield Breach("I3", str(message_id), "was confirmed by account, but did not stand on a school's page")
            continue
        if (state == "confirmed") != is_confirmed:
            yield Breach("I3", str(message_id), f"state is {state}, confirmed by account: {is_confirmed}")
        if is_confirmed and not is_same:
            yield Breach("I3", str(message_id), "what was confirmed by account is not what was sealed")
        if is_confirmed and not is_collected:
            yield Breach("I3", str(message_id), "was confirmed by account, but not collected before")
        if is_confirmed and not is_sent:
            yield Breach("I5", str(message_id), "was confirmed by account, but never put ready")
    for (message_id,) in unit.rows(
        "select c.message_id from overstap.page_collection c join overstap.delivery l using (message_id) "
        "where l.attempts = 0 or l.key_id is null"
    ):
        yield Breach("I5", str(message_id), "was collected, but never put ready on a school's page")


def _nothing_lost(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I4: every dossier that was ever stored exists, in one known state, with all of its versions."""
    taken: Counter[str] = Counter()
    for (subject,) in unit.rows(
        "select payload::jsonb ->> 'subject' from overstap.audit_line "
        "where payload::jsonb ->> 'action' = 'intake.store'"
    ):
        taken[subject.split("/")[0]] += 1
    there: dict[str, int] = dict(unit.rows("select dossier::text, version from overstap.dossier"))
    for dossier in taken.keys() - there.keys():
        yield Breach("I4", dossier, "was stored, and is gone")
    for dossier, version in there.items():
        if taken[dossier] != version:
            yield Breach("I4", dossier, f"has {version} versions, the audit chain has {taken[dossier]}")
    for dossier, versions, current in unit.rows(
        "select d.dossier::text, (select count(*) from overstap.dossier_version v where v.dossier = d.dossier), "
        "d.version from overstap.dossier d"
    ):
        if versions != current:
            yield Breach("I4", dossier, f"current version is {current}, stored are {versions}")


def _evidence_before_effect(unit: UnitOfWork, _: ExternalEvidence, *, fault: ChainFault | None) -> Iterator[Breach]:
    """I5: the chain verifies, and each effect has its line."""
    if fault is not None:
        yield Breach("I5", f"audit line {fault.seq}", fault.why)
        return
    announced: dict[str, Counter[str]] = {}
    for action, subject in unit.rows(
        "select payload::jsonb ->> 'action', payload::jsonb ->> 'subject' from overstap.audit_line"
    ):
        announced.setdefault(action, Counter())[subject] += 1
    sealed, sent, settled = (announced.get(f"delivery.{name}", Counter()) for name in ("seal", "send", "settle"))
    settled = settled + announced.get("delivery.by_account", Counter())
    for message_id, attempts, state in unit.rows("select message_id::text, attempts, state from overstap.delivery"):
        if sealed[message_id] != 1:
            yield Breach("I5", message_id, f"has {sealed[message_id]} audit lines of sealing instead of one")
        if sent[message_id] != attempts:
            yield Breach("I5", message_id, f"was tried {attempts} times, announced {sent[message_id]} times")
        if state != "sealed" and not settled[message_id]:
            yield Breach("I5", message_id, "was settled without an audit line")
    revocations = announced.get("revocation.send", Counter())
    for message_id, attempts in unit.rows("select message_id::text, attempts from overstap.revocation"):
        if revocations[message_id] != attempts:
            announced_times = revocations[message_id]
            yield Breach("I5", message_id, f"was revoked {attempts} times, announced {announced_times} times")
    stated = announced.get("delivery.result", Counter())
    for message_id, count in unit.rows("select message_id::text, count(*) from overstap.result group by 1"):
        if stated[message_id] != count:
            yield Breach("I5", message_id, f"has {count} results, the audit chain has {stated[message_id]}")
    for (message_id,) in unit.rows(
        "select r.message_id::text from overstap.result r join overstap.delivery l using (message_id) "
        "where l.state <> 'confirmed'"
    ):
        yield Breach("I3", message_id, "has a result, but was never confirmed")
    for message_id, count, attempts in unit.rows(
        "select q.message_id::text, count(*), l.attempts from overstap.dossier_request q "
        "join overstap.delivery l using (message_id) group by 1, 3"
    ):
        if count > attempts:
            yield Breach("I5", message_id, f"was handed out {count} times, announced {attempts} times")
    for (message_id,) in unit.rows(
        "select r.message_id::text from overstap.receipt r join overstap.delivery l using (message_id) "
        "where l.attempts = 0"
    ):
        yield Breach("I5", message_id, "has a receipt, but was never sent")


def _decisions_match_lines(unit: UnitOfWork, _: ExternalEvidence, *, fault: ChainFault | None) -> Iterator[Breach]:
    """I5: every decision has its audit line, and every line of a decision has its decision."""
    if fault is None:
        for subject, why in differences(unit):
            yield Breach("I5", subject, why)


def _states_have_sources(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I10: no state without a source: each application is as the last of its history says."""
    for pupil, school in unit.rows(
        """
        select a.pupil, a.secondary_school from overstap.application a
          left join lateral (
               select * from overstap.application_event e
                where e.region = a.region and e.school_year = a.school_year and e.pupil = a.pupil
                  and e.secondary_school = a.secondary_school
                order by e.application_event desc limit 1) e on true
         where (e.stage, e.status, e.status_reason, e.preference, e.is_withdrawn) is distinct from
               (a.stage, a.status, a.status_reason, a.preference, a.withdrawn_at is not null)
         order by a.secondary_school, a.pupil
        """
    ):
        sign = reference(UUID(bytes=bytes(pupil[:16])))
        yield Breach("I10", f"{sign} at {school}", "the state of this application has no source")


def _clocks_have_starts(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I11: no clock without a start: each application has a first moment, and no later state moves it."""
    for pupil, school, why in unit.rows(
        """
        select a.pupil, a.secondary_school,
               case when e.first is null then 'the legal period of this application has no start'
                    else 'the legal period of this application starts after its newest state' end
          from overstap.application a
          left join lateral (
               select min(e.stated_at) as first from overstap.application_event e
                where e.region = a.region and e.school_year = a.school_year and e.pupil = a.pupil
                  and e.secondary_school = a.secondary_school) e on true
         where e.first is null or e.first > a.recorded_at
         order by a.secondary_school, a.pupil
        """
    ):
        yield Breach("I11", f"{reference(UUID(bytes=bytes(pupil[:16])))} at {school}", why)


def _nothing_sent_again(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I12: nothing that was taken back at a school is sent there again."""
    for (message_id,) in unit.rows(
        """
        with line as (select seq, payload::jsonb as said from overstap.audit_line
                       where payload::jsonb ->> 'action' in ('delivery.send', 'delivery.take_back')),
             back as (select e.dossier, e.number, e.secondary_school, min(n.seq) as seq
                        from overstap.envelope_withdrawal e
                        join line n on n.said ->> 'action' = 'delivery.take_back'
                         and n.said ->> 'subject' = e.message_id::text group by 1, 2, 3)
        select distinct l.message_id::text from back b
          join overstap.delivery l on l.dossier = b.dossier and l.number = b.number
           and l.secondary_school = b.secondary_school
          join line n on n.said ->> 'action' = 'delivery.send' and n.said ->> 'subject' = l.message_id::text
         where n.seq > b.seq order by 1
        """
    ):
        yield Breach("I12", message_id, "was sent to a school after it was taken back there")


def _only_compared(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I13: of another region is known what the last comparison with it told, and that one was asked and read here."""
    for partner, year, count in unit.rows(
        """
        select e.partner, e.school_year, count(*) from overstap.applied_elsewhere e
         where e.comparison is distinct from (
               select c.comparison from overstap.comparison c
                where (c.region, c.school_year, c.partner) = (e.region, e.school_year, e.partner)
                  and c.part = 'asked' and c.found is not null order by c.ended_at desc, c.comparison limit 1)
            or not exists (select from overstap.application a
                            where (a.region, a.school_year, a.pupil) = (e.region, e.school_year, e.pupil))
         group by 1, 2 order by 1, 2
        """
    ):
        yield Breach("I13", f"{partner} {year}", f"{count} applications there are known without the last comparison")


def _encrypted(unit: UnitOfWork, _: ExternalEvidence, *, advance: Advance) -> Iterator[Breach]:
    """I6, the ledger's part: personal data are encrypted, and decrypt with the region's keys."""
    with unit.connection.cursor(name="encrypted") as cursor:
        cursor.itersize = 200
        cursor.execute(
            "select dossier || '/' || number, dossier || '/' || number, key_id, content from overstap.dossier_version "
            "where content <> '' "
            "union all select 'record of ' || dossier || '/' || number, 'record/' || dossier || '/' || number, key_id, "
            "record from overstap.dossier_record "
            "union all select 'view of ' || dossier || '/' || number, 'view/' || dossier || '/' || number, "
            "key_id, view from overstap.review_decision where view is not null "
            "union all select 'note on ' || dossier || '/' || number, 'note/' || dossier || '/' || number, "
            "note_key_id, note from overstap.review_decision where note <> '' "
            "union all select 'request ' || request, 'request/' || request, key_id, text from overstap.review_request "
            "where text <> '' "
            "union all select 'answer ' || request, 'answer/' || request, answer_key_id, answer "
            "from overstap.review_request where answer <> '' "
            "union all select 'contact person', 'contact_person/' || party, key_id, content "
            "from overstap.contact_person "
            "union all select 'call ' || call, 'contact_call/' || call, key_id, content "
            "from overstap.contact_call where content is not null "
            "union all select 'message ' || message, 'contact_message/' || message, key_id, content "
            "from overstap.contact_message where content is not null "
            "union all select 'note ' || note, 'board_note/' || note, key_id, content "
            "from overstap.board_note where content is not null "
            "union all select 'guest ' || guest, 'guest/' || guest, key_id, content "
            "from overstap.guest_school where content is not null "
            "union all select 'file ' || label, 'file/' || label, key_id, file_name from overstap.refused_input "
            "union all select 'roster entry ' || roster_pupil, 'roster/' || roster_pupil, key_id, content "
            "from overstap.roster_pupil "
            "union all select 'typed ' || typed || '/' || step || '/' || number, "
            "'typed/' || typed || '/' || step || '/' || number, key_id, content from overstap.typed_step "
            "union all select 'typed file ' || file, 'typed_file/' || file, key_id, content from overstap.typed_file "
            "union all select 'mapping ' || school || '/' || number, 'mapping/' || school || '/' || number, "
            "key_id, content from overstap.school_mapping "
            "union all select 'test ' || pupil_test, 'test/' || pupil_test, key_id, content from overstap.pupil_test "
            "union all select 'note on a handover ' || handover, 'handover/' || handover, key_id, note "
            "from overstap.handover where note is not null "
            "union all select 'decision of a partnership ' || decision, 'support/' || decision, key_id, content "
            "from overstap.support_decision where content is not null "
            "union all select 'progress ' || progress, 'progress/' || progress, key_id, content "
            "from overstap.pupil_progress "
            "union all select 'on page ' || message_id, 'page/' || message_id, key_id, envelope "
            "from overstap.delivery where key_id is not null and envelope <> '' "
            "union all select 'typed ' || typed, 'typed/' || typed, key_id, content from overstap.typed_dossier "
            "where content <> ''"
        )
        for subject, bound_to, key_id, data in counted(cursor, advance, every=100):
            try:
                unit.keys.decrypt(EncryptedContent(key_id, data), bound_to)
            except OverstapError as error:
                yield Breach("I6", subject, error.message_en)


def _erased(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I6: erased dossiers have no content left and an audit line; no other dossier is empty."""
    for dossier, erased, left, empty in unit.rows(
        """
        select d.dossier::text, d.erased_at is not null,
               exists (select from overstap.dossier_version v where v.dossier = d.dossier and v.content <> '')
               or exists (select from overstap.dossier_record r where r.dossier = d.dossier)
               or exists (select from overstap.supplied_file f where f.dossier = d.dossier)
               or exists (select from overstap.delivery l where l.dossier = d.dossier and l.envelope <> '')
               or exists (select from overstap.review_decision r where r.dossier = d.dossier
                             and (r.view is not null or r.note <> ''))
               or exists (select from overstap.review_request q where q.dossier = d.dossier
                             and (q.text <> '' or q.answer <> ''))
               or exists (select from overstap.review_access a where a.dossier = d.dossier)
               or exists (select from overstap.handover h where h.dossier = d.dossier and h.note is not null)
               or exists (select from overstap.support_decision s where s.dossier = d.dossier
                             and s.content is not null),
               exists (select from overstap.dossier_version v where v.dossier = d.dossier and v.content = '')
               or exists (select from overstap.delivery l where l.dossier = d.dossier and l.envelope = '')
          from overstap.dossier d
        """
    ):
        if erased and left:
            yield Breach("I6", dossier, "was erased, but content is left")
        if empty and not erased:
            yield Breach("I6", dossier, "is empty, but was not erased")
    announced = {
        row[0]
        for row in unit.rows(
            "select payload::jsonb ->> 'subject' from overstap.audit_line "
            "where payload::jsonb ->> 'action' = 'retention.content'"
        )
    }
    for (dossier,) in unit.rows("select dossier::text from overstap.dossier where erased_at is not null"):
        if dossier not in announced:
            yield Breach("I5", dossier, "was erased without an audit line")


def _regions_apart(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I7: this region's role sees this region only, by row-level security on every table with a region."""
    for table, is_guarded in unit.rows(
        "select c.relname, c.relrowsecurity from pg_class c join pg_namespace n on n.oid = c.relnamespace "
        "where n.nspname = 'overstap' and c.relkind = 'r' and exists (select from pg_attribute a "
        "where a.attrelid = c.oid and a.attname = 'region' and not a.attisdropped)"
    ):
        if not is_guarded:
            yield Breach("I7", table, "row-level security is off")
    for table in ("dossier", "application", "delivery", "review_decision", "audit_line", "roster_pupil"):
        counted: Any = unit.one(
            f"select count(*) from overstap.{table} where region <> %(region)s",  # noqa: S608 (names above)
            region=unit.region,
        )[0]
        if counted:
            yield Breach("I7", table, f"{counted} rows of other regions are visible")


def _nothing_twice(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I8: no step was done twice for one version: judged, released, sealed and confirmed once."""
    for dossier, transition, times, versions in unit.rows(
        "select e.dossier::text, e.transition, count(*), d.version from overstap.dossier_event e "
        "join overstap.dossier d using (dossier) "
        "where e.transition in ('accept', 'reject', 'release', 'seal', 'confirm') "
        "group by e.dossier, 2, 4 having count(*) > d.version + (select count(*) from overstap.dossier_event r "
        "where r.dossier = e.dossier and (r.transition = 'reseal' "
        "or r.transition = 'recall' and e.transition = 'release'))"
    ):
        yield Breach("I8", dossier, f"{transition} happened {times} times for {versions} versions")


def _no_two_placements(unit: UnitOfWork, _: ExternalEvidence) -> Iterator[Breach]:
    """I9: no pupil sealed for two placements, but where a coordinator said before the sealing that both hold."""
    for first, second in unit.rows(
        """
        with placed as (
            select l.message_id, l.dossier, l.number, l.sealed_at, l.secondary_school, d.pupil, d.round_id,
                   a.withdrawn_at
              from overstap.delivery l join overstap.dossier d using (dossier)
              join overstap.round o on o.round_id = d.round_id and o.kind = 'placement'
              join overstap.application a on a.school_year = o.school_year and a.pupil = d.pupil
               and a.secondary_school = l.secondary_school and a.stage = 'placed'
             where l.state in ('sealed', 'confirmed')
        ), line as (
            select seq, payload::jsonb as said from overstap.audit_line
             where payload::jsonb ->> 'action' in ('delivery.seal', 'placement.answer')
        )
        select x.message_id::text, y.message_id::text from placed x
          join placed y on y.round_id = x.round_id and y.pupil = x.pupil and y.secondary_school <> x.secondary_school
           and y.message_id > x.message_id and (y.dossier <> x.dossier or y.number = x.number)
         where coalesce(x.withdrawn_at > y.sealed_at, true) and coalesce(y.withdrawn_at > x.sealed_at, true)
           and not exists (
               select from overstap.placement_answer s
                where s.round_id = x.round_id and s.pupil = x.pupil
                  and s.holds @> array[x.secondary_school, y.secondary_school]
                  and (select max(n.seq) from line n where n.said -> 'detail' ->> 'decision' = s.placement_answer::text)
                    < (select max(n.seq) from line n where n.said ->> 'action' = 'delivery.seal'
                          and n.said ->> 'subject' in (x.message_id::text, y.message_id::text)))
         order by 1, 2
        """
    ):
        yield Breach(
            "I9", f"{first} and {second}", "sealed for two placements of one pupil, without a coordinator's answer"
        )
