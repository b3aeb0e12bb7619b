"""Applications of a synthetic region with their life: order of preference, states, draws, withdrawals, late decisions.

Each moment of a year has its list, in the form of docs/sources.md with the optional columns. What becomes of a pupil
follows from the pupil's place in the region, so that the lists of one year fit each other.
"""

import csv
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from overstap.agreements.model import RegistrationStage
from overstap.simulation.synthetic.las import PHASES
from overstap.simulation.synthetic.pupil import SchoolChoice, SyntheticPupil
from overstap.simulation.synthetic.region import SyntheticRegion

APPLICATION_HEADER = ("leerlingnummer", "geboortedatum", "basisschool", "vo_school", "fase", "vastgelegd_op")
HEADER = (*APPLICATION_HEADER, "voorkeur", "status", "reden")
_SECOND_EVERY, _THIRD_EVERY = 2, 7
"""Every second pupil has a second choice, and every seventh a third one."""
_DRAWN_EVERY, _NOT_DRAWN, _DRAWN = 5, 3, 4
"""Of each five pupils one was not drawn at the first choice, and one was."""
_LATE_EVERY, _LATE = 11, 5
"""One of so many pupils has no decision: the support that the pupil needs is still examined."""
_WITHDRAWN_EVERY, _WITHDRAWN = 20, 1
"""One of so many pupils is withdrawn at the school of placement."""


class ListMoment(StrEnum):
    """The moment of a list of applications."""

    APPLIED = "applied"
    """After the week of registration: nobody has decided."""
    PLACED = "placed"
    """After draws and decisions; some decisions are late."""
    WITHDRAWN = "withdrawn"
    """Later: some pupils do not go to the school of their placement."""


@dataclass(frozen=True, slots=True)
class SyntheticApplication:
    """A row of a list of applications.

    Args:
        pupil: the pupil.
        school_id: BRIN and branch of the secondary school.
        stage: how far it is.
        recorded_at: when that was recorded.
        preference: place in the order of preference, from 1.
        status: the state, as a list has it.
        reason: why it ended, as a list has it; empty unless it did.
    """

    pupil: SyntheticPupil = field(repr=False)
    school_id: str
    stage: RegistrationStage
    recorded_at: datetime
    preference: int
    status: str
    reason: str = ""


def applications_of(region: SyntheticRegion, moment: ListMoment) -> Iterator[SyntheticApplication]:
    """Yield the applications of a region as a list of a moment has them."""
    for place, pupil in enumerate(region.pupils()):
        if not pupil.choices:
            continue
        applied = [
            SyntheticApplication(
                *(pupil, choice.school_id, RegistrationStage.APPLIED, choice.recorded_at, preference),
                "ondersteuning in onderzoek" if preference == 1 and _is_late(place) else "compleet",
            )
            for preference, choice in enumerate(_wished(region, place, pupil), 1)
        ]
        if moment is ListMoment.APPLIED:
            yield from applied
            continue
        decided = _decided(place, pupil, applied)
        if moment is ListMoment.WITHDRAWN and place % _WITHDRAWN_EVERY == _WITHDRAWN:
            decided = [_ended(one, "ingetrokken", "elders", 2) if _is_placed(one) else one for one in decided]
        yield from decided


def write_list(region: SyntheticRegion, path: Path, moment: ListMoment) -> Counter[str]:
    """Write the list of a moment as CSV; return the number of rows by state.

    Args:
        region: the region.
        path: the file.
        moment: the moment.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(HEADER)
        for one in applications_of(region, moment):
            counts[one.status] += 1
            writer.writerow(
                (
                    *(one.pupil.number, one.pupil.birth_date.isoformat(), one.pupil.school.id, one.school_id),
                    *(PHASES[one.stage], one.recorded_at.isoformat(), one.preference, one.status, one.reason),
                )
            )
    written = path.stat().st_mtime - 60  # so that it does not count as still being written
    os.utime(path, (written, written))
    return counts


def _wished(region: SyntheticRegion, place: int, pupil: SyntheticPupil) -> list[SchoolChoice]:
    """Return the pupil's choices and those that the pupil's place adds, each at another school."""
    found = list(pupil.choices)
    wanted = 1 + (place % _SECOND_EVERY == 0) + (place % _THIRD_EVERY == 0)
    for school in region.secondary:
        if len(found) < wanted and school.id not in {one.school_id for one in found}:
            found.append(SchoolChoice(school.id, RegistrationStage.APPLIED, found[0].recorded_at))
    return found


def _decided(place: int, pupil: SyntheticPupil, applied: list[SyntheticApplication]) -> list[SyntheticApplication]:
    """Return applications after draws and decisions."""
    first, *others = applied
    if sum(choice.stage is RegistrationStage.PLACED for choice in pupil.choices) > 1:  # two schools, and nobody noticed
        return [_placed(one, "geplaatst") if one.preference <= 2 else one for one in applied]
    if _is_late(place) or pupil.choices[0].stage is RegistrationStage.APPLIED:
        return applied
    if pupil.choices[0].stage is RegistrationStage.REGISTERED:
        decided = replace(first, stage=RegistrationStage.REGISTERED, status="toelaatbaar", recorded_at=_later(first, 1))
        return [decided, *others]
    drawn = place % _DRAWN_EVERY
    if drawn == _NOT_DRAWN and others:
        rest = [_ended(one, "ingetrokken", "elders", 1) for one in others[1:]]
        return [_ended(first, "uitgeloot", "vol", 1), _placed(others[0], "geplaatst"), *rest]
    return [
        _placed(first, "ingeloot" if drawn == _DRAWN else "geplaatst"),
        *(
            _ended(one, "ingetrokken", "elders", 1) if one.preference == 2 else _ended(one, "geweigerd", "vol", 1)
            for one in others
        ),
    ]


def _placed(one: SyntheticApplication, status: str) -> SyntheticApplication:
    return replace(one, stage=RegistrationStage.PLACED, status=status, recorded_at=_later(one, 1))


def _ended(one: SyntheticApplication, status: str, reason: str, days: int) -> SyntheticApplication:
    return replace(one, status=status, reason=reason, recorded_at=_later(one, days))


def _later(one: SyntheticApplication, days: int) -> datetime:
    return one.recorded_at + timedelta(days=days)


def _is_late(place: int) -> bool:
    return place % _LATE_EVERY == _LATE


def _is_placed(one: SyntheticApplication) -> bool:
    return one.stage is RegistrationStage.PLACED
