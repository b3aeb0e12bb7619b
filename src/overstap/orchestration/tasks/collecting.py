"""What schools supplied, and where their pupils go."""

import logging
from collections import Counter
from dataclasses import asdict
from typing import Any

from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from overstap.agreements import RoundKind
from overstap.agreements.model import DropFolder
from overstap.clock import now
from overstap.ledger import certificate_dates
from overstap.ledger.rounds import rounds
from overstap.orchestration.round_context import RoundRef, bare_workplace, say, workplace
from overstap.orchestration.tasks.sources import las_connection, source
from overstap.orchestration.tasks.steering import is_chosen, nothing_to_do
from overstap.pki.watch import holds_until

log = logging.getLogger(__name__)


def registrations(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read where pupils may be received, from the file and the database that the agreement names."""
    from overstap.intake import applications
    from overstap.intake.collect import collect_registrations

    with workplace(RoundRef(region, school_year, kind), "registrations") as place:
        if not place.kind.is_inspected:
            return {}  # a partnership receives of all its schools: nobody states it pupil by pupil
        agreed = place.agreement.registrations
        found = []
        if agreed.file:
            path = place.settings.need_path("drop") / region / agreed.file
            # A region whose registrations are all in its database has no file, and says so by file: null.
            found.append(applications.read_file(path))
        if agreed.connection:
            with las_connection(agreed.connection) as connection:
                found.append(applications.read_database(connection, region))
        counted = collect_registrations(place.ledger, place.agreement, found, "registrations")
    say("Aanmeldingen | registrations", counted)
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
    try:
        return _collect(region, school_year, kind, school, label)
    except AirflowFailException as problem:
        if RoundKind(kind).is_inspected or "INTAKE-050" not in str(problem):
            raise
    nothing_to_do("nothing_supplied")  # for the partnership: a school need not have such a pupil
    return {}


def _collect(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    from overstap.intake.collect import collect_school, from_drop_folder, from_las_database

    with workplace(RoundRef(region, school_year, kind), f"collect {school}") as place:
        if not is_chosen(place, school):
            return {}
        supplier = place.agreement.school(school)
        with source(place, school) as supplied:
            if isinstance(supplier.supplies, DropFolder):
                key = place.ledger.keys(region).lookup("label", school)
                candidates = from_drop_folder(supplied, now=now(), label_key=key)
            else:
                candidates = from_las_database(supplied, school)
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
    say(label, Counter(asdict(collected.stored)) + collected.refused)
    return {**asdict(collected.stored), "refused": collected.refused.total(), "waiting": collected.waiting}


def plan_day(region: str, school_year: str) -> list[dict[str, str]]:
    """Return what there is to collect today: each primary school for each round that is open and not yet due."""
    with bare_workplace() as (settings, ledger):
        if settings.trust is not None and settings.trust.is_dir():
            certificate_dates.note(settings.need("ledger"), holds_until(settings.trust, at=now()))
        with ledger.unit(region, "plan_day") as unit:
            collecting = rounds.collecting(unit, school_year)
    log.info("Rondes die nog aanleveren | rounds collecting: %s", ", ".join(one.kind for one in collecting) or "-")
    return [
        {"kind": one.kind.value, "school": school.id, "label": f"{school.label}, {one.kind.dutch.lower()}"}
        for one in collecting
        for school in one.agreement.suppliers(one.kind)
    ]


def collect_early(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Take what one school has supplied so far; nothing yet is no failure before data are due.

    Raises:
        AirflowSkipException: the school has supplied nothing so far.
    """
    try:
        return _collect(region, school_year, kind, school, label)
    except AirflowFailException as problem:
        if "INTAKE-050" not in str(problem):
            raise
        raise AirflowSkipException(f"{label}: nog niets aangeleverd (nothing supplied yet)") from None
