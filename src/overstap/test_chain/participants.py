"""Pupils of a school who take the test: from its roster, or else its dossiers, with what a registration needs alone."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

from overstap.agreements import RoundId, RoundKind
from overstap.errors import OverstapError
from overstap.ledger.dossiers import records
from overstap.ledger.rosters.entries import open_entries
from overstap.ledger.session import UnitOfWork
from overstap.oso.advice_order import api_value_of_code
from overstap.oso.facts import AdviceFacts, DossierFacts
from overstap.oso.initials import initials_of
from overstap.oso.reading import read

_LONGEST_SURNAME, _LONGEST_NAME, _LONGEST_INITIALS, _LONGEST_GROUP = 70, 64, 6, 64
"""Lengths of the Doorstroomtoets API 1.1.0."""
_OSO_SEX = {"1": "girl", "2": "boy"}
"""Code list 14 of OSO."""
_GROUP_8 = "group_8"
_UNNAMED_GROUP = "8"
LEFT_OUT = ("not_group_8", "in_doubt", "no_number", "no_name", "no_initials", "no_birth_date")
"""Why a pupil cannot be registered, with a sentence each in include/texts/commands.yaml."""


@dataclass(frozen=True, slots=True)
class Participant:
    """A pupil as a registration states one; the representation shows no personal data.

    Args:
        surname: significant part of the surname.
        first_name: call name.
        initials: letters without dots.
        birth_date: date of birth.
        sex: `boy`, `girl`, or empty.
        group: name of the group.
    """

    surname: str = field(repr=False)
    first_name: str = field(repr=False)
    initials: str = field(repr=False)
    birth_date: date | None = field(repr=False)
    sex: str = field(repr=False)
    group: str = field(repr=False)

    @property
    def lacks(self) -> str:
        """What a registration cannot do without and is not there, one of `LEFT_OUT`; empty when nothing is missing."""
        if not self.surname or not self.first_name:
            return "no_name"
        if not self.initials:
            return "no_initials"
        return "no_birth_date" if self.birth_date is None else ""

    def or_else(self, other: "Participant | None") -> "Participant":
        """Return the same pupil, with what is missing here from another statement."""
        if other is None:
            return self
        return Participant(*(getattr(self, name) or getattr(other, name) for name in self.__slots__))

    def as_json(self) -> str:
        """Return what is stated, to tell whether it was sent before."""
        return json.dumps([str(getattr(self, name)) for name in self.__slots__])


def participants(unit: UnitOfWork, school_year: str, school: str) -> tuple[dict[bytes, Participant], Counter[str]]:
    """Return the pupils of a school who take the test, by the keyed hash of the number, and how many cannot be sent.

    With a roster: its pupils of group 8 who are on it without doubt. Without one: the pupils of the school's dossiers.
    Initials and other things that a roster does not state come from the pupil's dossier.

    Args:
        unit: the transaction, with the region's keys.
        school_year: school year, such as "2026-2027".
        school: BRIN and branch.

    Returns:
        The pupils; and the number of others for each reason of `LEFT_OUT`.
    """
    of_dossiers = dict(_of_dossiers(unit, school_year, school))
    found: dict[bytes, Participant] = {}
    left: Counter[str] = Counter()
    roster = open_entries(unit, school_year, school)
    for entry in roster:
        person = entry.person
        if entry.kind != _GROUP_8:
            left["not_group_8"] += 1
        elif entry.is_missing or entry.is_asked:
            left["in_doubt"] += 1
        elif not person.number:
            left["no_number"] += 1
        else:
            pupil = unit.keys.lookup("pupil", person.number)
            stated = _cut(
                person.surname, person.first_name, person.initials, person.birth_date, person.sex, person.group
            )
            found[pupil] = stated.or_else(of_dossiers.get(pupil))
    if not roster:
        found = of_dossiers
    for pupil, one in list(found.items()):
        if one.lacks:
            left[one.lacks] += 1
            del found[pupil]
    return found, left


def _of_dossiers(unit: UnitOfWork, school_year: str, school: str) -> Iterator[tuple[bytes, Participant]]:
    """Yield each pupil of the school's dossiers, the newest dossier last."""
    for one in list(records.of_leavers(unit, school_year, school)):
        try:
            dossier = read(records.content_of(unit, one.ref))
        except OverstapError as problem:
            if problem.code != "LEDGER-003":  # damaged: `overstap ledger check` names it
                raise
            continue
        pupil = dossier.pupil
        if pupil is None:
            continue
        facts = DossierFacts.from_record(one.record)
        yield (
            one.pupil,
            _cut(
                facts.surname,
                facts.first_name,
                initials_of(pupil.text("voorletters-1") or "", " ".join(pupil.texts("voornaam"))),
                date.fromisoformat(facts.birth_date) if facts.birth_date else None,
                _OSO_SEX.get(pupil.text("geslacht") or "", ""),
                facts.group,
            ),
        )


def _cut(surname: str, first_name: str, initials: str, birth_date: date | None, sex: str, group: str) -> Participant:
    return Participant(
        surname[:_LONGEST_SURNAME],
        first_name[:_LONGEST_NAME],
        initials[:_LONGEST_INITIALS],
        birth_date,
        sex,
        group[:_LONGEST_GROUP] or _UNNAMED_GROUP,
    )


def provisional_advices(unit: UnitOfWork, school_year: str, school: str) -> dict[bytes, str]:
    """Return the newest provisional advice of each pupil of a school as the API writes it, by the keyed hash.

    Args:
        unit: the transaction, with the region's keys.
        school_year: school year.
        school: BRIN and branch.
    """
    found: dict[bytes, str] = {}
    for one in records.of_leavers(unit, school_year, school):
        facts = AdviceFacts.from_record(one.record)
        is_provisional = facts.is_provisional or RoundId(one.round_id).kind is RoundKind.PRE_REGISTRATION
        value = api_value_of_code(facts.advice)
        if is_provisional and value is not None:
            found[one.pupil] = value
    return found
