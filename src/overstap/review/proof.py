"""Signed proof of inspection of one pupil: what was shown, decided and delivered.

A JSON file with all facts, a PDF with the same, and a detached signature of the region's conductor for each. The
opening of the dossier for the pack is recorded first, so that it is in the pack.
"""

import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from overstap.clock import dutch_time, now
from overstap.key_client import KeyClient
from overstap.ledger import Ledger
from overstap.ledger.dossiers import records
from overstap.ledger.dossiers.current_versions import current_versions
from overstap.ledger.dossiers.dossiers import find_of_school
from overstap.ledger.review import access_log, proof_requests
from overstap.ledger.review.proof import facts_for_person, inspection_facts
from overstap.oso.facts import DossierFacts
from overstap.pki import TrustStore
from overstap.pki.detached_signature import sign_detached
from overstap.review.copies import encrypt_proof
from overstap.review.people import people_of

ProofSigning = Callable[[str], Callable[[bytes], bytes]]
"""Returns, for a region, what signs a file of a proof as that region's conductor (detached, DER)."""


def signing_by_trust(trust: TrustStore) -> ProofSigning:
    """Return the signing with the conductors' keys of a trust store; TRUST-nnn when a key cannot be used."""
    return lambda region: partial(sign_detached, identity=trust.conductor_signing(region, at=now()))


def signing_by_service(client: KeyClient) -> ProofSigning:
    """Return the signing by the key service, which signs proofs and nothing else; errors as by `signing_by_trust`."""

    def of_region(region: str) -> Callable[[bytes], bytes]:
        client.ask("signer", region=region)
        return lambda content: client.ask("sign_proof", content, region=region)[1]

    return of_region


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
    signing: ProofSigning,
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
        signing: what signs as the region's conductor.
        region: region id.
        round_id: the round.
        school: the primary school.
        pupil: the pupil's key in the school's system, or the id of the dossier.
        actor: account that makes it, which the parents see in their log.
        person: handle of the person it is for, without data of other persons; None: for the school, with all data.

    Raises:
        OverstapError: LEDGER-010 when the school has no such dossier, TRUST-nnn when the signing key cannot be used.
    """
    at = now()
    sign = signing(region)
    with ledger.unit(region, actor) as unit:
        dossier = find_of_school(unit, round_id, school, pupil)
        ref = current_versions(unit, [dossier])[0].ref
        access_log.note_opened(unit, [ref], by=actor, purpose="proof_pack")
        about = records.of(unit, [ref], DossierFacts)[ref]
        names = {
            one.key: one.name for one in people_of(unit.keys, about, dutch_time(at).date()) if person in (None, one.key)
        }
        known = inspection_facts(unit, dossier)
        facts = {
            "kind": "overstap proof of inspection",
            "format": 1,
            "made_at": at.isoformat(),
            "made_by": actor,
            "pupil": about.name,
            "people": names,
            **(known if person is None else facts_for_person(known, person)),
        }
    text = json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True).encode()
    from overstap.review.proof_page import proof_page  # pages that offer proof do without what makes PDFs until then

    page = proof_page(facts, names, at)
    name = _name(dossier)
    return ProofPack(
        {
            f"{name}.json": text,
            f"{name}.json.p7s": sign(text),
            f"{name}.pdf": page,
            f"{name}.pdf.p7s": sign(page),
        }
    )


def give_proof(
    ledger: Ledger, signing: ProofSigning, *, region: str, round_id: str, school: str, actor: str, access: UUID
) -> bool:
    """Make the proof that a person requested on the parents' pages, and store it for them. Idempotent.

    Args:
        ledger: the ledger.
        signing: as in `proof_pack`.
        region: region id.
        round_id: the round.
        school: the primary school.
        actor: account that makes it.
        access: id of the access code with which it was requested.

    Returns:
        False when it was made already, or was not requested from this school.
    """
    with ledger.unit(region, actor) as unit:
        open_requests = proof_requests.open_requests(unit, round_id, school)
    request = next((one for one in open_requests if one.access == access), None)
    if request is None:
        return False
    pack = proof_pack(
        ledger,
        signing,
        region=region,
        round_id=round_id,
        school=school,
        pupil=request.dossier,
        actor=actor,
        person=request.person,
    )
    with ledger.unit(region, actor) as unit:
        key = unit.keys.decrypt(request.sealed_key, f"access/{access}")
        proof_requests.fulfil(unit, request, encrypt_proof(pack.zipped(), key, region, access))
    return True


def _name(dossier: UUID) -> str:
    return f"inzage-{dossier}"
