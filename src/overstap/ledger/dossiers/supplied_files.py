"""Files that a school supplied at the last look, known by a keyed hash of their content, and what became of each."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from overstap.ledger.session import UnitOfWork

Facts = Mapping[str, str | int | float]


@dataclass(frozen=True, slots=True)
class KnownFile:
    """A file that was read before, and is read no differently now.

    Args:
        pupil: keyed hash of the pupil whose current version it is; None when it was refused.
        code: error code with which it was refused; empty otherwise.
        facts: those of the error.
    """

    pupil: bytes | None = field(repr=False)
    code: str
    facts: Facts


@dataclass(frozen=True, slots=True)
class TakenFile:
    """A file that was read now and taken in.

    Args:
        supplied: keyed hash of its content.
        pupil: keyed hash of the pupil.
        content_digest: of the version that it should have become.
    """

    supplied: bytes
    pupil: bytes = field(repr=False)
    content_digest: bytes


@dataclass(frozen=True, slots=True)
class RefusedContent:
    """A file that was read now and refused: keyed hash of its content, error code and facts."""

    supplied: bytes
    code: str
    facts: Facts


def known(unit: UnitOfWork, round_id: str, primary_school: str) -> dict[bytes, KnownFile]:
    """Return what a school supplied at the last look, by the keyed hash of its content.

    Left out, so that they are read again: what is no longer the current version of its dossier, and a version that
    cannot be read any more (QUALITY-003), which the same file mends.

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
    """Keep what a school supplies now in the place of what it supplied before.

    A file that was too late to become a version is not kept: it is read again, since its dossier may be taken later.

    Args:
        unit: the transaction.
        round_id: the round.
        primary_school: BRIN with branch.
        kept: hashes of files that were known and are still supplied.
        taken: files that were read now and taken in.
        refused: files that were read now and refused.
    """
    of_school = {"region": unit.region, "round": round_id, "school": primary_school}
    unit.run(
        "delete from overstap.supplied_file where round_id = %(round)s and primary_school = %(school)s "
        "and not (supplied = any(%(kept)s::bytea[]))",
        kept=list(kept),
        round=round_id,
        school=primary_school,
    )
    unit.run(
        "insert into overstap.supplied_file (region, round_id, primary_school, supplied, dossier, number) "
        "select %(region)s, %(round)s, %(school)s, t.supplied, d.dossier, d.version "
        "from unnest(%(supplied)s::bytea[], %(pupils)s::bytea[], %(digests)s::bytea[]) as t (supplied, pupil, digest) "
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
        "from unnest(%(supplied)s::bytea[], %(codes)s::text[], %(facts)s::text[]) as t (supplied, code, facts) "
        "on conflict do nothing",
        supplied=[one.supplied for one in refused],
        codes=[one.code for one in refused],
        facts=[json.dumps(dict(one.facts)) for one in refused],
        **of_school,
    )
