"""A pupil whom a coordinator looks up by number: the state in each round and of each application, without a name.

A function of the database finds by the keyed hash, records each look-up, and limits them
(include/schemas/ledger/code/32_at_hand.sql). What is found is shown under the id of a dossier, an application (of one
of its states) or a roster entry; none says who the pupil is.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

import psycopg

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.session import UnitOfWork


class SearchOutcome(StrEnum):
    """What came of a look-up: found, unknown in the region, or not done since the account looked up too often."""

    FOUND = "found"
    UNKNOWN = "unknown"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class PupilDossier:
    """A dossier of the pupil.

    Args:
        dossier: its id.
        round_id: the round.
        primary_school: BRIN and branch of the school that supplies it.
        state_name: the state in Dutch.
        version: number of its current version.
        deliveries: BRIN and branch of each school for which it was sealed, with the state of the delivery.
        flags: what is told of its advice and test.
    """

    dossier: UUID
    round_id: RoundId
    primary_school: str
    state_name: str
    version: int
    deliveries: Sequence[tuple[str, str]]
    flags: Sequence[str]

    @property
    def sign(self) -> str:
        """Pseudonym of the dossier."""
        return reference(self.dossier)


@dataclass(frozen=True, slots=True)
class PupilApplication:
    """An application of the pupil.

    Args:
        school_year: school year.
        secondary_school: BRIN and branch.
        primary_school: BRIN and branch.
        preference: place in the order of preference; None: not stated.
        state: the state in one word, as `SchoolApplication.state`.
        reason: why it ended; None unless it did.
        recorded_at: when it was recorded at its source.
    """

    school_year: str
    secondary_school: str
    primary_school: str
    preference: int | None
    state: str
    reason: str | None
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class PupilRoster:
    """A roster that names the pupil.

    Args:
        school_year: school year.
        school: BRIN and branch of the primary school.
        is_off: whether the pupil was taken off.
    """

    school_year: str
    school: str
    is_off: bool


@dataclass(frozen=True, slots=True)
class FoundPupil:
    """Where the ledger has a pupil.

    Args:
        subject: id under which the pupil is shown.
        pupil: keyed hash of the number.
        sign: pseudonym: of the newest dossier, or as on lists of applications.
        dossiers: the dossiers, the newest round first.
        applications: the applications, the newest school year first, by preference.
        rosters: the rosters, the newest school year first.
    """

    subject: UUID
    pupil: bytes = field(repr=False)
    sign: str
    dossiers: Sequence[PupilDossier]
    applications: Sequence[PupilApplication]
    rosters: Sequence[PupilRoster]

    @property
    def school_year(self) -> str:
        """The newest school year in which something is known of the pupil."""
        years = [one.round_id.school_year for one in self.dossiers]
        years += [one.school_year for one in self.applications]
        years += [one.school_year for one in self.rosters]
        return max(years)


def find(unit: UnitOfWork, pupil: bytes) -> tuple[SearchOutcome, UUID | None]:
    """Look a pupil up, with an audit line; return what came of it, and the id under which the pupil is shown.

    Args:
        unit: a transaction as the coordinator; it commits also when nothing is found.
        pupil: keyed hash of the number.

    Raises:
        OverstapError: LEDGER-025 when the actor is no coordinator of the region's newest school year.
    """
    try:
        outcome, subject = unit.one("select f.outcome, f.subject from overstap.find_pupil(%(pupil)s) f", pupil=pupil)
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation):
        raise OverstapError("LEDGER-025") from None
    return SearchOutcome(outcome), subject


def most_an_hour(unit: UnitOfWork) -> int:
    """Return how often an account may look a pupil up in an hour."""
    return int(unit.one("select overstap.most_searches()")[0])


def of_subject(unit: UnitOfWork, subject: UUID) -> FoundPupil | None:
    """Return where the ledger has a pupil; None when the region has no such id.

    Args:
        unit: a transaction in the region; it needs no key.
        subject: id of a dossier, an application or a roster entry.
    """
    found = unit.rows(
        "select pupil from overstap.dossier where dossier = %(id)s and forgotten_at is null union all "
        "select pupil from overstap.application_event where application_event = %(id)s union all "
        "select pupil from overstap.roster_pupil where roster_pupil = %(id)s and pupil is not null",
        id=subject,
    )
    if not found:
        return None
    pupil = bytes(found[0][0])
    dossiers = _dossiers(unit, pupil)
    sign = dossiers[0].sign if dossiers else reference(UUID(bytes=pupil[:16]))
    return FoundPupil(subject, pupil, sign, dossiers, _applications(unit, pupil), _rosters(unit, pupil))


def _dossiers(unit: UnitOfWork, pupil: bytes) -> list[PupilDossier]:
    return [
        PupilDossier(dossier, RoundId(round_id), school, state, version, list(zip(at, states, strict=True)), flags)
        for dossier, round_id, school, state, version, at, states, flags in unit.rows(
            """
            select d.dossier, d.round_id, d.primary_school, s.dutch, d.version, l.schools, l.states,
                   array(select distinct f.flag from overstap.advice_flag f
                          where f.pupil = d.pupil and f.school_year = o.school_year
                            and (f.dossier is null or f.dossier = d.dossier) order by 1)
              from overstap.dossier d
              join overstap.round o on o.round_id = d.round_id
              join overstap.state s on s.state = d.state
             cross join lateral (
                   select coalesce(array_agg(x.secondary_school order by x.secondary_school), '{}') as schools,
                          coalesce(array_agg(x.state order by x.secondary_school), '{}') as states
                     from (select distinct on (v.secondary_school) v.secondary_school,
                                  case when exists (select from overstap.envelope_withdrawal w
                                                     where w.message_id = v.message_id) then 'taken_back'
                                       else v.state end as state
                             from overstap.delivery v where v.dossier = d.dossier
                            order by v.secondary_school, v.number desc, v.serial desc) x) l
             where d.pupil = %(pupil)s and d.forgotten_at is null
             order by o.opened_at desc, d.primary_school
            """,
            pupil=pupil,
        )
    ]


def _applications(unit: UnitOfWork, pupil: bytes) -> list[PupilApplication]:
    return [
        PupilApplication(*row)
        for row in unit.rows(
            "select school_year, secondary_school, primary_school, preference, "
            "coalesce(status, case when withdrawn_at is not null then 'gone' else stage end), status_reason, "
            "recorded_at from overstap.application where pupil = %(pupil)s "
            "order by school_year desc, preference nulls last, secondary_school",
            pupil=pupil,
        )
    ]


def _rosters(unit: UnitOfWork, pupil: bytes) -> list[PupilRoster]:
    return [
        PupilRoster(*row)
        for row in unit.rows(
            "select school_year, school, off_at is not null from overstap.roster_pupil where pupil = %(pupil)s "
            "order by school_year desc, school",
            pupil=pupil,
        )
    ]
