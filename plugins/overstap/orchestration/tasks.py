"""The tasks of a round, each a call of one stage. They pass ids and counts, and may be run again at any time."""

import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from typing import Any

import psycopg
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from overstap.agreements import RoundKind
from overstap.agreements.load import find_agreement
from overstap.agreements.model import DropFolder
from overstap.clock import now, wall
from overstap.errors import OverstapError
from overstap.ledger import counts as ledger_counts
from overstap.ledger import deliveries, dossiers, reviews, rounds
from overstap.orchestration.workplace import RoundRef, Workplace, bare_workplace, workplace
from overstap.trust import TrustStore

log = logging.getLogger(__name__)


def open_round(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Write the round and its schools into the ledger, with the agreement as it stands now."""
    ref = RoundRef(region, school_year, kind)
    with bare_workplace() as (settings, ledger):
        agreement = find_agreement(settings.regions, region, school_year)
        with ledger.unit(region, "open_round") as unit:
            opened = rounds.open_round(unit, agreement, RoundKind(kind))
    log.info("%s %s", ref.round_id, "geopend | opened" if opened else "was al geopend | was open already")
    return {"opened": opened, "schools": len(agreement.schools)}


def registrations(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read where pupils may be received, from the file and the database that the agreement names."""
    from overstap.intake import applications
    from overstap.intake.collect import collect_registrations

    with workplace(RoundRef(region, school_year, kind), "registrations") as place:
        agreed = place.agreement.registrations
        found = []
        if agreed.file:
            path = place.settings.need_path("drop") / region / agreed.file
            # A region whose registrations are all in its database has no file, and says so by file: null.
            found.append(applications.read_csv(path))
        if agreed.connection:
            with las_connection(agreed.connection) as connection:
                found.append(applications.read_database(connection, region))
        counted = collect_registrations(place.ledger, place.agreement, found, "registrations")
    _say("Aanmeldingen | registrations", counted)
    return dict(counted)


def collect(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Take one school's dossiers into the ledger.

    Args:
        region: region id.
        school_year: school year.
        kind: which round.
        school: BRIN and branch.
        label: how the school is shown in the grid.
    """
    from overstap.intake.collect import collect_school, from_drop_folder, from_las_database

    with workplace(RoundRef(region, school_year, kind), f"collect {school}") as place:
        supplier = place.agreement.school(school)
        with _source(place, school) as source:
            if isinstance(supplier.supplies, DropFolder):
                key = place.ledger.keys(region).lookup("label", school)
                candidates = from_drop_folder(source, now=now(), label_key=key)
            else:
                candidates = from_las_database(source, school)
            collected = collect_school(
                place.ledger,
                agreement=place.agreement,
                agreed=place.round,
                round_id=place.ref.round_id,
                school=supplier,
                source=supplier.supplies.way if supplier.supplies else "",
                candidates=candidates,
                actor=f"collect {school}",
            )
    _say(label, Counter(asdict(collected.stored)) + collected.refused)
    return {**asdict(collected.stored), "refused": collected.refused.total(), "waiting": collected.waiting}


def plan_day(region: str, school_year: str) -> list[dict[str, str]]:
    """Return what there is to collect today: each primary school for each round that is open and not yet due."""
    with bare_workplace() as (_, ledger), ledger.unit(region, "plan_day") as unit:
        collecting = rounds.collecting(unit, school_year)
    log.info("Rondes die nog aanleveren | rounds collecting: %s", ", ".join(one.kind for one in collecting) or "-")
    return [
        {"kind": one.kind.value, "school": school.id, "label": f"{school.label}, {one.kind.dutch.lower()}"}
        for one in collecting
        for school in one.agreement.primary_schools
    ]


def collect_early(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Take what one school has supplied so far; nothing yet is no failure before data are due.

    Raises:
        AirflowSkipException: the school has supplied nothing so far.
    """
    try:
        return collect(region, school_year, kind, school, label)
    except AirflowFailException as problem:
        if "INTAKE-050" not in str(problem):
            raise
        raise AirflowSkipException(f"{label}: nog niets aangeleverd (nothing supplied yet)") from None


def check_early(region: str, school_year: str) -> dict[str, int]:
    """Judge what came in so far, for each round that is open and not yet due, so that schools can mend in time."""
    with bare_workplace() as (_, ledger), ledger.unit(region, "check_early") as unit:
        kinds = [one.kind.value for one in rounds.collecting(unit, school_year)]
    judged: Counter[str] = Counter()
    for kind in kinds:
        judged.update(check(region, school_year, kind))
    return dict(judged)


def check(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Judge what is new in the whole region at once, and make each school's report."""
    from overstap.quality import registers
    from overstap.quality.region import judge_round

    with workplace(RoundRef(region, school_year, kind), "check") as place:
        judged = judge_round(
            place.ledger,
            agreement=place.agreement,
            agreed=place.round,
            round_id=place.ref.round_id,
            actor="check",
            today=wall(now()).date(),
            made_at=now(),
            registers=registers.load(place.settings.registers),
        )
    _say("Gecontroleerd | checked", judged)
    return dict(judged)


def questions(region: str, school_year: str, kind: str) -> list[int]:
    """Return the numbers of the questions to the coordinator: those answered before, and a new one when dossiers wait.

    Raises:
        OverstapError: GATE-002 when there is nothing to release and nothing was.
    """
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "questions") as place, place.ledger.unit(region, "questions") as unit:
        waiting = dossiers.waiting_for_release(unit, ref.round_id).total()
        asked = dossiers.releases(unit, ref.round_id) + bool(waiting)
        if not asked:
            schools = ledger_counts.primary_schools(unit, ref.round_id)
            supplied = sum(school.supplied for school in schools)
            raise OverstapError("GATE-002", supplied=supplied, rejected=sum(one.states["rejected"] for one in schools))
    log.info("%d dossiers wachten op vrijgave | wait for release", waiting)
    return list(range(1, asked + 1))


def end_review(region: str, school_year: str, kind: str) -> dict[str, int]:
    """End the review of those whose window has closed without a decision."""
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "end_review") as place, place.ledger.unit(region, "end_review") as unit:
        lapsed = reviews.lapse(unit, ref.round_id)
    log.info("%d dossiers niet ingezien binnen de termijn | not inspected in time", lapsed)
    return {"not_inspected": lapsed}


def receivers(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read registrations once more, and put apart what nobody may receive."""
    registered = registrations(region, school_year, kind)
    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "receivers") as place, place.ledger.unit(region, "receivers") as unit:
        sorted_out = deliveries.sort_receivers(unit, ref.round_id, place.round.receivers)
    _say("Ontvangers | receivers", sorted_out)
    return {**registered, **sorted_out}


def seal(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Seal every dossier that may leave."""
    from overstap.delivery.sealing import seal_round

    with workplace(RoundRef(region, school_year, kind), "seal") as place:
        done = seal_round(
            place.ledger,
            _trust(place),
            agreement=place.agreement,
            agreed=place.round,
            round_id=place.ref.round_id,
            actor="seal",
            clock=now,
        )
    _say("Verzegeld | sealed", done)
    return dict(done)


def deliver(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Send one school what is sealed for it, and keep its receipts.

    Raises:
        OverstapError: DELIVERY-101 when something is unconfirmed still; Airflow tries again.
    """
    from overstap.delivery.sending import send_school

    with workplace(RoundRef(region, school_year, kind), f"deliver {school}") as place:
        done = send_school(
            place.ledger,
            _trust(place),
            agreement=place.agreement,
            round_id=place.ref.round_id,
            school=place.agreement.school(school),
            actor=f"deliver {school}",
            clock=now,
        )
    _say(label, done)
    return dict(done)


def close(region: str, school_year: str, kind: str) -> dict[str, Any]:
    """Say what stayed unconfirmed when receipts were due, sign the evidence, and write the round's report."""
    from overstap.closing.checkpoint import make_checkpoint
    from overstap.closing.report import GateLine, round_report, write_report
    from overstap.quality.rulebook import sentence_of

    ref = RoundRef(region, school_year, kind)
    with workplace(ref, "close") as place:
        with place.ledger.unit(region, "close") as unit:
            due = place.round.milestones.receipts_due
            given_up = deliveries.give_up(unit, ref.round_id) if now() >= due else 0
            rounds.close_round(unit, ref.round_id)
        checkpoint = make_checkpoint(place.ledger, _trust(place), region=region, actor="close", at=now())
        with place.ledger.unit(region, "close") as unit:
            decisions = [
                GateLine(*row)
                for row in unit.rows(
                    "select decided_at, decided_by, approved, dossiers from overstap.gate_decision "
                    "where round_id = %(round)s order by decided_at",
                    round=ref.round_id,
                )
            ]
            report = round_report(
                rounds.get_round(unit, ref.round_id),
                primary=ledger_counts.primary_schools(unit, ref.round_id),
                secondary=ledger_counts.secondary_schools(unit, ref.round_id),
                decisions=decisions,
                checkpoint=checkpoint,
                sentence_of=sentence_of,
                at=now(),
            )
        path = write_report(place.settings.need_path("reports"), ref.round_id, report)
    log.info("Verslag | report: %s", path.name)
    return {"undelivered": given_up, "audit_lines": checkpoint[0]}


@contextmanager
def las_connection(name: str) -> Iterator[psycopg.Connection[Any]]:
    """Open the database behind an Airflow connection, through the Postgres provider.

    Args:
        name: the connection's id, as the agreement names it.

    Raises:
        OverstapError: INTAKE-060 when it is not there or does not answer. Its words may hold a password: not passed on.
    """
    try:
        connection = PostgresHook(postgres_conn_id=name).get_conn()
    except Exception as problem:
        raise OverstapError("INTAKE-060", connection=name, kind=type(problem).__name__) from None
    with closing(connection):
        yield connection


@contextmanager
def _source(place: Workplace, school: str) -> Iterator[Any]:
    supplies = place.agreement.school(school).supplies
    if supplies is None or isinstance(supplies, DropFolder):
        yield place.settings.need_path("drop") / place.ref.region / school
        return
    with las_connection(supplies.connection) as connection:
        yield connection


def _trust(place: Workplace) -> TrustStore:
    return TrustStore(place.settings.need_path("trust"), production=place.settings.production)


def _say(subject: str, counted: Counter[str]) -> None:
    said = ", ".join(f"{name} {count}" for name, count in sorted(counted.items()) if count)
    log.info("%s: %s", subject, said or "niets nieuws (nothing new)")
