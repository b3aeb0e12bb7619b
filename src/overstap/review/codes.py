"""Issue of access codes, and their renewal for a newer version.

A code is returned once, to be printed, and stored nowhere. Stored are hashes, and the person's copy of the dossier,
which only code and birth date decrypt (`code_keys`, `copies`).
"""

import secrets
from collections.abc import Mapping, Sequence, Set
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from overstap.agreements import Agreement
from overstap.clock import dutch_time, now
from overstap.errors import OverstapError
from overstap.ledger.dossiers.dossiers import VersionRef
from overstap.ledger.region_keys import sha256
from overstap.ledger.review.access_codes import (
    CodeInUse,
    NewCode,
    VersionInReview,
    earlier_keys,
    freeze,
    in_review,
    in_use,
    keep_attachments,
    put_in_use,
    show_version,
    version_content,
)
from overstap.ledger.review.decisions import deciders
from overstap.ledger.rounds.rounds import get_round
from overstap.ledger.session import UnitOfWork
from overstap.oso.entitled_persons import EntitledReader
from overstap.oso.facts import facts_of
from overstap.oso.model import Dossier
from overstap.oso.reading import read
from overstap.oso.writing import content_digest
from overstap.progress import Advance, unwatched
from overstap.review.code_keys import code_keys, new_code, read_code
from overstap.review.copies import FrozenVersion, encrypt_copy, encrypt_file, person_copy, viewable_files
from overstap.review.people import people_of


def issue(
    unit: UnitOfWork,
    round_id: str,
    wanted: Sequence[tuple[UUID, str]],
    opens_at: datetime | None = None,
    advance: Advance = unwatched,
) -> list[str | None]:
    """Issue codes to persons for dossiers in review; earlier codes of the same persons end.

    The codes are valid from the commit until the dossier's window closes, also when its end is moved.

    Args:
        unit: the transaction.
        round_id: the round.
        wanted: dossier and handle of a person in it (`overstap.oso.entitled_persons.entitled`), at most some hundreds.
        opens_at: when the code becomes valid; None: at once.
        advance: is told of the persons of each dossier.

    Returns:
        The codes as they are printed, in the order of `wanted`; None for a person without one: the dossier is not in
        review, has no birth date, or does not contain the person.

    Raises:
        OverstapError: REVIEW-050 when a stored dossier differs from its digest.
    """
    agreed = get_round(unit, round_id)
    immaterial = agreed.agreement.round(agreed.kind).inspection.immaterial
    versions = in_review(unit, round_id, [dossier for dossier, _ in wanted])
    persons: dict[UUID, list[tuple[int, str]]] = {}
    for place, (dossier, person) in enumerate(wanted):
        persons.setdefault(dossier, []).append((place, person))
    codes: list[str | None] = [None] * len(wanted)
    frozen_ids: dict[VersionRef, UUID] = {}
    made: list[NewCode] = []
    earlier = _earlier(unit, list(versions), persons)
    for dossier, version in versions.items():
        frozen_ids[version.ref], frozen = _frozen(unit, version, agreed.agreement)
        born = frozen.dossier.birth_date
        known = _persons(unit, frozen.dossier)
        decided = _decided(unit, version)
        for place, person in persons[dossier]:
            if born is None or person not in known:
                continue
            code = new_code()
            access = uuid4()
            keys = code_keys(read_code(code) or "", born)
            copy = _copy(unit, frozen, known[person], access, decided, immaterial)
            copy |= {"earlier": earlier.get((dossier, person), {})}
            made.append(
                NewCode(
                    access,
                    version.ref,
                    person,
                    lookup_hash=sha256(keys.lookup_token),
                    proof_hash=sha256(keys.proof_token),
                    sealed_key=unit.keys.encrypt(keys.copy_key, f"access/{access}"),
                    sealed_copy=encrypt_copy(copy, keys.copy_key, unit.region, access),
                    opens_at=opens_at or now(),
                )
            )
            codes[place] = code
        advance(len(persons[dossier]))
    put_in_use(unit, frozen_ids, made)
    return codes


def renew(unit: UnitOfWork, round_id: str, dossiers: Sequence[UUID]) -> int:
    """Make the codes of dossiers in review show the current version, where they show an older one. Idempotent.

    The code in the family's letter stays valid; the pages list the changes and ask for a decision about them.

    Args:
        unit: the transaction.
        round_id: the round.
        dossiers: ids of dossiers; those that are not in review are left out.

    Returns:
        Number of codes that show a newer version now.
    """
    agreed = get_round(unit, round_id)
    immaterial = agreed.agreement.round(agreed.kind).inspection.immaterial
    versions = in_review(unit, round_id, dossiers)
    behind: dict[UUID, list[CodeInUse]] = {}
    for access in in_use(unit, list(versions)):
        if access.ref.number < versions[access.ref.dossier].ref.number:
            behind.setdefault(access.ref.dossier, []).append(access)
    renewed = 0
    earlier = _earlier(unit, list(behind))
    for dossier, accesses in behind.items():
        version = versions[dossier]
        frozen_id, frozen = _frozen(unit, version, agreed.agreement)
        known = _persons(unit, frozen.dossier)
        decided = _decided(unit, version)
        for access in accesses:
            if access.person not in known:
                continue  # the newer version does not contain this person, so the code shows nothing any more
            key = unit.keys.decrypt(access.sealed_key, f"access/{access.access}")
            copy = _copy(unit, frozen, known[access.person], access.access, decided, immaterial)
            copy |= {"earlier": earlier.get((dossier, access.person), {})}
            show_version(unit, access.access, frozen_id, encrypt_copy(copy, key, unit.region, access.access))
            renewed += 1
    return renewed


def _frozen(unit: UnitOfWork, version: VersionInReview, agreement: Agreement) -> tuple[UUID, FrozenVersion]:
    """Freeze a version, after comparing it with its digest, as sealing does again."""
    dossier = read(unit.keys.decrypt(version.content, version.ref.bound_to))
    if content_digest(dossier) != version.digest:
        raise OverstapError("REVIEW-050", dossier=str(version.ref.dossier))
    frozen_id = freeze(unit, version)
    files: dict[str, tuple[UUID, bytes, str, int]] = {}
    kept = []
    for file in viewable_files(dossier, flattens=agreement.pdf_attachments == "flattened"):
        name, key = uuid4(), secrets.token_bytes(32)
        files[file.path] = (name, key, file.kind, len(file.content))
        kept.append((name, encrypt_file(file.content, key, name)))
    keep_attachments(unit, frozen_id, kept)
    earlier = None
    if version.shown_before is not None:
        earlier = read(version_content(unit, VersionRef(version.ref.dossier, version.shown_before)))
    return frozen_id, FrozenVersion(
        *(dossier, version.ref.number, version.digest, earlier, version.shown_before, files, agreement.own_code_labels)
    )


def _copy(
    unit: UnitOfWork,
    frozen: FrozenVersion,
    person: EntitledReader,
    access: UUID,
    decided: Set[str],
    immaterial: Set[str],
) -> dict[str, Any]:
    key_id, key = unit.keys.derived(str(access))
    copy = person_copy(frozen, own_path=person.path, asks_changes_only=person.key in decided, immaterial=immaterial)
    # With this key the pages encrypt a view for the region, and decrypt it for its writer.
    return copy | {"person": person.name, "kind": person.kind, "answer": {"key_id": key_id, "key": key.hex()}}


def _earlier(
    unit: UnitOfWork, dossiers: Sequence[UUID], about: Mapping[UUID, Sequence[tuple[int, str]]] | None = None
) -> dict[tuple[UUID, str], dict[str, str]]:
    """Return per person the keys of what they wrote with earlier codes, so that a new code can read it too.

    Args:
        unit: the transaction.
        dossiers: ids of the dossiers.
        about: persons who get a new code now, which makes their code in use an earlier one.
    """
    ids = earlier_keys(unit, dossiers)
    ending = {(dossier, person) for dossier, wanted in (about or {}).items() for _, person in wanted}
    for one in in_use(unit, dossiers) if ending else []:
        if (one.ref.dossier, one.person) in ending:
            ids.setdefault((one.ref.dossier, one.person), []).append(f"{one.sealed_key.key_id}~{one.access}")
    return {
        whose: {key_id: key.hex() for key_id in mine if (key := unit.keys.derived_key(key_id)) is not None}
        for whose, mine in ids.items()
    }


def _decided(unit: UnitOfWork, version: VersionInReview) -> Set[str]:
    """Return the handles of the persons who decided on the earlier version."""
    if version.shown_before is None:
        return frozenset()
    return deciders(unit, VersionRef(version.ref.dossier, version.shown_before))


def _persons(unit: UnitOfWork, dossier: Dossier) -> dict[str, EntitledReader]:
    """Return who may inspect a dossier, by handle."""
    return {person.key: person for person in people_of(unit.keys, facts_of(dossier), dutch_time(now()).date())}
