"""How pupils who left a primary school fare: stated by their secondary school, read by the primary school.

A function of the database keeps a record, by the session of the secondary school's account, of its own applicants alone
(include/schemas/ledger/code/31_pupil_progress.sql). Which years and fields may be told is data (`oso.progress_fields`).
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from uuid import UUID, uuid4

from overstap.ledger.dossiers.reference import reference
from overstap.ledger.region_keys import EncryptedContent
from overstap.ledger.session import UnitOfWork


@dataclass(frozen=True, slots=True)
class Progress:
    """What is told of a pupil.

    Args:
        study_year: year of study, from 1; None when the pupil is gone.
        level: key of a level of advice (`oso.advice_order`); empty when the pupil is gone.
        profile: code of a profile; empty without one.
        is_there: whether the pupil is still at the school.
    """

    study_year: int | None = field(repr=False)
    level: str = field(repr=False)
    profile: str = field(repr=False)
    is_there: bool = field(repr=False)


@dataclass(frozen=True, slots=True)
class StatedProgress:
    """What a school states of a pupil: the pupil's number and the record."""

    pupil_number: str = field(repr=False)
    progress: Progress = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToldProgress:
    """What is known of a pupil.

    Args:
        pupil: keyed hash of the pupil's number.
        left_year: school year in which the pupil left the primary school.
        about_year: school year that it is about.
        primary_school: BRIN and branch.
        secondary_school: BRIN and branch.
        said_at: when it was stated.
        dossier: newest dossier of the pupil at the primary school; None when there is none (any more).
        progress: the record.
    """

    pupil: bytes = field(repr=False)
    left_year: str
    about_year: str
    primary_school: str
    secondary_school: str
    said_at: datetime
    dossier: UUID | None
    progress: Progress = field(repr=False)

    @property
    def sign(self) -> str:
        """Pseudonym of the pupil."""
        return reference(self.dossier or UUID(bytes=self.pupil[:16]))


def state(
    unit: UnitOfWork, session: bytes, left_year: str, about_year: str, found: Sequence[StatedProgress], source: str
) -> tuple[int, int] | None:
    """Keep records of pupils who applied at the session's school.

    Args:
        unit: the transaction.
        session: identifier of the session.
        left_year: school year in which the pupils left their primary schools.
        about_year: school year that it is about.
        found: the records.
        source: "page" or "file".

    Returns:
        How many of the pupils are the school's own, and how many records are new or changed; None without a second
        factor.
    """
    ids = [uuid4() for _ in found]
    plain = [json.dumps(asdict(one.progress), sort_keys=True) for one in found]
    sealed = [unit.keys.encrypt(text.encode(), f"progress/{key}") for key, text in zip(ids, plain, strict=True)]
    own, changed = unit.one(
        "select own, changed from overstap.state_progress(%(stay)s, %(year)s, %(about)s, %(ids)s::uuid[], "
        "%(pupils)s::bytea[], %(keys)s::text[], %(contents)s::bytea[], %(digests)s::bytea[], %(source)s)",
        stay=session,
        year=left_year,
        about=about_year,
        ids=ids,
        pupils=[unit.keys.lookup("pupil", one.pupil_number) for one in found],
        keys=[one.key_id for one in sealed],
        contents=[one.data for one in sealed],
        digests=[unit.keys.lookup("progress", text) for text in plain],
        source=source,
    )
    return None if own is None else (own, changed)


def known(unit: UnitOfWork, school: str) -> list[ToldProgress]:
    """Return what is known of pupils whom a primary school sent or a secondary school has, the newest year first.

    Args:
        unit: the transaction, with keys.
        school: BRIN and branch of either.
    """
    found = []
    for row in unit.rows(
        """
        select p.progress, p.pupil, p.school_year, p.about_year, p.primary_school, p.secondary_school, p.said_at,
               p.key_id, p.content,
               (select d.dossier from overstap.dossier d join overstap.round o on o.round_id = d.round_id
                 where d.region = p.region and d.pupil = p.pupil and o.school_year = p.school_year
                   and d.primary_school = p.primary_school and d.erased_at is null
                 order by o.opened_at desc limit 1)
          from overstap.pupil_progress p
         where %(school)s in (p.primary_school, p.secondary_school)
         order by p.about_year desc, p.secondary_school, p.pupil
        """,
        school=school,
    ):
        said = json.loads(unit.keys.decrypt(EncryptedContent(row[7], row[8]), f"progress/{row[0]}"))
        found.append(ToldProgress(bytes(row[1]), row[2], row[3], row[4], row[5], row[6], row[9], Progress(**said)))
    return found
