"""Proof pack of one pupil: what was shown, answered and sent, signed.

A JSON file with every fact, a PDF of it for people, and beside each a detached signature of the region's conductor. Who
opens the dossier for a pack is in the pack: that line is written first.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from overstap.clock import dutch_time, now
from overstap.ledger import Ledger
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.current_versions import current_versions
from overstap.ledger.dossiers.dossiers import find_of_school
from overstap.ledger.review import access_log, proof_wishes
from overstap.ledger.review.proof import collected, own_part
from overstap.oso.facts import DossierFacts
from overstap.pki import TrustStore
from overstap.pki.detached_signature import sign_detached
from overstap.review.people import people_of
from overstap.review.showing import sealed_proof


@dataclass(frozen=True, slots=True)
class ProofPack:
    """The files of a proof pack by name; the names are ids."""

    files: Mapping[str, bytes] = field(repr=False)

    def zipped(self) -> bytes:
        """Return the pack as one ZIP file."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as package:
            for name, content in self.files.items():
                package.writestr(name, content)
        return out.getvalue()


def proof_pack(
    ledger: Ledger,
    trust: TrustStore,
    *,
    region: str,
    round_id: str,
    school: str,
    pupil: str | UUID,
    actor: str,
    person: str | None = None,
) -> ProofPack:
    """Make the proof pack of a pupil.

    Args:
        ledger: the ledger.
        trust: holds the key with which the region's conductor signs.
        region: region id.
        round_id: the round.
        school: the primary school.
        pupil: the pupil's id in the school's system, or of the dossier.
        actor: who makes it; the parents see that in their log.
        person: handle of who it is for, with nothing of another person in it; None: the school's, with everything.

    Raises:
        OverstapError: LEDGER-010 when the school has no such dossier, TRUST-nnn when the conductor's key is not in
            order.
    """
    at = now()
    identity = trust.conductor_signing(region, at=at)
    with ledger.unit(region, actor) as unit:
        dossier = find_of_school(unit, round_id, school, pupil)
        ref = current_versions(unit, [dossier])[0].ref
        access_log.note_opened(unit, [ref], by=actor, purpose="proof_pack")
        about = records.of(unit, [ref], DossierFacts)[ref]
        names = {
            one.key: one.name for one in people_of(unit.keys, about, dutch_time(at).date()) if person in (None, one.key)
        }
        known = collected(unit, dossier)
        facts = {
            "kind": "overstap proof of inspection",
            "format": 1,
            "made_at": at.isoformat(),
            "made_by": actor,
            "pupil": about.name,
            "people": names,
            **(known if person is None else own_part(known, person)),
        }
    text = json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True).encode()
    from overstap.review.proof_page import proof_page  # pages that offer proof do without what makes PDFs until then

    page = proof_page(facts, names, at)
    name = _name(dossier)
    return ProofPack(
        {
            f"{name}.json": text,
            f"{name}.json.p7s": sign_detached(text, identity),
            f"{name}.pdf": page,
            f"{name}.pdf.p7s": sign_detached(page, identity),
        }
    )


def give_proof(
    ledger: Ledger, trust: TrustStore, *, region: str, round_id: str, school: str, actor: str, wished: UUID
) -> bool:
    """Make the proof that a person asked for on the parents' pages, and lay it ready there. Safe to repeat.

    Args:
        ledger: the ledger.
        trust: as in `proof_pack`.
        region: region id.
        round_id: the round.
        school: the primary school.
        actor: who makes it.
        wished: whose code it was asked with.

    Returns:
        False when it was made already, or was never asked of this school.
    """
    with ledger.unit(region, actor) as unit:
        wish = next((one for one in proof_wishes.standing(unit, round_id, school) if one.access == wished), None)
    if wish is None:
        return False
    pack = proof_pack(
        ledger,
        trust,
        region=region,
        round_id=round_id,
        school=school,
        pupil=wish.dossier,
        actor=actor,
        person=wish.person,
    )
    with ledger.unit(region, actor) as unit:
        key = unit.keys.decrypt(wish.held, f"access/{wished}")
        proof_wishes.fulfil(unit, wish, sealed_proof(pack.zipped(), key, region, wished))
    return True


def _name(dossier: UUID) -> str:
    return f"inzage-{dossier}"
