"""What schools supplied, and where their pupils go."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from overstap.agreements import School
from overstap.agreements.kinds import sources
from overstap.clock import wall
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.candidates import Candidate
from overstap.intake.collect import Collected, collect_school
from overstap.intake.refusals import RefusedItem
from overstap.intake.registrations import Statement, collect_registrations, wait_until_written
from overstap.intake.sources.source import SourcePlace
from overstap.ledger import certificate_dates
from overstap.ledger.rounds import collected, rounds
from overstap.ledger.rounds.rounds import RoundRow
from overstap.pki.watch import holds_until
from overstap.quality.examination import examine
from overstap.quality.regionbook import expected_in
from overstap.rounds.context import Context, RoundContext

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SchoolOfRound:
    """A school, with the round for which something of it is done."""

    round: RoundRow
    school: School

    @property
    def label(self) -> str:
        """How it is shown to a coordinator, where several rounds are looked after together."""
        return f"{self.school.label}, {self.round.kind.dutch.lower()}"


def register(context: RoundContext) -> Counter[str]:
    """Read where pupils may be received, from the file and the database that the agreement names.

    Many that no source states any more are not withdrawn before the coordinator has answered (`questions`). A
    partnership receives of all its schools: nobody states it pupil by pupil.

    Args:
        context: of the round.

    Raises:
        OverstapError: INTAKE-nnn when the file or the database cannot be read.
    """
    if not context.kind.is_inspected:
        return Counter()
    agreed = context.agreement.registrations
    found = []
    if agreed.file:
        # A region whose registrations are all in its database has no file, and says so by file: null.
        path = context.settings.need_path("drop") / context.region / agreed.file
        wait_until_written(path)
        found.append(Statement("file", *applications.read_file(path)))
    if agreed.connection:
        with context.database(agreed.connection) as connection:
            found.append(Statement("database", *applications.read_database(connection, context.region)))
    return collect_registrations(context.ledger, context.agreement, found, "registrations")


def collect(context: RoundContext, school_id: str) -> Collected:
    """Take one school's dossiers into the ledger.

    Args:
        context: of the round.
        school_id: BRIN and branch.

    Raises:
        OverstapError: INTAKE-050 when the school supplied nothing at all; INTAKE-051 when nothing of it was usable;
            INTAKE-060 when its database does not answer; LEDGER-012 when somebody else is busy collecting from it.
    """
    school = context.agreement.school(school_id)
    try:
        found = _collect(context, school)
    except OverstapError as problem:
        if problem.code in NOTHING_USABLE:
            _note_ended(context, school_id)
        raise
    _note_ended(context, school_id)
    return found


NOTHING_USABLE = frozenset({"INTAKE-050", "INTAKE-051"})
"""Collecting ended, and the school has to supply; after any other failure nothing is known of it."""


def _note_ended(context: RoundContext, school_id: str) -> None:
    with context.unit(f"collect {school_id}") as unit:
        collected.note(unit, context.round_id, school_id)


def _collect(context: RoundContext, school: School) -> Collected:
    today = wall(context.clock()).date()
    expected = expected_in(context.kind, context.round.categories)
    with _candidates(context, school) as candidates:
        return collect_school(
            context.ledger,
            agreement=context.agreement,
            agreed=context.round,
            round_id=context.round_id,
            school=school,
            source=school.supplies.way if school.supplies else "",
            candidates=candidates,
            actor=f"collect {school.id}",
            examine=lambda dossier: examine(
                dossier, profile=context.round.profile, today=today, expected=expected
            ).as_json(),
        )


def counted(found: Collected) -> dict[str, int]:
    """Return what one collection brought as counts: new, changed, unchanged, too late, refused, waiting."""
    return {**asdict(found.stored), "refused": found.refused.total(), "waiting": found.waiting}


def to_collect(context: Context, region: str, school_year: str) -> list[SchoolOfRound]:
    """Return what there is to collect today: each supplying school for each round that is open and not yet due.

    Keeps until when certificates hold as well, for processes that do not have them.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.
    """
    trust = context.settings.trust
    if trust is not None and trust.is_dir():
        certificate_dates.note(context.settings.need("ledger"), holds_until(trust, at=context.clock()))
    with context.ledger.unit(region, "plan_day") as unit:
        collecting = rounds.collecting(unit, school_year)
    log.info("Rondes die nog aanleveren | rounds collecting: %s", ", ".join(one.kind for one in collecting) or "-")
    return [SchoolOfRound(one, school) for one in collecting for school in one.agreement.suppliers(one.kind)]


@contextmanager
def _candidates(context: RoundContext, school: School) -> Iterator[Iterator[Candidate | RefusedItem]]:
    """Open where a school supplies.

    Raises:
        ValueError: the school supplies nothing.
    """
    if school.supplies is None:
        raise ValueError(f"{school.id} supplies nothing")
    place = SourcePlace(
        school=school,
        region=context.region,
        now=context.clock(),
        drop=lambda: context.settings.need_path("drop"),
        label_key=lambda: context.ledger.keys(context.region).lookup("label", school.id),
        database=context.database,
    )
    with sources()[school.supplies.way].open(school.supplies, place) as candidates:
        yield candidates
