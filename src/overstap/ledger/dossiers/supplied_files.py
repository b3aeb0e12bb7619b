"""Files that a school supplied at the last collection, by a keyed hash of their content, so that each is read once."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from overstap.ledger.session import UnitOfWork

Facts = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was read at an earlier collection, with its result.

    Args:
        pupil: keyed hash (32 bytes) of the pupil whose current version it is; None when it was refused.
        code: error code of the refusal; empty otherwise.
        facts: facts of the error.
    """

    pupil: bytes | None = field(repr=False)
    code: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that was read and stored at this collection.

    Args:
        supplied: keyed hash of its content (32 bytes).
        pupil: keyed hash of the pupil (32 bytes).
        content_digest: content digest of the version made from it (SHA-256).
    """

    supplied: bytes
    pupil: bytes = field(repr=False)
    content_digest: bytes


@dataclass(frozen=True, slots=True)
class RefusedContent:
    """A file that was refused at this collection: keyed hash of its content, error code and facts."""

    supplied: bytes
    code: str
    facts: Facts


def known(unit: UnitOfWork, round_id: str, primary_school: str) -> dict[bytes, KnownFile]:
    """Return the files that a school supplied at the last collection, by the keyed hash of their content.

    Left out, so that they are read again, are files that are no longer the current version of their dossier, and
    stored versions that can no longer be read (QUALITY-003), which the same file mends.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: BRIN with branch of the school that supplies.
    """
    return {
        supplied: KnownFile(pupil, code or "", facts or {})
        for supplied, pupil, code, facts in unit.rows(
            "select f.supplied, d.pupil, f.code, f.facts from overstap.supplied_file f "
            "left join overstap.dossier d on d.dossier = f.dossier and d.version = f.number and d.erased_at is null "
            "where f.round_id = %(round)s and f.primary_school = %(school)s "
            "and (f.code is not null or d.dossier is not null) and not exists (select from overstap.finding n "
            "where n.dossier = f.dossier and n.number = f.number and n.rule = 'QUALITY-003')",
            round=round_id,
            school=primary_school,
        )
    }


def note(
    unit: UnitOfWork,
    round_id: str,
    primary_school: str,
    *,
    kept: Sequence[bytes],
    taken: Sequence[TakenFile],
    refused: Sequence[RefusedContent],
) -> None:
    """Replace the record of a school's files by those of this collection.

    A file that was too late to become a version is not recorded, so that it is read again: it may be accepted later.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: BRIN with branch.
        kept: hashes of files that were known and are still supplied.
        taken: files that were read and stored now.
        refused: files that were read and refused now.
    """
    of_school = {"region": unit.region, "round": round_id, "school": primary_school}
    unit.run(
        "delete from overstap.supplied_file where round_id = %(round)s and primary_school = %(school)s "
        "and not (supplied = any(%(kept)b::bytea[]))",
        kept=list(kept),
        round=round_id,
        school=primary_school,
    )
    unit.run(
        "insert into overstap.supplied_file (region, round_id, primary_school, supplied, dossier, number) "
        "select %(region)s, %(round)s, %(school)s, t.supplied, d.dossier, d.version "
        "from unnest(%(supplied)b::bytea[], %(pupils)b::bytea[], %(digests)b::bytea[]) as t (supplied, pupil, digest) "
        "join overstap.dossier d on d.round_id = %(round)s and d.primary_school = %(school)s and d.pupil = t.pupil "
        "join overstap.dossier_version v on v.dossier = d.dossier and v.number = d.version "
        "and v.content_digest = t.digest on conflict do nothing",
        supplied=[one.supplied for one in taken],
        pupils=[one.pupil for one in taken],
        digests=[one.content_digest for one in taken],
        **of_school,
    )
    unit.run(
        "insert into overstap.supplied_file (region, round_id, primary_school, supplied, code, facts) "
        "select %(region)s, %(round)s, %(school)s, t.supplied, t.code, t.facts::jsonb "
        "from unnest(%(supplied)b::bytea[], %(codes)b::text[], %(facts)b::text[]) as t (supplied, code, facts) "
        "on conflict do nothing",
        supplied=[one.supplied for one in refused],
        codes=[one.code for one in refused],
        facts=[json.dumps(dict(one.facts)) for one in refused],
        **of_school,
    )
