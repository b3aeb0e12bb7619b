"""Record of a dossier's key facts: pupil, class, and persons entitled to inspect it.

It is created at intake and stored encrypted beside the dossier, so that letters, invitations, lists and reports do not
have to decrypt and parse the dossier.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

from overstap.oso.entitled_persons import (
    EntitledReader,
    entitled_carers,
    entitled_pupil,
    is_of_age,
    pupil_name,
    school_class_of,
    sorting_name,
)
from overstap.oso.model import Dossier
from overstap.oso.reading import read

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class DossierFacts:
    """The facts of a dossier that letters and lists need.

    Args:
        oso_version: version of the data set.
        number: BSN or onderwijsnummer; empty when the dossier has none.
        las_key: key of the pupil in the school's system; empty without one.
        name: full name, as in letters.
        first_name: call name.
        surname: surname without its prefix.
        prefix: prefix of the surname.
        group: display name of the class.
        sorting: sort key for lists.
        birth_date: YYYY-MM-DD; None when the dossier does not state it.
        birth_month: YYYY-MM, where only the month is stated.
        pupil: the pupil as entitled reader when of age; None in profiles where parents always inspect.
        carers: the living legal representatives.
    """

    oso_version: str
    number: str = field(repr=False)
    las_key: str = field(repr=False)
    name: str = field(repr=False)
    first_name: str = field(repr=False)
    surname: str = field(repr=False)
    prefix: str = field(repr=False)
    group: str = field(repr=False)
    sorting: str = field(repr=False)
    birth_date: str | None = field(repr=False)
    birth_month: str | None = field(repr=False)
    pupil: EntitledReader | None = field(repr=False)
    carers: tuple[EntitledReader, ...] = field(repr=False)

    def entitled(self, today: date, handle: Callable[[str], str]) -> list[EntitledReader]:
        """Return the persons entitled to inspect the dossier; empty without a living legal representative.

        Args:
            today: the Dutch date, for the pupil's age.
            handle: converts an identifying text into an opaque handle, such as a keyed hash.
        """
        born = date.fromisoformat(self.birth_date) if self.birth_date else None
        people = [self.pupil] if self.pupil is not None and is_of_age(born, today) else self.carers
        return [replace(each, key=handle(each.key)) for each in people]

    @staticmethod
    def make(content: bytes) -> bytes:
        """Return the record of a dossier from its XML.

        Raises:
            OverstapError: DOSSIER-nnn when the XML cannot be read.
        """
        return record_of(read(content))

    @staticmethod
    def from_record(record: bytes) -> "DossierFacts":
        """Parse a record."""
        facts = json.loads(record)["facts"]
        pupil, carers = facts.pop("pupil"), facts.pop("carers")
        return DossierFacts(
            **facts, pupil=_person(pupil) if pupil else None, carers=tuple(_person(each) for each in carers)
        )


def facts_of(dossier: Dossier) -> DossierFacts:
    """Extract the facts of a dossier."""
    pupil = dossier.pupil
    born = dossier.birth_date

    def text(name: str) -> str:
        return (pupil.text(name) or "") if pupil is not None else ""

    return DossierFacts(
        oso_version=dossier.version,
        number=dossier.pupil_number or "",
        las_key=text("leerlingid"),
        name=pupil_name(dossier),
        first_name=dossier.first_name or "",
        surname=text("achternaam"),
        prefix=text("voorvoegsel"),
        group=school_class_of(dossier).display_name,
        sorting=sorting_name(dossier),
        birth_date=born.isoformat() if born else None,
        birth_month=text("geboortemaand")[:7] or None,
        pupil=entitled_pupil(dossier),
        carers=entitled_carers(dossier),
    )


def record_of(dossier: Dossier, judged: Mapping[str, Any] | None = None) -> bytes:
    """Return the record that is stored beside a dossier, JSON.

    Args:
        dossier: the dossier.
        judged: result of the quality rules as JSON, if they were applied at intake.
    """
    facts = facts_of(dossier)
    values = _values(facts) | {
        "pupil": None if facts.pupil is None else _values(facts.pupil),
        "carers": [_values(each) for each in facts.carers],
    }
    kept = {"format": _FORMAT, "facts": values, "judged": judged}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def _values(facts: DossierFacts | EntitledReader) -> dict[str, Any]:
    """Return the fields as a dictionary, without the deep copies of `dataclasses.asdict`."""
    return {each.name: getattr(facts, each.name) for each in fields(facts)}


def examination_in(record: bytes) -> dict[str, Any] | None:
    """Return the result of the quality rules in a record; None when they were not applied at intake."""
    found: dict[str, Any] | None = json.loads(record).get("judged")
    return found


def _person(values: dict[str, Any]) -> EntitledReader:
    return EntitledReader(**{**values, "address": tuple(values["address"])})
