"""Evidence of files about pupils that somebody took from a page or a command: a line before the file leaves."""

from collections.abc import Collection, Iterable
from typing import Literal
from uuid import UUID

from overstap.ledger.dossiers.reference import reference
from overstap.ledger.session import UnitOfWork

FileKind = Literal[
    "appointments",
    "applications",
    "class_list",
    "fault_list",
    "progress",
    "pupil_list",
    "results",
    "support_decision",
    "two_regions",
    "typed_attachment",
    "typed_workbook",
]
"""Files about pupils for which nothing else writes a line. Dossiers and letters have lines of their own."""


def note(unit: UnitOfWork, file: FileKind, about: str, signs: Iterable[str], *, to: str = "") -> None:
    """Record that a file is about to leave.

    Args:
        unit: the transaction; commit it before the file is given.
        file: what it is.
        about: the round, the school year, or the region where it is of several.
        signs: the pseudonym of each pupil who is in it, as on the lists of the board.
        to: school that takes it; empty for a coordinator.
    """
    shown = set(signs)
    unit.run(
        "select overstap.note_download(%(file)s, %(about)s, %(to)s, %(pupils)s, %(signs)s)",
        file=file,
        about=about,
        to=to,
        pupils=len(shown),
        signs=recorded_as(unit, shown),
    )


def recorded_as(unit: UnitOfWork, signs: Collection[str]) -> list[str]:
    """Return under which signs the audit chain has pupils who are shown under these.

    Lists of applications show a sign that is made of the keyed hash of the pupil's number. The chain stays when every
    trace that leads to a pupil is erased, so it has the references of the pupil's dossiers instead; of a pupil without
    one, that of the first application; and of a pupil with neither, nothing.

    Args:
        unit: the transaction; it needs no key.
        signs: as they are shown.
    """
    found = set(signs)
    for pupil, dossiers, first in unit.rows(
        "select p.pupil, array(select d.dossier from overstap.dossier d where d.pupil = p.pupil), "
        "(select min(e.application_event::text)::uuid from overstap.application_event e where e.pupil = p.pupil) "
        "from (select pupil from overstap.application union select pupil from overstap.advice_flag) p"
    ):
        shown = reference(UUID(bytes=bytes(pupil[:16])))
        if shown in found:
            found.remove(shown)
            found.update(map(reference, dossiers or ([first] if first else [])))
    return sorted(found)


def signs_of_school(unit: UnitOfWork, round_id: str, school: str) -> list[str]:
    """Return the references of a school's dossiers in a round, of which its list of faults may tell something."""
    return [
        reference(dossier)
        for (dossier,) in unit.rows(
            "select dossier from overstap.dossier where round_id = %(round)s and primary_school = %(school)s",
            round=round_id,
            school=school,
        )
    ]


def signs_of(subjects: Iterable[UUID]) -> list[str]:
    """Return the pseudonyms of dossiers, roster entries, applications or drafts."""
    return [reference(one) for one in subjects]
