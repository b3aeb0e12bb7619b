"""Sealing of inspected dossiers for each school that may receive them.

Envelopes are stored in the ledger, in the transaction that claimed their dossiers. A kill therefore leaves both or
neither, and nothing is sent.
"""

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import TypedDict
from uuid import UUID

from overstap.agreements import Agreement, Round, RoundId
from overstap.envelope.envelope import DOSSIER_FILE, SealedEnvelope, seal, sign_files
from overstap.envelope.manifest import Party
from overstap.envelope.message_ids import derived_message_id
from overstap.errors import OverstapError
from overstap.ledger import Ledger
from overstap.ledger.delivery.deliveries import (
    FIRST,
    DossierToSeal,
    EarlierEnvelopes,
    Envelope,
    check_due,
    claim_to_seal,
    keep_sealed,
    waiting_to_seal,
)
from overstap.ledger.delivery.on_page import bound_to_page
from overstap.ledger.region_keys import RegionKeys, sha256
from overstap.oso.inspection import with_inspection
from overstap.oso.model import Dossier
from overstap.oso.released import WrittenDossier, filled_in
from overstap.oso.withheld import WITHHELD_FILE, withheld_statement
from overstap.pki import RecipientCertificate, SigningIdentity, TrustStore, oin_of

GROUP = 100
"""Dossiers per transaction."""

_log = logging.getLogger(__name__)


def seal_round(
    ledger: Ledger,
    trust: TrustStore,
    *,
    agreement: Agreement,
    agreed: Round,
    round_id: str,
    actor: str,
    clock: Callable[[], datetime],
) -> Counter[str]:
    """Seal every dossier of a round that may leave and is not sealed yet.

    A certificate that is not in order delays the dossiers of its own school only.

    Args:
        ledger: the ledger; it decides what may leave.
        trust: trust store with the keys that sign, and the receivers' certificates.
        agreement: the agreement that the round started with.
        agreed: what it says about this round.
        round_id: the round.
        actor: step or account, recorded in audit lines.
        clock: the present moment, asked anew for each envelope.

    Returns:
        Counts: "dossiers" and "envelopes".

    Raises:
        OverstapError: AGREEMENT-020 before the agreed moment. After all others were sealed: DELIVERY-105 when a
            dossier is damaged, DELIVERY-102 when dossiers wait for a school's certificate.
    """
    with ledger.unit(agreement.region, actor) as unit:
        check_due(unit, round_id)
    at, kind = clock(), RoundId(round_id).kind
    held: dict[str, OverstapError] = {}
    senders: dict[str, SigningIdentity] = {}
    recipients: dict[str, RecipientCertificate | None] = {}  # None: kept under the region's key for its page
    for school in agreement.suppliers(kind):
        try:
            senders[school.id] = trust.signing_identity(school.id, at=at)
        except OverstapError as error:
            held[school.label] = error
    for school in agreement.receivers(kind):
        try:
            recipients[school.id] = None if school.collects_on_page else trust.recipient(school.id, at=at)
        except OverstapError as error:
            held[school.label] = error
    for label, problem in held.items():
        _log.error("%s: %s", label, problem)
    done: Counter[str] = Counter()
    aside: dict[UUID, OverstapError] = {}
    last = FIRST
    while True:
        with ledger.unit(agreement.region, actor) as unit:
            claimed = claim_to_seal(
                *(unit, round_id, agreed.receivers),
                senders=list(senders),
                receivers=list(recipients),
                limit=GROUP,
                after=last,
                skipped=aside,
            )
            envelopes = []
            for item in claimed:
                try:
                    dossier = _filled(item, unit.keys, agreed)
                except OverstapError as error:  # a damaged dossier is set aside, so that it does not stop the others
                    _log.error("%s: %s", item.ref.dossier, error)
                    aside[item.ref.dossier] = error
                    continue
                sender = senders[item.primary_school]
                envelopes += [
                    _sealed(item, dossier, round_id, unit.keys, sender, school, recipients[school], clock())
                    for school in item.secondary_schools
                ]
            keep_sealed(unit, round_id, envelopes)
            # Counted at the end only: it looks at every dossier that waits, which for each group would grow as a square
            waiting = 0 if claimed or last != FIRST else waiting_to_seal(unit, round_id)
        done.update(dossiers=len({envelope.ref for envelope in envelopes}), envelopes=len(envelopes))
        if not claimed and last == FIRST:
            break
        # From the first again at the end: a parallel run may have held some, and given them back
        last = claimed[-1].ref.dossier if claimed else FIRST
    if aside:
        codes = ", ".join(sorted({problem.code for problem in aside.values()}))
        raise OverstapError("DELIVERY-105", count=len(aside), codes=codes)
    if waiting and held:
        reasons = "; ".join(f"{label}: {problem.code}" for label, problem in held.items())
        raise OverstapError("DELIVERY-102", count=waiting, reasons=reasons)
    return done


def _filled(item: DossierToSeal, keys: RegionKeys, agreed: Round) -> WrittenDossier:
    """Return the dossier with the parents' answer filled in, where one is needed."""
    content, view = item.decrypted(keys)

    def fill(dossier: Dossier) -> Dossier:
        if item.seen_on is None:
            return dossier
        return with_inspection(
            dossier,
            provisional=agreed.provisional,
            seen_on=item.seen_on,
            agreed=item.agreed,
            view=view,
            consent=item.consent,
        )

    # Delivered is what the parents saw: all but the inspection block equals the released version
    filled = filled_in(content, item.content_digest, fill)
    if filled is None:
        raise OverstapError("DELIVERY-103", dossier=str(item.ref.dossier))
    return filled


class _Said(TypedDict):
    """What the manifest of an envelope states, whoever receives it."""

    message_id: UUID
    round_id: str
    sender: SigningIdentity
    oso_version: str
    created_at: datetime
    replaces: UUID | None


def _sealed(
    item: DossierToSeal,
    dossier: WrittenDossier,
    round_id: str,
    keys: RegionKeys,
    sender: SigningIdentity,
    school: str,
    recipient: RecipientCertificate | None,
    at: datetime,
) -> Envelope:
    before = item.before.get(school, EarlierEnvelopes())
    message = derived_message_id(keys.lookup("message", item.meaning(round_id, school)), RoundId(round_id).school_year)
    files = {DOSSIER_FILE: dossier.content}
    if left_out := withheld_statement(dossier):
        files[WITHHELD_FILE] = left_out
    said: _Said = {
        "message_id": message,
        "round_id": round_id,
        "sender": sender,
        "oso_version": dossier.version,
        "created_at": at,
        "replaces": before.replaces,
    }
    key_id = None
    if recipient is not None:
        sealed = seal(files, recipient=recipient, **said)
    else:
        signed = sign_files(files, recipient=Party(oin_of(school), school), **said)
        kept = keys.encrypt(signed.content, bound_to_page(message))
        key_id = kept.key_id
        sealed = SealedEnvelope(kept.data, sha256(kept.data), signed.manifest_sha256, signed.files_sha256)
    return Envelope(
        message,
        item.ref,
        school,
        sealed.envelope,
        sealed.envelope_sha256,
        sealed.manifest_sha256,
        before.serial,
        sealed.files_sha256,
        stated_at=at,
        key_id=key_id,
    )
