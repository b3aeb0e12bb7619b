"""Tasks that collect dossiers from schools, and the registrations of their pupils."""

from collections import Counter
from dataclasses import asdict
from typing import Any

from airflow.sdk.exceptions import AirflowSkipException

from overstap.agreements import RoundId
from overstap.errors import OverstapError
from overstap.orchestration.round_context import bare_workplace, say, workplace
from overstap.orchestration.tasks.steering import nothing_to_do
from overstap.orchestration.titles import title

NOTHING_SUPPLIED = "INTAKE-050"
NOBODY = "nobody"
"""Stands in the place of a guest school where none was invited."""


def registrations(region: str, school_year: str, kind: str) -> dict[str, int]:
    """Read where pupils may be received, from the file and the database that the agreement names."""
    from overstap.rounds import collection

    with workplace(RoundId.of(region, school_year, kind), "registrations") as context:
        counted = collection.register(context)
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
    from overstap.rounds import collection
    from overstap.rounds.opening import is_chosen

    with workplace(RoundId.of(region, school_year, kind), f"collect {school}") as context:
        if not is_chosen(context, school):
            return nothing_to_do("not_in_this_run")
        try:
            collected = collection.collect(context, school)
        except OverstapError as problem:
            if context.kind.is_inspected or problem.code != NOTHING_SUPPLIED:
                raise
            return nothing_to_do("nothing_supplied")  # for the partnership: a school need not have such a pupil
    say(label, Counter(asdict(collected.stored)) + collected.refused)
    return collection.counted(collected)


def plan_guests(region: str, school_year: str, kind: str) -> list[dict[str, str]]:
    """Return the schools from outside the region that were invited to the round and take part.

    Without any it is one that stands for nobody: a mapped task without instances counts as skipped, and
    `all_done_min_one_success` skips what follows a skipped task.
    """
    from overstap.rounds import collection

    with workplace(RoundId.of(region, school_year, kind), "plan_guests") as context:
        found = collection.guests_to_collect(context)
    nobody = {"school": NOBODY, "label": title("aside.no_guests")}
    return [{"school": one.id, "label": one.label} for one in found] or [nobody]


def collect_guests(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Take the dossiers of one school from outside the region into the ledger; arguments as of `collect`."""
    return {} if school == NOBODY else collect(region, school_year, kind, school, label)


def plan_day(region: str, school_year: str) -> list[dict[str, str]]:
    """Return what there is to collect today: each primary school for each round that is open and not yet due."""
    from overstap.rounds import collection

    with bare_workplace() as context:
        found = collection.to_collect(context, region, school_year)
    return [{"kind": one.round.kind.value, "school": one.school.id, "label": one.label} for one in found]


def collect_early(region: str, school_year: str, kind: str, school: str, label: str) -> dict[str, Any]:
    """Take what one school has supplied so far; nothing yet is no failure before data are due.

    Raises:
        AirflowSkipException: the school has supplied nothing so far.
    """
    from overstap.rounds import collection

    with workplace(RoundId.of(region, school_year, kind), f"collect {school}") as context:
        try:
            collected = collection.collect(context, school)
        except OverstapError as problem:
            if problem.code != NOTHING_SUPPLIED:
                raise
            raise AirflowSkipException(f"{label}: nog niets aangeleverd (nothing supplied yet)") from None
    say(label, Counter(asdict(collected.stored)) + collected.refused)
    return collection.counted(collected)
