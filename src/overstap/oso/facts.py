"""What is known of a dossier without opening it: who it is about, whose right it is to look, where it stands in lists.

Made once, when a dossier is taken in, and kept encrypted beside it: letters, invitations, lists and reports read this.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from typing import Any

from overstap.oso.model import Dossier
from overstap.oso.people import Entitled, carers_of, group_of, is_of_age, pupil_as_reader, pupil_name, sorting_name
from overstap.oso.reading import read

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class DossierFacts:
    """What letters and lists need of a dossier.

    Args:
        oso_version: version of the data set.
        number: BSN or onderwijsnummer; empty where none goes along.
        las_key: the pupil's key in the school's system, empty without one.
        name: as a letter says it.
        first_name: what the pupil is called.
        surname: without its prefix.
        prefix: of the surname.
        group: the class, as it is printed.
        sorting: what a list is sorted by.
        birth_date: YYYY-MM-DD; None when the dossier does not state it.
        birth_month: YYYY-MM, where only that is stated.
        pupil: the pupil as who may look when of age; None where that is never so.
        carers: the legal representatives who are alive.
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
    pupil: Entitled | None = field(repr=False)
    carers: tuple[Entitled, ...] = field(repr=False)

    def entitled(self, today: date, handle: Callable[[str], str]) -> list[Entitled]:
        """Return who may inspect the dossier; nobody when it names no legal representative who is alive.

        Args:
            today: the Dutch date, for a pupil's age.
            handle: makes an opaque handle of what identifies a person, such as a keyed hash.
        """
        born = date.fromisoformat(self.birth_date) if self.birth_date else None
        people = [self.pupil] if self.pupil is not None and is_of_age(born, today) else self.carers
        return [replace(each, key=handle(each.key)) for each in people]

    @staticmethod
    def make(content: bytes) -> bytes:
        """Return the record of a dossier that has none, from its content.

        Raises:
            OverstapError: DOSSIER-nnn when it cannot be read.
        """
        return record_of(read(content))

    @staticmethod
    def read(record: bytes) -> "DossierFacts":
        """Return the facts in a record."""
        facts = json.loads(record)["facts"]
        pupil, carers = facts.pop("pupil"), facts.pop("carers")
        return DossierFacts(
            **facts, pupil=_person(pupil) if pupil else None, carers=tuple(_person(each) for each in carers)
        )


def facts_of(dossier: Dossier) -> DossierFacts:
    """Return the facts of a dossier that lies open."""
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
        group=group_of(dossier).shown,
        sorting=sorting_name(dossier),
        birth_date=born.isoformat() if born else None,
        birth_month=text("geboortemaand")[:7] or None,
        pupil=pupil_as_reader(dossier),
        carers=carers_of(dossier),
    )


def record_of(dossier: Dossier, judged: Mapping[str, Any] | None = None) -> bytes:
    """Return what is kept of a dossier beside its content.

    Args:
        dossier: the dossier that lies open.
        judged: what was found about it, if it was judged at once.
    """
    facts = facts_of(dossier)
    told = _values(facts) | {
        "pupil": None if facts.pupil is None else _values(facts.pupil),
        "carers": [_values(each) for each in facts.carers],
    }
    kept = {"format": _FORMAT, "facts": told, "judged": judged}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":")).encode()


def _values(facts: DossierFacts | Entitled) -> dict[str, Any]:
    """Return what a record says, field by field; `dataclasses.asdict` copies every value first."""
    return {each.name: getattr(facts, each.name) for each in fields(facts)}


def judged_in(record: bytes) -> dict[str, Any] | None:
    """Return what was found about a dossier, None when it was not judged at once."""
    found: dict[str, Any] | None = json.loads(record).get("judged")
    return found


def _person(values: dict[str, Any]) -> Entitled:
    return Entitled(**{**values, "address": tuple(values["address"])})
