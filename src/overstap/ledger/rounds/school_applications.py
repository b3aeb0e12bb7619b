"""Applications at secondary schools: how they stand, their history, and the states that a school gives them.

A state is kept by a function of the database that takes the session, after a second factor
(include/schemas/ledger/code/26_states_by_school.sql).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from overstap.ledger.dossiers.reference import reference
from overstap.ledger.session import UnitOfWork

STATUSES = (
    "applied",
    "complete",
    "support_examined",
    "admissible",
    "drawn",
    "placed",
    "not_drawn",
    "refused",
    "withdrawn",
)
"""States of an application that a school can give, in the order in which they follow each other."""
ENDED = frozenset({"not_drawn", "refused", "withdrawn"})
"""States in which an application counts no longer."""
REASONS = ("full", "advice", "support", "incomplete", "elsewhere", "other")
"""Why an application was refused, not drawn or withdrawn."""


@dataclass(frozen=True, slots=True)
class SchoolApplication:
    """An application at a secondary school.

    Args:
        application: id of the application, of its first state.
        sign: pseudonym of the pupil, as on the lists of the board.
        primary_school: name of the school that the pupil comes from.
        stage: "applied", "registered" or "placed".
        preference: place in the pupil's order of preference; None: not stated.
        status: its state; None: no source states one.
        reason: why it ended; None unless it did.
        is_withdrawn: whether it counts no longer.
        recorded_at: when it was recorded at its source.
        first_day: Dutch day on which it was first recorded.
        is_examined: whether the school examines, or examined, which support the pupil needs.
        is_placed_elsewhere: whether the pupil is placed at another school.
        is_sent: whether the school was sent a dossier of the pupil.
        primary_school_id: BRIN and branch of the school that the pupil comes from.
        school: name of the secondary school.
        school_id: its BRIN and branch.
        stated_at: when its present state was recorded at its source; None: no state was kept.
        noted_at: when the ledger kept that.
        source: where that comes from, as of `ApplicationState`.
    """

    application: UUID
    sign: str
    primary_school: str
    stage: str
    preference: int | None
    status: str | None
    reason: str | None
    is_withdrawn: bool
    recorded_at: datetime
    first_day: date
    is_examined: bool
    is_placed_elsewhere: bool
    is_sent: bool
    primary_school_id: str
    school: str
    school_id: str
    stated_at: datetime | None
    noted_at: datetime | None
    source: str | None

    @property
    def state(self) -> str:
        """The state in one word: what was stated, or what follows from stage and withdrawal."""
        if self.status is not None:
            return self.status
        return "gone" if self.is_withdrawn else self.stage

    @property
    def is_undecided(self) -> bool:
        """Whether the school still has to decide on it."""
        return (
            not self.is_withdrawn
            and self.stage == "applied"
            and self.status != "placed"
            and not self.is_placed_elsewhere
        )


@dataclass(frozen=True, slots=True)
class ApplicationState:
    """One of the states that an application was in.

    Args:
        stage: "applied", "registered" or "placed".
        status: the state; None: not stated.
        reason: why it ended; None unless it did.
        preference: place in the order of preference; None: not stated.
        is_withdrawn: whether it counted no longer.
        stated_at: when it was recorded at its source.
        source: "file", "database", "page", "unstated" (stated by no source any more) or "before" (before histories).
        noted_by: account or step.
        noted_at: when the ledger kept it.
    """

    stage: str
    status: str | None
    reason: str | None
    preference: int | None
    is_withdrawn: bool
    stated_at: datetime
    source: str
    noted_by: str
    noted_at: datetime

    @property
    def state(self) -> str:
        """The state in one word, as `SchoolApplication.state`."""
        if self.status is not None:
            return self.status
        return "gone" if self.is_withdrawn else self.stage


@dataclass(frozen=True, slots=True)
class StatedApplications:
    """What became of a state that a school gave: applications changed, envelopes taken back at the school."""

    changed: int
    taken_back: int


def years(unit: UnitOfWork, school: str) -> list[str]:
    """Return the school years with applications at a school, the newest first."""
    return [
        row[0]
        for row in unit.rows(
            "select distinct school_year from overstap.application where secondary_school = %(school)s order by 1 desc",
            school=school,
        )
    ]


_LISTED = """
    select h.application, a.pupil, coalesce(s.name, a.primary_school), a.stage, a.preference, a.status, a.status_reason,
           a.withdrawn_at is not null, a.recorded_at, h.first_day, h.is_examined,
           exists (select from overstap.application x
                    where x.region = a.region and x.school_year = a.school_year and x.pupil = a.pupil
                      and x.secondary_school <> a.secondary_school and x.withdrawn_at is null and x.stage = 'placed'),
           exists (select from overstap.dossier d join overstap.round o on o.round_id = d.round_id
                     join overstap.delivery l on l.dossier = d.dossier
                    where d.region = a.region and d.pupil = a.pupil and o.school_year = a.school_year
                      and l.secondary_school = a.secondary_school
                      and (l.state = 'confirmed' or l.state = 'sealed' and l.attempts > 0)
                      and not exists (select from overstap.withdrawal w where w.dossier = d.dossier)
                      and not exists (select from overstap.envelope_withdrawal w where w.message_id = l.message_id)),
           a.primary_school, coalesce(o.name, a.secondary_school), a.secondary_school, n.stated_at, n.noted_at, n.source
      from overstap.application a
      left join overstap.school s on s.region = a.region and s.school = a.primary_school
      left join overstap.school o on o.region = a.region and o.school = a.secondary_school
      left join lateral (
           select e.stated_at, e.noted_at, e.source from overstap.application_event e
            where (e.region, e.school_year, e.pupil, e.secondary_school)
                = (a.region, a.school_year, a.pupil, a.secondary_school)
            order by e.application_event desc limit 1) n on true
     cross join lateral (
           select min(e.application_event::text)::uuid as application,
                  (coalesce(min(least(e.stated_at, a.recorded_at)), a.recorded_at)
                      at time zone 'Europe/Amsterdam')::date as first_day,
                  coalesce(bool_or(e.status = 'support_examined'), false) as is_examined
             from overstap.application_event e
            where (e.region, e.school_year, e.pupil, e.secondary_school)
                = (a.region, a.school_year, a.pupil, a.secondary_school)) h
     where a.school_year = %(year)s and (%(school)s::text is null or a.secondary_school = %(school)s)
       and (%(pupils)s::bytea[] is null or a.pupil = any(%(pupils)s))
     order by 3, a.preference nulls last, a.pupil, a.secondary_school
"""


def listed(
    unit: UnitOfWork, school_year: str, school: str | None, numbers: Sequence[str] | None = None
) -> list[SchoolApplication]:
    """Return the applications at a school, by primary school.

    Args:
        unit: the transaction.
        school_year: school year, such as "2026-2027".
        school: BRIN and branch of the secondary school; None: all schools of the region.
        numbers: of the pupils with these numbers only, which are hashed here; None: of all.
    """
    pupils = None if numbers is None else [unit.keys.lookup("pupil", number) for number in numbers]
    return [
        SchoolApplication(application, reference(UUID(bytes=bytes(pupil[:16]))), *rest)
        for application, pupil, *rest in unit.rows(_LISTED, year=school_year, school=school, pupils=pupils)
    ]


def history(unit: UnitOfWork, school: str, application: UUID) -> list[ApplicationState]:
    """Return the states that an application at the school was in, oldest first; empty when it is none of this school.

    Args:
        unit: the transaction; it needs no key.
        school: BRIN and branch of the secondary school.
        application: id of the application.
    """
    return [
        ApplicationState(*row)
        for row in unit.rows(
            "select e.stage, e.status, e.status_reason, e.preference, e.is_withdrawn, e.stated_at, e.source, "
            "e.noted_by, e.noted_at from overstap.application_event f join overstap.application_event e "
            "on (e.region, e.school_year, e.pupil, e.secondary_school) "
            "= (f.region, f.school_year, f.pupil, f.secondary_school) "
            "where f.application_event = %(id)s and f.secondary_school = %(school)s order by e.application_event",
            id=application,
            school=school,
        )
    ]


def state(
    unit: UnitOfWork, session: bytes, school_year: str, applications: Sequence[UUID], status: str, reason: str | None
) -> StatedApplications | None:
    """Give applications at the session's school a state; None without a second factor. Idempotent.

    When parents withdraw, what the school was sent is taken back at this school, and nothing else is sent there. Where
    the pupil applied elsewhere, nothing changes.

    Args:
        unit: the transaction, in the region of the session's account.
        session: identifier of the session.
        school_year: school year of the applications.
        applications: ids of applications; those at other schools are left out.
        status: one of `STATUSES`.
        reason: one of `REASONS`, for a state of `ENDED`; None otherwise.
    """
    changed, taken_back = unit.one(
        "select changed, taken_back from overstap.state_applications(%(stay)s, %(year)s, array("
        "select distinct e.pupil from overstap.application_event e where e.application_event = any(%(ids)s) "
        "and e.school_year = %(year)s), %(status)s, %(reason)s)",
        stay=session,
        year=school_year,
        ids=list(applications),
        status=status,
        reason=reason,
    )
    return None if changed is None else StatedApplications(changed, taken_back)
