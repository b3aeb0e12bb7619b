"""Collection of registrations and of the schools' dossiers."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from itertools import chain

from overstap.agreements import School
from overstap.agreements.kinds import sources
from overstap.clock import dutch_time
from overstap.errors import OverstapError
from overstap.intake import applications
from overstap.intake.candidates import Candidate
from overstap.intake.collect import CollectionResult, collect_school
from overstap.intake.mappings.loading import load
from overstap.intake.refusals import RefusedItem
from overstap.intake.registrations import SourceRegistrations, collect_registrations, wait_until_written
from overstap.intake.rosters.collecting import collect_roster
from overstap.intake.sources.source import SourceContext
from overstap.intake.sources.typed import TYPED
from overstap.intake.virus_scanner import VirusScanner
from overstap.ledger import certificate_dates, guests
from overstap.ledger.dossiers import typed
from overstap.ledger.dossiers.reference import reference
from overstap.ledger.rounds import collection_times, rounds
from overstap.ledger.rounds.rounds import RoundRow
from overstap.oso.model import Dossier
from overstap.pki.expiry import expiry_dates
from overstap.quality.examination import Examination, examine
from overstap.quality.region_rulebook import expected_in
from overstap.rounds.advice_tests import collect_places, collect_tests
from overstap.rounds.context import Context, RoundContext
from overstap.rounds.garbage import fewer_collections
from overstap.texts import texts

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SchoolOfRound:
    """A school in a round: one mapped task of the background DAGs."""

    round: RoundRow
    school: School

    @property
    def label(self) -> str:
        """Name of the task in Airflow: school and round."""
        return f"{self.school.label}, {self.round.kind.dutch.lower()}"


def register(context: RoundContext) -> Counter[str]:
    """Record the registrations in the file and the database that the agreement names.

    When many registrations are no longer stated, they are withdrawn only after the coordinator's decision
    (`questions`). A partnership receives from all its schools, so it has no registrations.

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
        # `file: null` in an agreement: all registrations are in the database
        path = context.need_place("drop") / context.region / agreed.file
        wait_until_written(path)
        mapping = load(agreed.mapping, context.settings.regions, context.region) if agreed.mapping else None
        found.append(SourceRegistrations("file", *applications.read_file(path, mapping)))
    if agreed.connection:
        with context.database(agreed.connection) as connection:
            found.append(SourceRegistrations("database", *applications.read_database(connection, context.region)))
    counts = collect_registrations(context.ledger, context.agreement, found, "registrations")
    collect_tests(context)
    collect_places(context)
    return counts


@fewer_collections()
def collect(context: RoundContext, school_id: str) -> CollectionResult:
    """Collect one school's dossiers and store them in the ledger.

    Args:
        context: of the round.
        school_id: BRIN and branch.

    Raises:
        OverstapError: INTAKE-050 when the school supplied nothing; INTAKE-051 when nothing was usable; INTAKE-057 when
            a virus scanner is set and does not answer; INTAKE-060 when its database does not; LEDGER-012 when another
            process is collecting from this school.
    """
    school = _school_of(context, school_id)
    try:
        found = _collect(context, school)
    except OverstapError as problem:
        if problem.code in NOTHING_USABLE:
            _note_ended(context, school_id)
        raise
    _note_ended(context, school_id)
    return found


def guests_to_collect(context: RoundContext) -> list[School]:
    """Return the round's guest schools that have not ended: one mapped task each, as the agreement names none of them.

    Args:
        context: of the round.
    """
    with context.unit("plan_guests") as unit:
        wanted = [school for _, school, _ in guests.expected(unit, context.round_id)]
    return [one for one in context.agreement.suppliers(context.kind) if one.id in wanted]


def _school_of(context: RoundContext, school_id: str) -> School:
    """Return a school; of a guest the address is not told, since errors are logged and it is kept encrypted."""
    school = context.agreement.school(school_id)
    with context.unit(f"collect {school_id}") as unit:
        is_guest = school_id in guests.ids(unit, context.round_id)
    return school.model_copy(update={"contact": texts("board/guests")["whom"]["nl"]}) if is_guest else school


NOTHING_USABLE = frozenset({"INTAKE-050", "INTAKE-051"})
"""Codes of a completed collection without usable dossiers; after any other error the collection is incomplete."""


def _note_ended(context: RoundContext, school_id: str) -> None:
    with context.unit(f"collect {school_id}") as unit:
        collection_times.note(unit, context.round_id, school_id)


def _take_roster(context: RoundContext, school: School) -> None:
    """Take in the school's roster, in a round whose dossiers are those of leavers."""
    if school.supplies is None or not context.kind.is_of_leavers:
        return
    is_database = school.supplies.way in ("las_database", "http_api")
    connection = str(getattr(school.supplies, "connection", ""))
    drop = context.place("drop")
    taken = collect_roster(
        context.ledger,
        region=context.region,
        school_year=context.agreement.school_year,
        school=school.id,
        actor=f"collect {school.id}",
        now=context.clock(),
        folder=drop / context.region / school.id if drop is not None else None,
        database=(lambda: context.database(connection)) if is_database else None,
    )
    if taken is not None and taken.outcome == "taken":
        counted = ", ".join(f"{name} {number}" for name, number in taken.counts.items())
        log.info("Leerlingenlijst | roster: %s", counted)


def _collect(context: RoundContext, school: School) -> CollectionResult:
    _take_roster(context, school)
    today = dutch_time(context.clock()).date()
    expected = expected_in(context.kind, context.round.categories)
    own_codes = frozenset(context.agreement.own_code_labels)
    scanner = VirusScanner(context.settings.virus_scanner) if context.settings.virus_scanner else None
    if scanner is not None:
        scanner.check_available()

    def looked_at(dossier: Dossier) -> Examination:
        if scanner is not None:
            scanner.check_attachments(dossier)
        return examine(dossier, profile=context.round.profile, today=today, expected=expected, own_codes=own_codes)

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
            examine=looked_at,
        )


def counted(found: CollectionResult) -> dict[str, int]:
    """Return the counts of one collection: new, changed, unchanged, too late, refused, waiting."""
    return {**asdict(found.stored), "refused": found.refused.total(), "waiting": found.waiting}


def to_collect(context: Context, region: str, school_year: str) -> list[SchoolOfRound]:
    """Return what has to be collected today: each supplying school of each open round before `data_due`.

    Also records when certificates expire, for processes without access to the trust folder.

    Args:
        context: settings and ledger.
        region: region id.
        school_year: school year.
    """
    trust = context.settings.trust
    if trust is not None and trust.is_dir():
        certificate_dates.note(context.settings.need("ledger"), expiry_dates(trust, at=context.clock()))
    with context.ledger.unit(region, "plan_day") as unit:
        collecting = rounds.collecting(unit, school_year)
        agreements = [guests.with_guests(unit, one.round_id, one.agreement) for one in collecting]
    log.info("Rondes die nog aanleveren | rounds collecting: %s", ", ".join(one.kind for one in collecting) or "-")
    return [
        SchoolOfRound(one, school)
        for one, agreement in zip(collecting, agreements, strict=True)
        for school in agreement.suppliers(one.kind)
    ]


@contextmanager
def _candidates(context: RoundContext, school: School) -> Iterator[Iterator[Candidate | RefusedItem]]:
    """Open the source of a school.

    Raises:
        ValueError: the agreement names no source for the school.
    """
    if school.supplies is None:
        raise ValueError(f"{school.id} supplies nothing")
    place = SourceContext(
        school=school,
        region=context.region,
        now=context.clock(),
        drop=lambda: context.need_place("drop"),
        label_key=lambda: context.ledger.keys(context.region).lookup("label", school.id),
        database=context.database,
        typed=lambda: _typed_in(context, school),
        regions=context.settings.regions,
    )
    with sources()[school.supplies.way].open(school.supplies, place) as candidates:
        # A school of any kind may type pupils in: those whom its own system does not have
        yield candidates if school.supplies.way == TYPED else chain(candidates, _typed_in(context, school))


def _typed_in(context: RoundContext, school: School) -> Iterator[Candidate]:
    actor = f"collect {school.id}"
    with context.unit(actor) as unit:
        waiting = typed.handed_in(unit, context.round_id, school.id)
    for one in waiting:  # one at a time: each can have attachments of some megabytes
        with context.unit(actor) as unit:
            content = typed.content_of(unit, one)
        yield Candidate(f"ingetypt {reference(one)}", "", content, TYPED)
