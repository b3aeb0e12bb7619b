"""What is known of pupils' tests: taken in encrypted, and read by who has the keys."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import uuid4

from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork

REASONS = ("prevented", "exempt", "other")
"""Why a pupil has no test: verhinderd, exempt by law, another reason."""


@dataclass(frozen=True, slots=True)
class PupilTest:
    """What a source states of a pupil's test.

    Args:
        pupil: keyed hash of the pupil's number.
        primary_school: BRIN and branch.
        test: which test, as the source calls it; empty when it does not say.
        level: key of the advice's level (`oso.advice_order`); empty without an advice.
        reason: one of `REASONS`, why there is no test; empty when there is one.
        stated_at: when the source stated it, aware.
        source: "file" or "message".
    """

    pupil: bytes = field(repr=False)
    primary_school: str
    test: str = field(repr=False)
    level: str = field(repr=False)
    reason: str = field(repr=False)
    stated_at: datetime
    source: str = "file"


def take(unit: UnitOfWork, school_year: str, found: Sequence[PupilTest]) -> int:
    """Take in what sources state of tests; a newer statement replaces an older one. Idempotent.

    Returns:
        Number of new or changed ones.
    """
    if not found:
        return 0
    ids = [uuid4() for _ in found]
    plain = [json.dumps({"test": one.test, "level": one.level, "reason": one.reason}) for one in found]
    sealed = [unit.keys.encrypt(text.encode(), f"test/{key}") for key, text in zip(ids, plain, strict=True)]
    return int(
        unit.one(
            "select overstap.take_tests(%(year)s, %(ids)s::uuid[], %(pupils)s::bytea[], %(schools)s::text[], "
            "%(keys)s::text[], %(contents)s::bytea[], %(digests)s::bytea[], %(moments)s::timestamptz[], "
            "%(sources)s::text[])",
            year=school_year,
            ids=ids,
            pupils=[one.pupil for one in found],
            schools=[one.primary_school for one in found],
            keys=[one.key_id for one in sealed],
            contents=[one.data for one in sealed],
            digests=[unit.keys.lookup("test", text) for text in plain],
            moments=[one.stated_at for one in found],
            sources=[one.source for one in found],
        )[0]
    )


def known(
    unit: UnitOfWork, school_year: str, school: str | None = None, pupils: Sequence[bytes] | None = None
) -> Iterator[PupilTest]:
    """Yield what is known of the tests of a school year, decrypted.

    Args:
        unit: the transaction.
        school_year: school year, such as "2026-2027".
        school: of this primary school only.
        pupils: keyed hashes of the pupils; None: of all.

    Raises:
        OverstapError: LEDGER-002 a key is missing; LEDGER-003 a content is damaged.
    """
    for key, pupil, primary_school, key_id, content, stated_at, source in unit.rows(
        "select pupil_test, pupil, primary_school, key_id, content, stated_at, source from overstap.pupil_test "
        "where school_year = %(year)s and (%(school)s::text is null or primary_school = %(school)s) "
        "and (%(pupils)s::bytea[] is null or pupil = any(%(pupils)s)) order by pupil",
        year=school_year,
        school=school,
        pupils=None if pupils is None else list(pupils),
    ):
        told = json.loads(unit.keys.decrypt(EncryptedContent(key_id, content), f"test/{key}"))
        yield PupilTest(bytes(pupil), primary_school, told["test"], told["level"], told["reason"], stated_at, source)


def pupils_by_las_key(unit: UnitOfWork, school_year: str, school: str) -> dict[bytes, bytes]:
    """Return the keyed hash of each pupil of a school with a dossier, by the keyed hash of the key in its system.

    Args:
        unit: the transaction.
        school_year: school year.
        school: BRIN and branch of the primary school.
    """
    rows = unit.rows(
        "select d.las_key, d.pupil from overstap.dossier d join overstap.round o on o.round_id = d.round_id "
        "where o.school_year = %(year)s and d.primary_school = %(school)s and d.las_key is not null",
        year=school_year,
        school=school,
    )
    return {bytes(las_key): bytes(pupil) for las_key, pupil in rows}
