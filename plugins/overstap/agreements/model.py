"""The typed model of an agreement: one region, one school year."""

import hashlib
import itertools
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    field_serializer,
    model_validator,
)

from overstap.clock import NETHERLANDS
from overstap.errors import OverstapError

SchoolId = Annotated[str, Field(pattern=r"^[0-9]{2}[A-Z]{2}[0-9]{2}$", description="BRIN and branch, such as 99AB00")]


class SchoolKind(StrEnum):
    """On which side of the transfer a school stands."""

    PO = "PO"
    VO = "VO"


class RoundKind(StrEnum):
    """The rounds of a school year, in their order."""

    PRE_REGISTRATION = "pre_registration"
    ADVICE = "advice"
    PLACEMENT = "placement"

    @property
    def dutch(self) -> str:
        """The round's name as a coordinator says it."""
        return {"pre_registration": "Vooraanmelding", "advice": "Advies", "placement": "Plaatsing"}[self.value]


class HolidayRegion(StrEnum):
    """The three parts of the country whose schools have their holidays at different times."""

    NORTH = "north"
    MIDDLE = "middle"
    SOUTH = "south"

    @property
    def dutch(self) -> str:
        """The part as the ministry calls it."""
        return {"north": "Noord", "middle": "Midden", "south": "Zuid"}[self.value]


class Stage(StrEnum):
    """How sure it is that a pupil goes to a school; each stage includes the surer ones."""

    APPLIED = "applied"
    REGISTERED = "registered"
    PLACED = "placed"


def _wall_time(value: object) -> object:
    """Read a time without a zone as Dutch wall time, which is how agreements state deadlines."""
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=NETHERLANDS)
    return value


def _existing(value: datetime) -> datetime:
    """Refuse the hour that the spring clock change skips (Europe/Amsterdam, last Sunday of March)."""
    if value.tzinfo is NETHERLANDS and not wall_time_exists(value):
        raise ValueError("this wall time does not exist: the clock skips it")
    return value


def wall_time_exists(value: datetime) -> bool:
    """Tell whether a Dutch clock ever shows this; between 02:00 and 03:00 on the last Sunday of March it does not.

    Args:
        value: a wall time; its zone, if any, is left aside.
    """
    bare = value.replace(tzinfo=None)
    return bare.replace(tzinfo=NETHERLANDS).astimezone(UTC).astimezone(NETHERLANDS).replace(tzinfo=None) == bare


def wall_time_comes_twice(value: datetime) -> bool:
    """Tell whether Dutch clocks show this twice: between 02:00 and 03:00 on the last Sunday of October.

    Args:
        value: a wall time; its zone, if any, is left aside.
    """
    first = value.replace(tzinfo=NETHERLANDS, fold=0)
    second = value.replace(tzinfo=NETHERLANDS, fold=1)
    return wall_time_exists(value) and first.utcoffset() != second.utcoffset()


Moment = Annotated[AwareDatetime, BeforeValidator(_wall_time), AfterValidator(_existing)]


class _Part(BaseModel):
    """Frozen, and a typing error in a key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Coordinator(_Part):
    """Who answers the gates of a region."""

    account: str
    """The login in Airflow."""
    name: str
    email: str


class DropFolder(_Part):
    """The school's system exports OSO files into the region's drop folder (`<drop>/<region>/<school>/*.xml`)."""

    way: Literal["drop_folder"] = "drop_folder"


class LasDatabase(_Part):
    """The school's administration system has a PostgreSQL database with the documented view (docs/sources.md)."""

    way: Literal["las_database"]
    connection: str
    """Name of the Airflow connection."""


class Push(_Part):
    """The school has an endpoint that takes envelopes over HTTPS with mutual TLS."""

    way: Literal["push"]
    url: Annotated[str, Field(pattern=r"^https://")]


class Registrations(_Part):
    """Where the region's applications, registrations and placements come from (docs/sources.md); both may be given."""

    file: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+\.csv$")] | None = "aanmeldingen.csv"
    """Name of the CSV file in the region's drop folder (`<drop>/<region>/`)."""
    connection: str | None = None
    """Name of the Airflow connection to the database with the documented view."""


class School(_Part):
    """A participating school."""

    id: SchoolId
    name: str
    kind: SchoolKind
    board: str | None = None
    """The school board it belongs to."""
    contact: str
    """Where the school's reports go."""
    supplies: Annotated[DropFolder | LasDatabase, Field(discriminator="way")] | None = None
    receives: Push | None = None

    @property
    def label(self) -> str:
        """How the school is shown: "De Regenboog (99AB00)"."""
        return f"{self.name} ({self.id})"

    @model_validator(mode="after")
    def _has_its_way(self) -> Self:
        if self.kind is SchoolKind.PO and self.supplies is None:
            raise ValueError(f"primary school {self.id} does not say how it supplies (supplies)")
        if self.kind is SchoolKind.VO and self.receives is None:
            raise ValueError(f"secondary school {self.id} does not say how it receives (receives)")
        return self


class Milestones(_Part):
    """The agreed moments of a round, in their order. Dutch wall time where no zone is given."""

    opens: Moment
    data_due: Moment
    review_opens: Moment
    review_closes: Moment
    delivers: Moment
    receipts_due: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        names = list(type(self).model_fields)
        for earlier, later in itertools.pairwise(names):
            # Moments in one zone are compared by their wall time, which is wrong in the hour that comes twice
            if getattr(self, earlier).astimezone(UTC) > getattr(self, later).astimezone(UTC):
                raise ValueError(f"{later} is before {earlier}")
        return self


class Reminder(_Part):
    """A reminder of a deadline, some days before it at the same wall time."""

    of: Literal["data_due", "review_closes", "receipts_due"]
    """The milestone that it is about."""
    days_before: Annotated[int, Field(ge=1, le=60)]
    """Calendar days before the milestone."""


class Occasion(_Part):
    """A date of the region that no round waits for: registration, lottery, an introduction day."""

    name: str
    """As schools call it, Dutch."""
    kind: Literal["registration", "admission", "other"] = "other"
    """`registration`: parents register; `admission`: schools tell who is admitted. Both have statutory bounds."""
    starts: Moment
    ends: Moment | None = None
    source: str | None = None
    """Where the date comes from, or "assumed"."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.ends is not None and self.starts.astimezone(UTC) > self.ends.astimezone(UTC):
            raise ValueError("ends is before starts")
        return self


class Round(_Part):
    """What was agreed about one round."""

    profile: Literal["POVO"] = "POVO"
    """OSO transfer profile (code list 16)."""
    receivers: Stage
    """From which stage on a school may receive the dossier of a pupil."""
    categories: frozenset[str] = frozenset()
    """Optional OSO categories that go along, without `cat_`; the obligatory ones always go."""
    provisional: bool = False
    """The dossier is sent as provisional (inzage/voorlopigdossier)."""
    milestones: Milestones
    review_minimum: timedelta = timedelta(days=5)
    """The time that parents get at least from the release of their dossier, also when a school was late."""
    review_school_days: Annotated[int, Field(ge=1, le=60)] = 5
    """School days of the region that the review window must hold at least; `overstap agreement check` counts them."""
    not_inspected: Literal["withhold"] = "withhold"
    """What becomes of a dossier that nobody inspected in time: it is not sent (DOMAIN 3.5)."""
    gate_answered_by: tuple[str, ...] = ()
    """Accounts that answer the gates; empty: every coordinator of the region."""
    reminders: tuple[Reminder, ...] = ()
    """Reminders of deadlines; they are alarms in the calendar files of schools and region."""
    addenda: tuple[str, ...] = ()
    """Documents that the region agreed on beside the dossier, by name; shown in the overview, not collected."""
    sources: dict[str, str] = {}
    """Where each milestone's date comes from, by milestone, or "assumed"."""

    @field_serializer("categories")
    def _sorted(self, categories: frozenset[str]) -> list[str]:
        # A set's order differs from process to process, and the digest is taken over what is written
        return sorted(categories)


class Agreement(_Part):
    """What one region agreed for one school year."""

    region: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
    name: str
    school_year: Annotated[str, Field(pattern=r"^20[0-9]{2}-20[0-9]{2}$")]
    holiday_region: HolidayRegion | None = None
    """Whose school holidays count in this region."""
    coordinators: Annotated[tuple[Coordinator, ...], Field(min_length=1)]
    schools: tuple[School, ...]
    registrations: Registrations = Registrations()
    rounds: dict[RoundKind, Round]
    occasions: tuple[Occasion, ...] = ()
    """Further dates of the region, for its calendar."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        first, second = self.school_year.split("-")
        if int(second) != int(first) + 1:
            raise ValueError(f"school_year {self.school_year} is not two years in a row")
        seen: set[str] = set()
        for school in self.schools:
            if school.id in seen:
                raise ValueError(f"school {school.id} stands in the list twice")
            seen.add(school.id)
        accounts = {coordinator.account for coordinator in self.coordinators}
        for kind, agreed in self.rounds.items():
            if unknown := set(agreed.gate_answered_by) - accounts:
                raise ValueError(f"round {kind}: gate_answered_by names no coordinator: {', '.join(sorted(unknown))}")
        return self

    @property
    def primary_schools(self) -> tuple[School, ...]:
        """The schools that supply, in the agreement's order."""
        return tuple(school for school in self.schools if school.kind is SchoolKind.PO)

    @property
    def secondary_schools(self) -> tuple[School, ...]:
        """The schools that receive, in the agreement's order."""
        return tuple(school for school in self.schools if school.kind is SchoolKind.VO)

    def school(self, school_id: str) -> School:
        """Return a school of the region.

        Raises:
            OverstapError: AGREEMENT-004 when it does not take part.
        """
        for school in self.schools:
            if school.id == school_id:
                return school
        raise OverstapError("AGREEMENT-004", school=school_id, region=self.region)

    def round(self, kind: str) -> Round:
        """Return a round.

        Raises:
            OverstapError: AGREEMENT-002 when it was not agreed.
        """
        for name, agreed in self.rounds.items():
            if name == kind:
                return agreed
        known = ", ".join(self.rounds)
        raise OverstapError("AGREEMENT-002", region=self.region, school_year=self.school_year, round=kind, rounds=known)

    def round_id(self, kind: str) -> str:
        """Return the id that the ledger and the DAGs use for a round: "demo.2026-2027.advice"."""
        return f"{self.region}.{self.school_year}.{kind}"

    @property
    def digest(self) -> str:
        """SHA-256 over the agreement's content, hex: which version a round started with."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()
